//go:build js && wasm

// Command workers is the schedule function on Cloudflare Workers.
package main

import (
	"context"
	"log/slog"
	"time"

	"instar/functions/schedule"
	"instar/shared/config"
	"instar/shared/workers"
)

func main() {
	workers.Run(workers.Function{Scheduled: func(ctx context.Context, env *workers.Env, at time.Time) error {
		b, err := env.Bucket("BUCKET")
		if err != nil {
			return err
		}
		q, err := env.Queue("QUEUE")
		if err != nil {
			return err
		}
		s := &schedule.Sweeper{Agent: config.Agent, Bucket: b, Queue: q}
		n, err := s.Sweep(ctx, at)
		if n > 0 {
			slog.Info("sweep", "messages", n)
		}
		return err
	}})
}
