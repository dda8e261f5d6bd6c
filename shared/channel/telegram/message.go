package telegram

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// readMessage reads a Message object; nil when it is of no interest.
func readMessage(post gjson.Result, edited bool) (*chat.Message, error) {
	m, err := place(post)
	if err != nil || m == nil {
		return nil, err
	}
	date := post.Get("date")
	if at := post.Get("edit_date"); edited && at.Exists() {
		date = at
	}
	seconds, ok := integer(date)
	if !ok || seconds < 0 || seconds > maxTime {
		return nil, fmt.Errorf("telegram: %w: message without a date", channel.ErrMalformed)
	}
	m.Time, m.Edited = time.Unix(seconds, 0).UTC(), edited
	m.Sender = sender(post.Get("from"))
	if m.Sender.ID == "" || m.Sender.Bot || post.Get("is_automatic_forward").Bool() {
		return nil, nil // a channel, an anonymous admin, or a bot
	}
	text, entities := post.Get("text").Str, post.Get("entities")
	if text == "" {
		text, entities = post.Get("caption").Str, post.Get("caption_entities")
	}
	var command bool
	m.Mentions, command = mentions(text, entities)
	m.ReplyTo = reply(post)
	if m.Kind == chat.Group && len(m.Mentions) == 0 && !command && (m.ReplyTo == nil || !m.ReplyTo.Bot) {
		return nil, nil
	}
	m.Attachments = attachments(post)
	m.Text = text
	if m.Text == "" {
		m.Text = describe(post)
	}
	if m.Text == "" && len(m.Attachments) == 0 {
		return nil, nil // a service message: someone joined, a title changed
	}
	m.Forwarded = forwarded(post)
	return m, nil
}

// forwarded reports whether a message was passed on. Bot API 7.0 put
// forward_origin in the place of the other fields, which an older server of
// one's own (TELEGRAM_API_BASE) still sends.
func forwarded(post gjson.Result) bool {
	for _, field := range []string{"forward_origin", "forward_date", "forward_from", "forward_from_chat", "forward_sender_name"} {
		if post.Get(field).Exists() {
			return true
		}
	}
	return false
}

// maxTime is the end of the year 9999, the last that time.Time writes as JSON.
const maxTime = 253402300799

// place reads where a message stands; nil for a channel's posts.
func place(post gjson.Result) (*chat.Message, error) {
	m := &chat.Message{V: 1, PlatformID: decimal(post.Get("message_id"))}
	m.Channel, m.Chat = Name, decimal(post.Get("chat.id"))
	if m.PlatformID == "" || m.Chat == "" {
		return nil, fmt.Errorf("telegram: %w: message without an id or a chat", channel.ErrMalformed)
	}
	switch post.Get("chat.type").Str {
	case "private":
		m.Kind = chat.Private
	case "group", "supergroup":
		m.Kind = chat.Group
	default:
		return nil, nil
	}
	// Without is_topic_message the id only names a chain of replies.
	if post.Get("is_topic_message").Bool() {
		m.Thread = decimal(post.Get("message_thread_id"))
	}
	return m, nil
}

// readTap reads a CallbackQuery: a tapped button. It has no time of its own.
func readTap(tap gjson.Result, now time.Time) (*chat.Message, error) {
	post, id, data := tap.Get("message"), tap.Get("id").Str, tap.Get("data").Str
	if !post.IsObject() || id == "" || data == "" {
		return nil, nil // a game, or a button of an inline message elsewhere
	}
	m, err := place(post)
	if err != nil || m == nil {
		return nil, err
	}
	m.Time, m.Direct, m.Text, m.Tap = now.UTC(), true, data, id
	m.Sender = sender(tap.Get("from"))
	if m.Sender.ID == "" || m.Sender.Bot {
		return nil, nil
	}
	m.ReplyTo = quoted(post)
	m.ReplyTo.Text = "" // the agent's words, not what the person answers to them
	return m, nil
}

func sender(user gjson.Result) chat.Sender {
	name := strings.TrimSpace(user.Get("first_name").Str + " " + user.Get("last_name").Str)
	return chat.Sender{ID: decimal(user.Get("id")), Name: name, Bot: user.Get("is_bot").Bool()}
}

// reply reads what a message answers. In a forum every message formally
// answers the one that created its topic: that is no reply.
func reply(post gjson.Result) *chat.Reply {
	var r *chat.Reply
	if to := post.Get("reply_to_message"); to.IsObject() {
		created := to.Get("forum_topic_created").Exists() ||
			post.Get("is_topic_message").Bool() && to.Get("message_id").Raw == post.Get("message_thread_id").Raw
		if !created {
			r = quoted(to)
		}
	} else if post.Get("external_reply").IsObject() && post.Get("quote.text").Str != "" {
		r = &chat.Reply{} // a quote from another chat: only its words mean something here
	}
	if quote := post.Get("quote.text").Str; r != nil && quote != "" {
		r.Text = platform.Quote(quote)
	}
	return r
}

func quoted(post gjson.Result) *chat.Reply {
	text := post.Get("text").Str
	if text == "" {
		text = post.Get("caption").Str
	}
	from := sender(post.Get("from"))
	return &chat.Reply{ID: decimal(post.Get("message_id")), Text: platform.Quote(text), From: from.ID, Bot: from.Bot}
}

// maxEntities is the most that Telegram puts in a message.
const maxEntities = 100

// mentions reads who a text mentions, and whether it holds a command. A
// command for one bot ("/help@some_bot") mentions that bot.
func mentions(text string, entities gjson.Result) (names []string, command bool) {
	list := entities.Array()
	for _, e := range list[:min(len(list), maxEntities)] {
		switch e.Get("type").Str {
		case "mention":
			if name := entityText(text, e); len(name) > 1 {
				names = append(names, strings.ToLower(name))
			}
		case "text_mention":
			if id := decimal(e.Get("user.id")); id != "" {
				names = append(names, id)
			}
		case "bot_command":
			command = true
			if _, bot, ok := strings.Cut(entityText(text, e), "@"); ok && bot != "" {
				names = append(names, "@"+strings.ToLower(bot))
			}
		}
	}
	return names, command
}

// entityText cuts an entity out of a text; Telegram counts in UTF-16 units.
func entityText(text string, e gjson.Result) string {
	from, ok1 := integer(e.Get("offset"))
	length, ok2 := integer(e.Get("length"))
	if !ok1 || !ok2 || from < 0 || length <= 0 || from > channel.MaxBody || length > channel.MaxBody {
		return ""
	}
	start, at := -1, int64(0)
	for i, r := range text {
		if at >= from && start < 0 {
			start = i
		}
		if at >= from+length {
			return text[start:i]
		}
		if at++; r > 0xffff {
			at++
		}
	}
	if start < 0 {
		return ""
	}
	return text[start:]
}
