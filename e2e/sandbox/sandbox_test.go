//go:build e2e

package sandbox

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What it must reach (issue 5), measured as the agent would: in Go.
const (
	firstWithin = 3 * time.Second
	warmWithin  = 20 * time.Millisecond
)

func TestContainer(t *testing.T) {
	s := serve(t, standin, map[string]string{"SECRET_KEY": "never inside"})
	main := box{s, "main", newKey()}

	t.Run("the first call starts it, in time", func(t *testing.T) {
		began := time.Now()
		if a := main.get(t, "/healthz", nil); a.status != http.StatusOK || !strings.Contains(a.body, `"ok"`) {
			t.Fatalf("%d %s", a.status, a.body)
		}
		took := time.Since(began)
		t.Logf("first call of a sleeping sandbox: %v", took.Round(time.Millisecond))
		if took > firstWithin {
			t.Errorf("it took %v, want under %v", took, firstWithin)
		}
	})

	t.Run("a warm call costs little", func(t *testing.T) {
		var took []time.Duration
		for range 50 {
			us, err := strconv.Atoi(main.get(t, "/healthz", nil).header.Get("X-Took-Us"))
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Duration(us)*time.Microsecond)
		}
		slices.Sort(took)
		t.Logf("warm call, from Go to the daemon and back: median %v, 90th percentile %v", took[25], took[45])
		if took[25] > warmWithin {
			t.Errorf("median %v, want under %v", took[25], warmWithin)
		}
	})

	t.Run("it is given a key and a session, no secret, and processes of its own", func(t *testing.T) {
		me := main.whoami(t, nil, nil)
		for _, want := range []string{"SANDBOX_PUBLIC_KEY=" + main.key, "SANDBOX_SESSION=main"} {
			if !slices.Contains(me.Env, want) {
				t.Errorf("environment has no %s: %v", want, me.Env)
			}
		}
		if strings.Contains(strings.Join(me.Env, "\n"), "never inside") {
			t.Errorf("a variable of the Worker is in the container: %v", me.Env)
		}
		if me.Pids != 1 {
			t.Errorf("it sees %d processes, want its own alone", me.Pids)
		}
		if !strings.HasPrefix(me.CA, "-----BEGIN CERTIFICATE-----") {
			t.Errorf("no authority to trust: %q", me.CA)
		}
	})

	t.Run("headers of the Go half stay outside, in both directions", func(t *testing.T) {
		a := main.call(t, http.MethodGet, "/whoami", nil, nil, http.Header{"X-Mine": {"kept"}, "Authorization": {"Bearer token"}})
		if a.status != http.StatusOK { // the stand-in answers with Instar-Sandbox-Error
			t.Fatalf("%d %s", a.status, a.body)
		}
		me := main.whoami(t, url.Values{"quiet": {"1"}}, http.Header{"X-Mine": {"kept"}, "Authorization": {"Bearer token"}})
		for name := range me.Headers {
			if strings.HasPrefix(name, "Instar-") {
				t.Errorf("the daemon was sent %s", name)
			}
		}
		if me.Headers.Get("X-Mine") != "kept" || me.Headers.Get("Authorization") != "Bearer token" {
			t.Errorf("headers of the call: %v", me.Headers)
		}
		if me.Host != "sandbox" || !strings.HasPrefix(me.Path, "/whoami?") {
			t.Errorf("host %q, path %q", me.Host, me.Path)
		}
	})

	t.Run("two sessions are two containers", func(t *testing.T) {
		other := box{s, "main/other session~ü", main.key}
		if a, b := main.whoami(t, nil, nil), other.whoami(t, nil, nil); a.Started == b.Started {
			t.Error("they are one")
		} else if !slices.Contains(b.Env, "SANDBOX_SESSION="+other.session) {
			t.Errorf("environment of the other: %v", b.Env)
		}
		if n := containers(t, standin); n != 2 {
			t.Errorf("%d containers run, want 2", n)
		}
	})

	t.Run("calls at once start one container", func(t *testing.T) {
		crowd := box{s, "crowd", main.key}
		var wait sync.WaitGroup
		started := make([]int64, 8)
		for i := range started {
			wait.Go(func() { started[i] = crowd.whoami(t, nil, nil).Started })
		}
		wait.Wait()
		if slices.Sort(started); started[0] != started[len(started)-1] {
			t.Errorf("processes that answered: %v", started)
		}
	})

	t.Run("another key is another container", func(t *testing.T) {
		before := main.whoami(t, nil, nil)
		changed := box{s, main.session, newKey()}
		after := changed.whoami(t, nil, nil)
		if after.Started == before.Started || !slices.Contains(after.Env, "SANDBOX_PUBLIC_KEY="+changed.key) {
			t.Errorf("started %d and %d, environment %v", before.Started, after.Started, after.Env)
		}
		if again := changed.whoami(t, nil, nil); again.Started != after.Started {
			t.Error("the same key started it again")
		}
		main = changed
	})

	t.Run("a daemon that dies is started again", func(t *testing.T) {
		before := main.whoami(t, nil, nil)
		main.call(t, http.MethodPost, "/exit", nil, nil, nil)
		var after called
		eventually(t, 10*time.Second, "a call after the death", func() bool {
			after = main.get(t, "/whoami", nil)
			return after.status == http.StatusOK
		})
		if strings.Contains(after.body, strconv.FormatInt(before.Started, 10)) {
			t.Error("it is the one that died")
		}
	})

	t.Run("who is not asked by name and key is not asked", func(t *testing.T) {
		for _, b := range []box{{s, "x", ""}, {s, "x", "short"}, {s, "", main.key}, {s, "x", main.key + "=" + main.key}} {
			if a := b.get(t, "/healthz", nil); a.status != http.StatusBadGateway || a.header.Get("X-Kind") != "other" {
				t.Errorf("session %q, key %q: %d %s", b.session, b.key, a.status, a.body)
			}
		}
		// Past the Go half: the object knows its own name.
		r, _ := http.NewRequest(http.MethodGet, s.url+"/test/raw?session=x", nil)
		r.Header.Set("Instar-Sandbox-Key", main.key)
		r.Header.Set("Instar-Sandbox-Session", "y")
		a, err := caller.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Instar-Sandbox-Error") != "request" {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
	})

	t.Run("no binding is an error of its own", func(t *testing.T) {
		a := main.get(t, "/healthz", url.Values{"unbound": {"1"}})
		if a.header.Get("X-Kind") != "off" || !strings.Contains(a.body, "the sandbox is off here") {
			t.Errorf("%d %s %s", a.status, a.header.Get("X-Kind"), a.body)
		}
	})

	t.Run("a quiet call does not wake it", func(t *testing.T) {
		asleep := box{s, "asleep", main.key}
		if a := asleep.get(t, "/healthz", url.Values{"quiet": {"1"}}); a.header.Get("X-Kind") != "asleep" {
			t.Errorf("%d %s %s", a.status, a.header.Get("X-Kind"), a.body)
		}
		if a := main.get(t, "/healthz", url.Values{"quiet": {"1"}}); a.status != http.StatusOK {
			t.Errorf("one that runs: %d %s", a.status, a.body)
		}
	})
}

func TestAContainerThatDoesNotStartIsAnErrorSoon(t *testing.T) {
	for _, image := range []string{"instar-not-there", egress} { // which is no daemon, and ends

		s := serve(t, image, nil)
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				began := time.Now()
				a := (box{s, "main", newKey()}).get(t, "/healthz", nil)
				if a.status != http.StatusBadGateway || !strings.Contains(a.body, "the container does not start") {
					t.Errorf("%s: %d %s", image, a.status, a.body)
				}
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("%s: after %v", image, took)
				}
			})
		}
		wait.Wait()
	}
}

func TestBodiesAreStreamed(t *testing.T) {
	s := serve(t, standin, nil)
	b := box{s, "main", newKey()}
	b.get(t, "/healthz", nil)

	t.Run("an answer arrives as it is made", func(t *testing.T) {
		r, err := b.open(http.MethodGet, "/lines", url.Values{"n": {"3"}, "every": {"500ms"}}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		began := time.Now()
		lines := bufio.NewScanner(r.Body)
		if !lines.Scan() || time.Since(began) > 400*time.Millisecond {
			t.Errorf("the first line came after %v", time.Since(began))
		}
		for lines.Scan() {
		}
		if took := time.Since(began); took < 900*time.Millisecond {
			t.Errorf("all lines came within %v, want over 1 s", took)
		}
	})

	t.Run("both directions are open at once", func(t *testing.T) {
		in, out := io.Pipe()
		answers := make(chan *http.Response, 1)
		go func() {
			r, err := b.open(http.MethodPost, "/echo", nil, in, nil)
			if err != nil {
				t.Error(err)
			}
			answers <- r
		}()
		fmt.Fprintln(out, "first") // the runtime waits for the first bytes
		r := <-answers
		if r == nil {
			return
		}
		defer r.Body.Close()
		back := bufio.NewReader(r.Body)
		for i, want := range []string{"first\n", "second\n", "third\n"} {
			if i > 0 {
				io.WriteString(out, want)
			}
			if line, err := back.ReadString('\n'); line != want {
				t.Fatalf("%q, %v, want %q while the request goes on", line, err, want)
			}
		}
		out.Close()
		if rest, err := io.ReadAll(back); len(rest) > 0 || err != nil {
			t.Errorf("%q, %v", rest, err)
		}
	})

	t.Run("a body of unknown length is not held in memory", func(t *testing.T) {
		const size = 300_000_000 // an isolate has 128 MB
		a := b.call(t, http.MethodPost, "/swallow", url.Values{"made": {fmt.Sprint(size)}}, nil, nil)
		if want := fmt.Sprintf("%d -1 <nil>\n", size); a.body != want {
			t.Errorf("%d %q, want %q", a.status, a.body, want)
		}
	})

	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 5_000_000} {
		t.Run(fmt.Sprintf("a body of %d bytes arrives with its length", size), func(t *testing.T) {
			a := b.call(t, http.MethodPost, "/swallow", nil, strings.NewReader(strings.Repeat("x", size)), http.Header{"Expect": {"100-continue"}})
			if want := fmt.Sprintf("%d %[1]d <nil>\n", size); a.body != want {
				t.Errorf("%d %q, want %q", a.status, a.body, want)
			}
		})
	}

	t.Run("an answer given up while both directions go on leaves nothing behind", func(t *testing.T) {
		for range 20 { // more than there are instances
			a := b.call(t, http.MethodPost, "/echo", url.Values{"made": {"4000000000"}, "close": {"1"}}, nil, nil)
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		if a := b.get(t, "/healthz", nil); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
