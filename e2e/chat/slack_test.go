//go:build e2e

package chat

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

var slackSerial int

// slackTS is a fresh message timestamp of now.
func slackTS() string {
	slackSerial++
	return fmt.Sprintf("%d.%06d", time.Now().Unix(), slackSerial)
}

func TestSlack(t *testing.T) {
	w := instar.Start(t)
	w.Anthropic.Script(instar.Script(map[string]func(fake.Call) fake.Answer{
		"slow": instar.Fixed(fake.Answer{Text: strings.Repeat("**zebra** crossing ", 30), ChunkSize: 40, Delay: 150 * time.Millisecond}),
		"long": instar.Fixed(fake.Answer{Text: strings.Repeat("A zebra of a line that is not too short. ", 200) + "The end."}),
		"tell": instar.Fixed(fake.Answer{ToolUses: []fake.ToolUse{{Name: "message_send", Input: `{"channel":"telegram","text":"zebra from Slack"}`}}}),
	}))

	t.Run("url_verification is answered with the challenge", func(t *testing.T) {
		r := w.SlackHook(fake.SlackURLCheck, fake.SlackFields{})
		data, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusOK || len(data) == 0 || strings.Contains(string(data), "token") {
			t.Errorf("status %d, body %q", r.StatusCode, data)
		}
	})
	t.Run("a direct message of the owner is answered once though delivered five times", func(t *testing.T) {
		f := fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "zebra direct", TS: slackTS()}
		for range 5 {
			if r := w.SlackHook(fake.SlackMessageEvent, f); r.StatusCode != http.StatusOK {
				t.Fatalf("status %d", r.StatusCode)
			}
		}
		w.SlackReply("D1", "Answer: zebra direct")
		time.Sleep(time.Second)
		if n := len(w.Slack.Chat("D1")); n != 1 {
			t.Errorf("%d replies", n)
		}
	})
	t.Run("a mention and its message event are one message, answered in a thread", func(t *testing.T) {
		f := fake.SlackFields{Channel: "C1", User: "UOWNER", Text: "<@" + fake.SlackBotUser + "> zebra mention", TS: slackTS()}
		w.SlackHook(fake.SlackMention, f)
		w.SlackHook(fake.SlackMessageEvent, f)
		if m := w.SlackReply("C1", "zebra mention"); m.Thread != f.TS {
			t.Errorf("answered in thread %q, not %q", m.Thread, f.TS)
		}
		w.SlackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "C1", User: "UOWNER", Text: "zebra talk of others", TS: slackTS()})
		time.Sleep(time.Second)
		if n := len(w.Slack.Chat("C1")); n != 1 {
			t.Errorf("%d replies, want 1", n)
		}
	})
	t.Run("the answer streams and is written in mrkdwn", func(t *testing.T) {
		w.SlackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "slow zebra", TS: slackTS()})
		m := w.SlackReply("D1", strings.TrimSpace(strings.Repeat("*zebra* crossing ", 30)))
		if m.Edits < 2 || strings.Contains(m.HTML, "**") {
			t.Errorf("%d edits, written %.60q", m.Edits, m.HTML)
		}
	})
	t.Run("a long answer is split at 4,000 characters", func(t *testing.T) {
		w.SlackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "long zebra", TS: slackTS()})
		w.SlackReply("D1", "The end.")
	})
	t.Run("a slash command is answered", func(t *testing.T) {
		w.SlackHook(fake.SlackCommand, fake.SlackFields{Channel: "D1", User: "UOWNER", Command: "/whoami", Trigger: "T1"})
		w.SlackReply("D1", "slack:UOWNER, my owner")
	})
	t.Run("the owner's chats on Slack and Telegram are one conversation", func(t *testing.T) {
		w.Say(instar.Owner, "zebra on telegram")
		w.Reply(instar.Owner, "zebra on telegram")
		calls := w.Anthropic.Calls()
		if !strings.Contains(string(calls[len(calls)-1].Body), "zebra direct") {
			t.Error("what was said on Slack is not in the conversation on Telegram")
		}
	})
	t.Run("message_send reaches the owner on another channel", func(t *testing.T) {
		w.SlackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "tell zebra", TS: slackTS()})
		w.Reply(instar.Owner, "zebra from Slack")
		w.SlackReply("D1", "The tool said: Sent")
	})
	t.Run("forged and stale requests", func(t *testing.T) {
		body := fake.SlackEvent(fake.SlackMessageEvent, fake.SlackFields{Channel: "D9", User: "UOWNER", Text: "zebra forged", TS: slackTS()})
		form := []byte(url.Values{"payload": {"{"}}.Encode())
		formHeader := w.Slack.Sign(form)
		formHeader.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, c := range map[string]struct {
			body   []byte
			header http.Header
			status int
		}{
			"unsigned":         {body, http.Header{"Content-Type": {"application/json"}}, 401},
			"other secret":     {body, fake.SlackSign("other", body, time.Now()), 401},
			"six minutes old":  {body, fake.SlackSign(instar.SlackSecret, body, time.Now().Add(-6*time.Minute)), 401},
			"from the future":  {body, fake.SlackSign(instar.SlackSecret, body, time.Now().Add(6*time.Minute)), 401},
			"another body":     {append([]byte(" "), body...), w.Slack.Sign(body), 401},
			"malformed":        {[]byte("{"), w.Slack.Sign([]byte("{")), 400},
			"malformed button": {form, formHeader, 400},
		} {
			if r := w.Post("/hooks/slack", c.body, c.header); r.StatusCode != c.status {
				t.Errorf("%s: status %d, want %d", name, r.StatusCode, c.status)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if len(w.Slack.Chat("D9")) != 0 {
			t.Error("a forged request was answered")
		}
	})
}
