package access

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"instar/shared/bucket"
)

// Lifetime is how long a login lasts.
const Lifetime = 7 * 24 * time.Hour

const (
	// maxSession is the longest session token in bytes; ours have 81.
	maxSession = 128
	// pruned is how many objects of old one call removes at most.
	pruned = 20
)

// session is a login. Nothing is stored of it but, once it is logged out, its
// name: the cookie's value is all there is,
//
//	1.<id>.<expires>.<mac>
//
// with 16 random bytes and an HMAC-SHA-256 over all before it in unpadded
// base64url, and Unix seconds.
type session struct {
	id      string
	expires int64
}

func newSession(now time.Time) session {
	id := make([]byte, 16)
	rand.Read(id) // never fails: it ends the program instead
	return session{base64.RawURLEncoding.EncodeToString(id), now.Add(Lifetime).Unix()}
}

func (s session) seal(key []byte) string {
	head := "1." + s.id + "." + strconv.FormatInt(s.expires, 10)
	return head + "." + base64.RawURLEncoding.EncodeToString(mac(key, head))
}

func mac(key []byte, head string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(head))
	return h.Sum(nil)
}

// parseSession opens a cookie's value; the error is ErrForged.
func parseSession(value string, key []byte) (session, error) {
	if len(value) > maxSession {
		return session{}, ErrForged
	}
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 {
		return session{}, ErrForged
	}
	given, err := decode(value[cut+1:])
	if err != nil || !hmac.Equal(given, mac(key, value[:cut])) {
		return session{}, ErrForged
	}
	part := strings.Split(value[:cut], ".") // ours from here on
	if len(part) != 3 || part[0] != "1" {
		return session{}, ErrForged
	}
	expires, err := strconv.ParseInt(part[2], 10, 64)
	if err != nil {
		return session{}, ErrForged
	}
	return session{part[1], expires}, nil
}

// decode reads unpadded base64url (RFC 7515, appendix C) in its one form: no
// line breaks, which Go's decoder would skip, and no stray bits at the end.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrForged
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// sessionKey signs sessions (HKDF, RFC 5869). It changes with the token, so that
// a new token ends all sessions, and with SEAL_KEY where there is one.
func (d *Door) sessionKey() ([]byte, error) {
	secret, info := []byte(d.Token), "instar console session v1"
	if d.Derive != nil {
		derived, err := d.Derive(info)
		if err != nil {
			return nil, fmt.Errorf("derive the session key: %w", err)
		}
		if len(derived) < 32 {
			return nil, errors.New("derive the session key: it has fewer than 32 bytes")
		}
		token := sha256.Sum256(secret)
		secret, info = derived, info+" "+hex.EncodeToString(token[:])
	}
	return hkdf.Key(sha256.New, secret, nil, info, sha256.Size)
}

// session is the identity by the cookie of a login. One read of the bucket when
// the cookie is genuine: whether it was logged out.
func (d *Door) session(r *http.Request) (Identity, error) {
	s, err := d.openSession(r)
	if err != nil {
		return Identity{}, err
	}
	switch _, err := d.Bucket.Get(r.Context(), d.revocation(s)); {
	case errors.Is(err, bucket.ErrNotFound):
		return Identity{Way: BySession}, nil
	case err != nil:
		return Identity{}, fmt.Errorf("look whether the session was logged out: %w", err)
	}
	return Identity{}, ErrEnded
}

// openSession is the session of the request's cookie, which may have been
// logged out. Errors: ErrNone, ErrForged, ErrEnded.
func (d *Door) openSession(r *http.Request) (session, error) {
	cookies := r.CookiesNamed(cookieName(r))
	if len(cookies) == 0 || d.Token == "" {
		return session{}, ErrNone
	}
	if len(cookies) > 1 { // only somebody else's page beside ours can do that
		return session{}, ErrForged
	}
	key, err := d.sessionKey()
	if err != nil {
		return session{}, err
	}
	s, err := parseSession(cookies[0].Value, key)
	if err == nil && d.Now().Unix() >= s.expires {
		err = ErrEnded
	}
	return s, err
}

// cookieName is the session cookie's. Over TLS its prefix has browsers keep
// cookies of that name from other hosts and from plain HTTP out (RFC 6265bis,
// section 4.1.3.2); there it is the only name that counts.
func cookieName(r *http.Request) string {
	if encrypted(r) {
		return "__Host-instar-session"
	}
	return "instar-session" // make run
}

// sessionCookie sets the cookie for a time, or takes it out of the browser.
func sessionCookie(r *http.Request, value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: encrypted(r), SameSite: http.SameSiteStrictMode,
	}
	if life <= 0 {
		c.MaxAge = -1 // written as Max-Age=0
	}
	return c
}

// revocation is the object that says that a session was logged out. Keys begin
// with the end of the session, so that those which no longer matter come first.
func (d *Door) revocation(s session) string {
	return fmt.Sprintf("%srevoked/%012d-%s", d.Prefix, s.expires, s.id)
}

// revoke ends a session durably and removes some of the revocations whose
// sessions have ended by themselves.
func (d *Door) revoke(ctx context.Context, s session) error {
	_, err := d.Bucket.PutIfAbsent(ctx, d.revocation(s), []byte(`{"v":1}`))
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("log out: %w", err)
	}
	d.prune(ctx, d.Prefix+"revoked/", fmt.Sprintf("%012d", d.Now().Add(-time.Hour).Unix()))
	return nil
}

// prune removes the first objects under a prefix whose keys are before a limit.
// It is housekeeping: whatever fails is left to the next time.
func (d *Door) prune(ctx context.Context, prefix, before string) {
	page, err := d.Bucket.List(ctx, bucket.ListOptions{Prefix: prefix, Limit: pruned})
	if err != nil {
		return
	}
	for _, e := range page.Entries {
		if e.Key >= prefix+before || d.Bucket.Delete(ctx, e.Key) != nil {
			return
		}
	}
}
