package turn_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/turn"
)

func TestCommandsAnswerEveryoneWhatIsTheirs(t *testing.T) {
	for _, c := range []struct {
		text, owner, guest, group string // regular expressions
	}{
		{"/help", "/stop - .*", "/whoami - .*", "/new - .*"},
		{"/start", "Commands:", "Commands:", "Commands:"},
		{"/HELP", "Commands:", "Commands:", "Commands:"},
		{"/help@instar_bot", "Commands:", "Commands:", "Commands:"},
		{"/new", "Started over", "Started over", "Started over"},
		{"/stop", "Nothing is running", "Nothing is running", "Nothing is running"},
		{"/whoami", "telegram:42, my owner.*session main", "telegram:7, a guest.*session telegram-7", "telegram:42, my owner.*session telegram-%2D100"},
		{"/usage", `Today: \$0.0000, no daily limit`, "Only the owner", "Today"},
		{"/status", "Instar test\nModel: " + primary + "\nSession: main, turn 1, 0 turns in view\nTime zone: Asia/Tokyo\nToday: ", "Session: telegram-7", "Session: telegram-%2D100"},
		{"/model", "uses " + primary + ". Configured: " + primary + ", " + fallback, "uses " + primary, "uses " + primary},
		{"/model " + fallback, "uses " + fallback + " from now on", "Only the owner", "from now on"},
		{"/model default", "configured model again", "Only the owner", "configured model again"},
		{"/model other/one", "can't be used: set NEW_API_KEY", "Only the owner", "can't be used"},
		{"/approve", "Which code", "Only the owner", "private chat"},
		{"/approve AAAA2222", "not known", "Only the owner", "private chat"},
		{"/frobnicate now", "no command /frobnicate(.|\n)*/help", "no command", "no command"},
	} {
		t.Run(c.text, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.policy = "open"
				for who, m := range map[string]*chat.Message{
					"owner": w.message(owner, c.text), "guest": w.message("telegram:7", c.text), "group": w.group(owner, c.text),
				} {
					want := map[string]string{"owner": c.owner, "guest": c.guest, "group": c.group}[who]
					done := w.deliver(m)
					if !regexp.MustCompile(want).MatchString(done.Reply) {
						t.Errorf("%s: %q, want %q", who, done.Reply, want)
					}
					if got := w.telegram.in(m.Chat); !slices.Equal(got, []string{done.Reply}) {
						t.Errorf("%s: chat shows %q", who, got)
					}
				}
				if len(w.models[primary].asked()) != 0 {
					t.Error("a command asked the model")
				}
			})
		})
	}
}

func TestACommandForAnotherBotIsIgnoredInAGroup(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		m := w.group(owner, "/help@otherbot")
		m.Mentions = []string{"@otherbot"}
		if _, err := w.handle(w.put(m), false); !errors.Is(err, turn.ErrIgnored) {
			t.Errorf("error %v, want ErrIgnored", err)
		}
		if len(w.telegram.in("-100")) != 0 || len(w.models[primary].asked()) != 0 {
			t.Error("it was answered")
		}
	})
}

func TestACommandMayHaveSpaceBeforeIt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if done := w.say(owner, "\n /help@instar_bot"); !strings.HasPrefix(done.Reply, "Commands:") {
			t.Errorf("reply %q", done.Reply)
		}
	})
}

func TestWhatLooksLikeAPathIsNoCommand(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if done := w.say(owner, "/etc/hosts holds what?"); done.Reply != "Answer: /etc/hosts holds what?" {
			t.Errorf("reply %q", done.Reply)
		}
	})
}

func TestCommandsAreNotInTheModelsHistory(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "one")
		for _, command := range []string{"/help", "/status", "/usage", "/nonsense", "/model " + primary} {
			w.say(owner, command)
		}
		w.say(owner, "two")
		got := w.lastRequest().Messages
		if len(got) != 3 || got[0].Text != "one" || got[1].Text != "Answer: one" || got[2].Text != "two" {
			t.Errorf("the model is shown %+v", got)
		}
	})
}

func TestNewForgetsTheConversationAndKeepsTheMemory(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/MEMORY.md", "- The cat is Bo.")
		w.say(owner, "one")
		w.say(owner, "/new")
		w.say(owner, "two")
		r := w.lastRequest()
		if len(r.Messages) != 1 || r.Messages[0].Text != "two" {
			t.Errorf("the model is shown %+v", r.Messages)
		}
		if !strings.Contains(r.Context, "The cat is Bo.") {
			t.Error("the memory is gone")
		}
	})
}

func TestAChosenModelLastsForItsSessionUntilDefault(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "/model "+fallback)
		for range 2 {
			if done := w.say(owner, "hi"); done.Model != fallback || strings.Contains(done.Reply, "Answered by") {
				t.Errorf("%s answered %q", done.Model, done.Reply)
			}
		}
		if done := w.say("web:other", "hi"); done.Model != primary {
			t.Errorf("another session uses %s", done.Model)
		}
		w.say(owner, "/new")
		if done := w.say(owner, "/model"); !strings.Contains(done.Reply, "uses "+fallback) {
			t.Errorf("after /new: %q", done.Reply)
		}
		// When the chosen one fails, the configured ones stand in.
		w.models[fallback].answer = fails(modelError(500, "broken"))
		if done := w.say(owner, "hi"); done.Model != primary || !strings.Contains(done.Reply, "because "+fallback+" did not") {
			t.Errorf("%s answered %q", done.Model, done.Reply)
		}
		w.say(owner, "/model default")
		if done := w.say(owner, "hi"); done.Model != primary || done.Reply != "Answer: hi" {
			t.Errorf("after default %s answered %q", done.Model, done.Reply)
		}
	})
}

func TestUsageCountsEverySessionToday(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.engine.Budget.Daily = 5
		for _, m := range []*chat.Message{w.message(owner, "a"), w.message("web:other", "b"), w.group(owner, "@instar_bot c"), w.message(owner, "d")} {
			w.deliver(m)
		}
		// Four answers at 100 tokens of input and 10 of output: $0.00045 each.
		if done := w.say(owner, "/usage"); done.Reply != "Today: $0.0018, of $5.00." {
			t.Errorf("reply %q", done.Reply)
		}
		w.say(owner, "e")
		if done := w.say(owner, "/usage"); done.Reply != "Today: $0.0022, of $5.00." && done.Reply != "Today: $0.0023, of $5.00." {
			t.Errorf("reply %q", done.Reply)
		}
		time.Sleep(24 * time.Hour)
		if done := w.say(owner, "/usage"); done.Reply != "Today: $0.0000, of $5.00." {
			t.Errorf("the next day: %q", done.Reply)
		}
	})
}

func TestACommandDeliveredAgainIsAnsweredOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		key := w.put(w.message(owner, "/new"))
		w.until(key, false)
		w.say(owner, "one")
		for range 3 {
			w.until(key, true)
		}
		w.say(owner, "two")
		if n := len(w.telegram.in("42")); n != 3 {
			t.Errorf("chat shows %q", w.telegram.in("42"))
		}
		if got := w.lastRequest().Messages; len(got) != 3 {
			t.Errorf("/new delivered again forgot what came after it: %+v", got)
		}
	})
}

func TestTheLastWordsOfAStoppedTurnAreRemembered(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(0, strings.Repeat("la ", 100))
		key := w.put(w.message(owner, "sing"))
		go w.until(key, false)
		time.Sleep(2 * time.Second)
		w.say(owner, "/stop")
		time.Sleep(2 * time.Second)
		w.models[primary].answer = echo
		w.say(owner, "shorter please")
		got := w.lastRequest().Messages
		if len(got) != 3 || got[0].Text != "sing" || got[1].Role != model.Assistant || !strings.Contains(got[1].Text, "la la") {
			t.Errorf("the model is shown %+v", got)
		}
	})
}
