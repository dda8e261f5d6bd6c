//go:build !js

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	list := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(list, q); got != want {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if got := median([]time.Duration(nil)); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestAMissedTargetIsPrintedAsMissed(t *testing.T) {
	var r report
	r.add("a", "fast enough", 4.9, "ms", below(5), "")
	r.add("a", "too slow", 5, "ms", below(5), "why")
	r.add("a", "just known", 7, "ms", nil, "")
	r.failed(section{letter: "b", title: "the second part"}, context.Canceled)
	var b strings.Builder
	r.print(&b)
	for _, want := range []string{"fast enough", "4.90 ms  ok", "5 ms  MISSED", "why", "did not run", "context canceled", "1 targets missed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestALoadEndsWithTheFirstFailureUnlessFailuresAreCounted(t *testing.T) {
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 3 {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer server.Close()
	l := load{
		Address: server.Listener.Addr().String(), Connections: 1, Count: 10, Status: 200,
		Request: func(int) []byte { return get("/") },
	}
	if took, err := l.send(t.Context()); err == nil || len(took.each) != 2 {
		t.Errorf("after a failure: %d answers, error %v", len(took.each), err)
	}
	n, l.CountFailures = 0, true
	if took, err := l.send(t.Context()); err != nil || len(took.each) != 9 || took.failed != 1 {
		t.Errorf("counted: %d answers, %d failures, error %v", len(took.each), took.failed, err)
	}
}

func TestStopEndsWhatMovedToAnotherProcessGroup(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid on this machine")
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this machine")
	}
	p, err := launch("/", os.Environ(), "/bin/sh", "-c", "setsid sleep 1000 & wait")
	if err != nil {
		t.Fatal(err)
	}
	var child []stat
	if err := p.until(t.Context(), 5*time.Second, func() bool {
		child = descendants(p.command.Process.Pid)
		return len(child) == 1 && child[0].name == "sleep"
	}); err != nil {
		t.Fatal(err)
	}
	p.stop()
	for began := time.Now(); syscall.Kill(child[0].pid, 0) == nil; time.Sleep(time.Millisecond) {
		if s, err := readStat(child[0].pid); err != nil || s.parent == 1 && s.started != child[0].started {
			break
		}
		if time.Since(began) > 3*time.Second {
			t.Fatal("the child runs on")
		}
	}
}

func TestModulesAreFoundThroughTheirImports(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	list, err := (&bench{root: root}).modules("e2e/bench/worker/empty.mjs")
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := os.Stat(root + "/build/dist/go.mjs"); err != nil {
		t.Skip("nothing is built")
	}
	if list, err = (&bench{root: root}).modules("e2e/bench/worker/pooled.mjs"); err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, m := range list {
		names += m.name + " "
	}
	for _, want := range []string{"e2e/bench/worker/pooled.mjs ", "build/dist/bench/pooled.wasm ", "build/worker/instance.mjs ", "build/dist/go.mjs "} {
		if strings.Count(names, want) != 1 {
			t.Errorf("%s is not once in %s", want, names)
		}
	}
}
