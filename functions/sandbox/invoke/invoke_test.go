//go:build linux

package invoke

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"instar/functions/sandbox/job"
	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// newServer serves sessions whose handler says which of them it is for, counted.
func newServer(t *testing.T, h http.HandlerFunc) *Server {
	table, err := job.New(job.Config{User: user.User{UID: os.Getuid(), GID: os.Getgid()}, Alone: true, Outputs: t.TempDir(), Memory: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	return &Server{Jobs: table, Open: func(session string, key ed25519.PublicKey) (http.Handler, error) {
		if session == "fails" {
			return nil, errors.New("the disk is full")
		}
		opened++
		n := opened
		if h != nil {
			return h, nil
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/bad" {
				w.WriteHeader(http.StatusBadRequest)
			}
			fmt.Fprintf(w, "%s %d", session, n)
		}), nil
	}}
}

func key(n byte) string {
	return sandbox.PublicText(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)))
}

// call is a call as a function's caller makes it: "POST /path session", with
// "quiet" behind it for a quiet one.
func (s *Server) call(t *testing.T, what, key string) (status int, kind, body string, err error) {
	t.Helper()
	fields := strings.Fields(what)
	in := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: fields[1], Headers: map[string]string{
		strings.ToLower(sandbox.HeaderSession): fields[2], strings.ToLower(sandbox.HeaderKey): key,
	}}
	in.RequestContext.HTTP.Method = fields[0]
	if len(fields) > 3 {
		in.Headers[strings.ToLower(sandbox.HeaderQuiet)] = "1"
	}
	payload, _ := json.Marshal(in)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := s.handle(ctx, payload)
	if err != nil {
		return 0, "", "", err
	}
	response := answer.(*events.LambdaFunctionURLStreamingResponse)
	defer response.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Headers[sandbox.HeaderError], string(data), err
}

func TestOneSessionAfterTheOther(t *testing.T) {
	s := newServer(t, nil)
	later := func() { s.unsaved = s.unsaved.Add(-patience) }
	for i, c := range []struct {
		call, want string // the answer, or the kind of a refusal
		key        byte
		before     func()
	}{
		{"GET /v1/jobs a quiet", "asleep", 1, nil},
		{"GET /v1/jobs a", "a 1", 1, nil},
		{"GET /v1/jobs a quiet", "a 1", 1, nil},
		{"GET /v1/jobs b quiet", "asleep", 1, nil},
		{"GET /v1/jobs b", "b 2", 1, nil},    // a has done nothing
		{"PUT /v1/files/x b", "b 2", 1, nil}, // but b has
		{"GET /v1/jobs a", "busy", 1, nil},   //
		{"GET /v1/jobs b", "busy", 2, nil},   // b by another key is another
		{"GET /v1/jobs a quiet", "asleep", 1, nil},
		{"POST /v1/save b", "b 2", 1, nil},
		{"GET /v1/jobs a", "a 3", 1, nil},
		{"POST /v1/jobs a", "a 3", 1, nil},
		{"POST /v1/restore a", "a 3", 1, nil},
		{"GET /v1/jobs b", "busy", 1, nil},
		{"GET /v1/jobs b", "b 4", 1, later}, // it is not put off for ever
		{"POST /bad b", "b 4", 1, nil},      // nothing was changed by what is refused
		{"GET /v1/jobs b", "b 5", 2, nil},
		{"GET /v1/jobs fails", "unreachable", 1, nil},
		{"GET /v1/jobs b", "b 6", 2, nil}, // nobody knows what is left of the one before
	} {
		if c.before != nil {
			c.before()
		}
		status, kind, body, err := s.call(t, c.call, key(c.key))
		if got := strings.TrimSpace(kind + " " + body); err != nil || kind != "" && (kind != c.want || status != 503) || kind == "" && body != c.want {
			t.Errorf("call %d, %s: %d %s, %v, want %s", i+1, c.call, status, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "x", key(1)[:43], strings.Repeat("A", 44)} {
		if _, kind, _, err := s.call(t, "GET /v1/jobs a", bad); kind != "request" || err != nil {
			t.Errorf("key %q: %s, %v", bad, kind, err)
		}
	}
}

func TestAFaultOfTheDaemonIsNoAnswer(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			io.WriteString(w, "half")
		}
		panic(http.ErrAbortHandler)
	})
	if status, _, body, err := s.call(t, "GET /x a", key(1)); status != 500 || !strings.Contains(body, "daemon failed") || err != nil {
		t.Errorf("%d %s, %v", status, body, err)
	}
	if status, _, body, err := s.call(t, "GET /begun a", key(1)); status != 200 || body != "half" || err == nil {
		t.Errorf("%d %s, %v: it looks whole", status, body, err)
	}
}

func TestACallsContextEndsBeforeItsInvocation(t *testing.T) {
	var left time.Duration
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		deadline, _ := r.Context().Deadline()
		left = time.Until(deadline)
	})
	if _, _, _, err := s.call(t, "GET /x a", key(1)); err != nil || left > time.Minute-spare || left < time.Minute-spare-5*time.Second {
		t.Errorf("%v are left of a minute, %v", left, err)
	}
}

func TestWhatIsNoCallIsAnError(t *testing.T) {
	s := newServer(t, nil)
	for _, payload := range []string{"", "[]", "{}", "null", `{"version":"1.0"}`, `{"Records":[{}]}`} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if answer, err := s.handle(ctx, json.RawMessage(payload)); err == nil {
			t.Errorf("%q: %v", payload, answer)
		}
	}
	if _, kind, _, err := s.call(t, "GET x a", key(1)); kind != "request" || err != nil {
		t.Errorf("a path that is none: %s, %v", kind, err)
	}
}

func FuzzCalls(f *testing.F) {
	f.Add([]byte(`{"version":"2.0","rawPath":"/v1/jobs","headers":{"instar-sandbox-session":"a"},"requestContext":{"http":{"method":"GET"}}}`))
	s := &Server{Jobs: new(job.Table), Open: func(string, ed25519.PublicKey) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }), nil
	}}
	f.Fuzz(func(t *testing.T, payload []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if answer, err := s.handle(ctx, payload); err == nil {
			io.Copy(io.Discard, answer.(io.Reader))
			answer.(io.Closer).Close()
		}
	})
}
