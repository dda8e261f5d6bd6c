package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/session"
)

// These tests try every order in which the bucket calls of a few workers can
// happen. Each call is a step; between two steps the search chooses who goes
// on, and whether that one dies there, or its answer is lost, or the clock
// passes a lease first.

// faultsAllowed is how often each may happen in one run.
type faultsAllowed struct{ crashes, lost, jumps int }

func TestEveryInterleavingAnswersAMessageOnce(t *testing.T) {
	for _, c := range []struct {
		what    string
		allowed faultsAllowed
		setUp   func(w *world)
	}{
		{"two deliveries, one dies", faultsAllowed{crashes: 1}, twoDeliveries},
		{"two deliveries, a lease lapses", faultsAllowed{jumps: 1}, twoDeliveries},
		{"two deliveries, one dies and a lease lapses", faultsAllowed{crashes: 1, jumps: 1}, twoDeliveries},
		{"two deliveries, an answer of the bucket is lost", faultsAllowed{lost: 1}, twoDeliveries},
		{"two deliveries, an answer is lost and a lease lapses", faultsAllowed{lost: 1, jumps: 1}, twoDeliveries},
		{"two messages, one worker dies", faultsAllowed{crashes: 1}, twoMessages},
		{"two messages, a lease lapses", faultsAllowed{jumps: 1}, twoMessages},
		{"two messages, an answer of the bucket is lost", faultsAllowed{lost: 1}, twoMessages},
		{"two redeliveries of a dead turn, one dies too", faultsAllowed{crashes: 1}, func(w *world) { deadTurn(w, false) }},
		{"two redeliveries of a dead turn that was recorded, one dies too", faultsAllowed{crashes: 1}, func(w *world) { deadTurn(w, true) }},
		{"a stop beside a delivery that dies", faultsAllowed{crashes: 1}, deliveryAndStop},
		{"a stop beside two redeliveries of a dead turn", faultsAllowed{}, func(w *world) { deadTurn(w, false); w.stop() }},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := &path{seen: map[[16]byte]bool{}}
			runs, whole := 0, 0
			for more := true; more; more = p.next() {
				w := newWorld(t, p, c.allowed)
				c.setUp(w)
				if w.run() {
					w.check()
					whole++
				}
				if runs++; t.Failed() {
					t.Fatalf("in run %d:\n%s", runs, strings.Join(w.trace, "\n"))
				}
			}
			t.Logf("%d states, %d runs, %d to the end", len(p.seen), runs, whole)
			if whole < 3 {
				t.Error("there is nothing to choose")
			}
		})
	}
}

// world is one run.
type world struct {
	t       *testing.T
	path    *path
	left    faultsAllowed
	memory  *bucket.Memory
	clock   clock
	workers []*worker
	trace   []string
	holders map[int]holder             // by turn
	ends    map[string]map[string]bool // by turn: who recorded its end, with which reply
}

func newWorld(t *testing.T, p *path, allowed faultsAllowed) *world {
	w := &world{t: t, path: p, left: allowed, memory: bucket.NewMemory(), holders: map[int]holder{}, ends: map[string]map[string]bool{}}
	w.clock.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return w
}

func (w *world) message(n int) (*chat.Message, string) {
	m := &chat.Message{V: 1, ID: fmt.Sprintf("telegram:%d", n), Address: chat.Address{Channel: "telegram", Chat: "42"}}
	data, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	key := inbox.Key("main", m)
	if _, err := w.memory.PutIfAbsent(context.Background(), key, data); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		w.t.Fatal(err)
	}
	return m, key
}

func twoDeliveries(w *world) { w.deliver(1, false); w.deliver(1, false) }
func twoMessages(w *world)   { w.deliver(1, false); w.deliver(2, false) }
func deliveryAndStop(w *world) {
	w.deliver(1, false)
	w.stop()
}

// deadTurn is a turn whose holder is dead, and two redeliveries of its message.
func deadTurn(w *world, recorded bool) {
	m, key := w.message(1)
	s := &session.Store{Bucket: w.memory, Agent: "main", Now: w.clock.Now, Fold: userText}
	h, err := s.Claim(context.Background(), id, key, m, false)
	if err == nil && recorded {
		err = h.Update(context.Background(), func(t *session.Turn) { t.Out = []session.Part{{ID: "dead"}} })
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock.pass(session.Lease)
	w.deliver(1, true)
	w.deliver(1, true)
}

func (w *world) deliver(message int, redelivery bool) {
	m, key := w.message(message)
	w.add(fmt.Sprintf("worker %d of message %d", len(w.workers), message), func(o *worker, s *session.Store) {
		for n := 0; ; n++ {
			o.dead, o.learned = false, fmt.Appendln(nil, n)
			err := o.handle(s, key, m, redelivery || n > 0, fmt.Sprint(o.name, ", delivery ", n))
			var busy *session.Busy
			if errors.As(err, &busy) {
				if busy.Seq == 0 || busy.Message == m.ID {
					o.until = busy.Until
					continue
				}
				running, arriveErr := s.Arrive(context.Background(), id, busy.Seq, key, m)
				if arriveErr != nil || !running {
					continue
				}
				err = nil
			}
			if err == nil || errors.Is(err, session.ErrTaken) {
				if o.call("acknowledge") == nil {
					return
				}
			}
		}
	})
}

func (o *worker) handle(s *session.Store, key string, m *chat.Message, redelivery bool, reply string) error {
	for {
		h, err := s.Claim(context.Background(), id, key, m, redelivery)
		if err != nil {
			return err
		}
		if h.Turn.State == session.Running {
			o.world.holds(o, h)
			err := work(h, reply, func() { o.world.holds(o, h) })
			delete(o.world.holders, h.Turn.Seq)
			if err != nil {
				return err
			}
		}
		// What the turn leaves over is put on the queue before its own delivery
		// is acknowledged.
		if left := h.Turn.Waiting(); len(left) > 0 {
			if err := o.call("wake"); err != nil {
				return err
			}
			o.world.deliver(number(left[0].Message), false)
		}
		if !h.Other {
			return nil
		}
	}
}

// number is the n of the message that message(n) made.
func number(m *chat.Message) (n int) {
	fmt.Sscanf(m.ID, "telegram:%d", &n)
	return n
}

// work is a turn: the placeholder and the reply. A stop that is met only
// ends it a little sooner.
func work(h *session.Held, reply string, renewed func()) error {
	var err error
	if len(h.Turn.Out) == 0 {
		err = h.Update(context.Background(), func(t *session.Turn) { t.Out = []session.Part{{ID: "p"}} })
	}
	if err != nil && !errors.Is(err, session.ErrStop) {
		return err
	}
	if err == nil {
		renewed()
	}
	end := func(t *session.Turn) {
		t.State, t.Reply = session.Done, reply
		t.Steps = []session.Step{{Message: model.Message{Role: model.Assistant, Text: reply}}}
	}
	err = h.Update(context.Background(), end)
	for errors.Is(err, session.ErrStop) || errors.Is(err, session.ErrArrived) {
		err = h.Update(context.Background(), end)
	}
	return err
}

// holder is who works on a turn, and until when nobody else may.
type holder struct {
	*worker
	until time.Time
}

// holds notes that a worker has, or has renewed, the lease of a turn.
func (w *world) holds(o *worker, h *session.Held) {
	if other, ok := w.holders[h.Turn.Seq]; ok && other.worker != o && w.clock.Now().Before(other.until) {
		w.t.Errorf("%s and %s work on turn %d at the same time", other.name, o.name, h.Turn.Seq)
	}
	w.holders[h.Turn.Seq] = holder{o, h.Turn.Until}
}

func (w *world) stop() {
	w.add("stop", func(o *worker, s *session.Store) {
		s.RequestStop(context.Background(), id, w.clock.Now())
	})
}

// check: every delivery was acknowledged; now every message has had one turn.
func (w *world) check() {
	s := &session.Store{Bucket: w.memory, Agent: "main", Now: w.clock.Now, Fold: userText}
	head, _, err := s.Head(context.Background(), id)
	if err != nil {
		w.t.Error(err)
		return
	}
	answered := map[string]int{}
	for seq := 1; seq <= head.Turn.Seq; seq++ {
		t, _, err := s.Turn(context.Background(), id, seq)
		if err != nil || t.State != session.Done {
			w.t.Errorf("turn %d is not done: %+v, %v", seq, t, err)
			continue
		}
		answered[t.Message.ID]++
	}
	for m, n := range answered {
		if n != 1 {
			w.t.Errorf("message %s had %d turns", m, n)
		}
	}
	inboxes, err := w.memory.List(context.Background(), bucket.ListOptions{Prefix: inbox.Prefix("main")})
	if err != nil || len(answered) != len(inboxes.Entries) {
		w.t.Errorf("%d of %d messages were answered, %v", len(answered), len(inboxes.Entries), err)
	}
}

// written watches the records of turns: only one holder ends a turn, with one
// reply, and once it has ended it never runs again.
func (w *world) written(key string, data []byte) {
	if !strings.Contains(key, "/turns/") {
		return
	}
	var t session.Turn
	if err := json.Unmarshal(data, &t); err != nil {
		w.t.Error(err)
		return
	}
	if t.State == session.Done {
		if w.ends[key] == nil {
			w.ends[key] = map[string]bool{}
		}
		w.ends[key][t.Holder+": "+t.Reply] = true
	} else if w.ends[key] != nil {
		w.t.Errorf("%s runs again after its end", key)
	}
	if n := len(w.ends[key]); n > 1 {
		w.t.Errorf("%s has %d ends: %v", key, n, w.ends[key])
	}
}
