package turn_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/model"
	"instar/shared/session"
)

// endless writes until it is cut off.
func endless(ctx context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
	for ctx.Err() == nil {
		onText("word ")
		time.Sleep(100 * time.Millisecond)
	}
	return model.Reply{}, &model.Error{Provider: "anthropic", Reason: "cancelled", Err: ctx.Err()}
}

// running starts a turn and returns a function that waits for its end.
func (w *world) running(person, text string) (ended func() *session.Turn) {
	key := w.put(w.message(person, text))
	done := make(chan *session.Turn, 1)
	go func() {
		t, err := w.handle(key, false)
		if err != nil {
			w.t.Errorf("%q: %v", text, err)
		}
		done <- t
	}()
	return func() *session.Turn { return <-done }
}

func TestStopEndsAStreamingTurnWithinASecondAndKeepsItsText(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"at once": 10 * time.Millisecond, "early": 450 * time.Millisecond, "streaming": 5 * time.Second, "after the lease": 50 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.models[primary].answer = endless
				w.telegram.wait = 50 * time.Millisecond
				ended := w.running(owner, "go on")
				time.Sleep(after)
				asked := time.Now()
				stop := w.put(w.message(owner, "/stop"))
				var wait sync.WaitGroup
				for i := range 5 {
					wait.Go(func() { w.until(stop, i > 2) })
				}
				done := ended()
				if took := time.Since(asked); took > time.Second {
					t.Errorf("the turn ended after %v", took)
				}
				wait.Wait()
				if done.State != session.Stopped || !strings.HasPrefix(done.Reply, "word") || !strings.HasSuffix(done.Reply, "(Stopped.)") {
					t.Errorf("%s: %q", done.State, done.Reply)
				}
				got := slices.DeleteFunc(w.telegram.in("42"), func(s string) bool { return s == done.Reply })
				if !slices.Equal(got, []string{"Stopping."}) {
					t.Errorf("beside the reply the chat shows %q", got)
				}
			})
		})
	}
}

func TestStopWithNothingRunningSaysSoOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "hello")
		stop := w.put(w.message(owner, "/stop"))
		for i := range 5 {
			w.until(stop, i > 0)
			time.Sleep(time.Minute)
		}
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Answer: hello", "Nothing is running."}) {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestALateRedeliveredStopDoesNotStopALaterTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = endless
		ended := w.running(owner, "go on")
		time.Sleep(2 * time.Second)
		stop := w.put(w.message(owner, "/stop"))
		w.until(stop, false)
		ended()
		time.Sleep(time.Minute)
		w.models[primary].answer = slowly(10*time.Second, "A later answer.")
		ended = w.running(owner, "and now?")
		time.Sleep(2 * time.Second)
		for range 3 {
			w.until(stop, true)
		}
		if done := ended(); done.State != session.Done || done.Reply != "A later answer." {
			t.Errorf("%s: %q", done.State, done.Reply)
		}
		if n := slices.Index(w.telegram.in("42"), "Stopping."); n < 0 || len(w.telegram.in("42")) != 3 {
			t.Errorf("chat shows %q", w.telegram.in("42"))
		}
	})
}

// The stop was never carried out; its first delivery died.
func TestALateFirstDeliveryOfAStopDoesNotStopALaterTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		stop := w.put(w.message(owner, "/stop"))
		time.Sleep(time.Minute)
		w.models[primary].answer = slowly(10*time.Second, "A later answer.")
		ended := w.running(owner, "hi")
		time.Sleep(2 * time.Second)
		w.until(stop, true)
		if done := ended(); done.State != session.Done {
			t.Errorf("%s: %q", done.State, done.Reply)
		}
	})
}

func TestAStopWhoseWorkerDiedIsCarriedOutByItsRedelivery(t *testing.T) {
	for _, broken := range []string{"put-if-match main/sessions/", "telegram send"} {
		t.Run(broken, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.models[primary].answer = endless
				ended := w.running(owner, "go on")
				time.Sleep(5 * time.Second)
				stop := w.put(w.message(owner, "/stop"))
				w.breaks(broken)
				if _, err := w.handle(stop, false); err == nil {
					t.Error("no error")
				}
				w.mend()
				w.until(stop, true)
				if done := ended(); done.State != session.Stopped {
					t.Errorf("%s: %q", done.State, done.Reply)
				}
				if got := w.telegram.in("42"); len(got) != 2 {
					t.Errorf("chat shows %q", got)
				}
			})
		})
	}
}

// The worker died before it noticed; whoever takes the turn over does.
func TestAStopOutlivesItsWorker(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = func(context.Context, model.Request, func(string)) (model.Reply, error) {
			time.Sleep(700 * time.Millisecond) // the turn is recorded
			if running, err := w.sessions().RequestStop(t.Context(), "main", time.Now()); err != nil || !running {
				t.Errorf("stop: %v, %v", running, err)
			}
			w.breaks("")
			return model.Reply{}, errInjected
		}
		key := w.put(w.message(owner, "go on"))
		if _, err := w.handle(key, false); err == nil {
			t.Fatal("the worker did not die")
		}
		w.mend()
		w.models[primary].answer = asks(call("1", "message_send", `{"channel":"slack","text":"too late"}`))
		asked := len(w.models[primary].asked())
		time.Sleep(session.Lease + time.Second)
		w.until(key, true)
		if got := w.telegram.in("42"); len(got) != 1 || got[0] != "(Stopped.)" || len(w.models[primary].asked()) != asked || len(w.slack.in("U1")) != 0 {
			t.Errorf("chat shows %q, Slack %q", got, w.slack.in("U1"))
		}
	})
}

func TestAStopInAGroupStopsTheGroupsTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = endless
		private := w.running(owner, "go on")
		key := w.put(w.group(owner, "@instar_bot go on"))
		go w.until(key, false)
		time.Sleep(5 * time.Second)
		w.deliver(w.group(owner, "/stop@instar_bot"))
		time.Sleep(time.Second)
		if got := w.telegram.in("-100"); len(got) != 2 || !strings.HasSuffix(got[0], "(Stopped.)") {
			t.Errorf("the group shows %q", got)
		}
		if got := w.telegram.in("42"); len(got) != 1 || strings.Contains(got[0], "Stopped") {
			t.Errorf("the private chat shows %q", got)
		}
		w.say(owner, "/stop")
		private()
	})
}

func TestAStoppedTurnRunsNoFurtherTool(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.wait = 3 * time.Second
		w.models[primary].answer = inTurn(asks(
			call("1", "message_send", `{"channel":"slack","text":"one"}`),
			call("2", "message_send", `{"channel":"slack","text":"two"}`)), says("Done."))
		ended := w.running(owner, "send both")
		time.Sleep(time.Second)
		w.say(owner, "/stop")
		if done := ended(); done.State != session.Stopped {
			t.Errorf("%s: %q", done.State, done.Reply)
		}
		time.Sleep(10 * time.Second)
		if got := w.slack.in("U1"); slices.Contains(got, "two") {
			t.Errorf("after the stop there was sent %q", got)
		}
		w.say(owner, "next")
		asked := w.lastRequest().Messages
		for i, m := range asked {
			if len(m.Calls) > 0 && (i+1 == len(asked) || len(asked[i+1].Results) != len(m.Calls)) {
				t.Errorf("calls without results in the history: %+v", asked)
			}
		}
	})
}

func TestStopEndsATurnInsideAToolCallWithinASecond(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(asks(call("1", "message_send", `{"channel":"slack","text":"hello"}`)), says("Too late."))
		w.slack.wait = time.Minute
		go w.until(w.put(w.message(owner, "send it")), false)
		time.Sleep(5 * time.Second)
		asked := time.Now()
		w.until(w.put(w.message("web:main", "/stop")), false) // from another of the owner's channels
		for time.Since(asked) < 10*time.Second {
			if got := w.telegram.in("42"); len(got) == 1 && strings.Contains(got[0], "(Stopped.)") {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(asked); took > time.Second {
			t.Errorf("stopping took %v; chat shows %q", took, w.telegram.in("42"))
		}
	})
}
