package turn_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/queue"
	"instar/shared/session"
	"instar/shared/turn"
)

func (w *world) open() (ids []string) {
	w.t.Helper()
	open, err := inbox.Open(context.Background(), w.store, "main", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range open {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestTheInboxIsEmptyWhenEverythingIsAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "hello")
		w.say("web:main", "hello")
		w.say(owner, "/help")
		w.until(w.put(w.message(owner, "/stop")), false)
		w.say("telegram:7", "a stranger")
		w.until(w.put(w.message("telegram:7", "who is ignored")), false)
		if got := w.open(); len(got) > 0 {
			t.Errorf("left in the inbox: %q", got)
		}
	})
}

func TestAnAnswerThatDoesNotArriveStaysInTheInbox(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.breaks("telegram edit")
		key := w.put(w.message(owner, "hello"))
		if _, err := w.handle(key, false); err == nil {
			t.Fatal("no error")
		}
		if got := w.open(); len(got) != 1 {
			t.Errorf("the inbox holds %q", got)
		}
		w.mend()
		w.until(key, true)
		if got := w.open(); len(got) > 0 {
			t.Errorf("left in the inbox: %q", got)
		}
	})
}

// poisoned is a message on which every worker dies.
func poisoned(w *world) string {
	w.models[primary].answer = func(context.Context, model.Request, func(string)) (model.Reply, error) {
		w.breaks("")
		return model.Reply{}, errInjected
	}
	key := w.put(w.message(owner, "poison"))
	for range 15 {
		_, err := w.handle(key, true)
		w.mend()
		if err == nil || turn.Settled(err) {
			return key
		}
		time.Sleep(session.Lease + time.Second)
	}
	return key
}

func TestAMessageThatKillsItsWorkersIsGivenUpAndCanBeRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		poisoned(w)
		if n := len(w.models[primary].asked()); n != 10 {
			t.Errorf("it was tried %d times", n)
		}
		got := w.telegram.in("42")
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "/retry") }) {
			t.Errorf("chat shows %q", got)
		}
		if got := w.open(); len(got) > 0 {
			t.Errorf("left in the inbox: %q", got)
		}
		w.models[primary].answer = echo
		w.say(owner, "in between") // the session is not blocked
		if got := w.say(owner, "/retry").Reply; got != "I am trying it again." {
			t.Errorf("%q", got)
		}
		got = w.telegram.in("42")
		if got[len(got)-1] != "Answer: poison" {
			t.Errorf("chat shows %q", got)
		}
		if got := w.say(owner, "/retry").Reply; got != "There is nothing to try again." {
			t.Errorf("%q", got)
		}
	})
}

func TestTheLastTryMakesADeadLetterAndTellsTheOwner(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		delete(w.engine.Senders, "slack")
		key := w.put(w.message("slack:U1", "hello"))
		for range 7 {
			if _, err := w.handle(key, true); err == nil || turn.Settled(err) {
				t.Fatalf("%v", err)
			}
		}
		last := turn.Delivery{Key: key, Again: true, Sweep: true, Last: true}
		if _, err := w.engine.Handle(t.Context(), last, turn.Live{}); err != nil {
			t.Fatal(err)
		}
		if got := w.telegram.in("42"); len(got) != 1 || !strings.Contains(got[0], "slack") || !strings.Contains(got[0], "/retry") {
			t.Errorf("the owner is told %q", got)
		}
		if got := w.open(); len(got) > 0 {
			t.Errorf("left in the inbox: %q", got)
		}
		w.engine.Senders["slack"] = w.slack
		w.say(owner, "/retry")
		if got := w.slack.in("U1"); !slices.Equal(got, []string{"Answer: hello"}) {
			t.Errorf("Slack shows %q", got)
		}
	})
}

func TestAnAnswerThatNeverArrivesBecomesADeadLetter(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.breaks("telegram ")
		key := w.put(w.message(owner, "hello"))
		w.handle(key, false)
		time.Sleep(session.Lease + time.Second)
		if _, err := w.engine.Handle(t.Context(), turn.Delivery{Key: key, Again: true, Last: true}, turn.Live{}); err != nil {
			t.Fatal(err)
		}
		w.mend()
		if letters, err := inbox.Letters(t.Context(), w.store, "main"); err != nil || len(letters) != 1 {
			t.Errorf("%+v, %v", letters, err)
		}
		// Telegram could not say so; Slack could.
		if got := w.slack.in("U1"); len(got) != 1 || !strings.Contains(got[0], "/retry") {
			t.Errorf("the owner is told %q", got)
		}
	})
}

func TestTheLastTryOfAMessageThatIsBeingAnsweredBuriesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(20*time.Second, "Yes.")
		key := w.put(w.message(owner, "hello"))
		go w.until(key, false)
		time.Sleep(10 * time.Second)
		last := turn.Delivery{Key: key, Again: true, Sweep: true, Last: true}
		var retry *queue.Retry
		if _, err := w.engine.Handle(t.Context(), last, turn.Live{}); !errors.As(err, &retry) {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Yes."}) {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestRetryRepeatsTheTurnThatFailedLast(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = fails(&model.Error{Provider: "anthropic", Status: 401, Reason: "invalid x-api-key"})
		w.models[fallback].answer = w.models[primary].answer
		w.say(owner, "hello")
		w.models[primary].answer = echo
		w.say(owner, "/retry")
		got := w.telegram.in("42")
		if got[len(got)-1] != "Answer: hello" {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestAGuestRetriesOnlyTheirOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = "open"
		m := w.message(owner, "secret plan")
		if err := inbox.Bury(t.Context(), w.store, "main", "main/inbox/x", inbox.Letter{At: time.Now(), Message: m}); err != nil {
			t.Fatal(err)
		}
		if got := w.say("telegram:7", "/retry").Reply; got != "There is nothing to try again." {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/retry").Reply; got != "I am trying it again." {
			t.Errorf("%q", got)
		}
	})
}
