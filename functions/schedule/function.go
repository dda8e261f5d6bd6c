package schedule

import (
	"context"
	"time"
	_ "time/tzdata" // the platforms have no time zone files

	"instar/shared/chat"
	"instar/shared/config"
	"instar/shared/job"
	"instar/shared/platform"
	"instar/shared/seal"
)

// Function is the clock as the platforms run it.
func Function() platform.Function {
	cache := &seal.Cache{} // of keys, as long as the instance lives
	return platform.Function{Scheduled: func(ctx context.Context, env platform.Env, at time.Time) error {
		env.HideInLogs("SEAL_KEY")
		b, err := env.Bucket()
		if err != nil {
			return err
		}
		sealed, err := seal.Open(b, env.Var, cache)
		if err != nil {
			return err
		}
		q, err := env.Queue()
		if err != nil {
			return err
		}
		rules, err := config.Read(env.Var)
		if err != nil {
			return err
		}
		c := &Clock{Agent: config.Agent, Bucket: sealed, Queue: q, Zone: rules.Zone, Now: time.Now, Tasks: env.Present("SANDBOX"),
			// Without a messenger the heartbeat's words are found in the web chat.
			Owner: chat.Address{Channel: "web", Chat: job.Beating}}
		for _, channel := range []struct{ name, token string }{{"telegram", "TELEGRAM_BOT_TOKEN"}, {"slack", "SLACK_BOT_TOKEN"}} {
			if id, ok := rules.Owners.On(channel.name); ok && env.Present(channel.token) {
				c.Owner = chat.Address{Channel: channel.name, Chat: id}
				break
			}
		}
		return c.Minute(ctx, at)
	}}
}
