package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// KeySize is the length of every key in bytes.
const KeySize = 32

// Purpose says what a derived key is for. Keys for different purposes tell
// nothing of each other or of the key they come from.
type Purpose string

const (
	// ForAudit authenticates the audit log. Derive it from Bucket.Root, which a
	// rotation leaves as it is, and never from SEAL_KEY: what was authenticated
	// years ago must still verify.
	ForAudit Purpose = "audit"
	// ForSandbox, of Bucket.Root too, is the seed of the key that signs calls to the sandbox's daemon,
	// and ForTasks proves its reports.
	ForSandbox Purpose = "sandbox"
	ForTasks   Purpose = "tasks"
	// ForCookies signs session cookies. Derive it from SEAL_KEY, so that it
	// costs no read and a rotation logs everybody out.
	ForCookies Purpose = "cookies"

	forID      Purpose = "id"
	forWrap    Purpose = "wrap"
	forObjects Purpose = "object"
)

// domain is in front of every purpose and of the ring's associated data.
const domain = "instar/seal/v1/"

// Key is a secret of KeySize bytes. It prints as a note, never as its bytes.
// The zero Key is no key: deriving from it panics.
type Key struct{ hidden *hidden }

// hidden is two pointers deep, so that also a struct with a Key in it, whose
// String method package fmt then does not call, prints as an address.
type hidden struct{ secret *[KeySize]byte }

// NewKey makes a random key.
func NewKey() Key {
	var secret [KeySize]byte
	rand.Read(secret[:]) // never fails
	return keyOf(secret[:])
}

// ParseKey reads what Text wrote: KeySize bytes in standard base64 with
// padding, and nothing around it. An error wraps ErrSealKey, begins with the
// name of the variable that held the text, says how to make a key, and does not
// repeat the text.
func ParseKey(variable, text string) (Key, error) {
	secret, problem := decodeKey(text)
	if problem != "" {
		return Key{}, fmt.Errorf("%s %s: %w; make one with `instar seal new-key` or `openssl rand -base64 32` and keep a copy, "+
			"since nothing in the bucket can be read without it", variable, problem, ErrSealKey)
	}
	return keyOf(secret), nil
}

func decodeKey(text string) (secret []byte, problem string) {
	switch {
	case text == "":
		return nil, "is not set"
	case strings.TrimSpace(text) != text:
		return nil, "has a space or a line break around it"
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(text)
	switch {
	// The decoder skips line breaks: compare.
	case err != nil || base64.StdEncoding.EncodeToString(secret) != text:
		return nil, "is not base64"
	case len(secret) != KeySize:
		return nil, fmt.Sprintf("has %d bytes instead of %d", len(secret), KeySize)
	case strings.Count(string(secret), string(secret[:1])) == KeySize:
		return nil, "is one byte over and over"
	}
	return secret, ""
}

// keyOf copies KeySize bytes.
func keyOf(secret []byte) Key {
	copied := [KeySize]byte(secret)
	return Key{&hidden{&copied}}
}

func (k Key) isZero() bool { return k.hidden == nil }

// Derive returns the key for a purpose; always the same for the same key.
func (k Key) Derive(p Purpose) Key {
	if k.isZero() {
		panic("seal: Derive on the zero Key")
	}
	derived, err := hkdf.Key(sha256.New, k.hidden.secret[:], nil, domain+string(p), KeySize)
	if err != nil {
		panic("seal: " + err.Error()) // only for lengths that KeySize is not
	}
	return keyOf(derived)
}

// Bytes returns a copy of the secret, for a MAC or a cipher.
func (k Key) Bytes() []byte {
	if k.isZero() {
		return nil
	}
	return bytes.Clone(k.hidden.secret[:])
}

// Text is the key as ParseKey reads it: a secret, for the owner's eyes.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k.Bytes()) }

// String keeps the secret out of logs and errors.
func (k Key) String() string { return "(key withheld)" }

// GoString keeps it out of %#v.
func (k Key) GoString() string { return k.String() }

// keyID names a key without telling anything of it.
type keyID [8]byte

func (k Key) id() keyID { return keyID(k.Derive(forID).hidden.secret[:8]) }
