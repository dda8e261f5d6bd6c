package turn_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/chat"
)

func TestAnotherConversationKnowsNothingOfTheFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "about tea")
		w.say(owner, "/new work")
		w.say(owner, "about taxes")
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"about taxes"}) {
			t.Errorf("the model was asked %q", got)
		}
		w.say("slack:U1", "from another channel") // the same person: the same conversation
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"about taxes", "from another channel"}) {
			t.Errorf("the model was asked %q", got)
		}
		w.say(owner, "/switch main")
		w.say(owner, "more tea")
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"about tea", "more tea"}) {
			t.Errorf("the model was asked %q", got)
		}
		if got := w.say(owner, "/sessions").Reply; got != "Your conversations:\n- main (you are here)\n- work\n" {
			t.Errorf("%q", got)
		}
		w.say(owner, "/switch work")
		w.say(owner, "more taxes")
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"about taxes", "from another channel", "more taxes"}) {
			t.Errorf("the model was asked %q", got)
		}
		// The console opens it by its name.
		w.say("web:work", "from the web")
		if got := users(w.lastRequest()); len(got) != 4 {
			t.Errorf("the model was asked %q", got)
		}
	})
}

func TestAGuestHasConversationsTooAndTheyAreTheirOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = "open"
		w.say(owner, "/new work")
		w.say(owner, "the owner's")
		w.say("telegram:7", "/new work")
		w.say("telegram:7", "the guest's")
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"the guest's"}) {
			t.Errorf("the model was asked %q", got)
		}
		if got := w.say("telegram:7", "/sessions").Reply; got != "Your conversations:\n- main\n- work (you are here)\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestAMessageDeliveredAgainAfterASwitchIsNotAnsweredTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		one := w.message(owner, "one")
		w.deliver(one)
		w.say(owner, "/new work")
		two := w.message(owner, "two")
		w.deliver(two)
		w.say(owner, "/switch main")
		for _, m := range []*chat.Message{one, two} {
			for _, again := range []bool{false, true} {
				w.until(w.put(m), again)
			}
		}
		n := 0
		for _, shown := range w.telegram.in("42") {
			if strings.HasPrefix(shown, "Answer: ") {
				n++
			}
		}
		if n != 2 {
			t.Errorf("chat shows %q", w.telegram.in("42"))
		}
	})
}

func TestStopReachesTheConversationThatIsOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "/new work")
		w.models[primary].answer = endless
		go w.until(w.put(w.message(owner, "go")), false)
		time.Sleep(3 * time.Second)
		w.until(w.put(w.message("slack:U1", "/stop")), false)
		time.Sleep(2 * time.Second)
		if got := w.telegram.in("42"); !strings.Contains(got[len(got)-1], "(Stopped.)") {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestASwitchedConversationCostsOneReadAndOneWriteMore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "/new work")
		w.say(owner, "first")
		c := w.spent(func() { w.say(owner, "hello") })
		if c.Writes != 5 || c.Reads != 7 || c.Lists > 0 {
			t.Errorf("a turn cost %+v", c)
		}
	})
}

func TestNamesThatCannotBeAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for _, name := range []string{"main", "a b", "../x", "job.1", strings.Repeat("a", 65), "ü"} {
			if got := w.say(owner, "/new "+name).Reply; !strings.HasPrefix(got, "A conversation's name") {
				t.Errorf("%q: %q", name, got)
			}
		}
		for _, name := range []string{"", "nowhere", "../x"} {
			if got := w.say(owner, "/switch "+name).Reply; strings.HasPrefix(got, "You are in") {
				t.Errorf("%q: %q", name, got)
			}
		}
		if got := w.deliver(w.group(owner, "@instar_bot hi")).Reply; !strings.HasPrefix(got, "Answer") {
			t.Errorf("%q", got)
		}
	})
}
