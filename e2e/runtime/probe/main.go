//go:build js && wasm

// Command probe is a function made for the runtime's tests: each path does one
// thing that a real function might do, well or badly.
package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"instar/shared/queue"
	"instar/shared/workers"
)

func main() {
	// Kept between events on purpose: they show which instance answered.
	p := &probe{instance: rand.Text()}
	workers.Run(workers.Function{
		Fetch: func(env *workers.Env) http.Handler {
			p.served++
			return p.routes(env)
		},
		Queue: func(env *workers.Env) queue.Handler {
			return func(ctx context.Context, m queue.Message) error { return deliver(ctx, env, m) }
		},
		Scheduled: func(ctx context.Context, env *workers.Env, at time.Time) error {
			b, err := env.Bucket("BUCKET")
			if err != nil {
				return err
			}
			_, err = b.PutIfAbsent(ctx, "probe/scheduled", []byte(at.UTC().Format(time.RFC3339)))
			return err
		},
	})
}

// probe is what one instance knows of itself.
type probe struct {
	instance string
	served   int
}

// routes are the paths below /probe/ and /single/.
func (p *probe) routes(env *workers.Env) http.Handler {
	mux := http.NewServeMux()
	p.badly(mux)
	p.answers(mux)
	storage(mux, env)
	outward(mux, env)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", p.instance)
		mux.ServeHTTP(w, r)
	})
}
