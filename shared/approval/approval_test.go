package approval_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"instar/shared/approval"
	"instar/shared/bucket"
)

type world struct {
	*approval.Store
	t   *testing.T
	now time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Store = &approval.Store{Bucket: bucket.NewMemory(), Agent: "main", Now: func() time.Time { return w.now }}
	return w
}

const input = `{"to":"a@example.com","text":"hi","n":1.50}`

func (w *world) ask(change func(*approval.Request)) *approval.Request {
	w.t.Helper()
	r := approval.Request{Session: "main", Call: "main.1.2.ab", Tool: "mail_send", Input: json.RawMessage(input), Why: "to a@example.com"}
	if change != nil {
		change(&r)
	}
	asked, err := w.Ask(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return asked
}

func (w *world) use(session, tool, in string) error {
	return w.Use(w.t.Context(), "main.1.2.ab", session, tool, json.RawMessage(in))
}

func TestAnApprovalIsUsedOnceForExactlyWhatWasApproved(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	if err := w.use("main", "mail_send", input); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("before the answer: %v", err)
	}
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "telegram:42"); err != nil {
		t.Fatal(err)
	}
	for _, other := range [][3]string{
		{"web-x", "mail_send", input}, {"main", "mail_read", input},
		{"main", "mail_send", strings.Replace(input, "a@", "b@", 1)}, {"main", "mail_send", strings.Replace(input, "1.50", "1.5", 1)},
		{"main", "mail_send", `{}`},
	} {
		if err := w.use(other[0], other[1], other[2]); !errors.Is(err, approval.ErrOther) {
			t.Errorf("%v: %v", other, err)
		}
	}
	// The order of keys and spaces are no difference.
	if err := w.use("main", "mail_send", "{ \"n\": 1.50, \"text\": \"hi\",\n \"to\": \"a@example.com\" }"); err != nil {
		t.Error(err)
	}
	if err := w.use("main", "mail_send", input); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("the second time: %v", err)
	}
}

func TestOneCallAsksOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.ask(nil), w.ask(nil)
	if a.ID != b.ID || a.Nonce != b.Nonce {
		t.Errorf("%+v and %+v", a, b)
	}
	if c := w.ask(func(r *approval.Request) { r.Call = "main.1.2.cd" }); c.ID == a.ID || c.Nonce == a.Nonce {
		t.Errorf("another call's question is %+v", c)
	}
}

func TestOnlyTheRightNonceAnswersAndOnlyOnce(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	for _, nonce := range []string{"", "x", strings.ToLower(r.Nonce), r.Nonce + "A"} {
		if _, err := w.Answer(t.Context(), r.ID, nonce, true, "p"); !errors.Is(err, approval.ErrUnknown) {
			t.Errorf("nonce %q: %v", nonce, err)
		}
	}
	for _, id := range []string{"", "x", "../../x", strings.Repeat("0", 20)} {
		if _, err := w.Answer(t.Context(), id, r.Nonce, true, "p"); !errors.Is(err, approval.ErrUnknown) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	if got, err := w.Answer(t.Context(), r.ID, r.Nonce, false, "p"); err != nil || got.State != approval.Denied || got.Person != "p" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "p"); !errors.Is(err, approval.ErrAnswered) || got.State != approval.Denied {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.use("main", "mail_send", input); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("denied, but: %v", err)
	}
}

func TestAQuestionAndItsAnswerLapseAfterHalfAnHour(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	w.now = w.now.Add(approval.Lapse + time.Second)
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "p"); !errors.Is(err, approval.ErrLapsed) {
		t.Errorf("%v", err)
	}
	w = newWorld(t)
	r = w.ask(nil)
	w.now = w.now.Add(approval.Lapse)
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "p"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(approval.Lapse + time.Second)
	if err := w.use("main", "mail_send", input); !errors.Is(err, approval.ErrLapsed) {
		t.Errorf("%v", err)
	}
}

func TestWhatTakesTwoAnswersIsNotApprovedByOneTapTwice(t *testing.T) {
	w := newWorld(t)
	r := w.ask(func(r *approval.Request) { r.Twice = true })
	first, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "p")
	if err != nil || first.State != approval.Once {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "p"); !errors.Is(err, approval.ErrUnknown) {
		t.Errorf("the same tap again: %v", err)
	}
	if err := w.use("main", "mail_send", input); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("after one answer: %v", err)
	}
	if second, err := w.Answer(t.Context(), r.ID, first.Nonce, true, "p"); err != nil || second.State != approval.Approved {
		t.Errorf("%+v, %v", second, err)
	}
}

func TestOfManyAnswersAndUsesAtOnceOneCounts(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	var answered, used atomic.Int64
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			if _, err := w.Answer(t.Context(), r.ID, r.Nonce, true, "p"); err == nil {
				answered.Add(1)
			}
			if err := w.use("main", "mail_send", input); err == nil {
				used.Add(1)
			}
			_ = i
		})
	}
	wait.Wait()
	if answered.Load() != 1 || used.Load() != 1 {
		t.Errorf("%d answers and %d uses counted", answered.Load(), used.Load())
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{input, `{"b":1,"a":{"d":[1,2.0,1e400],"c":"\u00e9"}}`, `[]`, `"x"`, `{"a":1}{"a":2}`, ``, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := approval.Canonical(data)
		if err != nil {
			return
		}
		twice, err := approval.Canonical(once)
		if err != nil || string(once) != string(twice) {
			t.Errorf("%q is %q and then %q, %v", data, once, twice, err)
		}
	})
}
