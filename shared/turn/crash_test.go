package turn_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/model"
	"instar/shared/session"
	"instar/shared/turn"
)

// The ways in which the n-th call to the bucket or a platform can go wrong.
var crashes = []struct {
	name          string
	before, after bool // the call fails before, or after, it had its effect
	dead          bool // and so does every later one: the worker is gone
	cancel        bool // the worker's context ends with it
}{
	{name: "the call fails", before: true},
	{name: "the call's answer is lost", after: true},
	{name: "the worker dies before the call", before: true, dead: true},
	{name: "the worker dies after the call", after: true, dead: true},
	{name: "the worker's context ends", cancel: true},
}

// crashPoint counts the calls to the bucket and the platforms and has one of
// them go wrong.
type crashPoint struct {
	mu     sync.Mutex
	at, n  int
	over   bool // a new worker has taken over
	fired  bool
	kind   int // of crashes
	what   string
	cancel func()
	lost   bool // the call under way fails when it has had its effect
}

func (c *crashPoint) before(what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil
	}
	kind := crashes[c.kind]
	if c.fired && kind.dead {
		return errInjected
	}
	if c.n++; c.n != c.at {
		return nil
	}
	c.fired, c.what = true, what
	if kind.cancel {
		c.cancel()
	}
	if kind.before {
		return errInjected
	}
	c.lost = kind.after
	return nil
}

func (c *crashPoint) after(what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && c.lost && c.what == what {
		c.lost = false
		return errInjected
	}
	return nil
}

// threeTools asks for three tools, one of which must not run twice, and then
// says what it was told about them.
func threeTools(_ context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	got := results(r)
	if len(got) == 0 {
		time.Sleep(700 * time.Millisecond)
		onText("One moment.")
		time.Sleep(1200 * time.Millisecond)
		return model.Reply{Text: "One moment.", Stop: model.StopTools, Usage: model.Usage{Output: 10}, Calls: []model.ToolCall{
			call("1", "memory_write", `{"text":"Anna likes oolong."}`),
			call("2", "message_send", `{"channel":"slack","text":"Tea is ready."}`),
			call("3", "memory_search", `{"query":"oolong"}`),
		}}, nil
	}
	time.Sleep(1200 * time.Millisecond)
	return text(onText, "Finished: "+got[1].Text)
}

func crashWorld(t *testing.T) *world {
	w := newWorld(t)
	w.telegram.wait, w.slack.wait = 30*time.Millisecond, 30*time.Millisecond
	w.models[primary].answer = threeTools
	return w
}

func TestEveryCrashPointEndsInOneAnswer(t *testing.T) {
	points := 0
	synctest.Test(t, func(t *testing.T) {
		w, c := crashWorld(t), &crashPoint{}
		key := w.put(w.message(owner, "tea?"))
		w.hooks.set(c.before, c.after)
		w.until(key, false)
		points = c.n
	})
	if points < 25 {
		t.Fatalf("only %d calls in a turn with three tools", points)
	}
	unknown, fired := 0, 0
	for kind := range crashes {
		for at := 1; at <= points; at++ {
			c := &crashPoint{kind: kind, at: at}
			synctest.Test(t, func(t *testing.T) {
				told := crashOnce(t, c)
				if strings.Contains(told, "Outcome unknown") {
					unknown++
				}
			})
			if c.fired {
				fired++
			}
			if t.Failed() {
				t.Fatalf("%s, call %d of %d: %s", crashes[kind].name, at, points, c.what)
			}
		}
	}
	t.Logf("%d crash points in a turn, %d crashes, after %d of them the outcome of the message was unknown", points, fired, unknown)
	if unknown == 0 || fired < len(crashes)*(points-3) {
		t.Error("the crashes do not reach what they should")
	}
}

// crashOnce runs a turn that crashes at c, then another worker, and returns
// what the model was told about its message.
func crashOnce(t *testing.T, c *crashPoint) string {
	w := crashWorld(t)
	key := w.put(w.message(owner, "tea?"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.cancel = cancel
	w.hooks.set(c.before, c.after)
	w.engine.Handle(ctx, turn.Delivery{Key: key}, turn.Live{})
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	time.Sleep(session.Lease + time.Second)
	w.until(key, true)
	w.until(key, true) // and the sweep
	return checkOneAnswer(t, w)
}

func checkOneAnswer(t *testing.T, w *world) (told string) {
	t.Helper()
	var answers []string
	for _, shown := range w.telegram.in("42") {
		if shown != "…" {
			answers = append(answers, shown)
		}
	}
	if len(answers) != 1 || !strings.Contains(answers[0], "Finished: ") {
		t.Errorf("the person sees %q", w.telegram.in("42"))
		return ""
	}
	_, told, _ = strings.Cut(answers[0], "Finished: ")
	sent := w.slack.in("U1")
	if len(sent) > 1 {
		t.Errorf("the message was sent %d times", len(sent))
	}
	switch reported := strings.HasPrefix(told, "Sent"); {
	case reported && len(sent) != 1:
		t.Errorf("the model was told %q, but nothing was sent", told)
	case !reported && len(sent) == 1 && !strings.Contains(told, "may"):
		t.Errorf("the message was sent, but the model was told %q", told)
	case !reported && !strings.Contains(told, "unknown") && !strings.Contains(told, "may") && !strings.Contains(told, "not sent"):
		t.Errorf("the model was told %q", told)
	}
	if n := strings.Count(w.file("main/files/MEMORY.md"), "oolong"); n > 1 {
		t.Errorf("the note was written %d times", n)
	}
	return told
}

func TestACrashOfTheSecondWorkerIsSurvivedToo(t *testing.T) {
	// Die when the message is sent, and again at each call of the second life.
	dieAtSend := func(w *world, key string) {
		c := &crashPoint{kind: 3}
		w.hooks.set(func(what string) error {
			if what == "slack send" {
				c.mu.Lock()
				c.at = c.n + 1
				c.mu.Unlock()
			}
			return c.before(what)
		}, c.after)
		w.handle(key, false)
		time.Sleep(session.Lease + time.Second)
	}
	for at := 1; at <= 25; at++ {
		for _, kind := range []int{2, 3} {
			synctest.Test(t, func(t *testing.T) {
				w := crashWorld(t)
				key := w.put(w.message(owner, "tea?"))
				dieAtSend(w, key)
				c := &crashPoint{kind: kind, at: at}
				w.hooks.set(c.before, c.after)
				w.handle(key, true)
				w.mend()
				time.Sleep(session.Lease + time.Second)
				w.until(key, true)
				if told := checkOneAnswer(t, w); !strings.Contains(told, "Outcome unknown") {
					t.Errorf("the model was told %q", told)
				}
				if len(w.slack.in("U1")) != 1 {
					t.Errorf("sent: %q", w.slack.in("U1"))
				}
			})
			if t.Failed() {
				t.Fatalf("second life: %s, call %d", crashes[kind].name, at)
			}
		}
	}
}

// A worker that only seems dead (its calls hang) comes back after another has
// taken its turn over.
func TestAWorkerThatWasTooSlowDoesNothingMore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		gate := make(chan struct{})
		var once sync.Once
		w.models[primary].answer = func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			slow := false
			once.Do(func() { slow = true })
			if slow {
				<-gate // and no timer of this worker runs either
				return asks(call("2", "message_send", `{"channel":"slack","text":"from the dead"}`))(ctx, r, onText)
			}
			return text(onText, "The answer.")
		}
		key := w.put(w.message(owner, "hi"))
		ended := make(chan error, 1)
		go func() {
			_, err := w.handle(key, false)
			ended <- err
		}()
		synctest.Wait()
		w.breaks("") // its lease is not renewed
		time.Sleep(session.Lease + time.Second)
		w.mend()
		w.until(key, true)
		close(gate)
		if err := <-ended; err == nil {
			t.Error("the slow worker believes that it has answered")
		}
		if len(w.slack.in("U1")) != 0 {
			t.Error("the slow worker ran a tool")
		}
		got := slices.DeleteFunc(w.telegram.in("42"), func(s string) bool { return s == "…" })
		if !slices.Equal(got, []string{"The answer."}) {
			t.Errorf("chat shows %q", got)
		}
	})
}
