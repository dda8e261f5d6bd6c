//go:build js && wasm

// Command workers is the webhook function on Cloudflare Workers.
package main

import (
	"context"
	"net/http"
	"time"

	"instar/functions/webhook"
	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
	"instar/shared/config"
	"instar/shared/seal"
	"instar/shared/workers"
)

func main() {
	cache := &seal.Cache{} // of keys, as long as the instance lives
	workers.Run(workers.Function{Fetch: func(env *workers.Env) http.Handler {
		env.HideInLogs("SEAL_KEY", "TELEGRAM_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET")
		b, err := env.Bucket("BUCKET")
		if err != nil {
			return workers.Misconfigured(err)
		}
		sealed, err := seal.Open(b, env.Var, cache)
		if err != nil {
			return workers.Misconfigured(err)
		}
		q, err := env.Queue("QUEUE")
		if err != nil {
			return workers.Misconfigured(err)
		}
		turns, err := env.Call("AGENT")
		if err != nil {
			return workers.Misconfigured(err)
		}
		return &webhook.Handler{
			Agent: config.Agent, Bucket: sealed, Queue: q, Turns: turns, After: env.WaitUntil, Now: time.Now,
			TaskKey: func(ctx context.Context) ([]byte, error) {
				root, err := sealed.Root(ctx)
				if err != nil {
					return nil, err
				}
				return root.Derive(seal.ForTasks).Bytes(), nil
			},
			Receivers: map[string]func() (channel.Receiver, error){
				"telegram": func() (channel.Receiver, error) {
					if !env.Present("TELEGRAM_BOT_TOKEN") {
						return nil, &channel.Missing{Variable: "TELEGRAM_BOT_TOKEN"}
					}
					return telegram.NewReceiver(env.Var("TELEGRAM_WEBHOOK_SECRET"))
				},
				"slack": func() (channel.Receiver, error) {
					if !env.Present("SLACK_BOT_TOKEN") {
						return nil, &channel.Missing{Variable: "SLACK_BOT_TOKEN"}
					}
					return slack.NewReceiver(env.Var("SLACK_SIGNING_SECRET"))
				},
			},
		}
	}})
}
