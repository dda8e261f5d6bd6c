package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the platforms have no time zone files

	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
	"instar/shared/cloudflare"
	"instar/shared/config"
	"instar/shared/leak"
	"instar/shared/model"
	"instar/shared/model/catalog"
	"instar/shared/people"
	"instar/shared/platform"
	"instar/shared/queue"
	"instar/shared/sandbox/client"
	"instar/shared/seal"
	"instar/shared/tool"
	"instar/shared/turn"
	"instar/shared/web"
)

// instance is what lasts as long as the instance: what is made of secrets and
// is dear to make for every event.
type instance struct {
	keys  seal.Cache
	once  sync.Once
	guard *leak.Guard
	wrap  func(bucket.Bucket) bucket.Bucket
}

// secrets are the variables whose values nobody is told.
var secrets = []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLOUDFLARE_AI_GATEWAY_API_KEY", "TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "BRAVE_API_KEY", "CF_BROWSER_TOKEN", "CF_KV_TOKEN", "SEAL_KEY"}

// guarded makes the guard with the first event.
func (i *instance) guarded(env platform.Env) *leak.Guard {
	i.once.Do(func() {
		values := map[string]string{}
		for _, name := range secrets {
			values[name] = env.Var(name)
		}
		i.guard = leak.New(values)
	})
	return i.guard
}

// Function is the agent as the platforms run it. wrap, which may be nil, comes
// between it and the bucket: the chaos build puts its faults there.
func Function(wrap func(bucket.Bucket) bucket.Bucket) platform.Function {
	lasting := &instance{wrap: wrap}
	return platform.Function{
		Fetch: func(env platform.Env) http.Handler {
			e, err := lasting.engine(env)
			if err != nil {
				return platform.Misconfigured(err)
			}
			return Handler(e)
		},
		Queue: func(env platform.Env) queue.Handler {
			e, err := lasting.engine(env)
			if err != nil {
				// The message stays on the queue until the configuration is mended.
				return func(context.Context, queue.Message) error { return err }
			}
			return Queue(e)
		},
	}
}

func (i *instance) engine(env platform.Env) (*turn.Engine, error) {
	env.HideInLogs(secrets...)
	below, err := env.Bucket()
	if err != nil {
		return nil, err
	}
	if i.wrap != nil {
		below = i.wrap(below)
	}
	b, err := seal.Open(below, env.Var, &i.keys)
	if err != nil {
		return nil, err
	}
	q, err := env.Queue()
	if err != nil {
		return nil, err
	}
	rules, err := config.Read(env.Var)
	if err != nil {
		return nil, err
	}
	senders := map[string]channel.Sender{}
	if err := addSender(senders, "telegram", func() (channel.Sender, error) {
		return telegram.NewSender(env.Var("TELEGRAM_BOT_TOKEN"), env.Var("TELEGRAM_API_BASE"), env.Fetch())
	}); err != nil {
		return nil, err
	}
	if err := addSender(senders, "slack", func() (channel.Sender, error) {
		return slack.NewSender(env.Var("SLACK_BOT_TOKEN"), env.Var("SLACK_API_BASE"), env.Fetch())
	}); err != nil {
		return nil, err
	}
	var search web.Searcher
	if key := env.Var("BRAVE_API_KEY"); key != "" {
		search = &web.Brave{Key: key, Base: web.BraveBase, Do: env.Fetch()}
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
		Agent: config.Agent, Version: config.Version, Bucket: b, Queue: q, Settings: env.Settings(b),
		Owners: rules.Owners, Self: rules.Addresses, Directory: people.NewDirectory(b, config.Agent+"/people/"), Policy: rules.Policy,
		Senders: senders, Models: func() *model.Router { return models.Router(env.Fetch()) }, Web: env.Web(), Search: search, Guard: i.guarded(env),
		Audit: func(ctx context.Context) (*audit.Log, error) {
			key, err := derived(seal.ForAudit)(ctx)
			return &audit.Log{Bucket: b, Agent: config.Agent, Key: key, Now: time.Now}, err
		},
		Sandbox: computer(env, derived), Renderer: renderer(env),
		Budget: &budget.Ledger{Bucket: b, Agent: config.Agent, Daily: rules.DailyBudget, Zone: rules.Zone, Now: time.Now},
		Zone:   rules.Zone, Now: time.Now,
	}, nil
}

// renderer is Browser Rendering where it is configured.
func renderer(env platform.Env) tool.Renderer {
	account, token := env.Var("CF_BROWSER_ACCOUNT_ID"), env.Var("CF_BROWSER_TOKEN")
	if account == "" || token == "" {
		return nil
	}
	return &cloudflare.Rendering{Account: account, Token: token, Base: env.Var("CF_API_BASE"), Do: env.Fetch()}
}

// computer is the sandbox that is bound here, none where there is none.
func computer(env platform.Env, derived func(seal.Purpose) func(context.Context) ([]byte, error)) turn.Sandbox {
	bound := env.Sandbox()
	if bound.Do == nil {
		return turn.Sandbox{}
	}
	return turn.Sandbox{
		Key: derived(seal.ForTasks), Report: bound.Report, Longest: bound.Longest, Forgets: bound.Forgets,
		Network: !bound.Closed && strings.TrimSpace(env.Var("SANDBOX_HOSTS")) != "",
		Open: func(ctx context.Context, session string) (*client.Client, error) {
			seed, err := derived(seal.ForSandbox)(ctx)
			if err != nil {
				return nil, err
			}
			return &client.Client{Do: bound.Do, Key: ed25519.NewKeyFromSeed(seed), Session: session, Now: time.Now, MaxBody: bound.MaxBody}, nil
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
