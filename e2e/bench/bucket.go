//go:build !js

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"instar/e2e/fake"
	"instar/functions/webhook"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/channel/telegram"
	"instar/shared/config"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/model/catalog"
	"instar/shared/people"
	"instar/shared/settings"
	"instar/shared/turn"
)

// bucketCalls counts the bucket's calls in a turn without tools, from the
// webhook to the reply: the real webhook handler, engine, Telegram and
// Anthropic clients in this process, the outside services' fakes, and a
// counted bucket in memory.
func (b *bench) bucketCalls() error {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	w, err := newLocal()
	if err != nil {
		return err
	}
	defer w.close()
	if _, err := w.say("hi"); err != nil {
		return err
	}
	messages := pick(b, 1000, 10_000) // of history: half of them the person's
	for n := 1; n < messages/2; n++ {
		c, err := w.say(fmt.Sprintf("Message %d: what do you make of this?", n))
		if err != nil {
			return err
		}
		if n == 1 {
			w.add(b, c, "with 2 messages of history")
		}
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
	}
	c, err := w.say("hi")
	if err != nil {
		return err
	}
	w.add(b, c, fmt.Sprintf("with %d messages of history", messages))
	// While the model writes, somebody might say /stop: looking costs reads.
	w.anthropic.Script(func(fake.Call) fake.Answer { return fake.Answer{Text: reply, Hang: slow} })
	if c, err = w.say("hi"); err != nil {
		return err
	}
	w.add(b, c, fmt.Sprintf("whose model takes %v", slow))
	return errors.Join(violations(w.telegram), violations(w.anthropic))
}

// slow is how long a model takes that does not answer at once.
const slow = 3 * time.Second

func (w *local) add(b *bench, c bucket.Counts, which string) {
	note := fmt.Sprintf("%d lists, %d deletes; the webhook's write is in it; counted in this process over a bucket in memory", c.Lists, c.Deletes)
	b.report.add("f", "writes of a turn "+which, float64(c.Writes), "", atMost(4), note)
	b.report.add("f", "reads of a turn "+which, float64(c.Reads+c.Lists), "", atMost(6), "")
}

// local is Instar's functions in this process.
type local struct {
	bucket    *bucket.Metered
	webhook   *webhook.Handler
	engine    *turn.Engine
	telegram  *fake.Telegram
	anthropic *fake.Anthropic
	queued    []inbox.Wake
}

func newLocal() (*local, error) {
	w := &local{
		bucket:   bucket.NewMetered(bucket.NewMemory()),
		telegram: fake.NewTelegram(botToken), anthropic: fake.NewAnthropic(anthropicKey),
	}
	w.anthropic.Script(func(fake.Call) fake.Answer { return fake.Answer{Text: reply} })
	values := map[string]string{
		"ANTHROPIC_API_KEY": anthropicKey, "ANTHROPIC_BASE_URL": w.anthropic.URL(), "MODEL": modelName,
		"OWNER": fmt.Sprintf("telegram:%d", owner),
	}
	get := func(name string) string { return values[name] }
	rules, err := config.Read(get)
	if err != nil {
		return nil, err
	}
	sender, err := telegram.NewSender(botToken, w.telegram.URL(), http.DefaultClient)
	if err != nil {
		return nil, err
	}
	models := catalog.Read(get)
	w.engine = &turn.Engine{
		Agent: config.Agent, Version: config.Version, Bucket: w.bucket, Queue: w,
		// Settings lie in KV, which is not the bucket.
		Settings: settings.InBucket(bucket.NewMemory(), "settings/"),
		Owners:   rules.Owners, Directory: people.NewDirectory(w.bucket, config.Agent+"/people/"), Policy: rules.Policy,
		Senders: map[string]channel.Sender{telegram.Name: sender},
		Models:  func() *model.Router { return models.Router(http.DefaultClient) },
		Budget:  &budget.Ledger{Bucket: w.bucket, Agent: config.Agent, Daily: rules.DailyBudget, Zone: rules.Zone, Now: time.Now},
		Zone:    rules.Zone, Now: time.Now,
	}
	w.webhook = &webhook.Handler{
		Agent: config.Agent, Bucket: w.bucket, Queue: w, Now: time.Now,
		Receivers: map[string]func() (channel.Receiver, error){
			telegram.Name: func() (channel.Receiver, error) { return telegram.NewReceiver(hookSecret) },
		},
	}
	return w, nil
}

func (w *local) close() {
	w.telegram.Close()
	w.anthropic.Close()
}

// Send implements queue.Sender: what is sent waits to be handled.
func (w *local) Send(_ context.Context, body []byte, _ time.Duration) error {
	var wake inbox.Wake
	if err := json.Unmarshal(body, &wake); err != nil {
		return err
	}
	w.queued = append(w.queued, wake)
	return nil
}

// say sends the owner's message through the webhook, has it answered, and
// returns the bucket's calls that took.
func (w *local) say(text string) (bucket.Counts, error) {
	before := w.bucket.Counts()
	r := httptest.NewRequest(http.MethodPost, "/hooks/telegram",
		bytes.NewReader(fake.TelegramUpdate(1000+updates.Add(1), owner, owner, text)))
	r.Header.Set("X-Telegram-Bot-Api-Secret-Token", hookSecret)
	answer := httptest.NewRecorder()
	w.webhook.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK || len(w.queued) != 1 {
		return bucket.Counts{}, fmt.Errorf("webhook answered %d and queued %d messages", answer.Code, len(w.queued))
	}
	key := w.queued[0].Key
	t, err := w.engine.Handle(context.Background(), turn.Delivery{Key: key}, turn.Live{})
	if err != nil {
		return bucket.Counts{}, err
	}
	if t.Reply != reply {
		return bucket.Counts{}, fmt.Errorf("the reply is %q", t.Reply)
	}
	w.queued = nil // also what the turn itself asks for, such as to compact
	after := w.bucket.Counts()
	return bucket.Counts{
		Reads: after.Reads - before.Reads, Writes: after.Writes - before.Writes,
		Deletes: after.Deletes - before.Deletes, Lists: after.Lists - before.Lists,
	}, nil
}

// violations is an error when the real service would have refused a call: what
// was measured was then not the real thing.
func violations(s fake.Service) error {
	if v := s.Violations(); len(v) > 0 {
		return fmt.Errorf("%d calls that the real service refuses, such as: %s", len(v), v[0])
	}
	return nil
}
