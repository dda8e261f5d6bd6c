// Package quarantine reads untrusted text for a model without showing it the
// text: the dual-LLM pattern. A second model call, which has no tools, reads
// the text and answers the fields of a Schema. What comes back to the main
// model is typed values that have no room for instructions, and handles, which
// stand for strings that it never sees. So it learns the total and the due date
// of a hostile page while no word of the page is in its window.
//
// The second model is taken to be the attacker's: every rule here is checked on
// its answer, none relies on its prompt. Of what it writes, only this gets out:
// true and false, one of the values the main model listed, a number, a date, and
// an identifier within bounds that leave no room for a sentence (id.go).
// Strings go into a Keeper, and no error repeats any of it.
//
// A value is still the attacker's choice: a page can lie about its total. It is
// safe to look at, not true. So results vouch for no destination and for no
// person (see Tool), and an attested window counts as tainted in package policy.
package quarantine

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Bounds.
const (
	MaxFields   = 16       // fields of a schema
	MaxList     = 50       // values of a field that is a list
	MaxStrings  = 50       // strings of one result: each is a write to the Keeper
	MaxString   = 4 << 10  // bytes of a kept string
	MaxAnswer   = 16 << 10 // bytes of the second model's answer; a longer one is not parsed
	MaxText     = 64 << 10 // bytes of text that are read: its head and its tail
	MaxQuestion = 1000     // bytes
)

// Errors whose texts are for the main model. None of them, and no error that
// this package returns, holds text that was read or that the second model wrote.
var (
	// ErrAsk: the second model could not be asked.
	ErrAsk = errors.New("the reader could not be asked just now; try again")
	// ErrAnswer: it was asked twice and answered no JSON object.
	ErrAnswer = errors.New("the reader gave no answer that fits; ask for fewer or simpler fields")
	// ErrEmpty: there was nothing to read.
	ErrEmpty = errors.New("there is no text to read")
	// ErrKeep: a string could not be stored.
	ErrKeep = errors.New("a string could not be kept just now; try again")
	// ErrSource is for a Tool's Open to return when there is no such page or ref.
	ErrSource = errors.New("there is no such page or ref")
	// ErrHandle is wrapped, with the handle's name, when nothing is kept under it.
	ErrHandle = errors.New("no text is kept under this handle")
)

var errObject = errors.New("not one JSON object with each name once")

// members calls f for each member of a JSON object, in order, and ends with its
// first error. It returns errObject when raw is anything but one object, or a
// name comes twice in it: two readers could take different ones.
func members(raw []byte, f func(name string, value json.RawMessage) error) error {
	if !json.Valid(raw) { // also what follows the object
		return errObject
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errObject
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || seen[name] || d.Decode(&value) != nil {
			return errObject
		}
		seen[name] = true
		if err := f(name, bytes.TrimSpace(value)); err != nil {
			return err
		}
	}
	return nil
}

// text is the text of a JSON string.
func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// quote is s as a JSON string, with no more escapes than JSON asks for.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
