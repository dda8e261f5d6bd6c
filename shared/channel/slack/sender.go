package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
	"instar/shared/markdown"
)

// maxText is the longest text that chat.update takes, in characters;
// chat.postMessage takes more but asks for no more. It is counted in UTF-16
// units with the escapes in, which is never too few.
const maxText = 4000

const defaultBase = "https://slack.com/api"

// Sender calls the Web API as one app.
type Sender struct {
	base, token string
	client      *platform.Client
}

var _ channel.Sender = (*Sender)(nil)

// NewSender returns a sender for a bot token (xoxb-), or a *channel.Missing
// when it is empty. apiBase replaces https://slack.com/api when it is not empty.
func NewSender(botToken, apiBase string, do channel.Doer) (*Sender, error) {
	if botToken == "" {
		return nil, &channel.Missing{Variable: "SLACK_BOT_TOKEN"}
	}
	if apiBase == "" {
		apiBase = defaultBase
	}
	client := &platform.Client{
		Channel: Name, Secrets: []string{botToken}, Doer: do, Wait: platform.Sleep,
		Limited:  []string{"ratelimited", "rate_limited"},
		Doubtful: []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout"},
	}
	return &Sender{base: strings.TrimRight(apiBase, "/"), token: botToken, client: client}, nil
}

// The parameters have the Web API's names.
type postMessage struct {
	Channel     string `json:"channel"`
	Text        string `json:"text"`
	ThreadTS    string `json:"thread_ts,omitempty"`
	Mrkdwn      bool   `json:"mrkdwn"`
	UnfurlLinks bool   `json:"unfurl_links"`
	UnfurlMedia bool   `json:"unfurl_media"`
	Blocks      []any  `json:"blocks,omitempty"`
}

type update struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	Text    string `json:"text"`
	// Parse "none" keeps our markup; unlike chat.postMessage's, the default
	// here reads the text as if a person had typed it.
	Parse  string `json:"parse"`
	Blocks []any  `json:"blocks,omitempty"`
}

// Self implements channel.Sender with auth.test.
func (s *Sender) Self(ctx context.Context) (chat.Self, error) {
	me, err := s.get(ctx, "auth.test", nil)
	if err != nil {
		return chat.Self{}, err
	}
	self := chat.Self{ID: me.Get("user_id").Str, Name: strings.ToLower(me.Get("user").Str)}
	if self.ID == "" {
		return chat.Self{}, errors.New("slack auth.test: response has no user_id")
	}
	return self, nil
}

// Typing implements channel.Sender. Slack shows no typing for the Web API.
func (s *Sender) Typing(context.Context, chat.Address) error { return nil }

// Split implements channel.Sender. A part has at most 4,000 UTF-16 units as
// mrkdwn.
func (s *Sender) Split(text string) []string {
	return markdown.Split(text, func(part string) bool { return platform.Units(mrkdwn(part)) <= maxText })
}

// mrkdwn is what is posted for text: text that is only markup (a lone fence,
// while a model still writes) stands as it is.
func mrkdwn(text string) string {
	if words := markdown.SlackMrkdwn(text); strings.TrimSpace(words) != "" {
		return words
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// Send implements channel.Sender with chat.postMessage. Slack has no quotes:
// the address's thread says what is answered, and replyTo is not used. After
// a 5xx or a broken connection nobody knows whether the message was posted; it
// is not sent again, so that a message may be lost but is never doubled.
func (s *Sender) Send(ctx context.Context, to chat.Address, text, replyTo string) (string, error) {
	return s.send(ctx, to, text, nil)
}

// send posts a text, or blocks with the text for where they are not shown.
func (s *Sender) send(ctx context.Context, to chat.Address, text string, blocks []any) (string, error) {
	if err := check(to, text); err != nil {
		return "", err
	}
	sent, err := s.post(ctx, "chat.postMessage", postMessage{
		Channel: to.Chat, Text: mrkdwn(text), ThreadTS: to.Thread, Mrkdwn: true, Blocks: blocks,
	}, false)
	if err != nil {
		return "", err
	}
	if sent.Get("ts").Str == "" {
		return "", errors.New("slack chat.postMessage: response has no ts")
	}
	return sent.Get("ts").Str, nil
}

// Edit implements channel.Sender with chat.update.
func (s *Sender) Edit(ctx context.Context, to chat.Address, id, text string) error {
	return s.edit(ctx, to, id, text, nil)
}

func (s *Sender) edit(ctx context.Context, to chat.Address, id, text string, blocks []any) error {
	if err := check(to, text); err != nil {
		return err
	}
	if id == "" {
		return errors.New("slack: there is no message to edit")
	}
	_, err := s.post(ctx, "chat.update", update{Channel: to.Chat, TS: id, Text: mrkdwn(text), Parse: "none", Blocks: blocks}, true)
	var refused *channel.APIError
	if errors.As(err, &refused) && (refused.Reason == "message_not_modified" || refused.Reason == "not_modified") {
		return nil
	}
	return err
}

func check(to chat.Address, text string) error {
	if err := checkAddress(to); err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return errors.New("slack: there is no text to send")
	}
	return nil
}

func checkAddress(to chat.Address) error {
	switch {
	case to.Channel != Name:
		return fmt.Errorf("slack: the address is one of %q", to.Channel)
	case to.Chat == "":
		return errors.New("slack: the address has no channel")
	}
	return nil
}
