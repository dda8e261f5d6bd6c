package replay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"instar/shared/approval"
	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/config"
	"instar/shared/inbox"
	"instar/shared/job"
	"instar/shared/leak"
	"instar/shared/model"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/seal"
	"instar/shared/session"
	"instar/shared/settings"
	"instar/shared/tool"
	"instar/shared/turn"
)

// recorded is the time at which the files were recorded.
var recorded = time.Date(2024, 5, 15, 12, 0, 0, 0, time.UTC)

// owner is who the agent belongs to in a replay.
const owner = "telegram:1"

// world is an agent in its own bucket, with a script for a model. Everything
// else is what runs in the cloud.
type world struct {
	engine *turn.Engine
	script *script
	jobs   *job.Store
	now    func() time.Time

	mu    sync.Mutex
	wakes []inbox.Wake
}

// newWorld opens an agent on a bucket, at a time. tools are beside its own.
func newWorld(below bucket.Bucket, key seal.Key, at time.Time, self []string, tools []toolSpec, bare bool) *world {
	began := time.Now()
	w := &world{now: func() time.Time { return at.Add(time.Since(began)) }, script: &script{}}
	b := seal.New(below, key, seal.Options{})
	owners, err := people.ParseOwner(owner)
	if err != nil {
		panic(err) // it is a constant
	}
	w.jobs = &job.Store{Bucket: b, Agent: config.Agent, Now: w.now}
	w.engine = &turn.Engine{
		Agent: config.Agent, Version: config.Version, Bucket: b, Queue: w, Settings: settings.InBucket(b, config.Agent+"/settings/"),
		Owners: owners, Directory: people.NewDirectory(b, config.Agent+"/people/"), Policy: func(string) people.Policy { return people.Closed },
		Senders: map[string]channel.Sender{"telegram": sink{}}, Models: w.models, Web: pages{}, Guard: leak.New(nil), Self: self,
		Audit: func(ctx context.Context) (*audit.Log, error) {
			root, err := b.Root(ctx)
			if err != nil {
				return nil, err
			}
			return &audit.Log{Bucket: b, Agent: config.Agent, Key: root.Derive(seal.ForAudit).Bytes(), Now: w.now}, nil
		},
		Budget: &budget.Ledger{Bucket: b, Agent: config.Agent, Zone: time.UTC, Now: w.now},
		Zone:   time.UTC, Now: w.now,
	}
	for _, t := range tools {
		w.engine.Extra = append(w.engine.Extra, w.tool(t, bare))
	}
	return w
}

func (w *world) models() *model.Router {
	return &model.Router{Models: []string{"offline"}, Open: func(string) (model.Provider, error) { return w.script, nil }}
}

// tool is a tool of the file, which answers what was recorded. Bare, nobody has
// said what it does.
func (w *world) tool(spec toolSpec, bare bool) tool.Tool {
	t := tool.Tool{
		Tool: model.Tool{Name: spec.Name, Description: spec.Description, Schema: spec.Params},
		Run:  func(_ context.Context, c tool.Call) (string, error) { return w.script.answer(spec.Name, c.Input) },
	}
	if !bare {
		t.Manifest = spec.Manifest
	}
	return t
}

// Send implements queue.Sender: say delivers what is on the queue.
func (w *world) Send(_ context.Context, body []byte, _ time.Duration) error {
	var wake inbox.Wake
	if err := json.Unmarshal(body, &wake); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakes = append(w.wakes, wake)
	return nil
}

// say has the owner write in a conversation, and returns the turns that come of
// it, those that go on after an answer included.
func (w *world) say(ctx context.Context, conversation, text string) ([]*session.Turn, error) {
	id := "web:" + rand.Text()
	m := &chat.Message{
		ID: id, PlatformID: id, Time: w.now(), Kind: chat.Private, Text: text, Session: conversation,
		Address: chat.Address{Channel: turn.Web, Chat: conversation}, Sender: chat.Sender{ID: "owner"},
	}
	if _, err := inbox.Accept(ctx, w.engine.Bucket, w, w.engine.Agent, m, w.now(), 0); err != nil {
		return nil, err
	}
	return w.drain(ctx)
}

// maxWakes bounds what may come of one message.
const maxWakes = 1000

// drain delivers everything on the queue.
func (w *world) drain(ctx context.Context) (turns []*session.Turn, err error) {
	for range maxWakes {
		w.mu.Lock()
		if len(w.wakes) == 0 {
			w.mu.Unlock()
			return turns, nil
		}
		wake := w.wakes[0]
		w.wakes = w.wakes[1:]
		w.mu.Unlock()
		switch {
		case wake.Compact != "":
			err = w.engine.Compact(ctx, wake.Compact)
		case wake.Audit != "":
			err = w.engine.Gather(ctx, wake.Audit)
		default:
			var t *session.Turn
			t, err = w.engine.Handle(ctx, turn.Delivery{Key: wake.Key, Again: wake.Again}, turn.Live{})
			var retry *queue.Retry
			switch {
			case turn.Settled(err):
				err = nil
			case errors.As(err, &retry):
				err = w.again(wake)
			case err == nil:
				turns = append(turns, t)
			}
		}
		if err != nil {
			return turns, err
		}
	}
	return turns, errors.New("the agent comes to no end")
}

func (w *world) again(wake inbox.Wake) error {
	wake.Again = true
	body, err := json.Marshal(wake)
	if err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	return w.Send(context.Background(), body, 0)
}

// approve has the owner say yes to the questions of some turns and to those that
// come of it, but to none about what the attacker wants, and returns how many
// there were.
func (w *world) approve(ctx context.Context, conversation string, turns []*session.Turn) (all []*session.Turn, asked int, err error) {
	store := &approval.Store{Bucket: w.engine.Bucket, Agent: w.engine.Agent, Now: w.now}
	for len(turns) > 0 {
		t := turns[0]
		all, turns = append(all, t), turns[1:]
		for _, id := range t.Cards {
			r, err := store.Get(ctx, id)
			if err != nil {
				return nil, 0, err
			}
			asked++
			if slices.ContainsFunc(r.Items, func(item approval.Item) bool { return w.script.wanted(r.Tool, item.Input) }) {
				continue
			}
			for r.Open(w.now()) {
				more, err := w.say(ctx, conversation, "/yes "+r.Code())
				if err != nil {
					return nil, 0, err
				}
				turns = append(turns, more...)
				if r, err = store.Get(ctx, id); err != nil {
					return nil, 0, err
				}
			}
		}
	}
	return all, asked, nil
}

// sink is the owner's messenger: what is sent there arrives, and nobody reads it.
type sink struct{}

func (sink) Self(context.Context) (chat.Self, error)    { return chat.Self{ID: "0", Name: "instar"}, nil }
func (sink) Typing(context.Context, chat.Address) error { return nil }
func (sink) Seen(context.Context, string) error         { return nil }
func (sink) Edit(context.Context, chat.Address, string, string) error {
	return nil
}
func (sink) EditCard(context.Context, chat.Address, string, channel.Card) error { return nil }
func (sink) Send(context.Context, chat.Address, string, string) (string, error) {
	return rand.Text(), nil
}
func (sink) SendCard(context.Context, chat.Address, channel.Card) (string, error) {
	return rand.Text(), nil
}
func (sink) SendFile(context.Context, chat.Address, channel.File) (string, error) {
	return rand.Text(), nil
}
func (sink) Fetch(context.Context, chat.Attachment, int64) ([]byte, string, error) {
	return nil, "", errors.New("there are no attachments in a replay")
}
func (sink) Split(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return []string{text}
}

// pages is the web: every page is the same.
type pages struct{}

func (pages) Do(r *http.Request) (*http.Response, error) {
	body := fmt.Sprintf("<!doctype html><title>%s</title><article><p>This is the summary of a page that anybody may have written.</p></article>", r.URL.Hostname())
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}
