package turn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/session"
	"instar/shared/settings"
	"instar/shared/transcript"
	"instar/shared/turn"
)

const (
	primary  = "anthropic/claude-sonnet-4-5"
	fallback = "openai/gpt-5.5"
	owner    = "telegram:42"
)

// world is an engine with everything around it in memory. Its time is that of
// the synctest bubble it was made in.
type world struct {
	t        *testing.T
	store    *bucket.Memory
	hooks    *hooks // on every call to the bucket and the platforms
	bucket   *bucket.Metered
	telegram *platform
	slack    *platform
	models   map[string]*script
	policy   people.Policy
	engine   *turn.Engine
	serial   int

	mu     sync.Mutex
	queued []wake // by the engine, not delivered yet
}

type wake struct {
	inbox.Wake
	at time.Time // when it is to be delivered
}

// inBubble runs a test in fake time. It fails when a goroutine is left behind.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: bucket.NewMemory(), hooks: &hooks{}, policy: people.Pairing, models: map[string]*script{}}
	w.bucket = bucket.NewMetered(&bucket.Faulty{
		Bucket: w.store,
		Before: func(op bucket.Op, key string) error { return w.hooks.first(string(op) + " " + key) },
		After:  func(op bucket.Op, key string) error { return w.hooks.then(string(op) + " " + key) },
	})
	w.telegram, w.slack = newPlatform("telegram", w.hooks), newPlatform("slack", w.hooks)
	w.models[primary], w.models[fallback] = &script{answer: echo}, &script{answer: echo}
	owners, err := people.ParseOwner(owner + ",slack:U1")
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("Asia/Tokyo", 9*3600)
	w.engine = &turn.Engine{
		Agent: "main", Version: "test", Bucket: w.bucket, Queue: w, Settings: settings.InBucket(bucket.NewMemory(), "main/settings/"),
		Owners: owners, Directory: people.NewDirectory(w.bucket, "main/people/"),
		Policy:  func(string) people.Policy { return w.policy },
		Senders: map[string]channel.Sender{"telegram": w.telegram, "slack": w.slack},
		Models:  w.router,
		Budget:  &budget.Ledger{Bucket: w.bucket, Agent: "main", Zone: zone, Now: time.Now},
		Zone:    zone, Now: time.Now,
	}
	return w
}

func (w *world) router() *model.Router {
	return &model.Router{Models: []string{primary, fallback}, Open: func(name string) (model.Provider, error) {
		if s := w.models[name]; s != nil {
			return s, nil
		}
		return nil, model.ConfigError("set NEW_API_KEY to use " + name)
	}}
}

func (w *world) sessions() *session.Store {
	return &session.Store{Bucket: w.store, Agent: "main", Now: time.Now, Fold: turn.UserText}
}

// message is a private message of "channel:id", not stored yet.
func (w *world) message(person, text string) *chat.Message {
	w.mu.Lock()
	w.serial++
	serial := w.serial
	w.mu.Unlock()
	name, id, _ := strings.Cut(person, ":")
	m := &chat.Message{
		ID: fmt.Sprintf("%s:%d", name, serial), Time: time.Now(), Kind: chat.Private, Text: text,
		PlatformID: fmt.Sprint(serial), Address: chat.Address{Channel: name, Chat: id}, Sender: chat.Sender{ID: id, Name: "Somebody"},
	}
	if name == turn.Web {
		m.Session, m.Chat, m.Sender.ID = id, id, "owner"
	}
	return m
}

// group is a message in a group that mentions the agent.
func (w *world) group(person, text string) *chat.Message {
	m := w.message(person, text)
	m.Kind, m.Chat, m.Mentions = chat.Group, "-100", []string{"@instar_bot"}
	return m
}

// put stores a message in the inbox and returns its key.
func (w *world) put(m *chat.Message) string {
	w.t.Helper()
	own := *m
	key, err := inbox.Accept(context.Background(), w.bucket, nowhere{}, "main", &own, time.Now(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// nowhere is the queue of tests that deliver by hand.
type nowhere struct{}

func (nowhere) Send(context.Context, []byte, time.Duration) error { return nil }

// Send is the queue that the engine puts messages on; until delivers them.
func (w *world) Send(_ context.Context, body []byte, delay time.Duration) error {
	if err := w.hooks.first("queue send"); err != nil {
		return err
	}
	one := wake{at: time.Now().Add(delay)}
	if err := json.Unmarshal(body, &one.Wake); err != nil {
		return err
	}
	w.mu.Lock()
	w.queued = append(w.queued, one)
	w.mu.Unlock()
	return w.hooks.then("queue send")
}

// drain delivers what the engine has put on the queue for the next six hours.
func (w *world) drain() { w.drainFor(6 * time.Hour) }

func (w *world) drainFor(ahead time.Duration) {
	for {
		w.mu.Lock()
		i := slices.IndexFunc(w.queued, func(one wake) bool { return time.Until(one.at) <= ahead })
		if i < 0 {
			w.mu.Unlock()
			return
		}
		next := w.queued[i]
		w.queued = slices.Delete(w.queued, i, i+1)
		w.mu.Unlock()
		time.Sleep(time.Until(next.at))
		if next.Audit != "" {
			if err := w.engine.Gather(context.Background(), next.Audit); err != nil {
				w.t.Errorf("gather: %v", err)
			}
		} else if next.Task != "" {
			if err := w.engine.Look(context.Background(), next.Task, next.Look); err != nil {
				w.t.Errorf("look: %v", err)
			}
		} else if next.Compact == "" {
			w.until(next.Key, next.Again)
		} else if err := w.engine.Compact(context.Background(), next.Compact); err != nil {
			w.t.Errorf("compact: %v", err)
		}
	}
}

func (w *world) handle(key string, redelivery bool) (*session.Turn, error) {
	return w.engine.Handle(context.Background(), turn.Delivery{Key: key, Again: redelivery}, turn.Live{})
}

// say has a message answered and returns its turn.
func (w *world) say(person, text string) *session.Turn {
	w.t.Helper()
	return w.deliver(w.message(person, text))
}

func (w *world) deliver(m *chat.Message) *session.Turn {
	w.t.Helper()
	t, err := w.handle(w.put(m), false)
	if err != nil {
		w.t.Fatalf("%q: %v", m.Text, err)
	}
	w.drain()
	return t
}

// deliverOnly has the owner's message answered and leaves what that puts on the
// queue there.
func (w *world) deliverOnly(text string) {
	w.t.Helper()
	if _, err := w.handle(w.put(w.message(owner, text)), false); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.queued = nil
	w.mu.Unlock()
}

func (w *world) log() *transcript.Log {
	return &transcript.Log{Bucket: w.bucket, Prefix: "main/sessions/main/log/"}
}

// until delivers a stored message as the queue does, again and again, first
// with the given redelivery, until it is acknowledged.
func (w *world) until(key string, redelivery bool) {
	w.t.Helper()
	for range 200 {
		_, err := w.handle(key, redelivery)
		if err == nil || turn.Settled(err) {
			w.drain()
			return
		}
		wait := 5 * time.Second
		var retry *queue.Retry
		if errors.As(err, &retry) {
			wait = retry.After
		}
		time.Sleep(wait)
		redelivery = true
	}
	w.t.Error("a message was never acknowledged")
}

func (w *world) remember(file, text string) {
	w.t.Helper()
	if _, err := w.store.PutIfAbsent(context.Background(), "main/"+file, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) file(key string) string {
	o, err := w.store.Get(context.Background(), key)
	if err != nil {
		return ""
	}
	return string(o.Data)
}

// lastRequest is what the primary model was asked last in a conversation.
func (w *world) lastRequest() model.Request {
	w.t.Helper()
	all := slices.DeleteFunc(w.models[primary].asked(), func(r model.Request) bool {
		return strings.HasPrefix(r.System, "You keep the notes")
	})
	if len(all) == 0 {
		w.t.Fatal("the model was not asked")
	}
	return all[len(all)-1]
}

// answerFunc is one reply of a scripted model.
type answerFunc func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error)

// script is a model.Provider that does as it is told.
type script struct {
	mu       sync.Mutex
	requests []model.Request
	answer   answerFunc
}

func (s *script) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	return s.answer(ctx, r, onText)
}

func (s *script) asked() []model.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]model.Request(nil), s.requests...)
}

func text(onText func(string), s string) (model.Reply, error) {
	onText(s)
	return model.Reply{Text: s, Stop: model.StopEnd, Usage: model.Usage{Input: 100, Output: 10}}, nil
}

// echo answers with what was said last.
func echo(_ context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	return text(onText, "Answer: "+r.Messages[len(r.Messages)-1].Text)
}

func says(s string) answerFunc {
	return func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
		return text(onText, s)
	}
}

func fails(err error) answerFunc {
	return func(context.Context, model.Request, func(string)) (model.Reply, error) { return model.Reply{}, err }
}

// inTurn gives the answers one after the other, the last one for ever.
func inTurn(answers ...answerFunc) answerFunc {
	var mu sync.Mutex
	n := 0
	return func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
		mu.Lock()
		next := answers[min(n, len(answers)-1)]
		n++
		mu.Unlock()
		return next(ctx, r, onText)
	}
}

// asks is a reply that asks for tools.
func asks(calls ...model.ToolCall) answerFunc {
	return func(context.Context, model.Request, func(string)) (model.Reply, error) {
		return model.Reply{Calls: calls, Stop: model.StopTools, Usage: model.Usage{Input: 100, Output: 10}}, nil
	}
}

func call(id, name, input string) model.ToolCall {
	return model.ToolCall{ID: id, Name: name, Input: json.RawMessage(input)}
}

// results are the tool results that a request ends with.
func results(r model.Request) []model.ToolResult { return r.Messages[len(r.Messages)-1].Results }
