//go:build e2e

package runtime

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"instar/shared/queue"
)

// delivery is what the probe keeps of each delivery.
type delivery struct {
	ID       string
	Attempts int
	At       int64 // milliseconds of Unix time
	Bytes    int
}

func (w worker) send(t *testing.T, query string, body []byte) {
	t.Helper()
	if a := w.do(t, http.MethodPost, "/probe/send?queue=QUEUE"+query, body); a.status != http.StatusOK {
		t.Fatalf("send: status %d, %s", a.status, a.body)
	}
}

// deliveries returns those of the body, which is found by its hash: that it is
// there says that the bytes arrived.
func (w worker) deliveries(t *testing.T, body []byte) []delivery {
	t.Helper()
	a := w.do(t, http.MethodPost, "/probe/deliveries", body)
	var all []delivery
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		t.Fatalf("deliveries: status %d, %s", a.status, a.body)
	}
	return all
}

// delivered waits until there are n deliveries of the body.
func (w worker) delivered(t *testing.T, body []byte, n int) (all []delivery) {
	t.Helper()
	eventually(t, "a delivery", func() bool { all = w.deliveries(t, body); return len(all) >= n })
	return all
}

// settled is delivered, and that after a second there are no more.
func (w worker) settled(t *testing.T, body []byte, n int) []delivery {
	t.Helper()
	w.delivered(t, body, n)
	time.Sleep(time.Second)
	all := w.deliveries(t, body)
	if len(all) != n {
		t.Errorf("%d deliveries of %.20q, want %d", len(all), body, n)
	}
	for i, d := range all {
		if d.ID == "" || d.ID != all[0].ID || d.Attempts != i+1 {
			t.Errorf("delivery %d of %.20q has id %q, attempt %d; the first has id %q", i+1, body, d.ID, d.Attempts, all[0].ID)
		}
	}
	return all
}

func testDelivered(t *testing.T, w worker) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	bodies := [][]byte{
		[]byte("hello"), {}, {0}, all, []byte(`{"v":1}`), []byte("日記\U0001f600"),
		bytes.Repeat(all, queue.MaxBody/256+1)[:queue.MaxBody],
	}
	for _, body := range bodies {
		w.send(t, "", body)
	}
	for _, body := range bodies {
		if d := w.delivered(t, body, 1); d[0].Bytes != len(body) || d[0].Attempts != 1 || d[0].ID == "" {
			t.Errorf("%d bytes arrived as %+v", len(body), d[0])
		}
	}
	w.settled(t, bodies[0], 1)
}

func testRedelivered(t *testing.T, w worker) {
	body := []byte("twice failed")
	w.send(t, "", body)
	w.settled(t, body, 3)
}

func testRetryLater(t *testing.T, w worker) {
	body := []byte("later, please")
	body = append([]byte("later "), body...)
	w.send(t, "", body)
	all := w.settled(t, body, 2)
	// 1.5 s is rounded up to what a queue counts in.
	if waited := time.Duration(all[1].At-all[0].At) * time.Millisecond; waited < 1990*time.Millisecond || waited > 5*time.Second {
		t.Errorf("the second delivery came after %v, want 2 s", waited)
	}
}

func testDeliveryCrash(t *testing.T, w worker) {
	bodies := [][]byte{[]byte("exit once"), []byte("panic once")}
	for _, body := range bodies {
		w.send(t, "", body)
	}
	for _, body := range bodies {
		w.settled(t, body, 2)
	}
}

func testBatch(t *testing.T, w worker) {
	lines := [][]byte{[]byte("one neighbour"), []byte("twice in a batch"), []byte("another neighbour"), []byte("panic in a batch"), []byte("last neighbour")}
	if a := w.do(t, http.MethodPost, "/probe/sendlines", bytes.Join(lines, []byte("\n"))); a.status != http.StatusOK {
		t.Fatalf("send: status %d, %s", a.status, a.body)
	}
	failing := w.delivered(t, lines[1], 3)
	w.delivered(t, lines[3], 2)
	time.Sleep(time.Second)
	for _, i := range []int{0, 2, 4} {
		neighbour := w.deliveries(t, lines[i])
		if len(neighbour) != 1 {
			t.Fatalf("%d deliveries of %q, want 1", len(neighbour), lines[i])
		}
		if apart := neighbour[0].At - failing[0].At; apart > 500 || apart < -500 {
			t.Errorf("%q came %d ms apart: it was not in the same batch", lines[i], apart)
		}
	}
}

func testTooLarge(t *testing.T, w worker) {
	body := make([]byte, queue.MaxBody+1)
	if a := w.do(t, http.MethodPost, "/probe/send?queue=QUEUE", body); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, %s", a.status, a.body)
	}
	w.send(t, "", []byte("after the large one"))
	w.delivered(t, []byte("after the large one"), 1)
	if n := len(w.deliveries(t, body)); n != 0 {
		t.Errorf("%d deliveries", n)
	}
}

func testDelay(t *testing.T, w worker) {
	body := []byte("delayed")
	sent := time.Now()
	w.send(t, "&delay=1500ms", body)
	all := w.delivered(t, body, 1)
	if waited := time.UnixMilli(all[0].At).Sub(sent); waited < 1990*time.Millisecond || waited > 5*time.Second {
		t.Errorf("delivered after %v, want 2 s", waited)
	}
}

func testScheduled(t *testing.T, w worker) {
	before := time.Now().Truncate(time.Second)
	a := w.get(t, "/cdn-cgi/handler/scheduled")
	if a.status != http.StatusOK {
		t.Fatalf("status %d, %s", a.status, a.body)
	}
	at, err := time.Parse(time.RFC3339, w.ok(t, "/probe/get?key=probe/scheduled").body)
	if err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("it was due at %v, %v", at, err)
	}
	// The second time the object exists, so the function fails.
	if a := w.get(t, "/cdn-cgi/handler/scheduled"); a.status == http.StatusOK {
		t.Errorf("a schedule that failed counts as run: %s", a.body)
	}
}
