package model

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// The Router's patience with one model.
const (
	retries   = 2 // after the first try
	baseDelay = 500 * time.Millisecond
	maxRetry  = 20 * time.Second // the longest Retry-After that is waited out
)

// Sink receives a reply while it is written. Both functions may be nil.
type Sink struct {
	OnText func(delta string)
	// OnReset says that the text so far is void: the model broke off and
	// another try begins. It is called only after OnText, before the next try.
	OnReset func()
}

// Router asks the first of Models and, when it fails, the next. It keeps
// nothing between calls.
type Router struct {
	Models []string // "provider/model", the primary first
	// Open returns the provider for one of Models.
	Open func(name string) (Provider, error)
	// Before is called before every single call to a provider, retries
	// included, with "provider/model". Its error ends everything and is
	// returned as it is: the place for a budget. May be nil.
	Before func(ctx context.Context, model string) error
	// After is called after every single call with what it used, also when it
	// failed: the place to book costs, which Reply.Usage alone would miss. May be nil.
	After func(ctx context.Context, model string, used Usage, err error)
	// Sleep waits between tries; nil waits by the clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// ParseName splits "provider/model" at the first slash; model names may hold
// more. A name without a slash ("offline") is a provider without a model.
func ParseName(name string) (provider, model string) {
	provider, model, _ = strings.Cut(strings.TrimSpace(name), "/")
	return strings.TrimSpace(provider), strings.TrimSpace(model)
}

// Stream asks the models in order. Request.Model is ignored. A temporary error
// is retried twice, after 0.5 s and 1 s with jitter or as long as the provider
// asks for, up to 20 s; any other moves on to the next model at once. When all
// have failed the error says for each what happened and what to do, and wraps
// each one's error. The end of ctx and an error of Before end everything.
func (r *Router) Stream(ctx context.Context, req Request, sink Sink) (Reply, error) {
	c := call{router: r, req: req, sink: sink}
	var failed failures
	for _, name := range r.Models {
		reply, err := c.ask(ctx, name)
		if err == nil {
			return reply, nil
		}
		if c.over {
			return Reply{}, err
		}
		failed = append(failed, failure{name, err})
	}
	if len(failed) == 0 {
		return Reply{}, &configError{"no model is configured: set MODEL"}
	}
	return Reply{}, failed
}

// call is one Stream.
type call struct {
	router *Router
	req    Request
	sink   Sink
	shown  bool // text of an unfinished reply is with the sink
	over   bool // nothing else is to be tried
}

// ask asks one model until it answers, fails for good, or the tries are used up.
func (c *call) ask(ctx context.Context, name string) (Reply, error) {
	p, err := c.router.Open(name)
	if err != nil {
		return Reply{}, err
	}
	_, c.req.Model = ParseName(name)
	for try := 0; ; try++ {
		reply, err := c.once(ctx, p, name)
		if err == nil || c.over {
			return reply, err
		}
		wait, again := delay(err, try)
		if deadline, ok := ctx.Deadline(); !again || ok && time.Until(deadline) <= wait {
			return Reply{}, err
		}
		if err := c.sleep(ctx, wait); err != nil {
			c.over = true
			return Reply{}, err
		}
	}
}

func (c *call) once(ctx context.Context, p Provider, name string) (Reply, error) {
	if err := ctx.Err(); err != nil {
		c.over = true
		return Reply{}, err
	}
	if c.router.Before != nil {
		if err := c.router.Before(ctx, name); err != nil {
			c.over = true
			return Reply{}, err
		}
	}
	if c.shown && c.sink.OnReset != nil {
		c.sink.OnReset()
	}
	c.shown = false
	reply, err := p.Stream(ctx, c.req, c.onText)
	if c.router.After != nil {
		c.router.After(ctx, name, used(reply, err), err)
	}
	if err == nil {
		reply.Model = name
		return reply, nil
	}
	if ctx.Err() != nil {
		c.over = true
	}
	return Reply{}, err
}

func (c *call) onText(delta string) {
	c.shown = true
	if c.sink.OnText != nil {
		c.sink.OnText(delta)
	}
}

func (c *call) sleep(ctx context.Context, d time.Duration) error {
	if c.router.Sleep != nil {
		return c.router.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func used(reply Reply, err error) Usage {
	var e *Error
	if errors.As(err, &e) {
		return e.Usage
	}
	return reply.Usage
}

// delay says how long to wait after the try'th failure (from 0), or that there
// is nothing to wait for.
func delay(err error, try int) (wait time.Duration, again bool) {
	var e *Error
	if !errors.As(err, &e) || !e.Temporary || try >= retries || e.Retry > maxRetry {
		return 0, false
	}
	backoff := baseDelay << try
	backoff = backoff/2 + rand.N(backoff/2+1)
	return max(backoff, e.Retry), true
}
