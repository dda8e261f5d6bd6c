//go:build e2e

package chat

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
)

// slackReply waits for a message of the bot in a Slack channel.
func (w *world) slackReply(channel, words string) fake.SlackMessage {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := w.slack.WaitReply(ctx, channel, func(m fake.SlackMessage) bool { return strings.Contains(m.Text, words) })
	if err != nil {
		w.t.Fatalf("no reply with %q in %s; there are %d messages", words, channel, len(w.slack.Chat(channel)))
	}
	return m
}

var slackSerial int

// slackTS is a fresh message timestamp of now.
func slackTS() string {
	slackSerial++
	return fmt.Sprintf("%d.%06d", time.Now().Unix(), slackSerial)
}

func (w *world) slackHook(kind fake.SlackKind, f fake.SlackFields) *http.Response {
	w.t.Helper()
	body := fake.SlackEvent(kind, f)
	return w.post("/hooks/slack", body, w.slack.Sign(body))
}

func TestSlack(t *testing.T) {
	w := start(t)
	w.anthropic.Script(script(map[string]func(fake.Call) fake.Answer{
		"slow": fixed(fake.Answer{Text: strings.Repeat("**zebra** crossing ", 30), ChunkSize: 40, Delay: 150 * time.Millisecond}),
		"long": fixed(fake.Answer{Text: strings.Repeat("A zebra of a line that is not too short. ", 200) + "The end."}),
		"tell": fixed(fake.Answer{ToolUses: []fake.ToolUse{{Name: "message_send", Input: `{"channel":"telegram","text":"zebra from Slack"}`}}}),
	}))

	t.Run("url_verification is answered with the challenge", func(t *testing.T) {
		r := w.slackHook(fake.SlackURLCheck, fake.SlackFields{})
		data, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusOK || len(data) == 0 || strings.Contains(string(data), "token") {
			t.Errorf("status %d, body %q", r.StatusCode, data)
		}
	})
	t.Run("a direct message of the owner is answered once though delivered five times", func(t *testing.T) {
		f := fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "zebra direct", TS: slackTS()}
		for range 5 {
			if r := w.slackHook(fake.SlackMessageEvent, f); r.StatusCode != http.StatusOK {
				t.Fatalf("status %d", r.StatusCode)
			}
		}
		w.slackReply("D1", "Answer: zebra direct")
		time.Sleep(time.Second)
		if n := len(w.slack.Chat("D1")); n != 1 {
			t.Errorf("%d replies", n)
		}
	})
	t.Run("a mention and its message event are one message, answered in a thread", func(t *testing.T) {
		f := fake.SlackFields{Channel: "C1", User: "UOWNER", Text: "<@" + fake.SlackBotUser + "> zebra mention", TS: slackTS()}
		w.slackHook(fake.SlackMention, f)
		w.slackHook(fake.SlackMessageEvent, f)
		if m := w.slackReply("C1", "zebra mention"); m.Thread != f.TS {
			t.Errorf("answered in thread %q, not %q", m.Thread, f.TS)
		}
		w.slackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "C1", User: "UOWNER", Text: "zebra talk of others", TS: slackTS()})
		time.Sleep(time.Second)
		if n := len(w.slack.Chat("C1")); n != 1 {
			t.Errorf("%d replies, want 1", n)
		}
	})
	t.Run("the answer streams and is written in mrkdwn", func(t *testing.T) {
		w.slackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "slow zebra", TS: slackTS()})
		m := w.slackReply("D1", strings.TrimSpace(strings.Repeat("*zebra* crossing ", 30)))
		if m.Edits < 2 || strings.Contains(m.HTML, "**") {
			t.Errorf("%d edits, written %.60q", m.Edits, m.HTML)
		}
	})
	t.Run("a long answer is split at 4,000 characters", func(t *testing.T) {
		w.slackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "long zebra", TS: slackTS()})
		w.slackReply("D1", "The end.")
	})
	t.Run("a slash command is answered", func(t *testing.T) {
		w.slackHook(fake.SlackCommand, fake.SlackFields{Channel: "D1", User: "UOWNER", Command: "/whoami", Trigger: "T1"})
		w.slackReply("D1", "slack:UOWNER, my owner")
	})
	t.Run("the owner's chats on Slack and Telegram are one conversation", func(t *testing.T) {
		w.say(owner, "zebra on telegram")
		w.reply(owner, "zebra on telegram")
		calls := w.anthropic.Calls()
		if !strings.Contains(string(calls[len(calls)-1].Body), "zebra direct") {
			t.Error("what was said on Slack is not in the conversation on Telegram")
		}
	})
	t.Run("message_send reaches the owner on another channel", func(t *testing.T) {
		w.slackHook(fake.SlackMessageEvent, fake.SlackFields{Channel: "D1", User: "UOWNER", Text: "tell zebra", TS: slackTS()})
		w.reply(owner, "zebra from Slack")
		w.slackReply("D1", "The tool said: Sent")
	})
	t.Run("forged and stale requests", func(t *testing.T) {
		body := fake.SlackEvent(fake.SlackMessageEvent, fake.SlackFields{Channel: "D9", User: "UOWNER", Text: "zebra forged", TS: slackTS()})
		form := []byte(url.Values{"payload": {"{"}}.Encode())
		formHeader := w.slack.Sign(form)
		formHeader.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, c := range map[string]struct {
			body   []byte
			header http.Header
			status int
		}{
			"unsigned":         {body, http.Header{"Content-Type": {"application/json"}}, 401},
			"other secret":     {body, fake.SlackSign("other", body, time.Now()), 401},
			"six minutes old":  {body, fake.SlackSign(slackSecret, body, time.Now().Add(-6*time.Minute)), 401},
			"from the future":  {body, fake.SlackSign(slackSecret, body, time.Now().Add(6*time.Minute)), 401},
			"another body":     {append([]byte(" "), body...), w.slack.Sign(body), 401},
			"malformed":        {[]byte("{"), w.slack.Sign([]byte("{")), 400},
			"malformed button": {form, formHeader, 400},
		} {
			if r := w.post("/hooks/slack", c.body, c.header); r.StatusCode != c.status {
				t.Errorf("%s: status %d, want %d", name, r.StatusCode, c.status)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if len(w.slack.Chat("D9")) != 0 {
			t.Error("a forged request was answered")
		}
	})
}
