//go:build e2e

// Package runtime tests the glue between the Workers runtime and Go: the real
// pool and bridge (build/worker, shared/workers) in the real runtime, around a
// probe that does what functions do, well and badly.
package runtime

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/e2e/workerd"
)

// TestRuntime makes its claims about one running Worker, one after the other:
// what an earlier claim broke must not show in a later one.
func TestRuntime(t *testing.T) {
	build(t, "build/wasm.sh", "./e2e/runtime/probe", "build/dist/test/probe.wasm")
	w := worker{workerd.Start(t, workerd.Options{Config: "e2e/runtime/wrangler.toml"})}
	measure(t, w)
	for _, c := range claims {
		t.Run(c.claim, func(t *testing.T) { c.test(t, w) })
	}
	t.Run("patience", func(t *testing.T) { // these mostly wait, so all at once
		for _, c := range patientClaims {
			t.Run(c.claim, func(t *testing.T) { t.Parallel(); c.test(t, w) })
		}
	})
	if t.Failed() {
		t.Logf("log:\n%s", w.Log())
	}
	if strings.Contains(w.Log(), "person's words") {
		t.Error("the value of a panic is in the log")
	}
}

type claim struct {
	claim string
	test  func(*testing.T, worker)
}

var (
	claims = []claim{
		{"one instance serves requests one after the other", testSameInstance},
		{"bodies cross unchanged", testEcho},
		{"a body that is not read does no harm", testUnreadBody},
		{"every cookie arrives", testCookies},
		{"method, path and header arrive", testSeen},
		{"answers without a body", testBodyless},
		{"statuses that are none", testStatuses},
		{"a header value with a line break is dropped", testHeaderInjection},
		{"header names and values that cannot be sent are dropped", testOddHeaders},
		{"a streamed answer arrives as it is made", testProgress},
		{"a slow reader slows the handler", testBackpressure},
		{"a client that goes away cancels the handler", testClientGone},
		{"work after the answer is done", testWaitUntil},
		{"a function sees only what it is listed for", testEnv},
		{"a cron trigger runs the schedule", testScheduled},

		{"a panic is a 500 with an id that is in the log", testPanic},
		{"the runtime's own errors are in the log", testRuntimeError},
		{"a function that ends is replaced", testEnds},
		{"an answer that breaks off does not look whole", testMidway},
		{"a leaked goroutine or timer costs the instance", testLeaks},
		{"a stopped timer does not cost the instance", testStoppedTimer},
		{"growth costs the instance", testGrowth},
		{"a promise that outlives its event does not disturb the next", testSlowPromise},

		{"concurrent events are all answered, by few instances", testConcurrent},
		{"waiting callers are served in order", testOrder},
		{"a caller waits while every instance is busy", testAllBusy},
		{"callers that went away while waiting take no instance", testWaitersGone},

		{"a request out shows redirects and streams", testFetch},
		{"a request out ends with its context", testFetchCancelled},
		{"a function calls another", testCall},
		{"a caller that goes away cancels the function it called", testCallCancelled},
	}
	patientClaims = []claim{
		{"an event that the platform ended gives its place back", testEndedByPlatform},
		{"an event that was ended while it waited gets no place", testWaiterEndedByPlatform},
		{"an accepted message is delivered", testDelivered},
		{"a failed delivery is repeated with the same id", testRedelivered},
		{"a delivery that asks for later is repeated later", testRetryLater},
		{"a crash repeats the delivery", testDeliveryCrash},
		{"a message that fails does not repeat its neighbours", testBatch},
		{"an oversized message is refused and not delivered", testTooLarge},
		{"a delayed message is not early", testDelay},
	}
)

// build runs a script of the module's root.
func build(t *testing.T, script string, arguments ...string) {
	t.Helper()
	root := workerd.Root(t)
	c := exec.Command(filepath.Join(root, script), arguments...)
	c.Dir = root
	c.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// worker is the running Worker.
type worker struct{ *workerd.Server }

// answer is a whole answer.
type answer struct {
	status   int
	header   http.Header
	body     string
	instance string // which one answered
	took     time.Duration
}

var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (w worker) try(r *http.Request) (answer, error) {
	began := time.Now()
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{
		response.StatusCode, response.Header, string(body), response.Header.Get("X-Instance"), time.Since(began),
	}, err
}

func (w worker) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w worker) do(t *testing.T, method, path string, body []byte) answer {
	t.Helper()
	a, err := w.try(w.request(t, method, path, bytes.NewReader(body)))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (w worker) get(t *testing.T, path string) answer {
	t.Helper()
	return w.do(t, http.MethodGet, path, nil)
}

// ok is get for a request that must succeed.
func (w worker) ok(t *testing.T, path string) answer {
	t.Helper()
	a := w.get(t, path)
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: status %d, %s", path, a.status, a.body)
	}
	return a
}

// eventually polls until done returns true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen in time", what)
		}
	}
}

// measure prints what a new and a used instance take, as the client sees it.
func measure(t *testing.T, w worker) {
	const times = 20
	for name, base := range map[string]string{"through wrangler's proxy": w.URL, "without it": w.Direct(t)} {
		ask := func(path string) time.Duration {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
			a, err := w.try(r)
			if err != nil {
				t.Fatal(err)
			}
			return a.took
		}
		ask("/single/served") // compiles the module
		var cold, warm []time.Duration
		for range times {
			ask("/single/exit")
			cold = append(cold, ask("/single/served"))
			warm = append(warm, ask("/single/served"))
		}
		slices.Sort(cold)
		slices.Sort(warm)
		t.Logf("%s a request takes %v on a new instance and %v on a used one (medians of %d)",
			name, cold[times/2].Round(10*time.Microsecond), warm[times/2].Round(10*time.Microsecond), times)
	}
}

func testSameInstance(t *testing.T, w worker) {
	first := w.ok(t, "/probe/served")
	for i := 1; i < 5; i++ {
		a := w.ok(t, "/probe/served")
		var was, is int
		fmt.Sscan(first.body, &was)
		fmt.Sscan(a.body, &is)
		if a.instance == "" || a.instance != first.instance || is != was+i {
			t.Fatalf("request %d: instance %s has served %d; the first: %s, %d", i, a.instance, is, first.instance, was)
		}
	}
}
