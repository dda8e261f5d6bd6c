//go:build !js

package fake

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// tgUpdate is an update while its options are applied.
type tgUpdate struct {
	kind    string // the Update's field that is set
	message map[string]any
	query   map[string]any // of a callback_query
	from    map[string]any
}

// UpdateOption changes an update that TelegramUpdate makes.
type UpdateOption func(*tgUpdate)

// InGroup gives the group a title; a negative chat id is a group in any case.
func InGroup(title string) UpdateOption {
	return func(u *tgUpdate) { u.message["chat"].(map[string]any)["title"] = title }
}

// Mentioning marks the first "@name" of the text as a mention; it puts one in
// front of the text where there is none.
func Mentioning(name string) UpdateOption {
	return func(u *tgUpdate) {
		text, _ := u.message["text"].(string)
		at := strings.Index(text, "@"+name)
		if at < 0 {
			text, at = "@"+name+" "+text, 0
			u.message["text"] = text
		}
		u.addEntity(tgEntity{Type: "mention", Offset: utf16Len(text[:at]), Length: utf16Len(name) + 1})
	}
}

// ReplyingTo makes the message an answer to an earlier one.
func ReplyingTo(messageID int, fromID int64, isBot bool, text string) UpdateOption {
	return func(u *tgUpdate) {
		from := tgUser(fromID)
		if isBot {
			from["is_bot"], from["username"] = true, BotName
		}
		u.message["reply_to_message"] = map[string]any{
			"message_id": messageID, "from": from, "chat": u.message["chat"],
			"date": u.message["date"].(int64) - 60, "text": text,
		}
	}
}

// InTopic puts the message into a forum topic.
func InTopic(thread int) UpdateOption {
	return func(u *tgUpdate) {
		u.message["message_thread_id"], u.message["is_topic_message"] = thread, true
		u.message["chat"].(map[string]any)["is_forum"] = true
	}
}

// Forwarded makes it somebody else's message that the sender passed on.
func Forwarded() UpdateOption {
	return func(u *tgUpdate) {
		u.message["forward_origin"] = map[string]any{"type": "hidden_user", "sender_user_name": "Somebody", "date": u.message["date"].(int64) - 60}
	}
}

// Edited makes it an edit of an earlier message.
func Edited() UpdateOption {
	return func(u *tgUpdate) {
		u.kind = "edited_message"
		u.message["edit_date"] = u.message["date"].(int64) + 5
	}
}

// WithPhoto attaches a photo in two sizes; the larger has the given file id.
// The text becomes its caption.
func WithPhoto(fileID string) UpdateOption {
	return func(u *tgUpdate) {
		u.message["photo"] = []any{
			map[string]any{"file_id": fileID + "-small", "file_unique_id": "us" + fileID, "width": 90, "height": 67, "file_size": 1200},
			map[string]any{"file_id": fileID, "file_unique_id": "u" + fileID, "width": 1280, "height": 960, "file_size": 98000},
		}
		if text := u.message["text"]; text != nil {
			u.message["caption"] = text
			if entities := u.message["entities"]; entities != nil {
				u.message["caption_entities"] = entities
			}
		}
		delete(u.message, "text")
		delete(u.message, "entities")
	}
}

// Callback makes it a tap on a button with this data, under the message with
// this id that the bot sent; the update's text is that message's text.
func Callback(data string, messageID int, botID int64) UpdateOption {
	return func(u *tgUpdate) {
		u.kind = "callback_query"
		u.message["message_id"] = messageID
		u.message["from"] = map[string]any{"id": botID, "is_bot": true, "first_name": "Instar", "username": BotName}
		u.query = map[string]any{"from": u.from, "chat_instance": "1", "data": data}
	}
}

// Tap makes the webhook body of a person's tap on a button of a message that
// the bot sent.
func (t *Telegram) Tap(updateID, chatID, fromID int64, m Message, b Button) []byte {
	options := []UpdateOption{Callback(b.Data, m.ID, t.BotID())}
	if m.Thread != 0 {
		options = append(options, InTopic(m.Thread))
	}
	return TelegramUpdate(updateID, chatID, fromID, m.Text, options...)
}

// MessageID sets the message's id; without it, it is the update's id.
func MessageID(id int) UpdateOption { return func(u *tgUpdate) { u.message["message_id"] = id } }

// Sent sets the message's time.
func Sent(at time.Time) UpdateOption { return func(u *tgUpdate) { u.message["date"] = at.Unix() } }

// FromBot makes the sender a bot.
func FromBot() UpdateOption { return func(u *tgUpdate) { u.from["is_bot"] = true } }

// TelegramUpdate makes a webhook body as the Bot API's Update describes it: a
// text message from a person. A positive chatID is a private chat, a negative
// one a group. A command at the start of the text is marked as such, as
// Telegram does. Options are applied in order.
func TelegramUpdate(updateID, chatID, fromID int64, text string, options ...UpdateOption) []byte {
	u := &tgUpdate{kind: "message", from: tgUser(fromID)}
	u.message = map[string]any{
		"message_id": updateID, "from": u.from, "chat": tgChat(chatID, "Group"), "date": time.Now().Unix(),
	}
	if text != "" {
		u.message["text"] = text
	}
	if strings.HasPrefix(text, "/") && len(text) > 1 {
		command := strings.Fields(text)[0]
		u.addEntity(tgEntity{Type: "bot_command", Offset: 0, Length: utf16Len(command)})
	}
	for _, o := range options {
		o(u)
	}
	update := map[string]any{"update_id": updateID, u.kind: u.message}
	if u.query != nil {
		u.query["id"], u.query["message"] = strconv.FormatInt(updateID, 10), u.message
		update[u.kind] = u.query
	}
	body, err := json.Marshal(update)
	if err != nil {
		panic("fake: encode an update: " + err.Error())
	}
	return body
}

func (u *tgUpdate) addEntity(e tgEntity) {
	list, _ := u.message["entities"].([]any)
	u.message["entities"] = append(list, e)
}

func tgUser(id int64) map[string]any {
	return map[string]any{"id": id, "is_bot": false, "first_name": "Ada", "username": "ada", "language_code": "en"}
}

// tgChat is a private chat, a group or a supergroup, by its id.
func tgChat(id int64, title string) map[string]any {
	switch {
	case id > 0:
		return map[string]any{"id": id, "type": "private", "first_name": "Ada", "username": "ada"}
	case id > -1_000_000_000_000:
		return map[string]any{"id": id, "type": "group", "title": title}
	}
	return map[string]any{"id": id, "type": "supergroup", "title": title}
}
