package turn_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/people"
	"instar/shared/turn"
)

var code = regexp.MustCompile("`([A-Z2-9]{8})`")

func (w *world) ignored(m *chat.Message, redelivery bool) {
	w.t.Helper()
	if done, err := w.handle(w.put(m), redelivery); !errors.Is(err, turn.ErrIgnored) {
		w.t.Errorf("%q: turn %+v, error %v; want it ignored", m.Text, done, err)
	}
}

func TestAStrangerGetsACodeOnceAndIsAnsweredWhenApproved(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := w.say("telegram:7", "let me in")
		found := code.FindStringSubmatch(first.Reply)
		if found == nil || !strings.Contains(first.Reply, "/approve "+found[1]) {
			t.Fatalf("the stranger is told %q", first.Reply)
		}
		w.ignored(w.message("telegram:7", "please"), false)
		w.ignored(w.message("telegram:7", "/help"), false)
		w.ignored(w.message("telegram:7", "/stop"), false)
		if len(w.models[primary].asked()) != 0 {
			t.Error("a stranger cost a model call")
		}
		if done := w.say(owner, "/approve "+strings.ToLower(found[1])); !strings.Contains(done.Reply, "telegram:7) can talk to me now") {
			t.Errorf("the owner is told %q", done.Reply)
		}
		if got := w.telegram.in("7"); len(got) != 2 || !strings.Contains(got[1], "let in") {
			t.Errorf("the stranger sees %q", got)
		}
		if done := w.say("telegram:7", "hello"); done.Reply != "Answer: hello" {
			t.Errorf("reply %q", done.Reply)
		}
		if got := w.lastRequest().Messages; len(got) != 1 {
			t.Errorf("the pairing is in the history: %+v", got)
		}
	})
}

// The schedule function has every message delivered once more, two minutes later.
func TestASweptMessageOfAStrangerDoesNotSendTheCodeAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var keys []string
		for _, text := range []string{"let me in", "hello?", "are you there?"} {
			key := w.put(w.message("telegram:7", text))
			w.until(key, false)
			keys = append(keys, key)
		}
		time.Sleep(2 * time.Minute)
		for _, key := range keys {
			w.until(key, true)
		}
		if got := w.telegram.in("7"); len(got) != 1 {
			t.Errorf("the stranger sees %q", got)
		}
	})
}

func TestACodeWhoseWorkerDiedBeforeTellingItIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		key := w.put(w.message("telegram:7", "let me in"))
		w.breaks("main/sessions/")
		if _, err := w.handle(key, false); err == nil {
			t.Fatal("no error")
		}
		w.mend()
		w.until(key, true)
		if got := w.telegram.in("7"); len(got) != 1 || code.FindString(got[0]) == "" {
			t.Errorf("the stranger sees %q", got)
		}
	})
}

func TestANewCodeIsToldWhenTheOldOneHasExpired(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := code.FindString(w.say("telegram:7", "let me in").Reply)
		time.Sleep(2 * time.Hour)
		key := w.put(w.message("telegram:7", "once more"))
		w.breaks("main/sessions/") // its first delivery dies
		w.handle(key, false)
		w.mend()
		w.until(key, true)
		got := w.telegram.in("7")
		if second := code.FindString(got[len(got)-1]); len(got) != 2 || second == "" || second == first {
			t.Errorf("the stranger sees %q", got)
		}
	})
}

func TestClosedAnswersOnlyTheOwner(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = people.Closed
		w.ignored(w.message("telegram:7", "hello"), false)
		w.ignored(w.message("telegram:7", "/help"), true)
		if done := w.say(owner, "hello"); done.Reply != "Answer: hello" || len(w.telegram.in("7")) != 0 {
			t.Errorf("reply %q; the stranger sees %q", done.Reply, w.telegram.in("7"))
		}
	})
}

func TestOpenAnswersEveryone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = people.Open
		if done := w.say("telegram:7", "hello"); done.Reply != "Answer: hello" {
			t.Errorf("reply %q", done.Reply)
		}
		bot := w.message("telegram:8", "hello")
		bot.Sender.Bot = true
		w.ignored(bot, false)
	})
}

func TestInGroupsOnlyKnownPeopleAreAnsweredAndOnlyWhenTheyMeanIt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = people.Open
		talk := w.group(owner, "among us")
		talk.Mentions = nil
		w.ignored(talk, false)
		other := w.group(owner, "@somebody_else hi")
		other.Mentions = []string{"@somebody_else"}
		w.ignored(other, false)
		w.ignored(w.group("telegram:7", "@instar_bot hi"), false) // a stranger, even where private chats are open
		w.ignored(w.group("telegram:7", "/help@instar_bot"), false)
		if len(w.telegram.in("-100")) != 0 || len(w.telegram.in("7")) != 0 {
			t.Errorf("the group sees %q, the stranger %q", w.telegram.in("-100"), w.telegram.in("7"))
		}
		reply := w.group(owner, "and why?")
		reply.Mentions, reply.ReplyTo = nil, &chat.Reply{ID: "5", From: "1", Bot: true, Text: "because"}
		for _, m := range []*chat.Message{w.group(owner, "@instar_bot hi"), reply} {
			if done := w.deliver(m); !strings.HasPrefix(done.Reply, "Answer: [Somebody] ") {
				t.Errorf("reply %q", done.Reply)
			}
		}
		w.policy = people.Pairing
		asked, err := w.engine.Directory.Status(t.Context(), "telegram:7")
		if err != nil || asked.Status != people.Stranger {
			t.Errorf("a stranger in a group became %v, %v", asked.Status, err)
		}
		approved := code.FindStringSubmatch(w.say("telegram:7", "let me in").Reply)
		w.say(owner, "/approve "+approved[1])
		if done := w.deliver(w.group("telegram:7", "@instar_bot hi")); !strings.HasPrefix(done.Reply, "Answer:") {
			t.Errorf("a guest in a group: %q", done.Reply)
		}
	})
}

func TestTheAgentAsksWhoItIsOnlyOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for range 3 {
			w.deliver(w.group(owner, "@instar_bot hi"))
		}
		if n := w.telegram.calls["self"]; n != 1 {
			t.Errorf("the platform was asked %d times", n)
		}
	})
}

func TestAChannelWithoutATokenSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		delete(w.engine.Senders, "slack")
		if _, err := w.handle(w.put(w.message("slack:U1", "hello")), false); err == nil || !strings.Contains(err.Error(), "slack has no bot token") {
			t.Errorf("error %v", err)
		}
	})
}
