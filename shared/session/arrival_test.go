package session_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/session"
)

// arrive adds a message to the session's running turn, as a delivery does that
// finds it busy.
func (r *room) arrive(m *chat.Message, seq int) bool {
	r.t.Helper()
	running, err := r.Arrive(r.t.Context(), id, seq, inbox.Key("main", m), m)
	r.must(err)
	return running
}

func waiting(t *session.Turn) (texts []string) {
	for _, a := range t.Waiting() {
		texts = append(texts, a.Message.Text)
	}
	return texts
}

func TestAMessageThatArrivesDuringATurnIsKnownBeforeTheTurnCanEnd(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		r := newRoom(t)
		one, two := r.message("one"), r.message("two")
		h := r.mustClaim(one, false)
		if recorded {
			r.must(r.place(h))
		}
		for range 2 { // delivered twice
			if !r.arrive(two, 1) {
				t.Fatal("the turn is said to have ended")
			}
		}
		if err := r.answer(h, "1"); !errors.Is(err, session.ErrArrived) {
			t.Fatalf("recorded %v: the end was written over the arrival: %v", recorded, err)
		}
		if got := waiting(h.Turn); !slices.Equal(got, []string{"two"}) {
			t.Errorf("recorded %v: waiting: %q", recorded, got)
		}
		r.must(h.Update(t.Context(), func(*session.Turn) {}))
		if r.arrive(r.message("three"), 1) {
			t.Error("a message was added to a turn that has ended")
		}
	}
}

func TestWhatATurnLeavesOverGoesFirst(t *testing.T) {
	r := newRoom(t)
	one, two, three, four := r.message("one"), r.message("two"), r.message("three"), r.message("four")
	h := r.mustClaim(one, false)
	r.must(r.place(h))
	r.arrive(two, 1)
	r.arrive(three, 1)
	r.must(h.Check(t.Context()))
	r.must(r.answer(h, "1"))
	next := r.mustClaim(four, false)
	if !next.Other || next.Turn.Message.ID != two.ID || !slices.Equal(waiting(next.Turn), []string{"three", "four"}) {
		t.Fatalf("turn for %q, waiting %q", next.Turn.Message.Text, waiting(next.Turn))
	}
	for _, m := range []*chat.Message{one, two} {
		if _, err := r.claim(m, false); !errors.Is(err, session.ErrTaken) {
			t.Errorf("%q: %v", m.Text, err)
		}
	}
	// The worker dies before it records anything; the next one knows who waits.
	r.lapse()
	again := r.mustClaim(two, true)
	if again.Other || !slices.Equal(waiting(again.Turn), []string{"three", "four"}) || again.Turn.Fence != 2 {
		t.Errorf("taken over: %+v, waiting %q", again.Turn, waiting(again.Turn))
	}
}

func TestWhatATurnHasTakenIsNotAnsweredAgain(t *testing.T) {
	r := newRoom(t)
	one, two := r.message("one"), r.message("two")
	h := r.mustClaim(one, false)
	r.must(r.place(h))
	r.arrive(two, 1)
	r.must(h.Update(t.Context(), func(t *session.Turn) {})) // meets the arrival
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.Arrived[0].Taken = session.Joined }))
	r.must(r.answer(h, "both"))
	if _, err := r.claim(two, false); !errors.Is(err, session.ErrTaken) {
		t.Errorf("delivered again: %v", err)
	}
	if again := r.mustClaim(two, true); again.Other || again.Turn.Reply != "both" {
		t.Errorf("its redelivery gets %+v", again.Turn)
	}
	third := r.say("three", "3")
	if got := script(third.Head.History[0].Messages); got != "user: <one>\n\n<two> | assistant: both" {
		t.Errorf("history: %s", got)
	}
	if _, err := r.claim(two, true); !errors.Is(err, session.ErrTaken) {
		t.Errorf("after the next turn: %v", err)
	}
}

// 2 workers racing for one session, 1,000 times.
func TestOfTwoWorkersRacingOneHoldsTheTurn(t *testing.T) {
	for range 1000 {
		r := newRoom(t)
		one, two := r.message("one"), r.message("two")
		held := make([]*session.Held, 2)
		var wait sync.WaitGroup
		for i, m := range []*chat.Message{one, two} {
			wait.Go(func() {
				h, err := r.claim(m, false)
				var busy *session.Busy
				if errors.As(err, &busy) && busy.Seq > 0 {
					if running, err := r.Arrive(t.Context(), id, busy.Seq, inbox.Key("main", m), m); err != nil || !running {
						t.Errorf("arrive: %v, %v", running, err)
					}
				} else if err != nil {
					t.Error(err)
				}
				held[i] = h
			})
		}
		wait.Wait()
		if (held[0] == nil) == (held[1] == nil) {
			t.Fatalf("held: %v", held)
		}
		h := held[0]
		if h == nil {
			h = held[1]
		}
		if err := r.answer(h, "x"); !errors.Is(err, session.ErrArrived) || len(h.Turn.Waiting()) != 1 {
			t.Fatalf("the other message is lost: %v", err)
		}
	}
}

func TestAFullTurnHasMessagesWaitOnTheQueue(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("one"), false)
	r.must(r.place(h))
	n := 0
	for ; n < 200; n++ {
		m := r.message(fmt.Sprint(n))
		if _, err := r.Arrive(t.Context(), id, 1, inbox.Key("main", m), m); isBusy(err) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n < 20 || n == 200 {
		t.Errorf("%d messages wait in a turn", n)
	}
}

func TestReopenTakesBackAnEndThatWasNotRecorded(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("one"), false)
	r.must(r.place(h))
	before := *h.Turn
	r.arrive(r.message("two"), 1)
	if err := r.answer(h, "1"); !errors.Is(err, session.ErrArrived) {
		t.Fatal(err)
	}
	h.Reopen(before)
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.Arrived[0].Taken = session.Joined }))
	got := r.turn(1)
	if got.State != session.Running || got.Reply != "" || len(got.Steps) != 0 || got.Arrived[0].Taken != session.Joined {
		t.Errorf("%+v", got)
	}
}

func TestLookingWritesNothing(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("one"), false)
	writes := r.meter.Counts().Writes
	r.must(h.Look(t.Context()))
	if r.meter.Counts().Writes != writes {
		t.Error("it has written")
	}
	r.arrive(r.message("two"), 1)
	r.must(h.Look(t.Context()))
	if len(h.Arrived()) != 1 {
		t.Error("the arrival was not seen")
	}
}

func TestMessagesAfterASwitchGoToTheOtherConversationAndThoseBeforeStay(t *testing.T) {
	r := newRoom(t)
	before := r.message("before")
	r.must(r.answer(r.mustClaim(before, false), "1"))
	other := session.Named(id, "work")
	r.must(r.Switch(t.Context(), id, other))
	after := r.message("after")
	for _, redelivery := range []bool{false, true} {
		var moved *session.Moved
		if _, err := r.claim(after, redelivery); !errors.As(err, &moved) || moved.Session != "web-work" {
			t.Fatalf("%v", err)
		}
	}
	r.must(r.Switch(t.Context(), id, id))
	var moved *session.Moved
	if _, err := r.claim(after, true); !errors.As(err, &moved) || moved.Session != "web-work" {
		t.Errorf("after switching back: %v", err)
	}
	if h := r.mustClaim(before, true); h.Turn.Seq != 1 {
		t.Errorf("delivered again: turn %d", h.Turn.Seq)
	}
	if where, err := r.Where(t.Context(), id, after); err != nil || where != "web-work" {
		t.Errorf("%q, %v", where, err)
	}
	if h := r.mustClaim(r.message("new"), false); h.Turn.Seq != 2 {
		t.Errorf("a new message: turn %d", h.Turn.Seq)
	}
}

// A message is claimed while its person switches: it must not be answered in
// both conversations.
func TestASwitchDuringAClaimDoesNotDoubleTheMessage(t *testing.T) {
	r := newRoom(t)
	r.say("hello", "1")
	m := r.message("two")
	other := session.Named(id, "work")
	once := sync.OnceFunc(func() {
		r.faults.Before = nil
		r.must(r.Switch(t.Context(), id, other))
	})
	r.faults.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfMatch { // the claim has read the head
			once()
		}
		return nil
	}
	var moved *session.Moved
	if _, err := r.claim(m, false); !errors.As(err, &moved) || moved.Session != other {
		t.Errorf("%v", err)
	}
}

func TestACompactedHistoryIsReplacedByItsSummary(t *testing.T) {
	r := newRoom(t)
	for i := range 6 {
		r.say(fmt.Sprint(i), "answer")
	}
	r.must(r.Compact(t.Context(), id, 3, "They counted to two."))
	r.must(r.Compact(t.Context(), id, 2, "an older one that comes late"))
	h := r.mustClaim(r.message("next"), false)
	if h.Head.Summary != "They counted to two." || len(h.Head.History) != 3 || h.Head.History[0].Seq != 4 {
		t.Errorf("summary %q, history %+v", h.Head.Summary, h.Head.History)
	}
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.State, t.Reset = session.Done, true }))
	r.must(r.Compact(t.Context(), id, 5, "from before the conversation was started over"))
	r.mustClaim(r.message("new"), false)
	r.must(r.Compact(t.Context(), id, 6, "from before, too"))
	head, _, err := r.Head(t.Context(), id)
	r.must(err)
	if head.Summary != "" || len(head.History) != 0 {
		t.Errorf("after starting over: summary %q, history %+v", head.Summary, head.History)
	}
}
