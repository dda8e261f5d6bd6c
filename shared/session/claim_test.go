package session_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/session"
)

func TestOneOfFiftyClaimersGetsTheTurn(t *testing.T) {
	for _, c := range []struct {
		what       string
		redelivery bool
		before     func(r *room) *chat.Message
	}{
		{"of a new session", false, func(r *room) *chat.Message { return r.message("hi") }},
		{"of an old session", false, func(r *room) *chat.Message { r.say("before", "yes"); return r.message("hi") }},
		{"whose queue counts every delivery as another", true, func(r *room) *chat.Message { return r.message("hi") }},
		{"whose holder died before it recorded anything", true, func(r *room) *chat.Message {
			m := r.message("hi")
			r.mustClaim(m, false)
			r.lapse()
			return m
		}},
		{"whose holder died in the middle", true, func(r *room) *chat.Message {
			m := r.message("hi")
			r.must(r.place(r.mustClaim(m, false)))
			r.lapse()
			return m
		}},
		{"whose holder died after somebody asked it to stop", true, func(r *room) *chat.Message {
			m := r.message("hi")
			r.mustClaim(m, false)
			if ok, err := r.RequestStop(t.Context(), id, r.clock.Now()); !ok || err != nil {
				t.Fatal(ok, err)
			}
			r.lapse()
			return m
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := newRoom(t)
			m := c.before(r)
			r.faults.Before = func(bucket.Op, string) error { runtime.Gosched(); return nil }
			var mu sync.Mutex
			var held []*session.Held
			var wait sync.WaitGroup
			for range 50 {
				wait.Go(func() {
					h, err := r.claim(m, c.redelivery)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						held = append(held, h)
					case h != nil:
						t.Errorf("a turn and the error %v", err)
					case !errors.Is(err, session.ErrTaken) && !isBusy(err):
						t.Error(err)
					}
				})
			}
			wait.Wait()
			if len(held) != 1 {
				t.Fatalf("%d claimers hold the turn", len(held))
			}
			r.must(r.answer(held[0], "hello"))
			if got := r.turn(held[0].Turn.Seq); got.Reply != "hello" || got.Message.ID != m.ID {
				t.Errorf("recorded: %+v", got)
			}
		})
	}
}

func TestASecondMessageWaitsForTheFirstAndIsShownItsAnswer(t *testing.T) {
	r := newRoom(t)
	one, two := r.message("one"), r.message("two")
	first := r.mustClaim(one, false)
	claimed := r.clock.Now()
	var busy *session.Busy
	if _, err := r.claim(two, false); !errors.As(err, &busy) || busy.Seq != 1 || !busy.Until.Equal(claimed.Add(session.Lease)) {
		t.Fatalf("before anything is recorded: %v", err)
	}
	r.clock.pass(20 * time.Second)
	r.must(r.place(first))
	if _, err := r.claim(two, true); !errors.As(err, &busy) || !busy.Until.Equal(r.clock.Now().Add(session.Lease)) {
		t.Fatalf("while the first runs: %v", err)
	}
	r.must(r.answer(first, "1"))
	second := r.mustClaim(two, false)
	if second.Other || second.Turn.Seq != 2 || second.Turn.Message.ID != two.ID || second.Turn.State != session.Running {
		t.Errorf("second turn: %+v", second.Turn)
	}
	if len(second.Head.History) != 1 || script(second.Head.History[0].Messages) != "user: <one> | assistant: 1" {
		t.Errorf("history: %+v", second.Head.History)
	}
}

func TestCommandsAreNoPartOfTheConversation(t *testing.T) {
	r := newRoom(t)
	r.say("one", "1")
	h := r.mustClaim(r.message("/help"), false)
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.State, t.Reply = session.Done, "help" }))
	if h := r.say("two", "2"); len(h.Head.History) != 1 {
		t.Errorf("history: %+v", h.Head.History)
	}
	// And what they changed is there for the next turn.
	chosen := "openai/gpt-5.5"
	h = r.mustClaim(r.message("/model"), false)
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.State, t.SetModel = session.Done, &chosen }))
	if h = r.say("three", "3"); h.Head.Model != chosen || len(h.Head.History) != 2 {
		t.Errorf("head: %+v", h.Head)
	}
	h = r.mustClaim(r.message("/new"), false)
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.State, t.Reset = session.Done, true }))
	if h = r.say("four", "4"); h.Head.Model != chosen || len(h.Head.History) != 0 {
		t.Errorf("after /new: %+v", h.Head)
	}
}

func TestAMessageThatHadItsTurnIsTaken(t *testing.T) {
	r := newRoom(t)
	m := r.message("one")
	taken := func(when string) {
		t.Helper()
		if h, err := r.claim(m, false); h != nil || !errors.Is(err, session.ErrTaken) {
			t.Fatalf("%s: %+v, %v", when, h, err)
		}
	}
	h := r.mustClaim(m, false)
	taken("claimed")
	r.must(r.place(h))
	taken("running")
	r.lapse()
	taken("running, its lease lapsed")
	r.must(r.answer(h, "1"))
	taken("done")
	r.say("two", "2")
	if h, err := r.claim(m, true); h != nil || !errors.Is(err, session.ErrTaken) {
		t.Fatalf("delivered again when another turn has followed: %+v, %v", h, err)
	}
	for i := 2; i < 256; i++ {
		taken(fmt.Sprint(i, " turns later"))
		r.say("more", "yes")
	}
	taken("255 turns later")
	head, _, err := r.Head(t.Context(), id)
	if err != nil || len(head.Recent) != 256 || head.Recent[0] != m.ID || head.Turn.Seq != 256 {
		t.Errorf("%d ids are remembered after turn %d, error %v", len(head.Recent), head.Turn.Seq, err)
	}
	r.say("more", "yes")
	if head, _, _ := r.Head(t.Context(), id); len(head.Recent) != 256 || slices.Contains(head.Recent, m.ID) {
		t.Errorf("%d ids are remembered", len(head.Recent))
	}
}

func TestARedeliveryFindsItsMessagesTurn(t *testing.T) {
	t.Run("running, not recorded", func(t *testing.T) {
		r := newRoom(t)
		m := r.message("hi")
		r.mustClaim(m, false)
		r.clock.pass(session.Lease - time.Second)
		if _, err := r.claim(m, true); !isBusy(err) {
			t.Error(err)
		}
	})
	t.Run("running", func(t *testing.T) {
		r := newRoom(t)
		m := r.message("hi")
		h := r.mustClaim(m, false)
		r.clock.pass(session.Lease - time.Second)
		r.must(r.place(h))
		r.clock.pass(session.Lease - time.Second)
		if _, err := r.claim(m, true); !isBusy(err) {
			t.Error(err)
		}
	})
	for _, recorded := range []bool{false, true} {
		t.Run(fmt.Sprintf("lapsed, recorded: %v", recorded), func(t *testing.T) {
			r := newRoom(t)
			r.say("before", "yes")
			m := r.message("hi")
			old := r.mustClaim(m, false)
			if recorded {
				r.must(r.place(old))
			}
			r.clock.pass(session.Lease)
			h := r.mustClaim(m, true)
			if h.Other || h.Turn.Seq != 2 || h.Turn.Message.ID != m.ID || h.Turn.State != session.Running ||
				h.Turn.Fence != 2 || h.Turn.Holder == old.Turn.Holder || h.Turn.Holder == "" || len(h.Head.History) != 1 {
				t.Fatalf("taken over: %+v", h)
			}
			if recorded != (len(h.Turn.Out) == 1) {
				t.Errorf("the placeholder: %+v", h.Turn.Out)
			}
			if _, err := r.claim(m, true); !isBusy(err) {
				t.Errorf("taken over twice: %v", err)
			}
			for range 3 {
				if err := r.answer(old, "old"); !errors.Is(err, session.ErrLost) {
					t.Errorf("the old holder's update: %v", err)
				}
				if err := old.Check(t.Context()); !errors.Is(err, session.ErrLost) {
					t.Errorf("the old holder's check: %v", err)
				}
			}
			r.must(r.answer(h, "new"))
			if got := r.turn(2); got.Reply != "new" || len(got.Steps) != 1 {
				t.Errorf("recorded: %+v", got)
			}
		})
	}
	t.Run("done", func(t *testing.T) {
		r := newRoom(t)
		m := r.message("hi")
		first := r.mustClaim(m, false)
		r.must(r.answer(first, "hello"))
		writes := r.meter.Counts().Writes
		h := r.mustClaim(m, true)
		if h.Other || h.Turn.State != session.Done || h.Turn.Reply != "hello" || r.meter.Counts().Writes != writes {
			t.Errorf("returned: %+v after %d writes", h.Turn, r.meter.Counts().Writes-writes)
		}
		// What is delivered of it can be recorded.
		r.must(r.place(h))
		if got := r.turn(1); got.State != session.Done || len(got.Out) != 1 {
			t.Errorf("recorded: %+v", got)
		}
	})
}

func TestADeadTurnIsGivenToTheNextMessageFirst(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		r := newRoom(t)
		one, two := r.message("one"), r.message("two")
		dead := r.mustClaim(one, false)
		if recorded {
			r.must(r.place(dead))
		}
		r.lapse()
		h := r.mustClaim(two, false)
		if !h.Other || h.Turn.Seq != 1 || h.Turn.Message.ID != one.ID || h.Turn.Message.Text != "one" || h.Turn.State != session.Running {
			t.Fatalf("recorded %v: %+v", recorded, h.Turn)
		}
		if err := r.place(dead); !errors.Is(err, session.ErrLost) {
			t.Errorf("recorded %v: the dead one's update: %v", recorded, err)
		}
		r.must(r.answer(h, "1"))
		if h = r.mustClaim(two, false); h.Other || h.Turn.Seq != 2 || h.Turn.Message.ID != two.ID || len(h.Head.History) != 1 {
			t.Errorf("recorded %v: then %+v", recorded, h.Turn)
		}
	}
}

func TestALostAnswerOfAnOwnWriteDoesNotLoseTheTurn(t *testing.T) {
	t.Run("of the claim", func(t *testing.T) {
		for _, before := range []bool{false, true} {
			r := newRoom(t)
			op := bucket.OpPutIfAbsent
			if before {
				r.say("before", "yes")
				op = bucket.OpPutIfMatch
			}
			m := r.message("hi")
			restore := r.failing(op, true)
			if _, err := r.claim(m, false); !errors.Is(err, errInjected) {
				t.Fatal(err)
			}
			restore()
			if _, err := r.claim(m, true); !isBusy(err) {
				t.Fatalf("at once: %v", err)
			}
			r.lapse()
			r.must(r.answer(r.mustClaim(m, true), "hello"))
		}
	})
	t.Run("of the first record", func(t *testing.T) {
		r := newRoom(t)
		h := r.mustClaim(r.message("hi"), false)
		restore := r.failing(bucket.OpPutIfAbsent, true)
		if err := r.place(h); !errors.Is(err, errInjected) {
			t.Fatal(err)
		}
		restore()
		r.must(r.answer(h, "hello"))
		if got := r.turn(1); got.Reply != "hello" || len(got.Out) != 1 || got.Holder != h.Turn.Holder {
			t.Errorf("recorded: %+v", got)
		}
	})
	t.Run("of a later one", func(t *testing.T) {
		r := newRoom(t)
		h := r.mustClaim(r.message("hi"), false)
		r.must(r.place(h))
		restore := r.failing(bucket.OpPutIfMatch, true)
		for i := range 3 {
			r.clock.pass(time.Second)
			if err := h.Update(t.Context(), func(t *session.Turn) { t.Cost = float64(i) }); i == 0 && !errors.Is(err, errInjected) {
				t.Fatal(err)
			}
		}
		restore()
		r.must(h.Check(t.Context()))
		r.must(r.answer(h, "hello"))
		if got := r.turn(1); got.Reply != "hello" || got.Cost != 2 {
			t.Errorf("recorded: %+v", got)
		}
	})
	t.Run("of a take-over", func(t *testing.T) {
		for _, recorded := range []bool{false, true} {
			r := newRoom(t)
			m := r.message("hi")
			old, op := r.mustClaim(m, false), bucket.OpPutIfAbsent
			if recorded {
				r.must(r.place(old))
				op = bucket.OpPutIfMatch
			}
			r.lapse()
			restore := r.failing(op, true)
			if h, err := r.claim(m, true); h != nil || !errors.Is(err, errInjected) {
				t.Fatal(h, err)
			}
			restore()
			r.lapse()
			h := r.mustClaim(m, true)
			if h.Turn.Fence != 3 {
				t.Errorf("fence %d", h.Turn.Fence)
			}
			r.must(r.answer(h, "hello"))
			if err := r.answer(old, "old"); !errors.Is(err, session.ErrLost) {
				t.Error(err)
			}
		}
	})
}

// A store that refuses every write for no reason must not hang a worker.
func TestAWriteThatIsAlwaysRefusedIsGivenUp(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("hi"), false)
	r.must(r.place(h))
	calls := 0
	r.faults.Before = func(op bucket.Op, _ string) error {
		if calls++; calls > 1000 {
			panic("the write is repeated for ever")
		}
		if op == bucket.OpPutIfMatch {
			return bucket.ErrPrecondition
		}
		return nil
	}
	if err := r.answer(h, "hello"); err == nil || errors.Is(err, session.ErrLost) {
		t.Error(err)
	}
	r.faults.Before = nil
	r.must(h.Update(t.Context(), func(*session.Turn) {}))
}

func TestTheLeaseIsRenewedWhenHalfOfItIsGone(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("hi"), false)
	for range 20 {
		r.clock.pass(500 * time.Millisecond)
		r.must(h.Check(t.Context()))
	}
	if got := r.meter.Counts().Writes; got != 2 {
		t.Errorf("%d writes in the first ten seconds, want the claim and the turn", got)
	}
	for range 200 {
		r.clock.pass(500 * time.Millisecond)
		r.must(h.Check(t.Context()))
		if left := r.turn(1).Until.Sub(r.clock.Now()); left < session.Lease/2-time.Second {
			t.Fatalf("only %v of the lease are left", left)
		}
	}
	if got := r.meter.Counts().Writes; got > 2+8 {
		t.Errorf("%d writes in 110 seconds", got)
	}
}

func TestARenewalThatFailsIsTriedAgainWhileThereIsALease(t *testing.T) {
	for _, lost := range []bool{false, true} {
		r := newRoom(t)
		m := r.message("hi")
		h := r.mustClaim(m, false)
		r.must(h.Check(t.Context()))
		r.clock.pass(session.Lease/2 + time.Second)
		restore := r.failing(bucket.OpPutIfMatch, lost)
		if err := h.Check(t.Context()); !errors.Is(err, errInjected) {
			t.Fatal(err)
		}
		restore()
		for range 2 * int(session.Lease/time.Second) {
			r.clock.pass(500 * time.Millisecond)
			r.must(h.Check(t.Context()))
			if _, err := r.claim(m, true); !isBusy(err) {
				t.Fatalf("lost %v: the turn of a worker that lives was given away: %v", lost, err)
			}
		}
	}
}

func TestErrorsHoldNothingOfTheConversation(t *testing.T) {
	r := newRoom(t)
	m := r.message("my secret plan")
	h := r.mustClaim(m, false)
	r.must(r.place(h))
	for _, op := range []bucket.Op{bucket.OpGet, bucket.OpPutIfAbsent, bucket.OpPutIfMatch} {
		restore := r.failing(op, false)
		_, claimErr := r.claim(m, true)
		for _, err := range []error{claimErr, r.place(h), h.Check(t.Context())} {
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
		}
		restore()
	}
}
