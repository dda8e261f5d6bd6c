package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
	"instar/shared/markdown"
)

// maxText is the longest message in UTF-16 units, counted by Telegram after
// it has read the tags.
const maxText = 4096

const defaultBase = "https://api.telegram.org"

// Sender calls the Bot API as one bot.
type Sender struct {
	base, token string
	client      *platform.Client
}

var _ channel.Sender = (*Sender)(nil)

// NewSender returns a sender for a bot's token, or a *channel.Missing when it
// is empty. apiBase replaces https://api.telegram.org when it is not empty.
func NewSender(token, apiBase string, do channel.Doer) (*Sender, error) {
	if token == "" {
		return nil, &channel.Missing{Variable: "TELEGRAM_BOT_TOKEN"}
	}
	if apiBase == "" {
		apiBase = defaultBase
	}
	_, secret, _ := strings.Cut(token, ":") // the part before is the bot's id
	client := &platform.Client{Channel: Name, Secrets: []string{token, secret}, Doer: do, Wait: platform.Sleep}
	return &Sender{base: strings.TrimRight(apiBase, "/"), token: token, client: client}, nil
}

// The parameters have the Bot API's names. The bot library's own structs would
// bring its HTTP client, and that a TLS stack.
type sendMessage struct {
	ChatID             any                `json:"chat_id"`
	MessageThreadID    int64              `json:"message_thread_id,omitempty"`
	Text               string             `json:"text"`
	ParseMode          string             `json:"parse_mode,omitempty"`
	LinkPreviewOptions linkPreviewOptions `json:"link_preview_options"`
	ReplyParameters    *replyParameters   `json:"reply_parameters,omitempty"`
	ReplyMarkup        *keyboard          `json:"reply_markup,omitempty"`
}

type linkPreviewOptions struct {
	IsDisabled bool `json:"is_disabled"`
}

type replyParameters struct {
	MessageID                int64 `json:"message_id"`
	AllowSendingWithoutReply bool  `json:"allow_sending_without_reply"`
}

type editMessageText struct {
	ChatID             any                `json:"chat_id"`
	MessageID          int64              `json:"message_id"`
	Text               string             `json:"text"`
	ParseMode          string             `json:"parse_mode,omitempty"`
	LinkPreviewOptions linkPreviewOptions `json:"link_preview_options"`
	ReplyMarkup        *keyboard          `json:"reply_markup,omitempty"`
}

type sendChatAction struct {
	ChatID          any    `json:"chat_id"`
	MessageThreadID int64  `json:"message_thread_id,omitempty"`
	Action          string `json:"action"`
}

type getFile struct {
	FileID string `json:"file_id"`
}

// Self implements channel.Sender with getMe.
func (s *Sender) Self(ctx context.Context) (chat.Self, error) {
	me, err := s.call(ctx, "getMe", struct{}{}, true)
	if err != nil {
		return chat.Self{}, err
	}
	self := chat.Self{ID: decimal(me.Get("id")), Name: strings.ToLower(me.Get("username").Str)}
	if self.ID == "" {
		return chat.Self{}, errors.New("telegram getMe: result has no id")
	}
	return self, nil
}

// Typing implements channel.Sender with sendChatAction; it shows for 5 s.
func (s *Sender) Typing(ctx context.Context, to chat.Address) error {
	chatID, thread, err := target(to)
	if err != nil {
		return err
	}
	_, err = s.call(ctx, "sendChatAction", sendChatAction{chatID, thread, "typing"}, true)
	return err
}

// Split implements channel.Sender. A part's plain words, which are at least
// as long as what Telegram counts, have at most 4,096 UTF-16 units.
func (s *Sender) Split(text string) []string {
	return markdown.Split(text, func(part string) bool { return platform.Units(markdown.Plain(part)) <= maxText })
}

// Send implements channel.Sender with sendMessage. After a 5xx or a broken
// connection nobody knows whether the message was posted; it is not sent again,
// so that a message may be lost but is never doubled.
func (s *Sender) Send(ctx context.Context, to chat.Address, text, replyTo string) (string, error) {
	var params sendMessage
	if replyTo != "" {
		id, err := messageID(replyTo)
		if err != nil {
			return "", err
		}
		params.ReplyParameters = &replyParameters{id, true}
	}
	return s.send(ctx, to, text, params)
}

// send posts params with a text at an address.
func (s *Sender) send(ctx context.Context, to chat.Address, text string, params sendMessage) (sent string, err error) {
	if params.ChatID, params.MessageThreadID, err = target(to); err != nil {
		return "", err
	}
	params.LinkPreviewOptions.IsDisabled = true
	err = s.formatted(text, func(words, mode string) error {
		params.Text, params.ParseMode = words, mode
		result, err := s.call(ctx, "sendMessage", params, false)
		sent = decimal(result.Get("message_id"))
		return err
	})
	if err == nil && sent == "" {
		err = errors.New("telegram sendMessage: result has no message_id")
	}
	return sent, err
}

// Edit implements channel.Sender with editMessageText.
func (s *Sender) Edit(ctx context.Context, to chat.Address, id, text string) error {
	return s.edit(ctx, to, id, text, nil)
}

// edit replaces a message's text and its buttons; nil removes them, too.
func (s *Sender) edit(ctx context.Context, to chat.Address, id, text string, keys *keyboard) error {
	chatID, _, err := target(to)
	if err != nil {
		return err
	}
	message, err := messageID(id)
	if err != nil {
		return err
	}
	params := editMessageText{ChatID: chatID, MessageID: message, LinkPreviewOptions: linkPreviewOptions{true}, ReplyMarkup: keys}
	err = s.formatted(text, func(words, mode string) error {
		params.Text, params.ParseMode = words, mode
		_, err := s.call(ctx, "editMessageText", params, true)
		return err
	})
	if refusedFor(err, "message is not modified") {
		return nil
	}
	return err
}

// formatted hands text to post as HTML and, where Telegram cannot read that,
// as plain words. Text that is only markup is posted as it stands.
func (s *Sender) formatted(text string, post func(words, mode string) error) error {
	words := markdown.Plain(text)
	if strings.TrimSpace(words) == "" {
		if strings.TrimSpace(text) == "" {
			return errors.New("telegram: there is no text to send")
		}
		return post(text, "")
	}
	err := post(markdown.TelegramHTML(text), "HTML")
	if refusedFor(err, "can't parse") || refusedFor(err, "entit") {
		return post(words, "")
	}
	return err
}

func refusedFor(err error, words string) bool {
	var refused *channel.APIError
	return errors.As(err, &refused) && refused.Status == http.StatusBadRequest &&
		strings.Contains(strings.ToLower(refused.Reason), words)
}

// target reads an address: a chat's number or "@name", and a topic's number.
func target(to chat.Address) (chatID any, thread int64, err error) {
	if to.Channel != Name {
		return nil, 0, fmt.Errorf("telegram: the address is one of %q", to.Channel)
	}
	chatID = to.Chat
	if n, err := strconv.ParseInt(to.Chat, 10, 64); err == nil {
		chatID = n
	} else if !strings.HasPrefix(to.Chat, "@") {
		return nil, 0, errors.New("telegram: the address has no chat id")
	}
	if to.Thread != "" {
		if thread, err = strconv.ParseInt(to.Thread, 10, 64); err != nil {
			return nil, 0, errors.New("telegram: the address's thread is not a number")
		}
	}
	return chatID, thread, nil
}

func messageID(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, errors.New("telegram: the message id is not a number")
	}
	return n, nil
}
