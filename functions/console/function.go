package console

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
	_ "time/tzdata" // the platforms have no time zone files

	"instar/shared/access"
	"instar/shared/access/cloudflare"
	"instar/shared/audit"
	"instar/shared/config"
	"instar/shared/model/catalog"
	"instar/shared/platform"
	"instar/shared/seal"
)

// Function is the console as the platforms run it.
func Function() platform.Function {
	cache := &seal.Cache{}    // of keys, as long as the instance lives
	var keys *cloudflare.Keys // likewise: public, and numbers alone
	var once sync.Once
	return platform.Function{Fetch: func(env platform.Env) http.Handler {
		env.HideInLogs("SEAL_KEY", "CONSOLE_TOKEN")
		below, err := env.Bucket()
		if err != nil {
			return platform.Misconfigured(err)
		}
		b, unsealed := seal.Open(below, env.Var, cache)
		q, err := env.Queue()
		if err != nil {
			return platform.Misconfigured(err)
		}
		turns, err := env.Agent()
		if err != nil {
			return platform.Misconfigured(err)
		}
		once.Do(func() { keys = cloudflare.NewKeys(env.Fetch()) })
		rules, problem := config.Read(env.Var)
		return &Handler{
			Agent: config.Agent, Bucket: b, Queue: q, Turns: turns,
			Door: &access.Door{
				Token:    env.Var("CONSOLE_TOKEN"),
				Provider: &cloudflare.Access{Team: env.Var(cloudflare.TeamDomain), Audience: env.Var(cloudflare.Audience), Keys: keys},
				Bucket:   b, Prefix: config.Agent + "/access/", Now: time.Now,
				Audit: func(event string, ok bool, who string) { env.After(noted(b, login(event, ok, who))) },
			},
			Audit: func(ctx context.Context) (*audit.Log, error) { return open(ctx, b) },
			Note:  func(e audit.Event) { env.After(noted(b, e)) },
			Rules: rules, Problem: problem, Unsealed: unsealed, Present: env.Present, Now: time.Now,
			Models: catalog.Read(func(name string) string {
				if env.Present(name) {
					return "set" // the value is not ours to know
				}
				return env.Var(name)
			}),
		}
	}}
}

// login is the event of a login, or of what else happened at the door.
func login(event string, ok bool, who string) audit.Event {
	outcome := "failed"
	if ok {
		outcome = "ok"
	}
	return audit.Event{At: time.Now(), Kind: audit.Login, Outcome: outcome, Detail: map[string]string{"event": event, "from": who}}
}

// noted puts an event into the audit log.
func noted(b *seal.Bucket, event audit.Event) func(context.Context) {
	entry := audit.NewEntry(event)
	return func(ctx context.Context) {
		log, err := open(ctx, b)
		if err == nil {
			err = log.Append(ctx, []audit.Entry{entry})
		}
		if err != nil {
			slog.Error("event not put into the audit log", "kind", string(event.Kind), "outcome", event.Outcome, "error", err.Error())
		}
	}
}

// open opens the audit log.
func open(ctx context.Context, b *seal.Bucket) (*audit.Log, error) {
	root, err := b.Root(ctx)
	if err != nil {
		return nil, err
	}
	return &audit.Log{Bucket: b, Agent: config.Agent, Key: root.Derive(seal.ForAudit).Bytes(), Now: time.Now}, nil
}
