//go:build !js

// Package fake has stand-ins for the outside services that Instar calls:
// Telegram, Slack, Anthropic and OpenAI. Each is an HTTP server on 127.0.0.1
// that refuses every call which does not fit the service's published
// description, with the service's own kind of error answer, and remembers the
// refusal in Violations. So a test that ends with no violations has proved
// that the calls were right, and not only that somebody answered.
//
// Two sorts of refusal differ. A call that could never be right (an unknown
// parameter, a wrong type, broken HTML, a bad token) is a violation. A call
// that is well formed but does not fit the service's present state (an edit
// that changes nothing, a message that is gone, a rate limit, a scripted
// fault) is answered with the service's error and is no violation.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxBody is the largest request body in bytes that a fake reads. It is above
// what any of the services takes (Anthropic: 32 MB).
const maxBody = 64 << 20

// Option changes how a fake is started.
type Option func(*base)

// Addr makes the fake listen on this address instead of 127.0.0.1 and a free port.
func Addr(addr string) Option { return func(b *base) { b.addr = addr } }

// BasePath puts the service's API below this path, without a trailing slash:
// for gateways, such as "/v1/account/gateway/anthropic". Only the model fakes
// use it.
func BasePath(path string) Option { return func(b *base) { b.path = path } }

// SpecsDir reads the descriptions from this folder instead of ../shared/specs
// beside the module. A folder without them leaves the fake unchecked.
func SpecsDir(dir string) Option { return func(b *base) { b.specs = dir } }

// Service is what all fakes have in common.
type Service interface {
	// URL is where the fake listens: what a base URL variable is set to.
	URL() string
	// Close ends the fake at once, cutting off calls that are still running.
	Close()
	// Violations are the calls so far that did not fit the service's
	// description, one line each. Empty when
	// every call was right.
	Violations() []string
	// Unchecked reports that the description file was not found, so that only
	// hand-written rules apply.
	Unchecked() bool
	// State is the fake's whole memory, for printing as JSON.
	State() any
}

// TB is the part of testing.TB that Check uses, so that programs can use this
// package without linking the testing package.
type TB interface {
	Helper()
	Log(args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

var warnOnce sync.Once

// Check ties a fake to a test: at the test's end the fake is closed, and every
// violation fails the test. A fake without its description file is announced
// loudly, once per test binary.
func Check[S Service](t TB, s S) S {
	t.Helper()
	if s.Unchecked() {
		warnOnce.Do(func() {
			t.Log("WARNING: ../shared/specs IS MISSING: THE FAKES DO NOT CHECK CALLS AGAINST THE SERVICES' DESCRIPTIONS")
		})
	}
	t.Cleanup(func() {
		s.Close()
		for _, v := range s.Violations() {
			t.Errorf("call that the real service refuses: %s", v)
		}
	})
	return s
}

// base is the server every fake is built on.
type base struct {
	addr, path, specs string
	unchecked         bool
	root              string // "http://127.0.0.1:port"
	server            *http.Server
	done              chan struct{} // closed by Close: ends hanging calls
	closing           sync.Once

	mu         sync.Mutex
	violations []string
}

// configure applies the options; start must follow.
func (b *base) configure(options []Option) {
	b.addr = "127.0.0.1:0"
	b.done = make(chan struct{})
	for _, o := range options {
		o(b)
	}
	if b.specs == "" {
		b.specs = specsDir()
	}
}

// start listens and serves. It panics when the address cannot be had, as
// httptest does: there is nothing a test could do about it.
func (b *base) start(h http.Handler) {
	l, err := net.Listen("tcp", b.addr)
	if err != nil {
		panic(fmt.Sprintf("fake: listen on %s: %v", b.addr, err))
	}
	b.root = "http://" + l.Addr().String()
	b.server = &http.Server{Handler: http.MaxBytesHandler(h, maxBody), ReadHeaderTimeout: 10 * time.Second}
	go b.server.Serve(l)
}

func (b *base) URL() string     { return b.root + b.path }
func (b *base) Unchecked() bool { return b.unchecked }

func (b *base) Close() {
	b.closing.Do(func() {
		close(b.done)
		b.server.Close()
	})
}

func (b *base) Violations() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.violations...)
}

func (b *base) violate(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.violations = append(b.violations, fmt.Sprintf(format, args...))
}

// wait blocks for d, or less when the caller hangs up or the fake is closed;
// then it returns false.
func (b *base) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-b.done:
	}
	return false
}

// cut ends the connection without another byte. net/http recovers this panic
// quietly.
func cut() { panic(http.ErrAbortHandler) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("fake: encode an answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
