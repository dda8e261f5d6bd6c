package turn_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/session"
	"instar/shared/turn"
)

func TestAMessageDeliveredFiveTimesAtOnceIsAnsweredOnce(t *testing.T) {
	for _, think := range []time.Duration{0, 5 * time.Second, 20 * time.Second} {
		inBubble(t, func(t *testing.T, w *world) {
			w.models[primary].answer = slowly(think, "The answer.")
			m := w.message(owner, "hello")
			var wait sync.WaitGroup
			for i := range 5 {
				wait.Go(func() { w.until(w.put(m), i > 2) })
			}
			wait.Wait()
			if got := w.telegram.in("42"); !slices.Equal(got, []string{"The answer."}) {
				t.Errorf("thinking for %v: chat shows %q", think, got)
			}
			if n := len(w.models[primary].asked()); n != 1 {
				t.Errorf("thinking for %v: the model was asked %d times", think, n)
			}
		})
	}
}

// However they meet, each of them stands in exactly one turn, and each turn has
// one answer.
func TestTwentyMessagesAtOnceInOneSessionAreAnsweredOnceEach(t *testing.T) {
	for _, mode := range []session.Mode{session.Steer, session.Collect, session.Followup} {
		inBubble(t, func(t *testing.T, w *world) {
			w.say(owner, "/queue "+string(mode))
			w.models[primary].answer = slowly(2*time.Second, "Yes.")
			var wait sync.WaitGroup
			for i := range 20 {
				time.Sleep(400 * time.Millisecond) // not one series
				key := w.put(w.message(owner, fmt.Sprintf("number %d.", i)))
				for range 5 {
					wait.Go(func() { w.until(key, false) })
				}
			}
			wait.Wait()
			head, _, err := w.sessions().Head(t.Context(), session.Main)
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for seq := 2; seq <= head.Turn.Seq; seq++ {
				one, _, err := w.sessions().Turn(t.Context(), session.Main, seq)
				if err != nil || one.State != session.Done {
					t.Fatalf("%s: turn %d: %+v, %v", mode, seq, one, err)
				}
				said += one.Said(turn.UserText) + "\n"
			}
			for i := range 20 {
				if n := strings.Count(said, fmt.Sprintf("number %d.", i)); n != 1 {
					t.Errorf("%s: message %d stands in %d turns", mode, i, n)
				}
			}
			turns := head.Turn.Seq - 1
			if got := w.telegram.in("42"); len(got) != turns+1 {
				t.Errorf("%s: %d turns, chat shows %q", mode, turns, got)
			}
			if (mode == session.Followup) != (turns == 20) || turns < 3 {
				t.Errorf("%s: %d turns for 20 messages", mode, turns)
			}
			if open, err := inbox.Open(t.Context(), w.store, "main", 0); err != nil || len(open) > 0 {
				t.Errorf("%s: left in the inbox: %+v, %v", mode, open, err)
			}
		})
	}
}

func TestSessionsDoNotWaitForEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(10*time.Second, "Yes.")
		began := time.Now()
		a := w.running(owner, "a")
		b := w.running("web:other", "b")
		a()
		b()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("two sessions took %v", took)
		}
	})
}

// A's answer cannot be delivered, and before the queue comes again B is asked.
func TestAnUndeliveredAnswerIsNotForgottenWhenTheNextMessageComes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.telegram.most = 10
		w.breaks("telegram edit")
		a := w.put(w.message(owner, "aaaa"))
		if _, err := w.handle(a, false); err == nil {
			t.Fatal("no error")
		}
		w.mend()
		for i := range 3 {
			w.say(owner, fmt.Sprint(i))
		}
		w.until(a, true)
		w.until(a, true)
		if got := w.telegram.in("42"); strings.Join(got, "") != "Answer: aaAnswer: 0Answer: 1Answer: 2aa" {
			t.Errorf("chat shows %q", got)
		}
	})
}

// The dead turn's sender is not let in any more, or its channel is gone: the
// session must not stand still for it.
func TestADeadTurnOfSomebodyWhoIsGoneDoesNotBlockTheSession(t *testing.T) {
	t.Run("revoked", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			found := code.FindStringSubmatch(w.say("telegram:7", "let me in").Reply)
			w.say(owner, "/approve "+found[1])
			w.die(w.put(w.group("telegram:7", "@instar_bot hi")))
			if err := w.engine.Directory.Revoke(t.Context(), "telegram:7", time.Now()); err != nil {
				t.Fatal(err)
			}
			w.until(w.put(w.group(owner, "@instar_bot hello")), false)
			if got := w.telegram.in("-100"); len(got) == 0 || got[len(got)-1] != "Answer: [Somebody] @instar_bot hello" {
				t.Errorf("the group sees %q", got)
			}
		})
	})
	t.Run("no token", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			lost := w.put(w.message("slack:U1", "hi"))
			w.die(lost)
			delete(w.engine.Senders, "slack")
			w.until(w.put(w.message(owner, "hello")), false)
			if got := w.telegram.in("42"); len(got) == 0 || got[len(got)-1] != "Answer: hello" {
				t.Errorf("chat shows %q", got)
			}
			w.engine.Senders["slack"] = w.slack
			for range 3 {
				w.until(lost, true)
			}
			if got := w.slack.in("U1"); len(got) != 1 || !strings.Contains(got[0], "send it again") {
				t.Errorf("when Slack is back it shows %q", got)
			}
		})
	})
}

// die has a turn begun by a worker that then does nothing any more.
func (w *world) die(key string) {
	w.t.Helper()
	w.models[primary].answer = func(context.Context, model.Request, func(string)) (model.Reply, error) {
		w.breaks("") // everything
		return model.Reply{}, errInjected
	}
	if _, err := w.handle(key, false); err == nil {
		w.t.Fatal("the worker did not die")
	}
	w.mend()
	w.models[primary].answer = echo
	time.Sleep(session.Lease + time.Second)
}

func TestADeadTurnIsFinishedByTheNextMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.die(w.put(w.message(owner, "one")))
		w.until(w.put(w.message(owner, "two")), false)
		got := slices.DeleteFunc(w.telegram.in("42"), func(s string) bool { return s == "…" })
		if !slices.Equal(got, []string{"Answer: one", "Answer: two"}) {
			t.Errorf("chat shows %q", got)
		}
	})
}

// Part by part, so slowly that the sweep comes in between.
func TestAReplyThatIsBeingDeliveredIsNotDeliveredByAnotherWorkerToo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.telegram.most, w.telegram.wait = 5, 8*time.Second
		w.models[primary].answer = says("onetwothree four five six")
		key := w.put(w.message(owner, "count"))
		go w.until(key, false)
		var later string
		for i := range 8 {
			time.Sleep(5 * time.Second)
			go w.until(key, true)
			if i == 6 {
				later = w.put(w.message(owner, "next"))
				go w.until(later, false)
			}
		}
		time.Sleep(10 * time.Minute)
		got := w.telegram.in("42")
		if n := strings.Count(strings.Join(got, "|"), "onetw"); n < 1 || len(got) != 10 {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestAwaitReturnsTheTurnThatAnotherWorkerRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(10*time.Second, "Yes.")
		m := w.message("web:main", "hi")
		key := w.put(m)
		go w.until(key, false)
		synctest.Wait()
		done, err := w.engine.Await(t.Context(), m, time.Now().Add(time.Minute))
		if err != nil || done.Reply != "Yes." {
			t.Errorf("turn %+v, error %v", done, err)
		}
		for range 5 {
			w.say("web:main", "more")
		}
		if done, err = w.engine.Await(t.Context(), m, time.Now().Add(time.Minute)); err != nil || done.Reply != "Yes." {
			t.Errorf("five turns later: turn %+v, error %v", done, err)
		}
	})
}

func TestAwaitGivesUpAtItsDeadlineAndAtOnceWhenThereIsNoSuchTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(time.Minute, "Yes.")
		m := w.message("web:main", "hi")
		key := w.put(m)
		go w.until(key, false)
		synctest.Wait()
		began := time.Now()
		if _, err := w.engine.Await(t.Context(), m, time.Now().Add(10*time.Second)); err == nil || time.Since(began) > 12*time.Second {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
		began = time.Now()
		stop := w.message("web:main", "/stop")
		w.until(w.put(stop), false)
		if _, err := w.engine.Await(t.Context(), stop, time.Now().Add(10*time.Minute)); err == nil || time.Since(began) > 2*time.Second {
			t.Errorf("for a message without a turn: error %v after %v", err, time.Since(began))
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestAWatcherWhoseTurnIsTakenDoesNotSeeItTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		m := w.message("web:main", "hi")
		key := w.put(m)
		w.until(key, false)
		if _, err := w.engine.Handle(t.Context(), turn.Delivery{Key: key, Message: m}, turn.Live{Text: func(string) { t.Error("text for a second watcher") }}); err == nil {
			t.Error("no error")
		}
	})
}
