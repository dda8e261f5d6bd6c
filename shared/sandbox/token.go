package sandbox

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxLife is how far in the future a token may expire. There is no allowance
// for clocks that differ: sign for a minute or two, so that there is room.
const MaxLife = 5 * time.Minute

const (
	maxSession = 255
	maxPurpose = 32
	version    = 1
	// fixed is what a token has beside its two names: version, expiry, their
	// lengths, the signature.
	fixed    = 1 + 8 + 1 + 1 + ed25519.SignatureSize
	maxToken = fixed + maxSession + maxPurpose
	// lastSecond is the end of the year 9999.
	lastSecond = 253402300799
	// domain keeps a signature of ours from being one of another protocol's.
	domain = "instar sandbox token v1\x00"
)

// ErrToken is the one error of Verify: why is nobody's business.
var ErrToken = errors.New("token refused")

// Claims are what a token says.
type Claims struct {
	Session string    // 1 to 255 bytes of printable ASCII without spaces
	Expires time.Time // to the second; the token is refused from then on
	Purpose string    // 1 to 32 of a-z 0-9 -
}

var encoding = base64.RawURLEncoding.Strict()

// Sign makes a token: base64url without padding of
//
//	version (1) | expiry, seconds since 1970 (8, big endian) |
//	length (1) session | length (1) purpose | Ed25519 signature (64)
//
// The signature is over "instar sandbox token v1", a zero byte, and all that
// stands before it. Claims that Verify would refuse by their form, or a key
// that is none, make "".
func Sign(key ed25519.PrivateKey, c Claims) string {
	if len(key) != ed25519.PrivateKeySize || !validSession(c.Session) || !validPurpose(c.Purpose) || c.Expires.Unix() <= 0 || c.Expires.Unix() > lastSecond {
		return ""
	}
	b := make([]byte, 0, maxToken)
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Expires.Unix()))
	b = append(append(b, byte(len(c.Session))), c.Session...)
	b = append(append(b, byte(len(c.Purpose))), c.Purpose...)
	b = append(b, ed25519.Sign(key, signed(b))...)
	return encoding.EncodeToString(b)
}

// Verify returns what the token says when the key signed it, it is for this
// session, has not expired and expires within MaxLife. The caller compares the
// purpose. Any other token is ErrToken; at most 484 bytes of it are looked at.
func Verify(key ed25519.PublicKey, token, session string, now time.Time) (Claims, error) {
	if len(key) != ed25519.PublicKeySize || len(token) > encoding.EncodedLen(maxToken) {
		return Claims{}, ErrToken
	}
	b, err := encoding.DecodeString(token)
	// The decoder skips line breaks: only what it would write itself is a token.
	if err != nil || len(b) < fixed || encoding.EncodeToString(b) != token {
		return Claims{}, ErrToken
	}
	body, signature := b[:len(b)-ed25519.SignatureSize], b[len(b)-ed25519.SignatureSize:]
	if !ed25519.Verify(key, signed(body), signature) {
		return Claims{}, ErrToken
	}
	c, ok := parse(body)
	if !ok || subtle.ConstantTimeCompare([]byte(c.Session), []byte(session)) != 1 {
		return Claims{}, ErrToken
	}
	if !now.Before(c.Expires) || c.Expires.Sub(now) > MaxLife {
		return Claims{}, ErrToken
	}
	return c, nil
}

func parse(b []byte) (c Claims, ok bool) {
	if b[0] != version {
		return c, false
	}
	seconds := binary.BigEndian.Uint64(b[1:9])
	session, rest, ok1 := name(b[9:])
	purpose, rest, ok2 := name(rest)
	if !ok1 || !ok2 || len(rest) > 0 || seconds == 0 || seconds > lastSecond || !validSession(session) || !validPurpose(purpose) {
		return c, false
	}
	return Claims{Session: session, Expires: time.Unix(int64(seconds), 0), Purpose: purpose}, true
}

// name takes a length and as many bytes from the front.
func name(b []byte) (text string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}

func signed(body []byte) []byte { return append([]byte(domain), body...) }

func validSession(s string) bool {
	return len(s) > 0 && len(s) <= maxSession && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func validPurpose(s string) bool {
	return len(s) > 0 && len(s) <= maxPurpose && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// PublicKey reads a key as the container is given it: the standard base64 of
// its 32 bytes.
func PublicKey(text string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("not a public key: want the base64 of %d bytes", ed25519.PublicKeySize)
	}
	return b, nil
}

// PrivateKey reads a key as the agent is given it: the standard base64 of the
// 32 bytes of its seed.
func PrivateKey(text string) (ed25519.PrivateKey, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != ed25519.SeedSize {
		return nil, fmt.Errorf("not a private key: want the base64 of a seed of %d bytes", ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(b), nil
}

// PublicText is how the container is given the public half of a key.
func PublicText(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}
