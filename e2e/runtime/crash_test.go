//go:build e2e

package runtime

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var crashID = regexp.MustCompile(`"id":"([0-9a-f-]{16,36})"`)

// crash asks for a path that breaks its instance, and checks the answer, the
// log, and that the next request is served by another instance.
func (w worker) crash(t *testing.T, path string) (logged string) {
	t.Helper()
	before := w.ok(t, "/single/served")
	a := w.get(t, path)
	id := crashID.FindStringSubmatch(a.body)
	if a.status != http.StatusInternalServerError || id == nil {
		t.Fatalf("%s: status %d, %s", path, a.status, a.body)
	}
	if strings.Contains(a.body, "person's words") {
		t.Errorf("%s: the answer repeats the panic's value: %s", path, a.body)
	}
	if after := w.ok(t, "/single/served"); after.instance == before.instance || after.body != "1" {
		t.Errorf("%s: the next request was served by the same instance", path)
	}
	return w.WaitLog(t, id[1])
}

func testPanic(t *testing.T, w worker) {
	line := w.crash(t, "/single/panic")
	if !strings.Contains(line, `"panic":"string"`) || !strings.Contains(line, "badly.go:") {
		t.Errorf("the log does not say where, or what kind: %s", line)
	}
}

func testRuntimeError(t *testing.T, w worker) {
	if line := w.crash(t, "/single/nil"); !strings.Contains(line, "assignment to entry in nil map") {
		t.Errorf("the log does not say what: %s", line)
	}
}

func testEnds(t *testing.T, w worker) {
	for _, path := range []string{"/single/exit", "/single/gopanic", "/single/goexit"} {
		w.crash(t, path)
	}
}

func testMidway(t *testing.T, w worker) {
	for _, how := range []string{"panic", "exit"} {
		response := w.open(t, t.Context(), "/single/midway?how="+how)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		// The local server turns it into an error of its own.
		if err == nil && response.StatusCode < 500 {
			t.Errorf("%s: the answer ends as if it were whole: %q", how, body)
		}
		w.ok(t, "/single/served")
	}
}

// everyone makes every instance of the probe answer and returns who they are.
func (w worker) everyone(t *testing.T) map[string]bool {
	t.Helper()
	instances := map[string]bool{}
	var lock sync.Mutex
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			a, err := w.try(w.request(t, http.MethodGet, "/probe/hold?ms=150", nil))
			if err != nil || a.status != http.StatusOK {
				t.Errorf("status %d, %v", a.status, err)
			}
			lock.Lock()
			defer lock.Unlock()
			instances[a.instance] = true
		})
	}
	wg.Wait()
	return instances
}

func testLeaks(t *testing.T, w worker) {
	leaky := map[string]string{}
	for _, path := range []string{"/probe/leak", "/probe/timer"} {
		leaky[w.ok(t, path).instance] = path
	}
	if len(leaky) != 2 {
		t.Fatal("an instance with a leaked goroutine served the next request")
	}
	time.Sleep(2500 * time.Millisecond) // an instance has two seconds to become quiet
	others := w.everyone(t)
	for instance, path := range leaky {
		if others[instance] {
			t.Errorf("after %s the instance served again", path)
		}
	}
	if len(others) != 6 {
		t.Errorf("%d instances live, want 6: places were lost", len(others))
	}
}

func testStoppedTimer(t *testing.T, w worker) {
	before := w.ok(t, "/single/stopped")
	after := w.ok(t, "/single/served")
	if after.instance != before.instance || after.took > time.Second {
		t.Errorf("the next request took %v on instance %s; before: %s", after.took, after.instance, before.instance)
	}
}

func testGrowth(t *testing.T, w worker) {
	small := w.ok(t, "/single/grow?mb=1")
	if next := w.ok(t, "/single/served"); next.instance != small.instance {
		t.Error("an instance that grew by 1 MB was replaced")
	}
	big := w.ok(t, "/single/grow?mb=48")
	if next := w.ok(t, "/single/served"); next.instance == big.instance {
		t.Error("an instance that grew by 48 MB was used again")
	}
}

func testSlowPromise(t *testing.T, w worker) {
	crashes := strings.Count(w.Log(), "crashed")
	short := w.ok(t, "/probe/slow?ms=700")
	if short.took > 500*time.Millisecond {
		t.Errorf("the answer took %v", short.took)
	}
	for began := time.Now(); time.Since(began) < 600*time.Millisecond; {
		if a := w.ok(t, "/probe/io?key="+fmt.Sprint("short", time.Now().UnixNano())); a.instance == short.instance {
			t.Fatal("the instance served while a promise of its last event was pending")
		}
	}
	// Longer than an instance has to become quiet.
	long := w.ok(t, "/probe/slow?ms=4500")
	for began := time.Now(); time.Since(began) < 2500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		if a := w.ok(t, "/probe/io?key="+fmt.Sprint("long", time.Now().UnixNano())); a.instance == long.instance {
			t.Fatal("the instance served while a promise of its last event was pending")
		}
	}
	if others := w.everyone(t); others[long.instance] || len(others) != 6 {
		t.Errorf("%d instances live, want 6 without the one that waits", len(others))
	}
	if n := strings.Count(w.Log(), "crashed"); n != crashes {
		t.Errorf("%d functions crashed", n-crashes)
	}
}
