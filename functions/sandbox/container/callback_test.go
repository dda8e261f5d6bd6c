//go:build linux && e2e

package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// receiver is who a callback goes to: it answers each with the next status, and
// the last one for ever.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	answers []int
	at      []time.Time
	reports []sandbox.Report
	tokens  []string
}

func receive(t *testing.T, answers ...int) *receiver {
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var report sandbox.Report
		body, _ := io.ReadAll(req.Body)
		if err := json.Unmarshal(body, &report); err != nil || req.Method != "POST" || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v %s", req.Method, err, body)
		}
		r.at, r.reports, r.tokens = append(r.at, time.Now()), append(r.reports, report), append(r.tokens, req.Header.Get("Authorization"))
		status := r.answers[0]
		if len(r.answers) > 1 {
			r.answers = r.answers[1:]
		}
		if status == 302 {
			w.Header().Set("Location", r.URL+"/elsewhere")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reports)
}

func TestACallbackTellsHowAJobEnded(t *testing.T) {
	d := start(t)
	r := receive(t, 204)
	j := d.run(sandbox.Run{Command: "echo done; exit 4", Callback: &sandbox.Callback{URL: r.URL + "/x", Token: secret + "-token"}})
	d.until("it is called", 5*time.Second, func() bool { return r.calls() == 1 })
	got := r.reports[0]
	if got.V != 1 || got.Session != "main" || got.Job != j.ID || got.State != sandbox.Ended || got.Why != sandbox.WhyExit ||
		got.ExitCode == nil || *got.ExitCode != 4 || got.Head != "done\n" || got.OutputBytes != 5 || r.tokens[0] != "Bearer "+secret+"-token" {
		t.Errorf("report %+v, token %q", got, r.tokens[0])
	}
	r = receive(t, 200)
	d.run(sandbox.Run{Argv: []string{"no-such-program"}, Callback: &sandbox.Callback{URL: r.URL, Token: "t"}})
	d.until("a job that could not be started is told", 5*time.Second, func() bool { return r.calls() == 1 })
	if got := r.reports[0]; got.Why != sandbox.WhyStart || got.Error == "" || got.ExitCode != nil {
		t.Errorf("report %+v", got)
	}
}

func TestACallbackIsRepeatedUntilItIsTaken(t *testing.T) {
	d := start(t)
	taken, refused, moved := receive(t, 500, 401, 200), receive(t, 503, 410), receive(t, 302)
	for _, r := range []*receiver{taken, refused, moved} {
		d.run(sandbox.Run{Command: "true", Callback: &sandbox.Callback{URL: r.URL, Token: "t"}})
	}
	d.until("it is taken", 10*time.Second, func() bool { return taken.calls() == 3 })
	time.Sleep(1500 * time.Millisecond)
	if taken.calls() != 3 || refused.calls() != 2 {
		t.Errorf("%d and %d calls", taken.calls(), refused.calls())
	}
	if a, b := taken.at[1].Sub(taken.at[0]), taken.at[2].Sub(taken.at[1]); a < 900*time.Millisecond || a > 1500*time.Millisecond || b < 1900*time.Millisecond || b > 2600*time.Millisecond {
		t.Errorf("again after %v and %v", a, b)
	}
	// A redirect is not followed, with the token or without.
	if n := moved.calls(); n < 2 || n > 4 {
		t.Errorf("the one that has moved was called %d times", n)
	}
}

func TestSomebodyWhoNeverAnswersHoldsUpNothing(t *testing.T) {
	d := start(t)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	for range 20 {
		d.run(sandbox.Run{Command: "true", Callback: &sandbox.Callback{URL: silent.URL, Token: "t"}})
	}
	d.healthy()
	defer silent.CloseClientConnections()
}

func TestStoppingTheDaemonEndsItsJobsAndTellsOfThem(t *testing.T) {
	d := start(t)
	r := receive(t, 200)
	d.begin(sandbox.Run{Command: "trap 'echo saved; exit 0' TERM; sleep 3602.25 & wait", Callback: &sandbox.Callback{URL: r.URL, Token: "t"}})
	deaf := d.begin(sandbox.Run{Argv: []string{hostile(), "deaf"}, Callback: &sandbox.Callback{URL: r.URL, Token: "t"}})
	d.until("they run", 5*time.Second, func() bool {
		_, text := d.call("GET", "/v1/jobs/"+deaf.ID+"/output", nil)
		return alive("sleep\x003602.25") == 1 && text == "deaf\n"
	})
	began := time.Now()
	d.stop()
	if took := time.Since(began); took > 6*time.Second || alive("sleep\x003602.25") != 0 || alive(hostile()+"\x00deaf") != 0 {
		t.Errorf("after %v there are %d and %d", took, alive("sleep\x003602.25"), alive(hostile()+"\x00deaf"))
	}
	if r.calls() != 2 || r.reports[0].Why != sandbox.WhyShutdown || r.reports[0].Head != "saved\n" || r.reports[1].Signal != "KILL" {
		t.Errorf("reports %+v", r.reports)
	}
}
