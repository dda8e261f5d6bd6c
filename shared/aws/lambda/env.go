//go:build !js

package lambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"instar/shared/aws/api"
	"instar/shared/aws/s3"
	"instar/shared/aws/sqs"
	"instar/shared/aws/ssm"
	"instar/shared/bucket"
	"instar/shared/cloudflare/kv"
	"instar/shared/native"
	"instar/shared/platform"
	"instar/shared/queue"
	"instar/shared/settings"
	"instar/shared/web"
)

// host is what lasts as long as the process.
type host struct {
	function platform.Function
	listing  platform.Listing
	getenv   func(string) string

	given  native.Given
	fetch  *native.Client
	web    platform.Doer
	api    *api.Client
	bucket bucket.Bucket
	queue  *sqs.Queue
	ready  bool

	served  time.Time // when the last event ended, by the wall clock
	present sync.Map  // name to bool: which variables of others are set
}

// load prepares the host with the first event: the function's parameters are
// read once for each process. An error has the next event try again.
func (h *host) load(ctx context.Context) error {
	if h.ready {
		return nil
	}
	h.fetch, h.web = native.NewClient(), web.Direct()
	h.api = api.FromEnv(h.getenv, h.fetch.Do)
	if h.queue = (&sqs.Queue{API: h.api, URL: h.getenv("QUEUE")}); h.queue.URL == "" {
		return errors.New("QUEUE is not set: it is the queue's URL")
	}
	values := map[string]string{}
	var stored []string
	for _, name := range slices.Concat(h.listing.Vars, h.listing.Native, s3.OwnKeys) {
		if values[name] = h.getenv(name); values[name] == "" {
			stored = append(stored, name)
		}
	}
	if prefix := h.getenv("PARAMETERS"); prefix != "" {
		found, err := ssm.Get(ctx, h.api, prefix, stored)
		if err != nil {
			return err
		}
		for name, value := range found {
			values[name] = value
		}
	}
	// What is not among the function's variables it does not see: given has the list.
	options, err := s3.Parse(h.getenv("BUCKET"), func(name string) string { return cmp.Or(values[name], h.getenv(name)) })
	if err != nil {
		return fmt.Errorf("BUCKET: %w", err)
	}
	if h.bucket, err = s3.Open(options); err != nil {
		return err
	}
	h.given = native.Given{Listing: h.listing, Lookup: func(name string) string { return values[name] }, Hidden: new(sync.Once)}
	h.ready = true
	return nil
}

// exists reports whether a variable is set whose value is another function's.
func (h *host) exists(ctx context.Context, name string) bool {
	if known, ok := h.present.Load(name); ok {
		return known.(bool)
	}
	set := h.getenv(name) != ""
	if prefix := h.getenv("PARAMETERS"); !set && prefix != "" {
		var err error
		if set, err = ssm.Exists(ctx, h.api, prefix, name); err != nil {
			slog.Error("variable not looked for", "error", err.Error())
			return false // and asked for again
		}
	}
	h.present.Store(name, set)
	return set
}

// idle is after how long a connection that waited is not trusted: while the
// process is frozen nobody notices that the other side has closed it.
const idle = 20 * time.Second

// thaw closes the connections that have waited for long.
func (h *host) thaw() {
	now := time.Now().Round(0) // the wall clock: the other one may stand still in between
	if h.ready && now.Sub(h.served) > idle {
		h.fetch.CloseIdle()
	}
	h.served = now
}

// env is what one event is given.
type env struct {
	host *host
	ctx  context.Context
	rest sync.WaitGroup // functions given to After
}

func (e *env) Var(name string) string       { return e.host.given.Var(name) }
func (e *env) HideInLogs(names ...string)   { e.host.given.HideInLogs(names...) }
func (e *env) Fetch() platform.Doer         { return e.host.fetch }
func (e *env) Web() platform.Doer           { return e.host.web }
func (e *env) Queue() (queue.Sender, error) { return e.host.queue, e.host.given.Need("QUEUE") }

func (e *env) Present(name string) bool {
	if name == "SANDBOX" { // of the deployment, not of its owner's
		return slices.Contains(e.host.listing.Present, name) && e.host.getenv(name) != ""
	}
	return slices.Contains(e.host.listing.Present, name) && e.host.exists(e.ctx, name)
}

func (e *env) Sandbox() platform.Sandbox {
	name := e.host.getenv("SANDBOX")
	if name == "" || !e.host.listing.Bound("SANDBOX") {
		return platform.Sandbox{}
	}
	return Sandbox(e.host.api, name)
}

func (e *env) Bucket() (bucket.Bucket, error) { return e.host.bucket, e.host.given.Need("BUCKET") }

func (e *env) Settings(b bucket.Bucket) settings.Store {
	return kv.Or(settings.InBucket(b, "settings/"), e.Var, e.host.fetch.Do)
}

func (e *env) Agent() (platform.Doer, error) {
	name := e.host.getenv("AGENT")
	if name == "" {
		return nil, errors.New("AGENT is not set: it is the agent function's name")
	}
	return caller{e.host.api, name}, e.host.given.Need("AGENT")
}

// After runs f at once: when the event has ended the process is frozen. The
// event does not end before f has.
func (e *env) After(f func(ctx context.Context)) {
	ctx := context.WithoutCancel(e.ctx)
	e.rest.Go(func() {
		platform.Guard(func() error { f(ctx); return nil })
	})
}
