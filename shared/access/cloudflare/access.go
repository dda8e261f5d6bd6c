// Package cloudflare lets people into the console whom Cloudflare Access vouches
// for: it is the access.Provider for a console behind an Access application, whose
// policy is the list of people.
//
// # Why the JWT is checked here
//
// github.com/go-jose/go-jose/v4 does it well and makes the Wasm module larger by
// 1.41 MB (a program with net/http and encoding/json has 5.50 MB, with what
// jwt.go uses 5.54, with go-jose v4.1.9 6.95), which is 2 ms of CPU more at each
// cold start, measured on a busy 2-core machine. One algorithm, one kind of key
// and six claims need none of it: the signature is crypto/rsa's, the rest is in
// jwt.go. go-jose is the judge in the tests, where both must agree.
package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"instar/shared/access"
)

// The variables that set Access up.
const (
	TeamDomain = "CF_ACCESS_TEAM_DOMAIN"
	Audience   = "CF_ACCESS_AUD"
)

// Where Access puts its application token (Cloudflare One docs, "Validate
// JWTs"): a header on every request, and a cookie on those of browsers, which is
// not guaranteed to be passed on.
const (
	assertionHeader = "Cf-Access-Jwt-Assertion"
	accessCookie    = "CF_Authorization"
)

// logout ends a session of Access, at its edge, on the application's own host
// (Cloudflare One docs, "Session management").
const logout = "/cdn-cgi/access/logout"

// Access is Cloudflare Access in front of the console. A token is judged by
// arithmetic alone while the team's keys are known.
type Access struct {
	Team     string // TeamDomain's value, e.g. "team.cloudflareaccess.com"
	Audience string // Audience's value, the application's audience tag
	Keys     *Keys  // needed with Team
}

var _ access.Provider = (*Access)(nil)

// Name implements access.Provider.
func (a *Access) Name() string { return "Cloudflare Access" }

// Variables implements access.Provider.
func (a *Access) Variables() (all, unset []string) {
	if a.Team == "" {
		unset = append(unset, TeamDomain)
	}
	if a.Audience == "" {
		unset = append(unset, Audience)
	}
	return []string{TeamDomain, Audience}, unset
}

// Problem implements access.Provider.
func (a *Access) Problem() error {
	if a.Team == "" {
		return nil
	}
	_, err := issuer(a.Team)
	return err
}

// ByHeader implements access.Provider.
func (a *Access) ByHeader(r *http.Request, now time.Time) (string, error) {
	return a.vouched(r.Context(), r.Header.Values(assertionHeader), now)
}

// ByCookie implements access.Provider.
func (a *Access) ByCookie(r *http.Request, now time.Time) (string, error) {
	if len(r.Header.Values(assertionHeader)) > 0 {
		return "", access.ErrNone // the header is the same token, and decides
	}
	var values []string
	for _, c := range r.CookiesNamed(accessCookie) {
		values = append(values, c.Value)
	}
	return a.vouched(r.Context(), values, now)
}

// Logout implements access.Provider. The request proves nothing, and need not.
func (a *Access) Logout(r *http.Request) string {
	through := r.Header.Get(assertionHeader) != "" || len(r.CookiesNamed(accessCookie)) > 0
	if a.Team == "" || !through {
		return ""
	}
	return logout
}

func (a *Access) vouched(ctx context.Context, tokens []string, now time.Time) (string, error) {
	switch {
	case a.Team == "" || len(tokens) == 0:
		return "", access.ErrNone
	case len(tokens) > 1:
		return "", access.ErrForged
	}
	iss, err := issuer(a.Team)
	if err != nil {
		return "", err
	}
	if a.Keys == nil {
		return "", access.ErrKeys
	}
	j, err := parseJWT(tokens[0])
	if err != nil {
		return "", err
	}
	key, err := a.Keys.get(ctx, iss+"/cdn-cgi/access/certs", j.kid, now)
	if err != nil {
		return "", err
	}
	return j.verify(key, iss, a.Audience, now)
}

// issuer is the iss of a team's tokens. The team's domain may be given as
// Cloudflare's dashboard shows it or as a URL. Plain HTTP is for a stand-in on
// this machine and nothing else.
func issuer(domain string) (string, error) {
	bad := errors.New(TeamDomain + ": must be the team's domain, such as team.cloudflareaccess.com")
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
