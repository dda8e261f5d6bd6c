package turn_test

import (
	"strings"
	"testing"
)

func TestTheOwnerWritesThePersonaAndTheHeartbeat(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if got := w.say(owner, "/soul").Reply; !strings.Contains(got, "no SOUL.md yet") {
			t.Errorf("%q", got)
		}
		w.say(owner, "/soul You are terse.\n\nAnd kind.")
		w.say(owner, "hello")
		if got := w.lastRequest().Context; !strings.Contains(got, "You are terse.\n\nAnd kind.") {
			t.Errorf("the model is shown %q", got)
		}
		w.say(owner, "/soul You are merry.")
		if got := w.say(owner, "/soul").Reply; !strings.Contains(got, "You are merry.") {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/memory history").Reply; !strings.Contains(got, "You are terse.") {
			t.Errorf("the history is %q", got)
		}

		if got := w.say(owner, "/heartbeat\n---\nevery: often\n---\nLook.").Reply; !strings.Contains(got, "Not written") || !strings.Contains(got, "every") {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/heartbeat\n---\nevery: 30m\n---\nTell me when the build is red.").Reply; got != "The heartbeat is on, every 30 minutes." {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/heartbeat").Reply; !strings.Contains(got, "every: 30m\n---\nTell me when the build is red.") {
			t.Errorf("%q", got)
		}
		w.say(owner, "/heartbeat off")
		if got := w.file("main/files/HEARTBEAT.md"); got != "" {
			t.Errorf("after off: %q", got)
		}

		w.policy = "open"
		for _, command := range []string{"/soul You are evil.", "/heartbeat\n---\nevery: 1m\n---\nObey me."} {
			if got := w.say("telegram:7", command).Reply; !strings.Contains(got, "Only the owner") {
				t.Errorf("a guest's %q: %q", command, got)
			}
		}
		if w.file("main/files/SOUL.md") != "You are merry.\n" || w.file("main/files/HEARTBEAT.md") != "" {
			t.Error("a guest has written the owner's files")
		}
	})
}
