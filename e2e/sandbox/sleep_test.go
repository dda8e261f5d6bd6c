//go:build e2e

package sandbox

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// idle is the time after which the containers of these tests sleep.
const (
	idle     = 2 * time.Second
	idleText = "0.0333333" // minutes
)

func TestSleep(t *testing.T) {
	s := serve(t, standin, map[string]string{"SANDBOX_SLEEP_MINUTES": idleText})
	key := newKey()
	asleep := func(b box) func() bool {
		return func() bool {
			return b.get(t, "/healthz", url.Values{"quiet": {"1"}}).header.Get("X-Kind") == "asleep"
		}
	}

	t.Run("an idle container tells the agent and stops, and the next call starts another", func(t *testing.T) {
		t.Parallel()
		b := box{s, "main/one", key}
		first := b.whoami(t, nil, nil)
		took := eventually(t, 30*time.Second, "it sleeps", asleep(b))
		t.Logf("asleep %v after the last call", took.Round(10*time.Millisecond))
		if took < idle-200*time.Millisecond {
			t.Errorf("it sleeps after %v, too soon", took)
		}
		told := b.told(t)
		if len(told) != 1 || told[0].URL != "http://agent/sandbox/sleep" || told[0].Method != http.MethodPost {
			t.Errorf("the agent was told %+v", told)
		}
		began := time.Now()
		if second := b.whoami(t, nil, nil); second.Started == first.Started {
			t.Error("the same process answers")
		}
		t.Logf("first call of one that slept: %v", time.Since(began).Round(time.Millisecond))
	})

	t.Run("an agent that fails is told twice and does not keep it awake", func(t *testing.T) {
		t.Parallel()
		for _, answers := range [][]string{{"404"}, {"500", "503"}, {"throw"}} {
			b := box{s, "failing " + answers[0], key}
			b.agent(t, answers...)
			b.get(t, "/healthz", nil)
			eventually(t, 30*time.Second, "it sleeps", asleep(b))
			if n := len(b.told(t)); n != 2 {
				t.Errorf("%v: told %d times, want 2", answers, n)
			}
		}
	})

	t.Run("an agent that fails once is told again", func(t *testing.T) {
		t.Parallel()
		b := box{s, "failing once", key}
		b.agent(t, "500", "204")
		b.get(t, "/healthz", nil)
		eventually(t, 30*time.Second, "it sleeps", asleep(b))
		if n := len(b.told(t)); n != 2 {
			t.Errorf("told %d times, want 2", n)
		}
	})

	t.Run("an agent that says no has it stay, and is told again", func(t *testing.T) {
		t.Parallel()
		b := box{s, "busy", key}
		b.agent(t, "409", "409", "204")
		b.get(t, "/healthz", nil)
		took := eventually(t, 60*time.Second, "it sleeps", asleep(b))
		if n := len(b.told(t)); n != 3 || took < 3*idle-500*time.Millisecond {
			t.Errorf("told %d times, want 3; slept after %v, want %v", n, took, 3*idle)
		}
	})

	t.Run("calls keep it awake, quiet ones do not", func(t *testing.T) {
		t.Parallel()
		b := box{s, "awake", key}
		first := b.whoami(t, nil, nil)
		for range 6 {
			time.Sleep(idle / 2)
			if b.whoami(t, nil, nil).Started != first.Started {
				t.Fatal("it slept between calls")
			}
		}
		quiet := url.Values{"quiet": {"1"}}
		for began := time.Now(); b.get(t, "/healthz", quiet).header.Get("X-Kind") != "asleep"; time.Sleep(100 * time.Millisecond) {
			if time.Since(began) > 10*idle {
				t.Fatal("quiet calls keep it awake")
			}
		}
	})

	t.Run("a call under way keeps it awake", func(t *testing.T) {
		t.Parallel()
		b := box{s, "long", key}
		a := b.get(t, "/lines", url.Values{"n": {"5"}, "every": {"1500ms"}})
		if want := "line 0\nline 1\nline 2\nline 3\nline 4\n"; a.body != want {
			t.Errorf("%q", a.body)
		}
	})

	t.Run("a job that runs keeps it awake", func(t *testing.T) {
		t.Parallel()
		b := box{s, "job", key}
		first := b.whoami(t, nil, nil)
		b.call(t, http.MethodPost, "/running", url.Values{"n": {"1"}}, nil, nil)
		time.Sleep(4 * idle)
		if now := b.whoami(t, url.Values{"quiet": {"1"}}, nil); now.Started != first.Started {
			t.Error("it slept")
		}
		if n := len(b.told(t)); n != 0 {
			t.Errorf("the agent was told %d times", n)
		}
		b.call(t, http.MethodPost, "/running", url.Values{"n": {"0"}}, nil, nil)
		eventually(t, 30*time.Second, "it sleeps when the job has ended", asleep(b))
	})

	t.Run("the agent can save what is there before it sleeps", func(t *testing.T) {
		t.Parallel()
		for _, how := range []string{"quiet", "loud"} {
			b := box{s, "saving " + how, key}
			b.agent(t, how+" "+key)
			b.get(t, "/healthz", nil)
			took := eventually(t, 60*time.Second, "it sleeps", asleep(b))
			told := len(b.told(t))
			t.Logf("%s: told %d times, asleep after %v", how, told, took.Round(100*time.Millisecond))
			// A call that is not quiet is a reason to stay, but not for ever.
			if want := map[string]int{"quiet": 1, "loud": 2}[how]; told != want {
				t.Errorf("%s: told %d times, want %d", how, told, want)
			}
		}
	})

	t.Run("a container outlives the memory of its object", func(t *testing.T) {
		t.Parallel()
		b := box{s, "forgetful", key}
		before := b.whoami(t, nil, nil)
		b.get(t, "/", url.Values{"forget": {"1"}})
		after := b.whoami(t, nil, nil)
		if after.Started != before.Started {
			t.Error("another one was started")
		}
		if a := b.leave(t, http.MethodGet, "http://closed.example.com/", ""); a.status != http.StatusForbidden {
			t.Errorf("what leaves it: %d %s", a.status, a.body)
		}
		b.get(t, "/", url.Values{"forget": {"1"}})
		b.key = newKey()
		if b.whoami(t, nil, nil).Started == before.Started {
			t.Error("its key was forgotten")
		}
		b.get(t, "/", url.Values{"forget": {"1"}})
		if b.get(t, "/healthz", url.Values{"quiet": {"1"}}).status != http.StatusOK {
			t.Error("it sleeps at once")
		}
		eventually(t, 30*time.Second, "it sleeps", asleep(b))
	})
}
