//go:build js && wasm

package workers

import (
	"context"
	"fmt"
	"strings"
	"syscall/js"

	"instar/shared/bucket"
	"instar/shared/queue"
	"instar/shared/settings"
)

// Env is what the platform gives one event: only what the function is listed
// for in build/worker/functions.mjs. It and everything got from it ends with
// the event.
type Env struct {
	event *event
	given js.Value // read when first asked for
}

func (e *Env) value(name string) js.Value {
	if e.given.IsUndefined() {
		e.given = e.event.run().Get("env")
	}
	return e.given.Get(name)
}

// Var returns a variable or secret, or "" when it is not set or not given to
// this function.
func (e *Env) Var(name string) string {
	v := e.value(name)
	if v.Type() != js.TypeString {
		return ""
	}
	return v.String()
}

// Present reports whether a variable is set whose value this function may not see.
func (e *Env) Present(name string) bool {
	for given := range strings.SplitSeq(e.Var("PRESENT"), ",") {
		if given == name {
			return true
		}
	}
	return false
}

// WaitUntil runs f after the answer; the platform keeps the event alive for it
// (30 s after an HTTP answer, 15 min from the start otherwise). A panic in f is
// logged.
func (e *Env) WaitUntil(f func(ctx context.Context)) {
	// The caller may go away once it has its answer; that must not end f.
	ctx := context.WithoutCancel(e.event.ctx)
	e.event.rest.Go(func() {
		e.event.guard(func() error { f(ctx); return nil })
	})
}

func (e *Env) binding(name string) (js.Value, error) {
	v := e.value(name)
	if v.Type() != js.TypeObject {
		return v, fmt.Errorf("binding %s is missing: add it to wrangler.toml", name)
	}
	return v, nil
}

// Bucket returns the R2 bucket bound as name.
func (e *Env) Bucket(name string) (bucket.Bucket, error) {
	v, err := e.binding(name)
	if err != nil {
		return nil, err
	}
	return &r2{v}, nil
}

// Settings returns the KV namespace bound as name, or, where none is bound,
// settings kept in the bucket.
func (e *Env) Settings(name string, fallback bucket.Bucket) settings.Store {
	v, err := e.binding(name)
	if err != nil {
		return settings.InBucket(fallback, "settings/")
	}
	return &kv{name: name, namespace: v}
}

// Queue returns the queue bound as name.
func (e *Env) Queue(name string) (queue.Sender, error) {
	if _, err := e.binding(name); err != nil {
		return nil, err
	}
	return &producer{name}, nil
}
