package session_test

import (
	"fmt"
	"strings"
	"testing"

	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/session"
)

var (
	mine   = label.New(label.Owner, label.Private, []string{"telegram:42"}, nil)
	theirs = label.New(label.Untrusted, label.Secret, []string{"tool:read_mail"}, nil)
)

// sayAs has a message answered in a turn that ends with that label.
func (r *room) sayAs(text string, l label.Label) {
	r.t.Helper()
	h := r.mustClaim(r.message(text), false)
	r.must(h.Update(r.t.Context(), func(t *session.Turn) {
		t.State, t.Reply, t.Label = session.Done, "Yes.", l
		t.Steps = append(t.Steps, session.Step{Label: l, Message: model.Message{Role: model.Assistant, Text: "Yes."}})
	}))
}

// head is the conversation as the next turn is shown it.
func (r *room) head() *session.Head {
	r.t.Helper()
	return r.mustClaim(r.message("next"), false).Head
}

func (r *room) stored() *session.Head {
	r.t.Helper()
	h, _, err := r.Head(r.t.Context(), id)
	r.must(err)
	return h
}

func TestATurnIsAsTrustedInTheHistoryAsItWas(t *testing.T) {
	for _, l := range []label.Label{mine, theirs, label.Worst()} {
		r := newRoom(t)
		r.sayAs("one", l)
		if got := r.turn(1); !got.Label.Equal(l) || !got.Steps[0].Label.Equal(l) {
			t.Errorf("%v: the turn is kept as %v, its step as %v", l, got.Label, got.Steps[0].Label)
		}
		if h := r.head(); len(h.History) != 1 || !h.History[0].Label.Equal(l) || !h.Label().Equal(l) {
			t.Errorf("%v: the next turn is shown %+v", l, h.History)
		}
		if h := r.stored(); len(h.History) != 1 || !h.History[0].Label.Equal(l) {
			t.Errorf("%v: kept as %+v", l, h.History)
		}
	}
}

// A summary can hold words of any of the texts that it stands for, those of the
// summary before among them.
func TestASummaryIsAsTrustedAsTheLeastOfWhatItStandsFor(t *testing.T) {
	r := newRoom(t)
	r.sayAs("theirs", theirs)
	for i := range 6 {
		r.sayAs(fmt.Sprint(i), mine)
	}
	all := label.Join(mine, theirs)
	for _, through := range []int{3, 5} {
		r.must(r.Compact(t.Context(), id, through, "A summary."))
		h := r.stored()
		if h.Through != through || !h.SummaryLabel.Equal(all) || !h.Label().Equal(all) {
			t.Errorf("through %d: the summary is %v, the conversation %v", h.Through, h.SummaryLabel, h.Label())
		}
	}
}

func TestASummaryOfTheOwnersWordsIsTheOwners(t *testing.T) {
	r := newRoom(t)
	for i := range 6 {
		r.sayAs(fmt.Sprint(i), mine)
	}
	r.must(r.Compact(t.Context(), id, 3, "A summary."))
	if h := r.head(); !h.SummaryLabel.Equal(mine) || !h.Label().Equal(mine) {
		t.Errorf("the summary is %v, the conversation %v", h.SummaryLabel, h.Label())
	}
}

// What no model has summarized is cut, and again, and stays whose it is.
func TestAHistoryThatIsCutIsAsTrustedAsBefore(t *testing.T) {
	r := newRoom(t)
	r.sayAs("theirs", theirs)
	cuts, through := 0, 0
	for i := 0; cuts < 2; i++ {
		r.sayAs(fmt.Sprint(i, strings.Repeat(" word", 800)), mine)
		h := r.stored()
		if h.Through > through {
			cuts, through = cuts+1, h.Through
		}
		if got := h.Label(); i > 0 && !got.Equal(label.Join(mine, theirs)) {
			t.Fatalf("message %d, cut %d times: %v", i, cuts, got)
		}
	}
}

func TestStartingOverForgetsWhoseTheConversationWas(t *testing.T) {
	r := newRoom(t)
	for range 4 {
		r.sayAs("theirs", theirs)
	}
	r.must(r.Compact(t.Context(), id, 2, "A summary."))
	h := r.mustClaim(r.message("/new"), false)
	r.must(h.Update(t.Context(), func(t *session.Turn) { t.State, t.Reset = session.Done, true }))
	r.sayAs("mine", mine)
	r.sayAs("mine", mine)
	if got := r.head(); !got.Label().Equal(mine) {
		t.Errorf("%v", got.Label())
	}
}
