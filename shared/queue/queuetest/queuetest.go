// Package queuetest holds the conformance suite of queue.Sender and of the
// deliveries behind it.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"instar/shared/queue"
)

// patience bounds the wait for a delivery that is due. Only a failing test
// waits that long.
const patience = 20 * time.Second

// Run checks the promises of package queue. start is called once for each
// subtest and connects an empty queue to the handler; it cleans up after
// itself with t.Cleanup. The queue must try a message at least three times.
// Extra deliveries of one message are tolerated, as at-least-once allows. Takes
// a little over a second, for one real delay.
func Run(t *testing.T, start func(t *testing.T, handler queue.Handler) queue.Sender) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func(*testing.T, queue.Handler) queue.Sender)
	}{
		{"an accepted message is delivered", testDelivered},
		{"a failed delivery is repeated with the same id", testRedelivered},
		{"an oversized message is refused and not delivered", testTooLarge},
		{"any body arrives intact", testBodies},
		{"a delayed message is not early", testDelay},
		{"messages sent at once all arrive", testConcurrentSends},
		{"a cancelled send fails", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, start) })
	}
}

// collect returns a handler that acknowledges every delivery and passes it on.
func collect() (queue.Handler, <-chan queue.Message) {
	deliveries := make(chan queue.Message, 1000)
	return func(_ context.Context, m queue.Message) error {
		deliveries <- m
		return nil
	}, deliveries
}

func next(t *testing.T, deliveries <-chan queue.Message) queue.Message {
	t.Helper()
	select {
	case m := <-deliveries:
		return m
	case <-time.After(patience):
		t.Fatal("nothing was delivered in time")
		return queue.Message{}
	}
}

func send(t *testing.T, s queue.Sender, body string, delay time.Duration) {
	t.Helper()
	if err := s.Send(t.Context(), []byte(body), delay); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func testDelivered(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	handler, deliveries := collect()
	s := start(t, handler)
	body := []byte("hello")
	if err := s.Send(t.Context(), body, 0); err != nil {
		t.Fatal(err)
	}
	copy(body, "JELLO") // the caller's again
	if m := next(t, deliveries); m.ID == "" || m.Attempts != 1 || string(m.Body) != "hello" {
		t.Errorf("got id %q, attempt %d, body %q", m.ID, m.Attempts, m.Body)
	}
}

func testRedelivered(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	deliveries := make(chan queue.Message, 100)
	s := start(t, func(_ context.Context, m queue.Message) error {
		m.Body = bytes.Clone(m.Body)
		deliveries <- m
		if m.Attempts < 3 {
			return fmt.Errorf("not yet: %w", &queue.Retry{})
		}
		return nil
	})
	send(t, s, "again", 0)
	first := next(t, deliveries)
	for last := first; last.Attempts < 3; {
		m := next(t, deliveries)
		if m.ID != first.ID || string(m.Body) != "again" || m.Attempts > last.Attempts+1 {
			t.Fatalf("got id %q, attempt %d, body %q after id %q, attempt %d", m.ID, m.Attempts, m.Body, first.ID, last.Attempts)
		}
		last = m
	}
}

func testTooLarge(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	handler, deliveries := collect()
	s := start(t, handler)
	if err := s.Send(t.Context(), make([]byte, queue.MaxBody+1), 0); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
	send(t, s, "small", 0)
	if m := next(t, deliveries); string(m.Body) != "small" {
		t.Errorf("a message of %d bytes was delivered", len(m.Body))
	}
}

func testBodies(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	handler, deliveries := collect()
	s := start(t, handler)
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	missing := map[string]bool{
		"": true, "\x00": true, string(all): true, `{"v":1}`: true, "日記\U0001f600": true,
		string(bytes.Repeat(all, queue.MaxBody/256+1)[:queue.MaxBody]): true,
	}
	for body := range missing {
		send(t, s, body, 0)
	}
	for seen := make(map[string]bool); len(missing) > 0; {
		body := string(next(t, deliveries).Body)
		if !missing[body] && !seen[body] {
			t.Fatalf("a body of %d bytes arrived that was not sent: %.60q", len(body), body)
		}
		seen[body] = true
		delete(missing, body)
	}
}

func testDelay(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	const delay = time.Second
	handler, deliveries := collect()
	s := start(t, handler)
	sent := time.Now()
	send(t, s, "late", delay)
	next(t, deliveries)
	// A queue that counts milliseconds may round a fraction away.
	if waited := time.Since(sent); waited < delay-5*time.Millisecond {
		t.Errorf("delivered after %v, want at least %v", waited, delay)
	}
}

func testConcurrentSends(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	const senders, each = 8, 8
	handler, deliveries := collect()
	s := start(t, handler)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				if err := s.Send(t.Context(), fmt.Append(nil, i, "/", j), 0); err != nil {
					t.Errorf("send: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	bodies := make(map[string]string) // to the id
	ids := make(map[string]bool)
	for len(bodies) < senders*each {
		m := next(t, deliveries)
		if id, again := bodies[string(m.Body)]; again && id != m.ID {
			t.Fatalf("message %q has the ids %q and %q", m.Body, id, m.ID)
		}
		bodies[string(m.Body)], ids[m.ID] = m.ID, true
	}
	if len(ids) != len(bodies) {
		t.Errorf("%d messages share %d ids", len(bodies), len(ids))
	}
}

func testCancelled(t *testing.T, start func(*testing.T, queue.Handler) queue.Sender) {
	handler, _ := collect()
	s := start(t, handler)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Send(ctx, []byte("x"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
