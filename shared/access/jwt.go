package access

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Where Cloudflare puts its application token (Cloudflare One docs, "Validate
// JWTs"): a header on every request, and a cookie on those of browsers, which is
// not guaranteed to be passed on.
const (
	assertionHeader = "Cf-Access-Jwt-Assertion"
	accessCookie    = "CF_Authorization"
)

const (
	// MaxAssertion is the longest token in bytes that is looked at.
	MaxAssertion = 8 << 10
	// leeway is how far Cloudflare's clock and ours may be apart.
	leeway = time.Minute
)

// assertion is the identity by the header that Access adds.
func (d *Door) assertion(r *http.Request) (Identity, error) {
	return d.vouched(r.Context(), r.Header.Values(assertionHeader))
}

// Through reports whether the request says that it came through Cloudflare
// Access. It proves nothing.
func Through(r *http.Request) bool {
	return r.Header.Get(assertionHeader) != "" || len(r.CookiesNamed(accessCookie)) > 0
}

// accessCookie is the identity by the cookie that Access sets.
func (d *Door) accessCookie(r *http.Request) (Identity, error) {
	if len(r.Header.Values(assertionHeader)) > 0 {
		return Identity{}, errNothing // the header is the same token, and decides
	}
	var values []string
	for _, c := range r.CookiesNamed(accessCookie) {
		values = append(values, c.Value)
	}
	return d.vouched(r.Context(), values)
}

func (d *Door) vouched(ctx context.Context, tokens []string) (Identity, error) {
	switch {
	case d.TeamDomain == "" || len(tokens) == 0:
		return Identity{}, errNothing
	case len(tokens) > 1:
		return Identity{}, errForged
	}
	iss, err := issuer(d.TeamDomain)
	if err != nil {
		return Identity{}, err
	}
	if d.Keys == nil {
		return Identity{}, errKeys
	}
	j, err := parseJWT(tokens[0])
	if err != nil {
		return Identity{}, err
	}
	key, err := d.Keys.get(ctx, iss+"/cdn-cgi/access/certs", j.kid, d.Now())
	if err != nil {
		return Identity{}, err
	}
	name, err := j.verify(key, iss, d.Audience, d.Now())
	return Identity{Way: ByAccess, Name: name}, err
}

// jwt is a JSON Web Token in JWS compact form (RFC 7515, section 3.1), taken
// apart and not yet believed.
type jwt struct {
	kid       string
	signed    string // header and payload as they came
	payload   []byte
	signature []byte
}

// parseJWT takes a token apart. The error is errForged for whatever is not
// exactly a token signed with RS256 (RFC 7518, section 3.3), names its key, and
// asks for no extension that we would have to understand.
func parseJWT(token string) (jwt, error) {
	if len(token) > MaxAssertion {
		return jwt{}, errForged
	}
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return jwt{}, errForged
	}
	var raw [3][]byte
	for i := range part {
		var err error
		if raw[i], err = decode(part[i]); err != nil || len(raw[i]) == 0 {
			return jwt{}, errForged
		}
	}
	header, err := members(raw[0])
	if err != nil {
		return jwt{}, err
	}
	alg, _ := text(header["alg"])
	kid, _ := text(header["kid"])
	if _, critical := header["crit"]; critical || alg != "RS256" || kid == "" {
		return jwt{}, errForged
	}
	return jwt{kid: kid, signed: part[0] + "." + part[1], payload: raw[1], signature: raw[2]}, nil
}

// verify checks the signature and then the claims (RFC 7519, section 4.1), and
// returns whom the token names. Errors: errForged, or errEnded for a genuine
// token outside its time.
func (j jwt) verify(key *rsa.PublicKey, issuer, audience string, now time.Time) (name string, err error) {
	sum := sha256.Sum256([]byte(j.signed))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], j.signature) != nil {
		return "", errForged
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
		return "", errForged
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
// issued in the future. exp must be there. Errors: errForged, errEnded.
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
		return errEnded
	}
	return nil
}

// members is the JSON object that is all of data, by its members' exact names.
// The error is errForged for a name that comes twice, of which readers differ in
// which they take (RFC 7515, section 4; RFC 7519, section 4).
func members(data []byte) (map[string]json.RawMessage, error) {
	in := json.NewDecoder(bytes.NewReader(data))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, errForged
	}
	all := map[string]json.RawMessage{}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, errForged
		}
		var value json.RawMessage
		if in.Decode(&value) != nil {
			return nil, errForged
		}
		if _, twice := all[name.(string)]; twice {
			return nil, errForged
		}
		all[name.(string)] = value
	}
	if _, err := in.Token(); err != nil || len(bytes.TrimSpace(data[in.InputOffset():])) > 0 {
		return nil, errForged
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
		return time.Time{}, errForged
	}
	return time.Unix(int64(seconds), 0), nil
}

// issuer is the iss of a team's tokens. The team's domain may be given as
// Cloudflare's dashboard shows it or as a URL. Plain HTTP is for a stand-in on
// this machine and nothing else.
func issuer(domain string) (string, error) {
	bad := errors.New(varTeam + ": must be the team's domain, such as team.cloudflareaccess.com")
	domain = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(domain), "/"))
	if address, plain := strings.CutPrefix(domain, "http://"); plain {
		u, err := url.Parse(domain)
		if err != nil || u.Host != address || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
			return "", fmt.Errorf("%w; without TLS only on 127.0.0.1", bad)
		}
		return domain, nil
	}
	domain = strings.TrimPrefix(domain, "https://")
	labels := strings.Split(domain, ".")
	if len(domain) > 253 || len(labels) < 2 {
		return "", bad
	}
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return "", bad
		}
	}
	return "https://" + domain, nil
}
