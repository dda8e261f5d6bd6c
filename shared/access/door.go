// Package access decides who gets into the console: a browser that comes
// through a service in front of it which people log in to (Provider), a browser
// that exchanged the console token for a cookie, or a program with the token in
// its Authorization header.
//
// What each way costs and promises:
//
//	Authorization: Bearer CONSOLE_TOKEN   one read of the bucket, and one write a
//	                                      day from an address; no Origin needed
//	cookie of a login (7 days)            one read, of the list of those logged out
//	the provider's word                   what the provider asks for it; nothing of the bucket
//
// A request that changes something and came in by a cookie, ours or the provider's,
// must also come from the console's own page (see origin.go). Only the token can
// be guessed, so only it is guarded by the lock-out (see lockout.go): a session
// goes on working from a locked address. Whoever the provider vouches for is the
// owner: its own rules are the list of people.
package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"instar/shared/bucket"
)

// Events of Door.Audit.
const (
	EventLogin   = "login"   // a login, or a credential that was refused
	EventLogout  = "logout"  // the end of a session
	EventLockout = "lockout" // an address was locked out; ok is false
)

// Door lets requests in or says why not. Its methods are safe for concurrent use.
type Door struct {
	Token    string   // CONSOLE_TOKEN; "" is off
	Provider Provider // may be nil: there is none to set up

	Bucket bucket.Bucket
	Prefix string // of this package's objects, e.g. "main/access/"
	// Derive makes a key of at least 32 bytes for a purpose out of the owner's
	// SEAL_KEY. It may be nil; then a stolen cookie lets its thief try tokens
	// against it, which only the token's own length resists.
	Derive func(purpose string) ([]byte, error)
	// Audit is told of logins, logouts and lock-outs. who is the address, or the
	// e-mail address that the provider vouches for; never what an unproven token says.
	// It may be nil.
	Audit func(event string, ok bool, who string)
	Now   func() time.Time
}

// Way is how a request got in.
type Way string

const (
	ByToken    Way = "token"    // Authorization: Bearer
	BySession  Way = "session"  // the cookie of a login
	ByProvider Way = "provider" // Provider vouches for them
)

// Identity is who got in.
type Identity struct {
	Way  Way
	Name string // of ByProvider: the e-mail address, or a program's name; else ""
}

// Authenticate says who sent the request. source is the client's address, as
// the platform vouches for it. Errors: a *Refusal, or that of the bucket.
//
// A Bearer token decides alone; otherwise one valid credential is enough. What
// is presented and wrong counts against the source, what has merely ended does not.
func (d *Door) Authenticate(r *http.Request, source string) (Identity, error) {
	if refusal := d.unready(); refusal != nil {
		return Identity{}, refusal
	}
	if given, ok := bearer(r); ok {
		if err := d.settle(r.Context(), source, d.right(given)); err != nil {
			return Identity{}, err
		}
		return Identity{Way: ByToken}, nil
	}
	who, cookie, err := d.ambient(r)
	switch {
	case err == nil && !mayChange(r, cookie):
		return Identity{}, &Refusal{Status: http.StatusForbidden, Reason: "this may only be done from the console's own page"}
	case err == nil:
		return who, nil
	case errors.Is(err, ErrNone), errors.Is(err, ErrEnded):
		return Identity{}, d.unauthorized(r)
	case errors.Is(err, ErrKeys):
		return Identity{}, &Refusal{Status: http.StatusServiceUnavailable, Reason: d.Provider.Name() + "'s keys could not be fetched; try again in a moment"}
	case !errors.Is(err, ErrForged):
		return Identity{}, err // the bucket's
	}
	if err := d.settle(r.Context(), source, false); err != nil && !isStatus(err, http.StatusUnauthorized) {
		return Identity{}, err
	}
	return Identity{}, d.unauthorized(r)
}

// ambient looks at what comes with a browser's requests by itself; cookie says
// that it was a cookie. The error is that of the first credential when none is
// valid, ErrNone when there is none.
func (d *Door) ambient(r *http.Request) (who Identity, cookie bool, err error) {
	result := ErrNone
	for _, credential := range []struct {
		look   func(*http.Request) (Identity, error)
		cookie bool
	}{{d.byHeader, false}, {d.session, true}, {d.byCookie, true}} {
		who, err := credential.look(r)
		if err == nil {
			return who, credential.cookie, nil
		}
		if errors.Is(result, ErrNone) {
			result = err
		}
	}
	return Identity{}, false, result
}

// Login exchanges the console token for the cookie of a new session. Errors: a
// *Refusal, or that of the bucket.
func (d *Door) Login(r *http.Request, token, source string) (*http.Cookie, error) {
	if refusal := d.unready(); refusal != nil {
		return nil, refusal
	}
	if d.Token == "" {
		return nil, &Refusal{Status: http.StatusServiceUnavailable, Missing: []string{varToken},
			Reason: varToken + " is not set; log in through " + d.Provider.Name()}
	}
	// Before anything is counted: another site must not be able to have the
	// owner's own browser lock the owner's address out.
	if !fromHere(r, false) {
		return nil, &Refusal{Status: http.StatusForbidden, Reason: "log in on the console's own page"}
	}
	if err := d.settle(r.Context(), source, d.right(token)); err != nil {
		return nil, err
	}
	s := newSession(d.Now())
	key, err := d.sessionKey()
	if err != nil {
		return nil, err
	}
	d.audit(EventLogin, true, Source(source))
	return sessionCookie(r, s.seal(key), Lifetime), nil
}

// Logout ends the session of the request's cookie for good and returns the
// cookie that takes it out of the browser. A request without a session changes
// nothing. Errors: a *Refusal, or that of the bucket; the session then goes on.
func (d *Door) Logout(r *http.Request, source string) (*http.Cookie, error) {
	if refusal := d.unready(); refusal != nil {
		return nil, refusal
	}
	s, err := d.openSession(r)
	if !fromHere(r, err == nil) {
		return nil, &Refusal{Status: http.StatusForbidden, Reason: "log out on the console's own page"}
	}
	if err == nil {
		if err := d.revoke(r.Context(), s); err != nil {
			return nil, err
		}
		d.audit(EventLogout, true, Source(source))
	}
	return sessionCookie(r, "", 0), nil
}

// right reports, in a time that does not depend on either, whether the token is
// the console's. Hashing first makes the lengths equal.
func (d *Door) right(given string) bool {
	want, got := sha256.Sum256([]byte(d.Token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1 && d.Token != ""
}

// bearer is the token of the Authorization header (RFC 6750, section 2.1); ok
// is false for none, for another scheme, and for more than one header.
func bearer(r *http.Request) (token string, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	return strings.CutPrefix(values[0], "Bearer ")
}

// settle has the lock-out judge one use of the token; nil lets it in.
func (d *Door) settle(ctx context.Context, source string, right bool) error {
	wait, locked, err := d.attempt(ctx, source, right)
	if err != nil {
		return err
	}
	if locked {
		d.audit(EventLockout, false, Source(source))
	}
	if wait > 0 {
		return &Refusal{Status: http.StatusTooManyRequests, Retry: wait,
			Reason: "too many failed logins from this address"}
	}
	if !right {
		d.audit(EventLogin, false, Source(source))
		return &Refusal{Status: http.StatusUnauthorized, Reason: wrongToken}
	}
	return nil
}

func (d *Door) audit(event string, ok bool, who string) {
	if d.Audit != nil {
		d.Audit(event, ok, who)
	}
}
