//go:build !js

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"instar/functions"
	"instar/functions/agent"
	"instar/functions/console"
	"instar/functions/schedule"
	"instar/functions/webhook"
	"instar/shared/bucket"
	"instar/shared/cloudflare/kv"
	"instar/shared/native"
	"instar/shared/platform"
	"instar/shared/queue"
	"instar/shared/settings"
	"instar/shared/web"
)

// host is the platform: what the functions share, and how they are run.
type host struct {
	bucket   bucket.Bucket
	queue    *queue.Local
	fetch    platform.Doer
	web      platform.Doer
	sandbox  platform.Sandbox
	running  atomic.Int64 // handlers at work
	stopping atomic.Bool

	webhook, agent, console, schedule function
}

// function is one of the functions with what it is given.
type function struct {
	platform.Function
	native.Given
}

func newHost(b bucket.Bucket, lookup func(string) string) *host {
	give := func(f platform.Function, l platform.Listing) function {
		return function{f, native.Given{Listing: l, Lookup: lookup, Hidden: new(sync.Once)}}
	}
	h := &host{
		bucket: b, fetch: native.NewClient(), web: web.Direct(),
		webhook:  give(webhook.Function(), functions.Webhook),
		agent:    give(agent.Function(nil), functions.Agent),
		console:  give(console.Function(), functions.Console),
		schedule: give(schedule.Function(), functions.Schedule),
	}
	h.queue = queue.NewLocal(h.deliver, queue.LocalOptions{
		Workers: 8, DefaultRetry: 5 * time.Second, MaxAttempts: 101, // as wrangler.toml says
		Dead: func(m queue.Message, _ error) {
			slog.Error("queue message given up", "id", m.ID, "attempts", m.Attempts)
		},
	})
	return h
}

// env is what one function is given.
type env struct {
	native.Given
	host *host
}

func (e env) Bucket() (bucket.Bucket, error) { return e.host.bucket, e.Need("BUCKET") }
func (e env) Queue() (queue.Sender, error)   { return e.host.queue, e.Need("QUEUE") }
func (e env) Agent() (platform.Doer, error)  { return call{e.host}, e.Need("AGENT") }
func (e env) Sandbox() platform.Sandbox      { return e.host.sandbox }
func (e env) Fetch() platform.Doer           { return e.host.fetch }
func (e env) Web() platform.Doer             { return e.host.web }

func (e env) Settings(b bucket.Bucket) settings.Store {
	return kv.Or(settings.InBucket(b, "settings/"), e.Var, e.host.fetch.Do)
}

func (e env) After(f func(ctx context.Context)) {
	e.host.running.Add(1)
	go func() {
		defer e.host.running.Add(-1)
		platform.Guard(func() error { f(context.Background()); return nil })
	}()
}

// deliver hands a message of the queue to the agent.
func (h *host) deliver(ctx context.Context, m queue.Message) error {
	h.running.Add(1)
	defer h.running.Add(-1)
	if h.stopping.Load() {
		return &queue.Retry{After: time.Minute}
	}
	err := platform.Guard(func() error { return h.agent.Queue(env{h.agent.Given, h})(ctx, m) })
	if _, later := errors.AsType[*queue.Retry](err); err != nil && !later {
		slog.Error("event failed", "kind", "queue", "error", err.Error())
	}
	return err
}

// clock looks each minute. The queue forgot what it held when the last process
// ended, so the first look comes as if it were three minutes later: the schedule
// function then takes all that is still in the inbox for stuck, and has it
// delivered again.
func (h *host) clock(ctx context.Context) {
	h.look(time.Now().Add(3 * time.Minute))
	ticks := time.NewTicker(time.Minute)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			h.look(now)
		}
	}
}

func (h *host) look(at time.Time) error {
	h.running.Add(1)
	defer h.running.Add(-1)
	err := platform.Guard(func() error {
		return h.schedule.Scheduled(context.Background(), env{h.schedule.Given, h}, at)
	})
	if err != nil {
		slog.Error("event failed", "kind", "scheduled", "error", err.Error())
	}
	return err
}

// maxRefused is how many bytes of a body that nobody wants are read, 16 MB.
const maxRefused = 16 << 20

// routes is build/worker/functions.mjs's route.
func (h *host) routes(page http.Handler) http.Handler {
	return native.Guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Who is refused while they still send hears of it only when they may go on.
		defer io.CopyN(io.Discard, r.Body, maxRefused)
		switch path := r.URL.Path; {
		case h.tested(w, r):
		case strings.HasPrefix(path, "/hooks/"):
			h.webhook.Fetch(env{h.webhook.Given, h}).ServeHTTP(w, r)
		case strings.HasPrefix(path, "/api/"), path == "/healthz":
			h.console.Fetch(env{h.console.Given, h}).ServeHTTP(w, r)
		default:
			page.ServeHTTP(w, r)
		}
	}))
}

// openPage serves the console's page, or says how to build it.
func openPage(folder string) (http.Handler, error) {
	if _, err := os.Stat(folder + "/index.html"); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "The page is not built: make assets", http.StatusNotFound)
		}), nil
	}
	return native.Assets(os.DirFS(folder))
}

// stop lets what is running end until ctx does; nothing new is begun.
func (h *host) stop(ctx context.Context) {
	h.stopping.Store(true)
	for h.running.Load() > 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	h.queue.Close(ended) // what it holds is still in the inbox
}
