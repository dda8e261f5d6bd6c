//go:build e2e

package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// box is a session's sandbox, called through the Go half as the agent calls it.
type box struct {
	*server
	session, key string
}

// caller waits for no call for ever. It asks for no compression, which holds a
// stream up.
var caller = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true}}

// called is an answer, read to its end.
type called struct {
	status int
	header http.Header
	body   string
}

// open sends a request and returns its answer as it begins.
func (b box) open(method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	q := url.Values{"session": {b.session}, "key": {b.key}}
	for name, values := range query {
		q[name] = values
	}
	r, err := http.NewRequest(method, b.url+"/probe/box"+path+"?"+q.Encode(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	return caller.Do(r)
}

func (b box) call(t *testing.T, method, path string, query url.Values, body io.Reader, header http.Header) called {
	t.Helper()
	r, err := b.open(method, path, query, body, header)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return called{r.StatusCode, r.Header, string(data)}
}

func (b box) get(t *testing.T, path string, query url.Values) called {
	t.Helper()
	return b.call(t, http.MethodGet, path, query, nil, nil)
}

// seen is what the stand-in says of itself and of the call.
type seen struct {
	Env     []string
	Headers http.Header
	Host    string
	Path    string
	Method  string
	Started int64 // nanoseconds; another one is another process
	CA      string
	Pids    int
}

func (b box) whoami(t *testing.T, query url.Values, header http.Header) (s seen) {
	t.Helper()
	a := b.call(t, http.MethodGet, "/whoami", query, nil, header)
	if a.status != http.StatusOK {
		t.Fatalf("whoami: %d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// leave has a program in the container send a request.
func (b box) leave(t *testing.T, method, address, body string) called {
	t.Helper()
	a := b.call(t, http.MethodPost, "/leave", url.Values{"method": {method}, "url": {address}},
		strings.NewReader(body), http.Header{"X-Authorization": {"Bearer of-the-container"}})
	head, rest, _ := strings.Cut(a.body, "\n")
	status, location, _ := strings.Cut(head, " ")
	c := called{header: http.Header{"Location": {location}}, body: rest}
	switch status {
	case "error:":
		c.body = head
	default:
		if err := json.Unmarshal([]byte(status), &c.status); err != nil {
			t.Fatalf("leave: %q", a.body)
		}
	}
	return c
}

// told is one call of the agent by which a container is to sleep.
type told struct {
	URL, Method, Session string
}

// events are what the Worker's other functions were called with.
type events struct {
	Sleeps  []told
	Reports []struct{ URL, Method, Authorization, Body string }
}

func (s *server) events(t *testing.T) (e events) {
	t.Helper()
	r, err := caller.Get(s.url + "/test/seen")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

// told returns what the agent was told of this sandbox.
func (b box) told(t *testing.T) (of []told) {
	t.Helper()
	for _, e := range b.events(t).Sleeps {
		if e.Session == b.session {
			of = append(of, e)
		}
	}
	return of
}

// agent sets what the agent does when this sandbox is to sleep; otherwise it
// answers 204.
func (b box) agent(t *testing.T, does ...string) {
	t.Helper()
	r, err := caller.Get(b.url + "/test/agent?" + url.Values{"session": {b.session}, "does": does}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
}

func eventually(t *testing.T, within time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if done() {
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}
