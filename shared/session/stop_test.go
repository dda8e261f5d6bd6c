package session_test

import (
	"errors"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/session"
)

func (r *room) stop(before time.Time) bool {
	r.t.Helper()
	ok, err := r.RequestStop(r.t.Context(), id, before)
	r.must(err)
	return ok
}

func TestThereIsNothingToStop(t *testing.T) {
	r := newRoom(t)
	if r.stop(r.clock.Now()) {
		t.Error("stopped in a session that does not exist")
	}
	m := r.message("hi")
	h := r.mustClaim(m, false)
	r.must(r.answer(h, "hello"))
	if r.stop(r.clock.Now()) {
		t.Error("stopped a turn that has ended")
	}
	if r.turn(1).Stop {
		t.Error("a turn that has ended was changed")
	}
}

func TestAStopReachesTheTurnOnce(t *testing.T) {
	for _, c := range []struct {
		what     string
		recorded bool
	}{{"before anything is recorded", false}, {"while it runs", true}} {
		for _, by := range []string{"check", "update"} {
			t.Run(c.what+" by "+by, func(t *testing.T) {
				r := newRoom(t)
				h := r.mustClaim(r.message("hi"), false)
				if c.recorded {
					r.must(r.place(h))
				}
				r.clock.pass(time.Second)
				for range 2 { // asking again changes nothing
					if !r.stop(r.clock.Now()) {
						t.Fatal("there is no turn to stop")
					}
				}
				if by == "check" {
					for range 2 {
						if err := h.Check(t.Context()); !errors.Is(err, session.ErrStop) {
							t.Fatal(err)
						}
					}
				} else if err := h.Update(t.Context(), func(t *session.Turn) { t.Cost++ }); !errors.Is(err, session.ErrStop) {
					t.Fatal(err)
				} else if got := r.turn(1); got.Cost != 0 {
					t.Errorf("recorded all the same: %+v", got)
				}
				if !h.Turn.Stop {
					t.Error("the turn does not say that it shall stop")
				}
				r.must(h.Update(t.Context(), func(t *session.Turn) { t.State, t.Reply = session.Stopped, "(Stopped.)" }))
				if got := r.turn(1); got.State != session.Stopped || !got.Stop || got.Holder != h.Turn.Holder || !got.Started.Equal(h.Turn.Started) {
					t.Errorf("recorded: %+v", got)
				}
				r.say("and then", "yes")
			})
		}
	}
}

// Reading takes time, so a stop is always asked for a little later than the
// caller's "now" says.
func TestATurnThatBeganBeforeTheStopIsStoppedHoweverLongTheStopTakes(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		r := newRoom(t)
		h := r.mustClaim(r.message("hi"), false)
		if recorded {
			r.must(r.place(h))
		}
		r.clock.pass(time.Second)
		said := r.clock.Now()
		r.faults.Before = func(bucket.Op, string) error { r.clock.pass(50 * time.Millisecond); return nil }
		if !r.stop(said) {
			t.Errorf("recorded %v: not stopped", recorded)
		}
	}
}

func TestATurnThatBeganAfterTheStopGoesOn(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		r := newRoom(t)
		said := r.clock.Now()
		r.clock.pass(time.Second)
		h := r.mustClaim(r.message("hi"), false)
		if recorded {
			r.must(r.place(h))
		}
		if r.stop(said) {
			t.Errorf("recorded %v: stopped", recorded)
		}
		r.must(h.Check(t.Context()))
		r.must(r.answer(h, "hello"))
		if r.turn(1).Stop {
			t.Errorf("recorded %v: the turn says that it shall stop", recorded)
		}
	}
}

func TestAStopSurvivesTheDeathOfItsTurnsHolder(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		r := newRoom(t)
		m := r.message("hi")
		h := r.mustClaim(m, false)
		if recorded {
			r.must(r.place(h))
		}
		r.clock.pass(time.Second)
		r.stop(r.clock.Now())
		r.lapse()
		h = r.mustClaim(m, true)
		if err := h.Check(t.Context()); !errors.Is(err, session.ErrStop) {
			t.Errorf("recorded %v: %v", recorded, err)
		}
		r.must(h.Update(t.Context(), func(t *session.Turn) { t.State = session.Stopped }))
	}
}

func TestAStopEndsATurnWhoseHolderIsDeadAlready(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		r := newRoom(t)
		m := r.message("hi")
		h := r.mustClaim(m, false)
		if recorded {
			r.must(r.place(h))
		}
		r.lapse()
		if !r.stop(r.clock.Now()) {
			t.Errorf("recorded %v: nothing to stop", recorded)
		}
		h = r.mustClaim(m, true)
		if err := h.Check(t.Context()); !errors.Is(err, session.ErrStop) {
			t.Errorf("recorded %v: %v", recorded, err)
		}
		r.must(h.Update(t.Context(), func(t *session.Turn) { t.State = session.Stopped }))
	}
}

// The stop comes between a take-over's look at the turn and its write.
func TestAStopDuringATakeOverIsNoObstacleToIt(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		r := newRoom(t)
		m := r.message("hi")
		old := r.mustClaim(m, false)
		if recorded {
			r.must(r.place(old))
		}
		r.clock.pass(session.Lease)
		// Another worker's clock, for which the lease has not lapsed yet.
		slow := *r.Store
		slow.Now = func() time.Time { return r.clock.Now().Add(-2 * time.Second) }
		want := bucket.OpPutIfAbsent
		if recorded {
			want = bucket.OpPutIfMatch
		}
		asked := false
		r.faults.Before = func(op bucket.Op, _ string) error {
			if op == want && !asked {
				asked = true
				if ok, err := slow.RequestStop(t.Context(), id, r.clock.Now()); !ok || err != nil {
					t.Error("not stopped", err)
				}
			}
			return nil
		}
		h, err := r.claim(m, true)
		if isBusy(err) { // the stop kept the old holder's name: look again
			h, err = r.claim(m, true)
		}
		r.must(err)
		if err := h.Check(t.Context()); !errors.Is(err, session.ErrStop) {
			t.Errorf("recorded %v: check: %v", recorded, err)
		}
		if err := r.place(old); !errors.Is(err, session.ErrLost) {
			t.Errorf("recorded %v: the old holder: %v", recorded, err)
		}
	}
}

// The turn ends while somebody asks it to stop.
func TestAStopThatComesTooLateChangesNothing(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("hi"), false)
	r.must(r.place(h))
	ended := false
	r.faults.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfMatch && !ended {
			ended = true
			r.must(r.answer(h, "hello"))
		}
		return nil
	}
	if r.stop(r.clock.Now()) {
		t.Error("stopped")
	}
	if got := r.turn(1); got.State != session.Done || got.Reply != "hello" || got.Stop {
		t.Errorf("recorded: %+v", got)
	}
}

func TestAStopThatCannotBeRecordedIsAnError(t *testing.T) {
	r := newRoom(t)
	h := r.mustClaim(r.message("hi"), false)
	for _, op := range []bucket.Op{bucket.OpGet, bucket.OpPutIfAbsent} {
		restore := r.failing(op, false)
		if ok, err := r.RequestStop(t.Context(), id, r.clock.Now()); ok || !errors.Is(err, errInjected) {
			t.Errorf("%s: %v, %v", op, ok, err)
		}
		restore()
	}
	r.must(r.place(h))
	restore := r.failing(bucket.OpPutIfMatch, false)
	if ok, err := r.RequestStop(t.Context(), id, r.clock.Now()); ok || !errors.Is(err, errInjected) {
		t.Errorf("%v, %v", ok, err)
	}
	restore()
	r.must(h.Check(t.Context()))
}
