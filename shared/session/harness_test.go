package session_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/session"
)

// clock is a time that passes when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// room is one conversation over a bucket in memory.
type room struct {
	*session.Store
	t      *testing.T
	clock  *clock
	memory *bucket.Memory
	faults bucket.Faulty
	meter  *bucket.Metered
	serial int
}

const id = session.Main

var errInjected = errors.New("injected fault")

func newRoom(t *testing.T) *room {
	r := &room{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, memory: bucket.NewMemory()}
	r.faults.Bucket = r.memory
	r.meter = bucket.NewMetered(&r.faults)
	r.Store = &session.Store{Bucket: r.meter, Agent: "main", Now: r.clock.Now, Fold: userText}
	return r
}

func userText(m *chat.Message) string { return "<" + m.Text + ">" }

// message stores a new message in the inbox.
func (r *room) message(text string) *chat.Message {
	r.t.Helper()
	r.serial++
	m := &chat.Message{
		V: 1, ID: fmt.Sprintf("telegram:%d", r.serial), Time: r.clock.Now(), Kind: chat.Private, Text: text,
		Address: chat.Address{Channel: "telegram", Chat: "42"}, Sender: chat.Sender{ID: "42"},
	}
	data, err := json.Marshal(m)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.memory.PutIfAbsent(r.t.Context(), inbox.Key("main", m), data); err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *room) claim(m *chat.Message, redelivery bool) (*session.Held, error) {
	return r.Claim(r.t.Context(), id, inbox.Key("main", m), m, redelivery)
}

func (r *room) mustClaim(m *chat.Message, redelivery bool) *session.Held {
	r.t.Helper()
	h, err := r.claim(m, redelivery)
	if err != nil {
		r.t.Fatalf("claim %q: %v", m.Text, err)
	}
	return h
}

// place records a placeholder, answer a reply.
func (r *room) place(h *session.Held) error {
	return h.Update(r.t.Context(), func(t *session.Turn) { t.Out = []session.Part{{ID: "p" + fmt.Sprint(t.Seq)}} })
}

func (r *room) answer(h *session.Held, reply string) error {
	return h.Update(r.t.Context(), func(t *session.Turn) {
		t.State, t.Reply, t.Ended = session.Done, reply, r.clock.Now()
		t.Steps = append(t.Steps, session.Step{At: t.Ended, Message: model.Message{Role: model.Assistant, Text: reply}})
	})
}

// say has a message answered from beginning to end.
func (r *room) say(text, reply string) *session.Held {
	r.t.Helper()
	h := r.mustClaim(r.message(text), false)
	r.must(r.place(h))
	r.must(r.answer(h, reply))
	return h
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// turn is what the bucket holds.
func (r *room) turn(seq int) *session.Turn {
	r.t.Helper()
	t, _, err := r.Turn(r.t.Context(), id, seq)
	r.must(err)
	return t
}

func (r *room) lapse() { r.clock.pass(session.Lease + time.Second) }

// failing has every call of the given sort fail, after it had its effect if
// lost is set, until the returned function is called.
func (r *room) failing(op bucket.Op, lost bool) (restore func()) {
	hook := func(o bucket.Op, _ string) error {
		if o == op {
			return errInjected
		}
		return nil
	}
	if lost {
		r.faults.After = hook
	} else {
		r.faults.Before = hook
	}
	return func() { r.faults.Before, r.faults.After = nil, nil }
}

func isBusy(err error) bool {
	var busy *session.Busy
	return errors.As(err, &busy)
}
