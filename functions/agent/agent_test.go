package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"instar/functions/agent"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/settings"
	"instar/shared/turn"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

// provider is a model that does as it is told.
type provider func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error)

func (p provider) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	return p(ctx, r, onText)
}

func says(text string) provider { return after(0, text) }

// after is a model that thinks before it answers.
func after(d time.Duration, text string) provider {
	return func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
		time.Sleep(d)
		onText(text)
		return model.Reply{Text: text, Stop: model.StopEnd, Usage: model.Usage{Input: 10, Output: 5}}, nil
	}
}

// setup is an engine whose only channel is the web, and its bucket.
func setup(t testing.TB, p provider) (*turn.Engine, *bucket.Faulty) {
	b := &bucket.Faulty{Bucket: bucket.NewMemory()}
	owners, err := people.ParseOwner("telegram:42")
	if err != nil {
		t.Fatal(err)
	}
	return &turn.Engine{
		Agent: "main", Bucket: b, Queue: nowhere{}, Settings: settings.InBucket(b, "main/settings/"), Owners: owners,
		Directory: people.NewDirectory(b, "main/people/"), Policy: func(string) people.Policy { return people.Closed },
		Models: func() *model.Router {
			return &model.Router{Models: []string{"anthropic/claude-sonnet-4-5"}, Open: func(string) (model.Provider, error) { return p, nil }}
		},
		Budget: &budget.Ledger{Bucket: b, Agent: "main", Zone: time.UTC, Now: time.Now},
		Zone:   time.UTC, Now: time.Now,
	}, b
}

type nowhere struct{}

func (nowhere) Send(context.Context, []byte, time.Duration) error { return nil }

var serial int

// put stores a message for the web chat and returns its key.
func put(t testing.TB, e *turn.Engine, session, text string) string {
	t.Helper()
	serial++
	return store(t, e, &chat.Message{
		ID: fmt.Sprintf("web:%d", serial), Time: time.Now(), Kind: chat.Private, Text: text, Session: session,
		Address: chat.Address{Channel: turn.Web, Chat: session}, Sender: chat.Sender{ID: "owner"},
	})
}

func store(t testing.TB, e *turn.Engine, m *chat.Message) string {
	t.Helper()
	key, err := inbox.Accept(context.Background(), e.Bucket, nowhere{}, "main", m, time.Now(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// stored is the message that lies under key.
func stored(t testing.TB, e *turn.Engine, key string) *chat.Message {
	t.Helper()
	m, err := inbox.Get(context.Background(), e.Bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func wake(key string) []byte {
	body, _ := json.Marshal(inbox.Wake{V: 1, Key: key})
	return body
}

func TestGarbageOnTheQueueIsAcknowledged(t *testing.T) {
	e, _ := setup(t, says("hi"))
	for _, body := range []string{"", "null", "[]", "{", `{"v":2,"key":"main/inbox/web/1"}`, `{"key":"main/inbox/web/1"}`, `{"v":1}`, `{"v":1,"key":""}`, `{"v":1,"key":7}`, "\xff"} {
		if err := agent.Queue(e)(t.Context(), queue.Message{ID: "1", Body: []byte(body), Attempts: 1}); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestADeliveryRunsTheTurnAndADuplicateIsAcknowledged(t *testing.T) {
	asked := 0
	e, _ := setup(t, func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
		asked++
		return says("hi")(ctx, r, onText)
	})
	m := queue.Message{ID: "1", Body: wake(put(t, e, "main", "hello")), Attempts: 1}
	for attempt := 1; attempt <= 3; attempt++ {
		m.Attempts = attempt
		if err := agent.Queue(e)(t.Context(), m); err != nil {
			t.Errorf("attempt %d: %v", attempt, err)
		}
	}
	if asked != 1 {
		t.Errorf("the model was asked %d times", asked)
	}
}

func TestAnIgnoredMessageIsAcknowledged(t *testing.T) {
	e, _ := setup(t, says("hi"))
	bot := &chat.Message{ID: "web:b", Time: time.Now(), Kind: chat.Private, Text: "hello", Session: "main",
		Address: chat.Address{Channel: turn.Web, Chat: "main"}, Sender: chat.Sender{ID: "owner", Bot: true}}
	if err := agent.Queue(e)(t.Context(), queue.Message{Body: wake(store(t, e, bot)), Attempts: 1}); err != nil {
		t.Error(err)
	}
}

func TestAMessageForABusySessionIsLeftToItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, after(30*time.Second, "hi"))
		first, second := put(t, e, "main", "one"), put(t, e, "main", "two")
		go agent.Queue(e)(t.Context(), queue.Message{Body: wake(first), Attempts: 1})
		time.Sleep(10 * time.Second)
		if err := agent.Queue(e)(t.Context(), queue.Message{Body: wake(second), Attempts: 1}); err != nil {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		// The turn has woken it: the same as what the queue brings then.
		if err := agent.Queue(e)(t.Context(), queue.Message{Body: wake(second), Attempts: 1}); err != nil {
			t.Errorf("later: %v", err)
		}
		if open, err := inbox.Open(t.Context(), e.Bucket, "main", 0); err != nil || len(open) > 0 {
			t.Errorf("not answered: %+v, %v", open, err)
		}
	})
}

func TestAMessageThatAnotherWorkerAnswersIsAskedForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, after(30*time.Second, "hi"))
		key := put(t, e, "main", "one")
		go agent.Queue(e)(t.Context(), queue.Message{Body: wake(key), Attempts: 1})
		synctest.Wait()
		err := agent.Queue(e)(t.Context(), queue.Message{Body: wake(key), Attempts: 2})
		var retry *queue.Retry
		if !errors.As(err, &retry) || retry.After < time.Second || retry.After > 5*time.Second {
			t.Errorf("error %v", err)
		}
		body, _ := json.Marshal(inbox.Wake{V: 1, Key: key, Again: true, Sweep: true})
		began := time.Now()
		if err := agent.Queue(e)(t.Context(), queue.Message{Body: body, Attempts: 1}); !errors.As(err, &retry) || retry.After < 10*time.Second || time.Since(began) > 0 {
			t.Errorf("the sweep, which does not wait: %v", err)
		}
		time.Sleep(time.Minute)
	})
}

func TestAFailureIsDeliveredAgain(t *testing.T) {
	e, b := setup(t, says("hi"))
	m := queue.Message{Body: wake(put(t, e, "main", "hello")), Attempts: 1}
	b.Before = func(bucket.Op, string) error { return errors.New("no bucket") }
	if err := agent.Queue(e)(t.Context(), m); err == nil {
		t.Error("a failed delivery was acknowledged")
	}
	b.Before = nil
	m.Attempts = 2
	if err := agent.Queue(e)(t.Context(), m); err != nil {
		t.Error(err)
	}
}

// A wake that says that somebody has tried before counts as a redelivery.
func TestTheBackupOfADeadDirectTurnTakesItOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := true
		var e *turn.Engine
		var b *bucket.Faulty
		e, b = setup(t, func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			if dead {
				b.Before = func(bucket.Op, string) error { return errors.New("gone") }
			}
			return says("hi")(ctx, r, onText)
		})
		key := put(t, e, "main", "hello")
		sent := stored(t, e, key)
		if err := agent.Queue(e)(t.Context(), queue.Message{Body: wake(key), Attempts: 1}); err == nil {
			t.Fatal("no error")
		}
		dead, b.Before = false, nil
		time.Sleep(time.Minute)
		body, _ := json.Marshal(inbox.Wake{V: 1, Key: key, Again: true})
		if err := agent.Queue(e)(t.Context(), queue.Message{Body: body, Attempts: 1}); err != nil {
			t.Fatal(err)
		}
		if done, err := e.Await(t.Context(), sent, time.Now().Add(time.Second)); err != nil || done.Reply != "hi" {
			t.Errorf("turn %+v, error %v", done, err)
		}
	})
}

func FuzzQueue(f *testing.F) {
	for _, seed := range []string{`{"v":1,"key":"main/inbox/web/0000000001-web:1"}`, `{"v":1,"key":"../x"}`, `{"v":1,"key":"main/sessions/main/head","again":true}`, "[1]", "\x00"} {
		f.Add([]byte(seed))
	}
	e, _ := setup(f, says("hi"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var w inbox.Wake
		understood := json.Unmarshal(body, &w) == nil && w.V == 1 && w.Key != ""
		// Whatever it names is not in the inbox, so it is settled; what no key
		// can be is an error.
		wrong := understood && bucket.CheckKey(w.Key) != nil
		if err := agent.Queue(e)(t.Context(), queue.Message{Body: body, Attempts: 1}); (err != nil) != wrong {
			t.Errorf("%q: error %v", body, err)
		}
	})
}
