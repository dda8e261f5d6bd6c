//go:build linux

package job

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"instar/shared/sandbox"
)

func TestAStatusTellsMarkStateAndMemory(t *testing.T) {
	const status = "Name:\tGroups: 30001\\n\nState:\tS (sleeping)\nPid:\t7\nUid:\t1000\t1000\t1000\t1000\nGroups:\t%s\nRssAnon:\t     100 kB\nRssFile:\t    2000 kB\nRssShmem:\t       4 kB\nThreads:\t3\n"
	for groups, want := range map[string]uint32{
		"30123 ": 30123, "0 27 59999 ": 59999, "30000 ": 30000,
		"": 0, " ": 0, "0 ": 0, "29999 ": 0, "60000 ": 0, "4294967295 ": 0, "x ": 0,
	} {
		p, marked := parse([]byte(strings.Replace(status, "%s", groups, 1)))
		if marked != (want != 0) || p.mark != want {
			t.Errorf("%q: %+v, %v", groups, p, marked)
		}
		if marked && (p.memory != 104<<10 || p.tasks != 3 || p.dead) {
			t.Errorf("%q: %+v", groups, p)
		}
	}
	p, marked := parse([]byte("Name:\tx\nState:\tZ (zombie)\nGroups:\t30123 \n"))
	if !marked || !p.dead {
		t.Errorf("a zombie: %+v, %v", p, marked)
	}
	p, marked = parse([]byte("State:\tZ (zombie)\nGroups:\t30123 \nThreads:\t2\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000100\n"))
	if !marked || p.dead || !p.dying {
		t.Errorf("threads without the first: %+v, %v", p, marked)
	}
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte("State:\tZ\nGroups:\t30123 5\nRssAnon:\t1 kB\nThreads:\tx\n"))
	f.Fuzz(func(t *testing.T, status []byte) {
		if p, marked := parse(status); marked && (p.mark < firstMark || p.mark > lastMark) {
			t.Fatalf("mark %d", p.mark)
		}
	})
}

// The schedule in its real shape, a hundred times faster.
func TestACallbackBacksOffAndIsGivenUp(t *testing.T) {
	var calls atomic.Int64
	var at [64]time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		at[calls.Add(1)-1] = time.Now()
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	c := newCaller(NewClient())
	c.first, c.most, c.give = 10*time.Millisecond, 80*time.Millisecond, 500*time.Millisecond
	c.report(&sandbox.Callback{URL: server.URL}, sandbox.Report{})
	n := int(calls.Load())
	if n < 7 || n > 10 { // at 0, 10, 30, 70, 150, 230, 310, 390, 470
		t.Fatalf("%d calls", n)
	}
	for i, want := range []time.Duration{10, 20, 40, 80, 80} {
		if got := at[i+1].Sub(at[i]); got < want*time.Millisecond {
			t.Errorf("call %d after %v", i+1, got)
		}
	}
	if c := newCaller(nil); c.first != time.Second || c.most != time.Minute || c.give != 15*time.Minute {
		t.Errorf("the real schedule: %+v", c)
	}
}

func TestAShortTryIsCutOff(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	c := newCaller(NewClient())
	c.one = 50 * time.Millisecond
	began := time.Now()
	if _, err := c.try(&sandbox.Callback{URL: server.URL}, nil); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// A folder that looks like a cgroup shows what is written where; the kernel's
// own is tried in the suite of the daemon where there is one.
func TestACgroupIsLimitedByTheKernelsFiles(t *testing.T) {
	root := t.TempDir()
	os.WriteFile(filepath.Join(root, "cgroup.controllers"), []byte("cpu memory\n"), 0o644)
	os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), nil, 0o644)
	os.Mkdir(filepath.Join(root, "jobs"), 0o755)
	for _, file := range []string{"cgroup.kill", "cgroup.subtree_control"} {
		os.WriteFile(filepath.Join(root, "jobs", file), nil, 0o644)
	}
	c := findCgroups(root)
	if c.jobs == "" || !c.memory || c.processes || !strings.Contains(c.why, "pids: not there") {
		t.Errorf("%+v", c)
	}
	if text, _ := os.ReadFile(filepath.Join(root, "jobs", "cgroup.subtree_control")); string(text) != "+memory" {
		t.Errorf("handed down %q", text)
	}
	if c := findCgroups(t.TempDir()); c.jobs != "" || c.why == "" {
		t.Errorf("nothing there: %+v", c)
	}
	g := cgroup(t.TempDir())
	os.WriteFile(filepath.Join(string(g), "memory.events"), []byte("low 0\noom 3\noom_kill 2\n"), 0o644)
	os.WriteFile(filepath.Join(string(g), "memory.peak"), []byte("4096\n"), 0o644)
	os.WriteFile(filepath.Join(string(g), "cpu.stat"), []byte("usage_usec 1500\nuser_usec 1000\n"), 0o644)
	if g.field("memory.events", "oom_kill") != 2 || g.peak() != 4096 || g.cpu() != 1500*time.Microsecond || g.field("memory.events", "x") != 0 {
		t.Errorf("%d %d %v", g.field("memory.events", "oom_kill"), g.peak(), g.cpu())
	}
	none := cgroup("")
	none.kill()
	none.close()
	if none.peak() != 0 {
		t.Error("no cgroup has a peak")
	}
}
