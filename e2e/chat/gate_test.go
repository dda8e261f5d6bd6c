//go:build e2e

package chat

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

var answerCode = regexp.MustCompile(`/yes ([0-9a-z]{26})`)

// With a stranger's text in the conversation a job waits for the owner's word,
// also when everything is killed in between.
func TestTheOwnerIsAskedAndAnswers(t *testing.T) {
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		said := c.LastUser()
		switch {
		case len(c.LastResults()) > 0:
			return fake.Answer{Text: "The tool said: " + c.LastResults()[0].Text}
		case strings.HasPrefix(said, "Remind me"):
			return fake.Answer{ToolUses: []fake.ToolUse{{Name: "schedule_create", Input: `{"text":"Feed the zebra.","kind":"reminder","every":"1d"}`}}}
		}
		return fake.Answer{Text: "Answer: " + said}
	})
	w.Hook(instar.Update(instar.Owner, instar.Owner, "The zebra eats daily.", fake.Forwarded()))
	w.Reply(instar.Owner, "The zebra eats daily.")
	w.Say(instar.Owner, "Remind me to feed the zebra every day")
	asked := w.Reply(instar.Owner, "/yes ")
	code := answerCode.FindStringSubmatch(asked.Text)
	if code == nil || !strings.Contains(asked.Text, "Feed the zebra.") {
		t.Fatalf("the question is %q", asked.Text)
	}
	w.Say(instar.Owner, "/jobs")
	w.Reply(instar.Owner, "There are no jobs.")
	w.Kill()
	w.Launch()
	w.Say(5001, "/yes "+code[1])
	w.Reply(5001, "Only the owner can answer that.")
	w.Say(instar.Owner, "/yes "+code[1])
	w.Reply(instar.Owner, "The owner said yes to schedule_create, and it ran (done)")
	w.Say(instar.Owner, "/jobs")
	w.Reply(instar.Owner, "Feed the zebra.")
	w.Say(instar.Owner, "/yes "+code[1])
	w.Reply(instar.Owner, "answered before")
	time.Sleep(300 * time.Millisecond)
}
