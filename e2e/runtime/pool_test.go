//go:build e2e

package runtime

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func testConcurrent(t *testing.T, w worker) {
	const callers, each = 8, 160
	direct := w.Direct(t) // wrangler's proxy would be most of the time
	var right atomic.Int64
	var instances sync.Map
	var wg sync.WaitGroup
	began := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for i := range each {
				key := fmt.Sprintf("%d-%d", caller, i)
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, direct+"/probe/io?key="+key, nil)
				a, err := w.try(r)
				if err != nil || a.body != "probe/io/"+key+"!" {
					t.Errorf("%s: status %d, %q, %v", key, a.status, a.body, err)
					continue
				}
				right.Add(1)
				instances.Store(a.instance, true)
			}
		})
	}
	wg.Wait()
	used := 0
	instances.Range(func(any, any) bool { used++; return true })
	t.Logf("%d of %d answered right in %v by %d instances", right.Load(), callers*each, time.Since(began).Round(time.Millisecond), used)
	if right.Load() != callers*each || used > 6 || used < 2 {
		t.Errorf("%d of %d answered right by %d instances, want all by at most 6", right.Load(), callers*each, used)
	}
}

// hold occupies instances for a while and returns a function that waits for
// their answers.
func (w worker) hold(t *testing.T, n int, path string) (wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if a, err := w.try(w.request(t, http.MethodGet, path, nil)); err != nil || a.status != http.StatusOK {
				t.Errorf("%s: status %d, %v", path, a.status, err)
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // now they are being served
	return wg.Wait
}

func testOrder(t *testing.T, w worker) {
	const callers = 12
	wait := w.hold(t, 1, "/single/hold?ms=1000")
	defer wait()
	began := make([]int64, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			a, err := w.try(w.request(t, http.MethodGet, "/single/hold?ms=20", nil))
			if err != nil || a.status != http.StatusOK {
				t.Errorf("caller %d: status %d, %v", i, a.status, err)
			}
			began[i], _ = strconv.ParseInt(a.body, 10, 64)
		})
		time.Sleep(30 * time.Millisecond) // longer than a request needs to arrive
	}
	wg.Wait()
	for i := 1; i < callers; i++ {
		if began[i] <= began[i-1] {
			t.Errorf("caller %d began %d ms before caller %d", i, began[i-1]-began[i], i-1)
		}
	}
}

func testAllBusy(t *testing.T, w worker) {
	wait := w.hold(t, 6, "/probe/hold?ms=3000")
	defer wait()
	a := w.get(t, "/probe/served")
	if a.status != http.StatusOK || a.took < 2*time.Second {
		t.Errorf("status %d after %v, %s; want 200 after nearly 3 s", a.status, a.took, a.body)
	}
}

func testWaitersGone(t *testing.T, w worker) {
	wait := w.hold(t, 1, "/single/hold?ms=1500")
	defer wait()
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { w.leave(t, "/single/hold?ms=9000&name=waiter", 300*time.Millisecond) })
	}
	wg.Wait()
	if a := w.get(t, "/single/served"); a.status != http.StatusOK || a.took > 5*time.Second {
		t.Errorf("status %d after %v, %s", a.status, a.took, a.body)
	}
}

// The platform may end an event with everything that waits for it: a client is
// gone for 30 s, a limit is passed. Nothing in the Worker is told.
func testEndedByPlatform(t *testing.T, w worker) {
	before := w.ok(t, "/mortal/served")
	w.leave(t, "/mortal/hold?ms=60000", 300*time.Millisecond)
	a := w.get(t, "/mortal/served")
	if a.status != http.StatusOK || a.instance == before.instance {
		t.Errorf("status %d after %v by the same instance: %v", a.status, a.took, a.instance == before.instance)
	}
	t.Logf("the place was given to the next caller after %v", a.took)
}

func testWaiterEndedByPlatform(t *testing.T, w worker) {
	wait := w.hold(t, 1, "/mortal2/hold?ms=800")
	w.leave(t, "/mortal2/served", 200*time.Millisecond)
	wait()
	if a := w.get(t, "/mortal2/served"); a.status != http.StatusOK {
		t.Errorf("status %d after %v", a.status, a.took)
	}
}
