// Package queue is the port to the at-least-once queue that wakes functions.
// A queue only says that there is something to do; what it is stands in the
// bucket, so a message delivered twice, late or out of order changes nothing.
package queue

import (
	"context"
	"errors"
	"time"
)

// MaxBody is the largest body in bytes that every queue behind this port takes,
// with what it adds to a message.
const MaxBody = 127 * 1000

// MaxDelay is the longest delivery delay that every queue behind this port honours.
const MaxDelay = 12 * time.Hour

// ErrTooLarge is returned by Send for a body over MaxBody; nothing was sent.
var ErrTooLarge = errors.New("queue message is too large")

// Sender puts messages on a queue.
type Sender interface {
	// Send returns nil only when the queue has accepted the body durably (as
	// far as that queue is durable). delay goes through RoundDelay; 0 delivers
	// at once. The body is the caller's again afterwards.
	Send(ctx context.Context, body []byte, delay time.Duration) error
}

// RoundDelay returns the delay a queue honours: rounded up to a whole second,
// 0 for a negative one, and at most MaxDelay.
func RoundDelay(d time.Duration) time.Duration {
	if d >= MaxDelay {
		return MaxDelay
	}
	return (max(d, 0) + time.Second - 1).Truncate(time.Second)
}

// Message is one delivery.
type Message struct {
	ID       string // the queue's own id; the same for redeliveries of one message
	Body     []byte
	Attempts int // 1 for the first delivery
}

// Handler handles one delivery. nil acknowledges it; any error has it
// delivered again, after the delay of a Retry error in its chain, else after
// the queue's own default.
type Handler func(ctx context.Context, m Message) error

// Retry is an error that asks for redelivery after a delay.
type Retry struct {
	After time.Duration // goes through RoundDelay
	Err   error         // why; may be nil
}

func (r *Retry) Error() string {
	if r.Err == nil {
		return "retry later"
	}
	return r.Err.Error()
}

func (r *Retry) Unwrap() error { return r.Err }
