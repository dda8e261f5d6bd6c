//go:build !js

package lambda

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"instar/shared/platform"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

// answered is a stream with these headers and body, and how it ends.
func answered(headers, body, end string) []byte {
	pairs := []string{"PayloadChunk", `{"statusCode":200,"headers":` + headers + "}\x00\x00\x00\x00\x00\x00\x00\x00" + body}
	if end != "" {
		pairs = append(pairs, "InvokeComplete", end)
	}
	return frames(pairs...)
}

func list(t *testing.T, serve http.HandlerFunc) (string, error) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sandbox/v1/jobs", strings.NewReader("body"))
	response, err := sandboxes{newCaller(t, serve)}.Do("main", "a key", r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return string(data), err
}

func TestABusySandboxIsTriedAgainForAMoment(t *testing.T) {
	var calls atomic.Int32
	throttle := func(w http.ResponseWriter) {
		w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	body, err := list(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(sent), `"instar-sandbox-session":"main"`) || !strings.Contains(string(sent), `"instar-sandbox-key":"a key"`) || !strings.Contains(string(sent), `"body":"Ym9keQ=="`) {
			t.Errorf("call %d brings %s", calls.Load(), sent)
		}
		if calls.Add(1) < 3 {
			throttle(w)
			return
		}
		w.Write(answered("{}", "{}", "{}"))
	})
	if body != "{}" || err != nil || calls.Load() != 3 {
		t.Errorf("%q, %v, after %d calls", body, err, calls.Load())
	}
	began := time.Now()
	if _, err := list(t, func(w http.ResponseWriter, _ *http.Request) { throttle(w) }); !errors.Is(err, client.ErrBusy) || time.Since(began) > 2*settling {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAnAnswerEndsWithItsLengthAlthoughTheFunctionGoesOn(t *testing.T) {
	open := make(chan struct{})
	defer close(open)
	body, err := list(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write(answered(`{"Content-Length":"5"}`, "hello", ""))
		w.(http.Flusher).Flush()
		<-open
	})
	if body != "hello" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	if body, err := list(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write(answered(`{"Content-Length":"6"}`, "hello", "{}"))
	}); body != "hello" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that is too short: %q, %v", body, err)
	}
	if body, err := list(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(answered(`{"Content-Length":"0"}`, "", "")) }); body != "" || err != nil {
		t.Errorf("an empty one: %q, %v", body, err)
	}
}

func TestWhatASandboxSaysInsteadOfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		stream []byte
		want   error
	}{
		"asleep":           {answered(`{"Instar-Sandbox-Error":"asleep"}`, `{"error":"x"}`, "{}"), client.ErrAsleep},
		"busy":             {answered(`{"Instar-Sandbox-Error":"busy"}`, `{"error":"x"}`, "{}"), client.ErrBusy},
		"failed at once":   {frames("InvokeComplete", `{"ErrorCode":"Unhandled"}`), client.ErrGone},
		"failed meanwhile": {answered("{}", "some", `{"ErrorCode":"Unhandled"}`), client.ErrGone},
		"broke off":        {answered(`{"Content-Length":"50"}`, "some", ""), client.ErrGone},
	} {
		if body, err := list(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(c.stream) }); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
	if _, err := list(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write(answered(`{"Instar-Sandbox-Error":"unreachable"}`, `{"error":"the disk is full"}`, "{}"))
	}); err == nil || err.Error() != "sandbox: the disk is full" {
		t.Errorf("%v", err)
	}
}

func TestOnlyWhoIsBoundToTheSandboxGetsIt(t *testing.T) {
	for _, l := range []platform.Listing{
		{Name: "uses", Bindings: []string{"SANDBOX"}}, {Name: "asks", Present: []string{"SANDBOX"}}, {Name: "neither"},
	} {
		for _, name := range []string{"instar-sandbox", ""} {
			h, _ := newHost(t, platform.Function{}, "SANDBOX", name)
			h.listing = l
			e := &env{host: h, ctx: t.Context()}
			s := e.Sandbox()
			if got, want := s.Do != nil, name != "" && l.Name == "uses"; got != want {
				t.Errorf("%s with %q has it: %v", l.Name, name, got)
			} else if want && (s.Longest != 14*time.Minute || !s.Forgets || !s.Closed || s.MaxBody*4/3 > 6<<20-64<<10 || s.MaxBody < 4<<20 || s.Report != "") {
				t.Errorf("%+v", s)
			}
			if got, want := e.Present("SANDBOX"), name != "" && l.Name == "asks"; got != want {
				t.Errorf("%s with %q is told: %v", l.Name, name, got)
			}
		}
	}
	if longest > 15*time.Minute-15*time.Second || longest > sandbox.MaxTime {
		t.Error("a command may outlive its invocation")
	}
}
