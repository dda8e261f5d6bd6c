//go:build e2e

package chat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// users are the texts of the person that the model was shown in a call.
func users(c fake.Call) (texts []string) {
	for _, m := range c.Messages {
		if m.Role == "user" {
			texts = append(texts, m.Text...)
		}
	}
	return texts
}

func TestABusyConversation(t *testing.T) {
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		said := strings.Join(users(c), "\n")
		switch {
		case strings.Contains(said, "look up") && len(c.LastResults()) == 0 && !strings.Contains(said, "more zebra"):
			return fake.Answer{Hang: 2 * time.Second, ToolUses: []fake.ToolUse{{Name: "memory_search", Input: `{"query":"zebra"}`}}}
		case strings.Contains(said, "send it"):
			return fake.Answer{ToolUses: []fake.ToolUse{{Name: "message_send", Input: `{"channel":"slack","text":"zebra"}`}}}
		case strings.Contains(said, "slowly"):
			return fake.Answer{Hang: 2 * time.Second, Text: "Answer: " + c.LastUser()}
		}
		return fake.Answer{Hang: 700 * time.Millisecond, Text: "Answer: " + c.LastUser()}
	})
	calls := func() fake.Call { all := w.Anthropic.Calls(); return all[len(all)-1] }

	w.Say(3000, "zebra first") // so that what follows meets a warm start
	w.Reply(3000, "Answer: zebra first")
	t.Run("a quick series is one message", func(t *testing.T) {
		w.Say(3001, "zebra one")
		w.Say(3001, "zebra two")
		w.Reply(3001, "zebra two")
		time.Sleep(1500 * time.Millisecond)
		if got := w.Telegram.Chat(3001); len(got) != 1 || got[0].Text != "Answer: zebra one\n\nzebra two" {
			t.Errorf("chat shows %s", instar.Texts(got))
		}
	})
	t.Run("the parts of a paste are one message", func(t *testing.T) {
		w.Say(3002, strings.Repeat("zebra ", 680)) // 4,080 characters
		time.Sleep(800 * time.Millisecond)
		w.Say(3002, "zebra end")
		w.Reply(3002, "zebra end")
		time.Sleep(time.Second)
		if got := users(calls()); len(got) != 2 || !strings.HasSuffix(got[1], "zebra end") { // the context stands first
			t.Errorf("the model is shown %d texts", len(got))
		}
	})
	t.Run("what is said meanwhile joins the turn between its tool calls", func(t *testing.T) {
		w.Say(3003, "look up zebras")
		time.Sleep(time.Second)
		w.Say(3003, "more zebra")
		w.Reply(3003, "Answer: more zebra")
		time.Sleep(time.Second)
		if got := w.Telegram.Chat(3003); len(got) != 1 {
			t.Errorf("chat shows %s", instar.Texts(got))
		}
	})
	t.Run("what comes after is answered after, in order", func(t *testing.T) {
		w.Say(3004, "/queue followup")
		w.Reply(3004, "one by one")
		w.Say(3004, "zebra slowly 1")
		for i := 2; i <= 3; i++ {
			time.Sleep(400 * time.Millisecond)
			w.Say(3004, fmt.Sprintf("zebra %d", i))
		}
		w.Reply(3004, "Answer: zebra 3")
		shown := func() string {
			var texts []string
			for _, m := range w.Telegram.Chat(3004)[1:] {
				texts = append(texts, m.Text)
			}
			return strings.Join(texts, "|")
		}
		want := "Answer: zebra slowly 1|Answer: zebra 2|Answer: zebra 3"
		for deadline := time.Now().Add(10 * time.Second); shown() != want && time.Now().Before(deadline); {
			time.Sleep(100 * time.Millisecond)
		}
		if got := shown(); got != want {
			t.Errorf("chat shows %s", got)
		}
	})
	t.Run("/stop ends a turn inside a tool call, from another channel", func(t *testing.T) {
		w.Slack.Hang("chat.postMessage", 20*time.Second)
		defer w.Slack.Heal()
		w.Say(instar.Owner, "send it, zebra")
		time.Sleep(2 * time.Second)
		asked := time.Now()
		w.Ask("/stop", "")
		m := w.Reply(instar.Owner, "(Stopped.)")
		if took := m.At.Sub(asked); took > 1200*time.Millisecond {
			t.Errorf("stopping took %v", took)
		}
	})
	t.Run("conversations are apart", func(t *testing.T) {
		w.Say(3005, "zebra of the first")
		w.Reply(3005, "Answer: zebra of the first")
		w.Say(3005, "/new work")
		w.Reply(3005, "“work”")
		w.Say(3005, "zebra of the second")
		w.Reply(3005, "Answer: zebra of the second")
		if got := strings.Join(users(calls()), "|"); strings.Contains(got, "zebra of the first") {
			t.Errorf("the second knows the first: %s", got)
		}
		w.Say(3005, "/switch main")
		w.Reply(3005, "“main” now")
		w.Say(3005, "zebra back")
		w.Reply(3005, "Answer: zebra back")
		if got := strings.Join(users(calls()), "|"); !strings.Contains(got, "zebra of the first") || strings.Contains(got, "second") {
			t.Errorf("the first conversation holds %s", got)
		}
	})
}

func TestJobs(t *testing.T) {
	w := instar.Start(t)
	at := time.Now().Add(8 * time.Second).Truncate(time.Second)
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		switch said := c.LastUser(); {
		case len(c.LastResults()) > 0:
			return fake.Answer{Text: "The tool said: " + c.LastResults()[0].Text}
		case strings.HasPrefix(said, "remind me"):
			return fake.Answer{ToolUses: []fake.ToolUse{{Name: "schedule_create", Input: fmt.Sprintf(`{"text":"Feed the zebra.","kind":"reminder","at":%q,"name":"zebra feed"}`, at.Format(time.RFC3339))}}}
		case strings.HasPrefix(said, "report"):
			return fake.Answer{ToolUses: []fake.ToolUse{{Name: "schedule_create", Input: `{"text":"Count the zebras.","kind":"task","every":"1h"}`}}}
		case strings.Contains(said, "Count the zebras."):
			return fake.Answer{Text: "There are **seven** zebras."}
		}
		return fake.Answer{Text: "Answer: " + c.LastUser()}
	})
	t.Run("a reminder arrives to the second, and is gone", func(t *testing.T) {
		w.Say(instar.Owner, "remind me, zebra")
		w.Reply(instar.Owner, "is made")
		w.Say(instar.Owner, "/jobs")
		w.Reply(instar.Owner, "zebra feed")
		m := w.Reply(instar.Owner, "⏰ Feed the zebra.")
		if late := m.Times[0].Sub(at); late < 0 || late > 2*time.Second {
			t.Errorf("it came %v after its time", late)
		}
		time.Sleep(time.Second)
		w.Say(instar.Owner, "/jobs")
		w.Reply(instar.Owner, "There are no jobs.")
	})
	t.Run("a task's answer is sent each time it is due", func(t *testing.T) {
		w.Say(instar.Owner, "report, zebra")
		made := w.Reply(instar.Owner, "every 1h")
		_, id, _ := strings.Cut(made.Text, "Job ")
		id, _, _ = strings.Cut(id, " ")
		w.Say(instar.Owner, "/jobs "+id)
		w.Reply(instar.Owner, "no runs of "+id)
		w.Say(instar.Owner, "/jobs cancel "+id)
		w.Reply(instar.Owner, "Cancelled.")
	})
}
