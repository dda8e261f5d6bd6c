package queue

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// LocalOptions are the limits of a Local; the zero value is usable.
type LocalOptions struct {
	Workers      int           // deliveries at once; 0 means 4
	DefaultRetry time.Duration // wait before a redelivery that named none; 0 means at once
	MaxAttempts  int           // deliveries of one message; 0 means 4: one, and three more
	// Dead, if set, is given each message whose last attempt failed, and why.
	// It must not panic.
	Dead func(Message, error)
}

// Local is a queue inside the process: at-least-once as long as the process
// lives, in no promised order, and gone with it.
type Local struct {
	handler Handler
	options LocalOptions
	ctx     context.Context // of the handlers
	cancel  context.CancelFunc

	mu      sync.Mutex
	ready   []Message // due, waiting for a worker; Attempts as the delivery will have it
	running int       // deliveries in progress
	pending int       // accepted, and neither acknowledged nor dead
	sent    int64     // accepted ever: the source of ids
	closing bool      // end once nothing is pending
}

var _ Sender = (*Local)(nil)

var errClosed = errors.New("queue is closed")

// NewLocal starts a queue that delivers to the handler. Close stops it.
func NewLocal(handler Handler, options LocalOptions) *Local {
	if options.Workers <= 0 {
		options.Workers = 4
	}
	if options.MaxAttempts <= 0 {
		options.MaxAttempts = 4
	}
	l := &Local{handler: handler, options: options}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Send accepts the message unless the queue has closed.
func (l *Local) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("send to queue: %w", err)
	}
	if len(body) > MaxBody {
		return fmt.Errorf("send to queue: %w: %d bytes, at most %d", ErrTooLarge, len(body), MaxBody)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return fmt.Errorf("send to queue: %w", errClosed)
	}
	l.sent++
	l.pending++
	l.schedule(Message{ID: "local-" + strconv.FormatInt(l.sent, 10), Body: bytes.Clone(body), Attempts: 1}, RoundDelay(delay))
	return nil
}

// Close waits until every accepted message is acknowledged or dead, delayed
// ones and those that handlers send meanwhile included; then the queue accepts
// no more. When ctx ends first, the rest is dropped, the context of running
// handlers is cancelled without waiting for them, and the error says how many
// messages were lost.
func (l *Local) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closing = true
	l.closeIfIdle()
	l.mu.Unlock()
	select {
	case <-l.ctx.Done():
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel()
	l.ready = nil
	if l.pending == 0 {
		return nil
	}
	return fmt.Errorf("close queue: %d messages not handled: %w", l.pending, cmp.Or(ctx.Err(), errClosed))
}

// schedule puts the message up for delivery after the delay; the caller holds the lock.
func (l *Local) schedule(m Message, delay time.Duration) {
	if delay > 0 {
		time.AfterFunc(delay, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.schedule(m, 0)
		})
		return
	}
	l.ready = append(l.ready, m)
	l.dispatch()
}

// dispatch starts as many deliveries as there are free workers; the caller
// holds the lock.
func (l *Local) dispatch() {
	for l.ctx.Err() == nil && l.running < l.options.Workers && len(l.ready) > 0 {
		m := l.ready[0]
		l.ready = l.ready[1:]
		l.running++
		go l.deliver(m)
	}
}

// deliver runs the handler once. The outcome is settled in a defer, because a
// handler may also leave by a panic or by runtime.Goexit (as t.FailNow does).
func (l *Local) deliver(m Message) {
	err := errors.New("handler did not return")
	defer func() {
		if p := recover(); p != nil {
			err = panicError(p)
		}
		l.settle(m, err)
	}()
	own := m
	own.Body = bytes.Clone(m.Body) // a handler may change it
	err = l.handler(l.ctx, own)
}

// settle acknowledges the message, schedules it again or gives it up.
func (l *Local) settle(m Message, err error) {
	dead := err != nil && m.Attempts >= l.options.MaxAttempts
	if dead && l.options.Dead != nil {
		l.options.Dead(m, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if err == nil || dead {
		l.pending--
		l.closeIfIdle()
	} else {
		delay := l.options.DefaultRetry
		if retry, ok := errors.AsType[*Retry](err); ok {
			delay = RoundDelay(retry.After)
		}
		m.Attempts++
		l.schedule(m, delay)
	}
	l.dispatch()
}

// closeIfIdle ends a Close that nothing is left to wait for; the caller holds the lock.
func (l *Local) closeIfIdle() {
	if l.closing && l.pending == 0 {
		l.cancel()
	}
}

// panicError keeps the text of the runtime's own panics only: another's may
// quote the message.
func panicError(p any) error {
	if err, ok := p.(runtime.Error); ok {
		return fmt.Errorf("handler panicked: %w", err)
	}
	return fmt.Errorf("handler panicked with a %T", p)
}
