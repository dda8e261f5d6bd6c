package access_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/access"
	"instar/shared/bucket"
)

const (
	token = "the-console-token"
	home  = "198.51.100.7" // the owner's address
	away  = "203.0.113.9"  // somebody else's
)

// world is a door with what it touches.
type world struct {
	t      testing.TB
	door   *access.Door
	store  *bucket.Metered
	faults *bucket.Faulty
	front  *front
	mu     sync.Mutex
	now    time.Time
	audit  []string
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	w.faults = &bucket.Faulty{Bucket: bucket.NewMemory()}
	w.store = bucket.NewMetered(w.faults)
	w.front = &front{site: "set", id: "set"}
	w.door = &access.Door{
		Token: token, Provider: w.front,
		Bucket: w.store, Prefix: "main/access/",
		Audit: func(event string, ok bool, who string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.audit = append(w.audit, fmt.Sprint(event, " ", ok, " ", who))
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	}
	return w
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// request is one from the page: over TLS, with the headers browsers send.
func request(method string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "https://instar.example.com/api/status", nil)
	if method != http.MethodGet {
		r.Header.Set("Origin", "https://instar.example.com")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func bearer(token string) *http.Request {
	return request("GET", "Authorization", "Bearer "+token)
}

func assertion(word string) *http.Request { return request("GET", frontHeader, word) }

func with(r *http.Request, cookies ...*http.Cookie) *http.Request {
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// login is a session from home.
func (w *world) login() *http.Cookie {
	w.t.Helper()
	c, err := w.door.Login(request("POST"), token, home)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// status is what a request from an address is answered with; 200 is let in.
func (w *world) status(r *http.Request, source string) int {
	_, err := w.door.Authenticate(r, source)
	return status(w.t, err)
}

func status(t testing.TB, err error) int {
	t.Helper()
	var refusal *access.Refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refusal):
		return refusal.Status
	}
	return http.StatusInternalServerError
}

// front is a service in front of the console. What it says of a request is
// genuine.EXPIRES.NAME, in Unix seconds; all else is forged.
type front struct {
	site, id string // FRONT_SITE, FRONT_ID
	problem  error
	down     bool
	asked    int
}

const (
	frontHeader = "Front-Assertion"
	frontCookie = "front"
)

func (f *front) Name() string { return "the Front" }

func (f *front) Variables() (all, unset []string) {
	if f.site == "" {
		unset = append(unset, "FRONT_SITE")
	}
	if f.id == "" {
		unset = append(unset, "FRONT_ID")
	}
	return []string{"FRONT_SITE", "FRONT_ID"}, unset
}

func (f *front) Problem() error { return f.problem }

func (f *front) ByHeader(r *http.Request, now time.Time) (string, error) {
	return f.vouched(r.Header.Values(frontHeader), now)
}

func (f *front) ByCookie(r *http.Request, now time.Time) (string, error) {
	if r.Header.Get(frontHeader) != "" {
		return "", access.ErrNone
	}
	var words []string
	for _, c := range r.CookiesNamed(frontCookie) {
		words = append(words, c.Value)
	}
	return f.vouched(words, now)
}

func (f *front) Logout(r *http.Request) string {
	if f.site == "" || r.Header.Get(frontHeader) == "" {
		return ""
	}
	return "/front/logout"
}

func (f *front) vouched(words []string, now time.Time) (string, error) {
	if f.site == "" || len(words) == 0 {
		return "", access.ErrNone
	}
	if f.asked++; f.down {
		return "", fmt.Errorf("no route to hunter2: %w", access.ErrKeys)
	}
	part := strings.SplitN(words[0], ".", 3)
	if len(words) > 1 || len(part) != 3 || part[0] != "genuine" {
		return "", access.ErrForged
	}
	if expires, err := strconv.ParseInt(part[1], 10, 64); err != nil || now.Unix() >= expires {
		return "", access.ErrEnded
	}
	return part[2], nil
}

// genuine is what the front says for an hour from now on, stale what it once said.
func (w *world) genuine() string {
	return fmt.Sprintf("genuine.%d.owner@example.com", w.door.Now().Add(time.Hour).Unix())
}

const stale = "genuine.1.owner@example.com"
