package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/tool"
)

func nobody(string) (chat.Address, bool) { return chat.Address{}, false }

// post is a channel.Sender that keeps what it is given.
type post struct {
	channel.Sender // the rest is never called
	name           string
	sent           []string
	err            error // of the second part on
}

func (p *post) Split(text string) []string { return strings.Fields(text) }

func (p *post) Send(_ context.Context, to chat.Address, text, _ string) (string, error) {
	if p.err != nil && len(p.sent) > 0 {
		return "", p.err
	}
	p.sent = append(p.sent, to.Channel+":"+to.Chat+" "+text)
	return fmt.Sprintf("%s-%d", p.name, len(p.sent)), nil
}

// letters is message_send for an owner on Telegram and Slack, who has
// configured a third channel that they are not on.
func letters(role policy.Role, kind chat.Kind) (*tool.Set, *post) {
	slack := &post{name: "slack"}
	senders := map[string]channel.Sender{"slack": slack, "telegram": &post{name: "telegram"}, "line": &post{name: "line"}}
	reach := func(name string) (chat.Address, bool) {
		own := map[string]string{"slack": "U1", "telegram": "42"}
		return chat.Address{Channel: name, Chat: own[name]}, own[name] != ""
	}
	return &tool.Set{Tools: []tool.Tool{tool.MessageSend(senders, reach)}, Role: role, Kind: kind, Window: ownWords()}, slack
}

func send(t *testing.T, s *tool.Set, input string) tool.Outcome {
	t.Helper()
	return s.Run(t.Context(), model.ToolCall{ID: "1", Name: "message_send", Input: json.RawMessage(input)}, tool.Call{})
}

func TestAMessageGoesToTheOwnersOwnChatAndReturnsItsPlatformID(t *testing.T) {
	set, slack := letters(policy.Owner, chat.Private)
	out := send(t, set, `{"channel":"slack","text":"tea now"}`)
	if out.State != "done" || out.Text != "Sent, message slack-1, slack-2." {
		t.Errorf("%+v", out)
	}
	if strings.Join(slack.sent, ", ") != "slack:U1 tea, slack:U1 now" {
		t.Errorf("sent %q", slack.sent)
	}
}

func TestOnlyTheOwnerInPrivateSendsMessages(t *testing.T) {
	for _, c := range []struct {
		role policy.Role
		kind chat.Kind
	}{{policy.Guest, chat.Private}, {policy.Owner, chat.Group}, {policy.Guest, chat.Group}, {"", chat.Private}} {
		set, slack := letters(c.role, c.kind)
		if out := send(t, set, `{"channel":"slack","text":"hi"}`); out.State != "refused" || len(slack.sent) != 0 {
			t.Errorf("%s in a %s: %+v, sent %q", c.role, c.kind, out, slack.sent)
		}
	}
}

func TestNobodyElseCanBeReached(t *testing.T) {
	for _, input := range []string{
		`{"channel":"line","text":"hi"}`, `{"channel":"discord","text":"hi"}`, `{"text":"hi"}`, `{"channel":"","text":"hi"}`,
		`{"channel":"slack:U2","text":"hi"}`,
	} {
		set, slack := letters(policy.Owner, chat.Private)
		out := send(t, set, input)
		if out.State != "failed" || !strings.Contains(out.Text, "there is: slack, telegram") || len(slack.sent) != 0 {
			t.Errorf("%s: %+v, sent %q", input, out, slack.sent)
		}
	}
	// A recipient in the input is none of the tool's.
	set, slack := letters(policy.Owner, chat.Private)
	send(t, set, `{"channel":"slack","text":"hi","chat":"U2","to":"U2"}`)
	if len(slack.sent) != 1 || slack.sent[0] != "slack:U1 hi" {
		t.Errorf("sent %q", slack.sent)
	}
	alone := &tool.Set{Tools: []tool.Tool{tool.MessageSend(nil, nobody)}, Role: policy.Owner, Kind: chat.Private, Window: ownWords()}
	if out := send(t, alone, `{"channel":"slack","text":"hi"}`); !strings.Contains(out.Text, "there is: none") {
		t.Errorf("%+v", out)
	}
}

func TestAnEmptyMessageIsNotSent(t *testing.T) {
	set, slack := letters(policy.Owner, chat.Private)
	if out := send(t, set, `{"channel":"slack","text":" \n"}`); out.State != "failed" || !strings.Contains(out.Text, "empty") || len(slack.sent) != 0 {
		t.Errorf("%+v", out)
	}
}

func TestARefusalMeansNotSentAndSilenceMeansUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"refused":     {&channel.APIError{Channel: "slack", Method: "m", Status: 200, Reason: "channel_not_found"}, "part 2 of 2 was not sent"},
		"limited":     {&channel.APIError{Channel: "slack", Method: "m", Status: 429, Reason: "ratelimited"}, "part 2 of 2 was not sent"},
		"broken":      {&channel.APIError{Channel: "slack", Method: "m", Reason: "connection reset"}, "may or may not have arrived"},
		"their fault": {&channel.APIError{Channel: "slack", Method: "m", Status: 502}, "may or may not have arrived"},
		"cut off":     {context.Canceled, "may or may not have arrived"},
		"other":       {errors.New("x"), "Do not send it again"},
	} {
		set, slack := letters(policy.Owner, chat.Private)
		slack.err = c.err
		if out := send(t, set, `{"channel":"slack","text":"tea now"}`); out.State != "failed" || !strings.Contains(out.Text, c.want) {
			t.Errorf("%s: %+v, want %q", name, out, c.want)
		}
	}
}
