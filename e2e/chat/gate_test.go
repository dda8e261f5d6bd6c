//go:build e2e

package chat

import (
	"slices"
	"strings"
	"testing"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// asking is a model that makes a job of what begins with "Remind me", and tells
// what came of it.
func asking(c fake.Call) fake.Answer {
	said := c.LastUser()
	switch {
	case len(c.LastResults()) > 0:
		return fake.Answer{Text: "The tool said: " + c.LastResults()[0].Text}
	case strings.HasPrefix(said, "Remind me"):
		return fake.Answer{ToolUses: []fake.ToolUse{{Name: "schedule_create", Input: `{"text":"Feed the zebra.","kind":"reminder","every":"1d"}`}}}
	}
	return fake.Answer{Text: "Answer: " + said}
}

// With a stranger's text in the conversation a job waits for the owner's tap,
// also when everything is killed in between.
func TestTheOwnerIsAskedAndAnswers(t *testing.T) {
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	w.Anthropic.Script(asking)
	w.Hook(instar.Update(instar.Owner, instar.Owner, "The zebra eats daily.", fake.Forwarded()))
	w.Reply(instar.Owner, "The zebra eats daily.")
	w.Say(instar.Owner, "Remind me to feed the zebra every day")
	card := w.Reply(instar.Owner, "May I do this?")
	yes, ok := card.Button("Yes, do it")
	if !ok || !strings.Contains(card.Text, "Feed the zebra.") {
		t.Fatalf("the question is %q with the buttons %v", card.Text, card.Buttons)
	}
	w.Say(instar.Owner, "/jobs")
	w.Reply(instar.Owner, "There are no jobs.")
	w.Kill()
	w.Launch()
	w.Say(5001, yes.Data)
	w.Reply(5001, "Only the owner can answer that.")
	w.Tap(instar.Owner, instar.Owner, card, yes)
	w.Reply(instar.Owner, "The owner said yes to schedule_create, and it ran (done)")
	shown := w.Reply(instar.Owner, "You said yes at")
	if shown.ID != card.ID || len(shown.Buttons) > 0 || len(w.Telegram.Answered()) != 1 {
		t.Errorf("the card is message %d and shows as %d with %v; taps answered: %q", card.ID, shown.ID, shown.Buttons, w.Telegram.Answered())
	}
	w.Say(instar.Owner, "/jobs")
	w.Reply(instar.Owner, "Feed the zebra.")
	w.Say(instar.Owner, yes.Data)
	w.Reply(instar.Owner, "answered before")
}

func TestTheOwnerAnswersInSlackToo(t *testing.T) {
	w := instar.Start(t)
	w.Anthropic.Script(asking)
	w.Hook(instar.Update(instar.Owner, instar.Owner, "The zebra eats daily.", fake.Forwarded()))
	w.Reply(instar.Owner, "The zebra eats daily.")
	w.SlackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: instar.SlackOwner, Text: "Remind me to feed the zebra every day", TS: slackTS()})
	card := w.SlackReply("D1", "May I do this?")
	no, ok := card.Button("No")
	if !ok {
		t.Fatalf("the question is %q with the buttons %v", card.Text, card.Buttons)
	}
	body, header := w.Slack.Tap("D1", instar.SlackOwner, card, no)
	if r := w.Post("/hooks/slack", body, header); r.StatusCode != 200 {
		t.Fatalf("the tap: %s", r.Status)
	}
	shown := w.SlackReply("D1", "You said no at")
	if shown.ID != card.ID || len(shown.Buttons) > 0 {
		t.Errorf("the card is message %s and shows as %s with %v", card.ID, shown.ID, shown.Buttons)
	}
	messages := len(w.Slack.Chat("D1"))
	w.SlackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: instar.SlackOwner, Text: "/jobs", TS: slackTS()})
	w.SlackReply("D1", "There are no jobs.")
	if got := w.Slack.Chat("D1"); len(got) != messages+1 || slices.ContainsFunc(got, func(m fake.SlackMessage) bool { return strings.Contains(m.Text, "I do not do it") }) {
		t.Errorf("the chat shows %+v", got)
	}
}
