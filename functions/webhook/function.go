package webhook

import (
	"context"
	"net/http"
	"time"

	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
	"instar/shared/config"
	"instar/shared/platform"
	"instar/shared/seal"
)

// Function is the webhook as the platforms run it.
func Function() platform.Function {
	cache := &seal.Cache{} // of keys, as long as the instance lives
	return platform.Function{Fetch: func(env platform.Env) http.Handler {
		env.HideInLogs("SEAL_KEY", "TELEGRAM_WEBHOOK_SECRET", "SLACK_SIGNING_SECRET")
		b, err := env.Bucket()
		if err != nil {
			return platform.Misconfigured(err)
		}
		sealed, err := seal.Open(b, env.Var, cache)
		if err != nil {
			return platform.Misconfigured(err)
		}
		q, err := env.Queue()
		if err != nil {
			return platform.Misconfigured(err)
		}
		turns, err := env.Agent()
		if err != nil {
			return platform.Misconfigured(err)
		}
		return &Handler{
			Agent: config.Agent, Bucket: sealed, Queue: q, Turns: turns, After: env.After, Now: time.Now,
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
	}}
}
