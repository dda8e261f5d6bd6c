package approval_test

import (
	"encoding/json"
	"errors"
	"fmt"
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
	return w.add("", "main.1.2.ab", input, change)
}

// add asks about a call, on the open question if it can.
func (w *world) add(open, call, in string, change func(*approval.Request)) *approval.Request {
	w.t.Helper()
	r := approval.Request{Session: "main", Turn: 1, Tool: "mail_send", Grant: []string{"a@example.com"}}
	if change != nil {
		change(&r)
	}
	asked, err := w.Ask(w.t.Context(), open, r, approval.Item{Call: call, Input: json.RawMessage(in), Why: "to a@example.com is not in your words"})
	if err != nil {
		w.t.Fatal(err)
	}
	return asked
}

func (w *world) use(session string, i int) error {
	_, err := w.Use(w.t.Context(), approval.ID("main.1.2.ab"), session, i)
	return err
}

func TestAnApprovalIsUsedOnceForExactlyWhatWasApproved(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	if err := w.use("main", 0); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("before the answer: %v", err)
	}
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "telegram:42"); err != nil {
		t.Fatal(err)
	}
	if err := w.use("web-x", 0); !errors.Is(err, approval.ErrOther) {
		t.Errorf("from another session: %v", err)
	}
	if err := w.use("main", 1); !errors.Is(err, approval.ErrOther) {
		t.Errorf("a call that was not asked about: %v", err)
	}
	used, err := w.Use(t.Context(), r.ID, "main", 0)
	if err != nil || string(used.Items[0].Input) != `{"n":1.50,"text":"hi","to":"a@example.com"}` {
		t.Errorf("%+v, %v", used, err)
	}
	if err := w.use("main", 0); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("the second time: %v", err)
	}
}

// Whoever could change the stored question after its answer gets nothing by it.
func TestAQuestionThatWasChangedIsNotUsed(t *testing.T) {
	for _, change := range [][2]string{{"hi", "ho"}, {"mail_send", "mail_read"}, {`"main"`, `"web-x"`}, {"main.1.2.ab", "main.1.2.ac"}} {
		w := newWorld(t)
		r := w.ask(nil)
		if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); err != nil {
			t.Fatal(err)
		}
		o, err := w.Bucket.Get(t.Context(), "main/approvals/"+r.ID)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(string(o.Data), change[0], change[1])
		if _, err := w.Bucket.PutIfMatch(t.Context(), "main/approvals/"+r.ID, o.ETag, []byte(changed)); err != nil {
			t.Fatal(err)
		}
		for _, session := range []string{"main", "web-x"} {
			if err := w.use(session, 0); !errors.Is(err, approval.ErrOther) {
				t.Errorf("%q made %q: %v", change[0], change[1], err)
			}
		}
	}
}

func TestCallsOfOneToolInARowAreOneQuestion(t *testing.T) {
	w := newWorld(t)
	first := w.ask(nil)
	for i := range approval.MaxItems - 1 {
		if got := w.add(first.ID, fmt.Sprintf("main.1.4.%d", i), input, nil); got.ID != first.ID || len(got.Items) != i+2 {
			t.Fatalf("call %d: %+v", i, got)
		}
	}
	if got := w.add(first.ID, "main.1.4.3", input, nil); got.ID != first.ID || len(got.Items) != approval.MaxItems {
		t.Errorf("a call asked about again, after a crash: %+v", got)
	}
	if got := w.add(first.ID, "main.1.9.aa", input, nil); got.ID == first.ID {
		t.Error("a question grew without bound")
	}
	for name, change := range map[string]func(*approval.Request){
		"another tool":    func(r *approval.Request) { r.Tool = "mail_read" },
		"another turn":    func(r *approval.Request) { r.Turn = 2 },
		"another session": func(r *approval.Request) { r.Session = "web-x" },
		"asked twice":     func(r *approval.Request) { r.Twice = true },
	} {
		w := newWorld(t)
		first := w.ask(nil)
		if got := w.add(first.ID, "main.1.4.aa", input, change); got.ID == first.ID {
			t.Errorf("%s is asked about on the same card", name)
		}
	}
	w = newWorld(t)
	first = w.ask(nil)
	if _, err := w.Answer(t.Context(), first.ID, first.Nonce, approval.Yes, "p"); err != nil {
		t.Fatal(err)
	}
	if got := w.add(first.ID, "main.1.4.aa", input, nil); got.ID == first.ID {
		t.Error("a call was added to a question that was answered")
	}
}

func TestEachCallOfAQuestionIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	first := w.ask(nil)
	r := w.add(first.ID, "main.1.4.aa", `{"to":"b"}`, nil)
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := w.use("main", i); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	for i := range 2 {
		if err := w.use("main", i); !errors.Is(err, approval.ErrAnswered) {
			t.Errorf("call %d again: %v", i, err)
		}
	}
}

func TestOneCallAsksOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.ask(nil), w.ask(nil)
	if a.ID != b.ID || a.Nonce != b.Nonce {
		t.Errorf("%+v and %+v", a, b)
	}
	if c := w.add("", "main.1.2.cd", input, nil); c.ID == a.ID || c.Nonce == a.Nonce {
		t.Errorf("another call's question is %+v", c)
	}
}

func TestOnlyTheRightNonceAnswersAndOnlyOnce(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	for _, nonce := range []string{"", "x", strings.ToLower(r.Nonce), r.Nonce + "A"} {
		if _, err := w.Answer(t.Context(), r.ID, nonce, approval.Yes, "p"); !errors.Is(err, approval.ErrUnknown) {
			t.Errorf("nonce %q: %v", nonce, err)
		}
	}
	for _, id := range []string{"", "x", "../../x", strings.Repeat("0", 20)} {
		if _, err := w.Answer(t.Context(), id, r.Nonce, approval.Yes, "p"); !errors.Is(err, approval.ErrUnknown) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	if got, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.No, "p"); err != nil || got.State != approval.Denied || got.Person != "p" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); !errors.Is(err, approval.ErrAnswered) || got.State != approval.Denied {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.use("main", 0); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("denied, but: %v", err)
	}
}

func TestAQuestionAndItsAnswerLapseAfterHalfAnHour(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	w.now = w.now.Add(approval.Lapse + time.Second)
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); !errors.Is(err, approval.ErrLapsed) {
		t.Errorf("%v", err)
	}
	w = newWorld(t)
	r = w.ask(nil)
	w.now = w.now.Add(approval.Lapse)
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(approval.Lapse + time.Second)
	if err := w.use("main", 0); !errors.Is(err, approval.ErrLapsed) {
		t.Errorf("%v", err)
	}
}

func TestWhatTakesTwoAnswersIsNotApprovedByOneTapTwice(t *testing.T) {
	w := newWorld(t)
	r := w.ask(func(r *approval.Request) { r.Twice = true })
	first, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p")
	if err != nil || first.State != approval.Once {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); !errors.Is(err, approval.ErrUnknown) {
		t.Errorf("the same tap again: %v", err)
	}
	if err := w.use("main", 0); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("after one answer: %v", err)
	}
	if second, err := w.Answer(t.Context(), r.ID, first.Nonce, approval.Yes, "p"); err != nil || second.State != approval.Approved {
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
			if _, err := w.Answer(t.Context(), r.ID, r.Nonce, approval.Yes, "p"); err == nil {
				answered.Add(1)
			}
			if err := w.use("main", 0); err == nil {
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
