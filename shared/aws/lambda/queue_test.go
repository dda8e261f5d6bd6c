//go:build !js

package lambda

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"instar/e2e/lambda/standin"
	"instar/shared/aws/sqs"
	"instar/shared/platform"
	"instar/shared/queue"
	"instar/shared/queue/queuetest"
)

var keys = standin.Keys{ID: "AKIATEST", Secret: "a secret", Token: "a session"}

// newQueue is a queue whose deliveries go through the function's batches.
func newQueue(t *testing.T, handler queue.Handler) (*sqs.Queue, *standin.FIFO) {
	fifo := standin.NewFIFO(standin.QueueURL)
	server := httptest.NewServer(standin.Services(fifo, keys, nil))
	f := platform.Function{Queue: func(platform.Env) queue.Handler { return handler }}
	h, _ := newHost(t, f, "QUEUE", standin.QueueURL, "AWS_ENDPOINT_URL_SQS", server.URL,
		"AWS_ACCESS_KEY_ID", keys.ID, "AWS_SECRET_ACCESS_KEY", keys.Secret, "AWS_SESSION_TOKEN", keys.Token)
	if err := h.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var pump sync.WaitGroup
	pump.Go(func() {
		for ctx.Err() == nil {
			r, ok := fifo.Next()
			if !ok {
				time.Sleep(time.Millisecond)
				continue
			}
			payload, _ := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{r}})
			within, done := context.WithTimeout(context.Background(), time.Minute)
			answer, err := h.handle(within, payload)
			done()
			if out, ok := answer.(events.SQSEventResponse); ok && err == nil && len(out.BatchItemFailures) == 0 {
				fifo.Remove(r.MessageId)
			}
		}
	})
	t.Cleanup(func() { cancel(); pump.Wait(); server.Close() })
	return h.queue, fifo
}

func TestSQSIsAQueue(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, handler queue.Handler) queue.Sender {
		q, _ := newQueue(t, handler)
		return q
	})
}

// One wake sent five times runs once at a time, and holds no other up.
func TestOneWakeDoesNotRunTwiceAtOnce(t *testing.T) {
	fifo := standin.NewFIFO(standin.QueueURL)
	server := httptest.NewServer(standin.Services(fifo, keys, nil))
	defer server.Close()
	h, _ := newHost(t, platform.Function{}, "QUEUE", standin.QueueURL, "AWS_ENDPOINT_URL_SQS", server.URL,
		"AWS_ACCESS_KEY_ID", keys.ID, "AWS_SECRET_ACCESS_KEY", keys.Secret, "AWS_SESSION_TOKEN", keys.Token)
	if err := h.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"one", "one", "one", "two"} {
		if err := h.queue.Send(t.Context(), []byte(body), 0); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for {
		r, ok := fifo.Next()
		if !ok {
			break
		}
		got = append(got, r.Body)
	}
	if !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("in flight at once: %q", got)
	}
}

func TestADelayIsNoAttempt(t *testing.T) {
	attempts := make(chan int, 10)
	q, fifo := newQueue(t, func(_ context.Context, m queue.Message) error {
		attempts <- m.Attempts
		if m.Attempts == 1 {
			return &queue.Retry{}
		}
		return nil
	})
	if err := q.Send(t.Context(), []byte(`{"v":1}`), time.Second); err != nil {
		t.Fatal(err)
	}
	if first, second := <-attempts, <-attempts; first != 1 || second != 2 {
		t.Errorf("attempts %d and %d", first, second)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if left, _ := fifo.Waiting(); left == 0 {
			return
		}
	}
	t.Error("the message stays")
}
