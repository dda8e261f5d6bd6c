package cloudflare

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"instar/shared/access"
)

const (
	// MaxAssertion is the longest token in bytes that is looked at.
	MaxAssertion = 8 << 10
	// leeway is how far Cloudflare's clock and ours may be apart.
	leeway = time.Minute
)

// jwt is a JSON Web Token in JWS compact form (RFC 7515, section 3.1), taken
// apart and not yet believed.
type jwt struct {
	kid       string
	signed    string // header and payload as they came
	payload   []byte
	signature []byte
}

// parseJWT takes a token apart. The error is access.ErrForged for whatever is not
// exactly a token signed with RS256 (RFC 7518, section 3.3), names its key, and
// asks for no extension that we would have to understand.
func parseJWT(token string) (jwt, error) {
	if len(token) > MaxAssertion {
		return jwt{}, access.ErrForged
	}
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return jwt{}, access.ErrForged
	}
	var raw [3][]byte
	for i := range part {
		var err error
		if raw[i], err = decode(part[i]); err != nil || len(raw[i]) == 0 {
			return jwt{}, access.ErrForged
		}
	}
	header, err := members(raw[0])
	if err != nil {
		return jwt{}, err
	}
	alg, _ := text(header["alg"])
	kid, _ := text(header["kid"])
	if _, critical := header["crit"]; critical || alg != "RS256" || kid == "" {
		return jwt{}, access.ErrForged
	}
	return jwt{kid: kid, signed: part[0] + "." + part[1], payload: raw[1], signature: raw[2]}, nil
}

// verify checks the signature and then the claims (RFC 7519, section 4.1), and
// returns whom the token names. Errors: access.ErrForged, or access.ErrEnded for a genuine
// token outside its time.
func (j jwt) verify(key *rsa.PublicKey, issuer, audience string, now time.Time) (name string, err error) {
	sum := sha256.Sum256([]byte(j.signed))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], j.signature) != nil {
		return "", access.ErrForged
	}
	claims, err := members(j.payload)
	if err != nil {
		return "", err
	}
	iss, _ := text(claims["iss"])
	// "org" tokens are of the team's own login page, for no application.
	kind, _ := text(claims["type"])
	_, typed := claims["type"]
	if iss != issuer || audience == "" || !slices.Contains(texts(claims["aud"]), audience) || typed && kind != "app" {
		return "", access.ErrForged
	}
	if err := current(claims, now); err != nil {
		return "", err
	}
	for _, claim := range []string{"email", "common_name", "sub"} { // a service token has only its common_name
		if name, _ := text(claims[claim]); name != "" {
			return name, nil
		}
	}
	return "", nil
}

// current checks when a token is valid: not after exp, not before nbf, and not
// issued in the future. exp must be there. Errors: access.ErrForged, access.ErrEnded.
func current(claims map[string]json.RawMessage, now time.Time) error {
	ended := false
	for _, claim := range []string{"exp", "nbf", "iat"} {
		raw, has := claims[claim]
		if !has && claim != "exp" {
			continue
		}
		at, err := date(raw)
		if err != nil {
			return err
		}
		age := now.Sub(at) // of any two dates; it saturates
		if claim == "exp" {
			ended = ended || age >= leeway
		} else {
			ended = ended || age < -leeway
		}
	}
	if ended {
		return access.ErrEnded
	}
	return nil
}

// decode reads unpadded base64url (RFC 7515, appendix C) in its one form: no
// line breaks, which Go's decoder would skip, and no stray bits at the end.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, access.ErrForged
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// members is the JSON object that is all of data, by its members' exact names.
// The error is access.ErrForged for a name that comes twice, of which readers differ in
// which they take (RFC 7515, section 4; RFC 7519, section 4).
func members(data []byte) (map[string]json.RawMessage, error) {
	in := json.NewDecoder(bytes.NewReader(data))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, access.ErrForged
	}
	all := map[string]json.RawMessage{}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, access.ErrForged
		}
		var value json.RawMessage
		if in.Decode(&value) != nil {
			return nil, access.ErrForged
		}
		if _, twice := all[name.(string)]; twice {
			return nil, access.ErrForged
		}
		all[name.(string)] = value
	}
	if _, err := in.Token(); err != nil || len(bytes.TrimSpace(data[in.InputOffset():])) > 0 {
		return nil, access.ErrForged
	}
	return all, nil
}

// text is a JSON string; ok is false for anything else.
func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// texts is a JSON string or an array of them.
func texts(raw json.RawMessage) []string {
	if s, ok := text(raw); ok {
		return []string{s}
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil
	}
	var all []string
	for _, item := range items {
		s, ok := text(item)
		if !ok {
			return nil
		}
		all = append(all, s)
	}
	return all
}

// date is a NumericDate (RFC 7519, section 2) of this era.
func date(raw json.RawMessage) (time.Time, error) {
	var seconds float64
	if len(raw) == 0 || raw[0] == 'n' || json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > 1e11 {
		return time.Time{}, access.ErrForged
	}
	return time.Unix(int64(seconds), 0), nil
}
