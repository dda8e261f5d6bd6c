package model

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// IdleTimeout is how long a provider may send nothing before the call counts
// as hung. Anthropic sends pings while it thinks; OpenAI may be silent for
// tens of seconds before the first token.
const IdleTimeout = 60 * time.Second

// ErrIdle is what a Doer made by WithIdle returns when the time is up.
var ErrIdle = errors.New("the provider sent nothing for too long")

// WithIdle bounds the silence of do's answers: the wait for the response, and
// each wait for more of its body, may last at most d (0 means IdleTimeout).
// Time the caller spends between two reads does not count. When the time is
// up the request's context is cancelled and its body closed, so do must honour
// one of the two. No timer is left once the body is closed or at its end.
func WithIdle(do Doer, d time.Duration) Doer {
	if d <= 0 {
		d = IdleTimeout
	}
	return idleDoer{do, d}
}

type idleDoer struct {
	do   Doer
	idle time.Duration
}

func (i idleDoer) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	b := &idleBody{idle: i.idle, cancel: cancel}
	timer := time.AfterFunc(i.idle, func() {
		b.fired.Store(true)
		cancel()
	})
	resp, err := i.do.Do(req.WithContext(ctx))
	timer.Stop()
	if err != nil {
		cancel()
		if b.fired.Load() {
			return nil, ErrIdle
		}
		return nil, err
	}
	if b.fired.Load() {
		resp.Body.Close()
		return nil, ErrIdle
	}
	b.body = resp.Body
	resp.Body = b
	return resp, nil
}

// idleBody runs its timer only while a Read waits.
type idleBody struct {
	body   io.ReadCloser
	idle   time.Duration
	cancel context.CancelFunc
	fired  atomic.Bool
}

func (b *idleBody) Read(p []byte) (int, error) {
	if b.fired.Load() {
		return 0, ErrIdle
	}
	timer := time.AfterFunc(b.idle, func() {
		b.fired.Store(true)
		b.cancel()
		b.body.Close()
	})
	n, err := b.body.Read(p)
	timer.Stop()
	if err != nil && b.fired.Load() {
		err = ErrIdle
	}
	return n, err
}

func (b *idleBody) Close() error {
	b.cancel()
	return b.body.Close()
}
