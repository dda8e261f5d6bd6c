package quarantine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"instar/shared/web/visible"
)

// Kind is the type of a field's value.
type Kind string

const (
	Bool   Kind = "bool"
	Enum   Kind = "enum"   // one of the values that the schema lists
	Number Kind = "number" // JSON, at most 20 digits
	Date   Kind = "date"   // RFC 3339, or a date-time without an offset where the text gives none
	ID     Kind = "id"     // an opaque identifier, see id.go
	String Kind = "string" // kept, and known to the main model by its handle
)

// Bounds of a field, in bytes but for the number of values.
const (
	maxName   = 40
	maxAbout  = 200
	minValues = 2
	maxValues = 32
	maxValue  = 60
)

// Schema is what a text is read for. ParseSchema makes one; the zero Schema has
// no fields, and nothing can be read with it. Its text is the main model's, so
// it may come back to that model.
type Schema struct{ fields []field }

type field struct {
	Name   string   `json:"-"`
	Kind   Kind     `json:"type"`
	Values []string `json:"values,omitempty"`
	About  string   `json:"about,omitempty"`
	List   bool     `json:"list,omitempty"`
}

// ParseSchema reads a schema strictly from the JSON that a model gives: an
// object of 1 to 16 fields, each a name of 1 to 40 letters, digits and _ with
//
//	{"type": "bool" | "enum" | "number" | "date" | "id" | "string",
//	 "values": 2 to 32 different texts of 1 to 60 bytes, with an enum only,
//	 "about": what to look for, at most 200 bytes,
//	 "list": true for up to 50 values}
//
// Names that differ in case only are refused, as is a name of the table of
// attested with another type than its own. The error is for the model.
func ParseSchema(raw []byte) (Schema, error) {
	var s Schema
	err := members(raw, func(name string, value json.RawMessage) error {
		n := len(s.fields) + 1
		switch {
		case n > MaxFields:
			return fmt.Errorf("fields: at most %d", MaxFields)
		case !isName(name):
			return fmt.Errorf("fields: the name of number %d is not 1 to %d letters, digits and _", n, maxName)
		case slices.ContainsFunc(s.fields, func(f field) bool { return strings.EqualFold(f.Name, name) }):
			return fmt.Errorf("fields: %s comes twice", name)
		}
		f, err := parseField(name, value)
		if err != nil {
			return fmt.Errorf("fields: %s: %w", name, err)
		}
		s.fields = append(s.fields, f)
		return nil
	})
	switch {
	case errors.Is(err, errObject):
		return Schema{}, errors.New(`fields: must be an object such as {"total":{"type":"number","about":"the sum to pay"}}`)
	case err != nil:
		return Schema{}, err
	case len(s.fields) == 0:
		return Schema{}, errors.New("fields: at least one")
	}
	return s, nil
}

func parseField(name string, raw json.RawMessage) (field, error) {
	f := field{Name: name}
	err := members(raw, func(part string, value json.RawMessage) error {
		var ok bool
		switch part {
		case "type":
			var s string
			s, ok = text(value)
			f.Kind = Kind(s)
		case "about":
			f.About, ok = text(value)
		case "list":
			ok = json.Unmarshal(value, &f.List) == nil
		case "values":
			ok = json.Unmarshal(value, &f.Values) == nil
		default:
			return errors.New("has only type, values, about and list")
		}
		if !ok {
			return fmt.Errorf("%s does not fit", part)
		}
		return nil
	})
	switch {
	case errors.Is(err, errObject):
		return f, errors.New(`must be an object such as {"type":"number"}`)
	case err != nil:
		return f, err
	}
	switch f.Kind {
	case Enum:
		if err := f.checkValues(); err != nil {
			return f, err
		}
	case Bool, Number, Date, ID, String:
		if f.Values != nil {
			return f, errors.New("values are for an enum only")
		}
	default:
		return f, errors.New("type must be bool, enum, number, date, id or string")
	}
	if len(f.About) > maxAbout {
		return f, fmt.Errorf("about is longer than %d bytes", maxAbout)
	}
	if own := attested(name); own != "" && own != f.Kind {
		return f, fmt.Errorf("a field of this name is of type %s; name it otherwise", own)
	}
	return f, nil
}

// checkValues keeps out values that would not show as they are, since they are
// shown as part of the result.
func (f field) checkValues() error {
	if len(f.Values) < minValues || len(f.Values) > maxValues {
		return fmt.Errorf("an enum has %d to %d values", minValues, maxValues)
	}
	for i, v := range f.Values {
		switch {
		case v == "" || len(v) > maxValue:
			return fmt.Errorf("value %d is not 1 to %d bytes long", i+1, maxValue)
		case visible.Text(v) != v || strings.ContainsAny(v, "\n\t\ufffd"):
			return fmt.Errorf("value %d has characters that do not show", i+1)
		case slices.Contains(f.Values[:i], v):
			return fmt.Errorf("value %d comes twice", i+1)
		}
	}
	return nil
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && !isLetter(r) && !isDigit(r)
	}) < 0
}

func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// prompt is the schema as the second model is shown it: its fields in order,
// one a line.
func (s Schema) prompt() string {
	var b strings.Builder
	for _, f := range s.fields {
		spec, err := json.Marshal(f)
		if err != nil { // texts and a bool always encode
			continue
		}
		b.WriteString(f.Name + ": " + string(spec) + "\n")
	}
	return b.String()
}
