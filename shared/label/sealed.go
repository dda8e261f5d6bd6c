package label

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
)

// KeySize is the least size in bytes of the secret that a Key is made of.
const KeySize = 32

// Key authenticates labels. Whoever has it can make any text the owner's, so
// it stays with the engine: no tool, sandbox or model is given it. It does not
// print, log or encode.
type Key struct{ mac []byte }

// NewKey derives the labels' key from a secret of at least KeySize bytes.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < KeySize {
		return Key{}, errors.New("the key for labels needs at least 32 bytes: set SEAL_KEY")
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("instar label key v1"))
	return Key{h.Sum(nil)}, nil
}

// String, GoString, LogValue and MarshalText keep the key out of texts.
func (Key) String() string               { return "[label key]" }
func (Key) GoString() string             { return "[label key]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[label key]") }
func (Key) MarshalText() ([]byte, error) { return nil, errors.New("a label key is not written down") }

// Sealed is a text with its label, in one object, so that they cannot be
// parted: the MAC holds for this text with this label at this place only.
type Sealed struct {
	Text  string `json:"text"`
	Label Label  `json:"label"`
	MAC   []byte `json:"mac"` // 32 bytes
}

// Seal binds a label to a text. Context is where the object is kept, for
// instance its key in the bucket: the same bytes elsewhere do not verify.
// With the zero Key the result never verifies.
func (k Key) Seal(context, text string, l Label) Sealed {
	l = New(l.Integrity, l.Confidentiality, l.Origins, l.Readers)
	return Sealed{text, l, k.sum(context, text, l)}
}

// Open returns the label of the text, and Worst when the MAC does not hold for
// this context, text and label: a changed text is nobody's.
func (k Key) Open(context string, s Sealed) Label {
	if len(k.mac) == 0 || !hmac.Equal(s.MAC, k.sum(context, s.Text, s.Label)) {
		return Worst()
	}
	return s.Label
}

// sum is HMAC-SHA-256 (RFC 2104) over an injective encoding: a version, then
// every string with its length in front, every list with its count.
func (k Key) sum(context, text string, l Label) []byte {
	if len(k.mac) == 0 {
		return nil
	}
	h := hmac.New(sha256.New, k.mac)
	number := func(n int) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	put := func(s string) {
		number(len(s))
		h.Write([]byte(s))
	}
	put("instar label v1")
	put(context)
	put(text)
	put(l.Integrity.String())
	put(l.Confidentiality.String())
	for _, list := range [][]string{l.Origins, l.Readers} {
		number(len(list))
		for _, s := range list {
			put(s)
		}
	}
	return h.Sum(nil)
}
