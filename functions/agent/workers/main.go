//go:build js && wasm

// Command workers is the agent function on Cloudflare Workers.
package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // Workers have no time zone files

	"instar/functions/agent"
	"instar/shared/audit"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
	"instar/shared/config"
	"instar/shared/leak"
	"instar/shared/model"
	"instar/shared/model/catalog"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/sandbox/client"
	"instar/shared/seal"
	"instar/shared/turn"
	"instar/shared/web"
	"instar/shared/workers"
)

// instance is what lasts as long as the instance: what is made of secrets and
// is dear to make for every event.
type instance struct {
	keys  seal.Cache
	guard *leak.Guard
}

// secrets are the variables whose values nobody is told.
var secrets = []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLOUDFLARE_AI_GATEWAY_API_KEY", "TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "BRAVE_API_KEY", "SEAL_KEY"}

// guarded makes the guard with the first event.
func (i *instance) guarded(env *workers.Env) *leak.Guard {
	if i.guard == nil {
		values := map[string]string{}
		for _, name := range secrets {
			values[name] = env.Var(name)
		}
		i.guard = leak.New(values)
	}
	return i.guard
}

func main() {
	lasting := &instance{}
	workers.Run(workers.Function{
		Fetch: func(env *workers.Env) http.Handler {
			e, err := engine(env, lasting)
			if err != nil {
				return workers.Misconfigured(err)
			}
			return agent.Handler(e)
		},
		Queue: func(env *workers.Env) queue.Handler {
			e, err := engine(env, lasting)
			if err != nil {
				// The message stays on the queue until the configuration is mended.
				return func(context.Context, queue.Message) error { return err }
			}
			return agent.Queue(e)
		},
	})
}

func engine(env *workers.Env, lasting *instance) (*turn.Engine, error) {
	env.HideInLogs(secrets...)
	below, err := env.Bucket("BUCKET")
	if err != nil {
		return nil, err
	}
	b, err := seal.Open(wrap(below), env.Var, &lasting.keys)
	if err != nil {
		return nil, err
	}
	q, err := env.Queue("QUEUE")
	if err != nil {
		return nil, err
	}
	rules, err := config.Read(env.Var)
	if err != nil {
		return nil, err
	}
	senders := map[string]channel.Sender{}
	if err := addSender(senders, "telegram", func() (channel.Sender, error) {
		return telegram.NewSender(env.Var("TELEGRAM_BOT_TOKEN"), env.Var("TELEGRAM_API_BASE"), workers.Fetch{})
	}); err != nil {
		return nil, err
	}
	if err := addSender(senders, "slack", func() (channel.Sender, error) {
		return slack.NewSender(env.Var("SLACK_BOT_TOKEN"), env.Var("SLACK_API_BASE"), workers.Fetch{})
	}); err != nil {
		return nil, err
	}
	var search web.Searcher
	if key := env.Var("BRAVE_API_KEY"); key != "" {
		search = &web.Brave{Key: key, Base: web.BraveBase, Do: workers.Fetch{}}
	}
	models := catalog.Read(env.Var)
	derived := func(p seal.Purpose) func(ctx context.Context) ([]byte, error) {
		return func(ctx context.Context) ([]byte, error) {
			root, err := b.Root(ctx)
			if err != nil {
				return nil, err
			}
			return root.Derive(p).Bytes(), nil
		}
	}
	return &turn.Engine{
		Agent: config.Agent, Version: config.Version, Bucket: b, Queue: q, Settings: env.Settings("SETTINGS", b),
		Owners: rules.Owners, Self: rules.Addresses, Directory: people.NewDirectory(b, config.Agent+"/people/"), Policy: rules.Policy,
		Senders: senders, Models: func() *model.Router { return models.Router(workers.Fetch{}) }, Web: workers.Fetch{}, Search: search, Guard: lasting.guarded(env),
		Audit: func(ctx context.Context) (*audit.Log, error) {
			key, err := derived(seal.ForAudit)(ctx)
			return &audit.Log{Bucket: b, Agent: config.Agent, Key: key, Now: time.Now}, err
		},
		Sandbox: computer(env, derived),
		Budget:  &budget.Ledger{Bucket: b, Agent: config.Agent, Daily: rules.DailyBudget, Zone: rules.Zone, Now: time.Now},
		Zone:    rules.Zone, Now: time.Now,
	}, nil
}

// computer is the sandbox that is bound here, none where there is none.
func computer(env *workers.Env, derived func(seal.Purpose) func(context.Context) ([]byte, error)) turn.Sandbox {
	bound, err := env.Sandbox("SANDBOX")
	if err != nil {
		return turn.Sandbox{}
	}
	do := func(session, publicKey string, r *http.Request) (*http.Response, error) {
		response, err := bound.Do(session, publicKey, r)
		switch {
		case errors.Is(err, workers.ErrAsleep):
			err = client.ErrAsleep
		case errors.Is(err, workers.ErrNoSandbox):
			err = client.ErrOff
		}
		return response, err
	}
	return turn.Sandbox{
		Key: derived(seal.ForTasks), Report: "http://instar.internal/hooks/sandbox", Network: strings.TrimSpace(env.Var("SANDBOX_HOSTS")) != "",
		Open: func(ctx context.Context, session string) (*client.Client, error) {
			seed, err := derived(seal.ForSandbox)(ctx)
			if err != nil {
				return nil, err
			}
			return &client.Client{Do: do, Key: ed25519.NewKeyFromSeed(seed), Session: session, Now: time.Now}, nil
		},
	}
}

// addSender adds a channel; one without a token is just not there.
func addSender(senders map[string]channel.Sender, name string, open func() (channel.Sender, error)) error {
	s, err := open()
	var missing *channel.Missing
	if errors.As(err, &missing) {
		return nil
	}
	if err == nil {
		senders[name] = s
	}
	return err
}
