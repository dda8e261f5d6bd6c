//go:build js && wasm

package workers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"instar/shared/bucket"
	"instar/shared/platform"
	"instar/shared/queue"
	"instar/shared/sandbox/client"
	"instar/shared/settings"
)

// Serve serves one of Instar's functions; it does not return.
func Serve(f platform.Function) {
	var served Function
	if f.Fetch != nil {
		served.Fetch = func(env *Env) http.Handler { return f.Fetch(host{env}) }
	}
	if f.Queue != nil {
		served.Queue = func(env *Env) queue.Handler { return f.Queue(host{env}) }
	}
	if f.Scheduled != nil {
		served.Scheduled = func(ctx context.Context, env *Env, at time.Time) error { return f.Scheduled(ctx, host{env}, at) }
	}
	Run(served)
}

// host is an Env with the bindings' names, as wrangler.toml has them.
type host struct{ *Env }

func (h host) Bucket() (bucket.Bucket, error)          { return h.Env.Bucket("BUCKET") }
func (h host) Queue() (queue.Sender, error)            { return h.Env.Queue("QUEUE") }
func (h host) Settings(b bucket.Bucket) settings.Store { return h.Env.Settings("SETTINGS", b) }
func (h host) Agent() (platform.Doer, error)           { return h.Call("AGENT") }
func (h host) Fetch() platform.Doer                    { return Fetch{} }
func (h host) Web() platform.Doer                      { return Fetch{} } // the platform's network has no private places
func (h host) After(f func(ctx context.Context))       { h.WaitUntil(f) }

func (h host) Sandbox() platform.Sandbox {
	bound, err := h.Env.Sandbox("SANDBOX")
	if err != nil {
		return platform.Sandbox{}
	}
	do := func(session, publicKey string, r *http.Request) (*http.Response, error) {
		response, err := bound.Do(session, publicKey, r)
		switch {
		case errors.Is(err, ErrAsleep):
			err = client.ErrAsleep
		case errors.Is(err, ErrNoSandbox):
			err = client.ErrOff
		}
		return response, err
	}
	// The container's way out, build/worker/outbound.mjs, brings it to our webhook.
	return platform.Sandbox{Do: do, Report: "http://instar.internal/hooks/sandbox"}
}
