//go:build !js

package fake

import (
	"net/url"
	"strings"
	"time"
)

// applying makes the call take effect and returns its result.
type applying func(at time.Time) (any, *tgError)

// plan checks what a description cannot say and returns what the call does.
func (t *Telegram) plan(method string, p tgParams) (applying, *tgError) {
	switch method {
	case "getMe":
		return always(t.self(true)), nil
	case "sendMessage":
		return t.planSend(method, p, "text", tgMaxText)
	case "sendPhoto", "sendDocument", "sendAnimation":
		return t.planSend(method, p, "caption", tgMaxCaption)
	case "editMessageText":
		return t.planEdit(p)
	case "deleteMessage":
		return t.planDelete(p)
	case "sendChatAction":
		return t.planAction(p)
	case "answerCallbackQuery":
		return t.planAnswer(p)
	case "getFile":
		return t.planGetFile(p)
	case "setWebhook", "deleteWebhook":
		return t.planWebhook(method, p)
	case "getWebhookInfo":
		address, _ := t.Webhook()
		return always(map[string]any{"url": address, "has_custom_certificate": false, "pending_update_count": 0}), nil
	}
	returns := t.spec.Methods[method].Returns
	if len(returns) > 0 && returns[0] == "Message" && strings.HasPrefix(method, "send") {
		return t.planSend(method, p, "caption", tgMaxCaption)
	}
	if len(returns) == 0 {
		return always(true), nil
	}
	return always(t.spec.minimal(returns[len(returns)-1])), nil
}

func always(result any) applying {
	return func(time.Time) (any, *tgError) { return result, nil }
}

// self is the bot as a User; getMe says more about it than messages do.
func (t *Telegram) self(full bool) map[string]any {
	me := map[string]any{"id": t.BotID(), "is_bot": true, "first_name": "Instar", "username": BotName}
	if full {
		me["can_join_groups"], me["can_read_all_group_messages"], me["supports_inline_queries"] = true, false, false
	}
	return me
}

// chatID reads chat_id: only numbers name a chat that the fake can show.
func chatID(p tgParams) (int64, *tgError) {
	id := p.integer("chat_id")
	if id == 0 {
		return 0, wrong("chat not found")
	}
	return id, nil
}

func (t *Telegram) planSend(method string, p tgParams, name string, limit int) (applying, *tgError) {
	chat, e := chatID(p)
	if e != nil {
		return nil, e
	}
	c, e := readContent(p, name, limit, "message is too long")
	if e != nil {
		return nil, e
	}
	if name == "text" && strings.TrimSpace(c.text) == "" {
		return nil, wrong("message text is empty")
	}
	file, e := t.readMedia(method, p)
	if e != nil {
		return nil, e
	}
	thread := int(p.integer("message_thread_id"))
	replyTo := 0
	if reply := p.object("reply_parameters"); reply != nil {
		n, _ := number(reply["message_id"])
		if replyTo = int(n); replyTo <= 0 {
			return nil, wrong("message to be replied not found")
		}
	}
	return func(at time.Time) (any, *tgError) {
		t.base.mu.Lock()
		t.nextID++
		id := t.nextID
		t.base.mu.Unlock()
		posted := Message{ID: id, Text: c.text, HTML: c.raw, Thread: thread, ReplyTo: replyTo, At: at, Buttons: c.buttons, File: file, looks: c.looks()}
		t.add(chat, posted)
		message := t.message(chat, posted, name, c, time.Time{})
		if file != nil {
			t.keep(message, id, file)
		}
		return message, nil
	}, nil
}

func (t *Telegram) planEdit(p tgParams) (applying, *tgError) {
	if p.text("inline_message_id") != "" {
		return always(true), nil
	}
	chat, e := chatID(p)
	if e != nil {
		return nil, e
	}
	id := int(p.integer("message_id"))
	if id == 0 {
		return nil, wrong("message identifier is not specified")
	}
	c, e := readContent(p, "text", tgMaxText, "MESSAGE_TOO_LONG")
	if e != nil {
		return nil, e
	}
	if strings.TrimSpace(c.text) == "" {
		return nil, wrong("message text is empty")
	}
	return func(at time.Time) (any, *tgError) {
		if t.holdsFile(chat, id) {
			return nil, refused("there is no text in the message to edit")
		}
		posted, found, changed := t.edit(chat, Message{ID: id, Text: c.text, HTML: c.raw, At: at, Buttons: c.buttons, looks: c.looks()})
		switch {
		case !found:
			return nil, refused("message to edit not found")
		case !changed:
			return nil, refused("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
		}
		return t.message(chat, posted, "text", c, at), nil
	}, nil
}

// message is a sent message as the Bot API answers it.
func (t *Telegram) message(chat int64, p Message, name string, c content, edited time.Time) map[string]any {
	m := map[string]any{"message_id": p.ID, "from": t.self(false), "chat": tgChat(chat, "Chat"), "date": p.At.Unix()}
	if len(p.Times) > 0 {
		m["date"] = p.Times[0].Unix()
	}
	if c.text != "" {
		m[name] = c.text
	}
	if len(c.buttons) > 0 {
		m["reply_markup"] = c.markup
	}
	if c.entities != nil {
		m[map[string]string{"text": "entities", "caption": "caption_entities"}[name]] = c.entities
	}
	if p.Thread != 0 {
		m["message_thread_id"], m["is_topic_message"] = p.Thread, true
	}
	if !edited.IsZero() {
		m["edit_date"] = edited.Unix()
	}
	return m
}

func (t *Telegram) planDelete(p tgParams) (applying, *tgError) {
	chat, e := chatID(p)
	if e != nil {
		return nil, e
	}
	return func(time.Time) (any, *tgError) {
		if !t.remove(chat, int(p.integer("message_id"))) {
			return nil, refused("message to delete not found")
		}
		return true, nil
	}, nil
}

func (t *Telegram) planAction(p tgParams) (applying, *tgError) {
	if _, e := chatID(p); e != nil {
		return nil, e
	}
	switch p.text("action") {
	case "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
		"upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note":
		return always(true), nil
	}
	return nil, wrong("wrong parameter action in request")
}

func (t *Telegram) planAnswer(p tgParams) (applying, *tgError) {
	tap := p.text("callback_query_id")
	switch {
	case tap == "":
		return nil, wrong("query ID is invalid")
	case utf16Len(p.text("text")) > tgMaxNotice:
		return nil, wrong("MESSAGE_TOO_LONG")
	}
	return func(time.Time) (any, *tgError) {
		t.base.mu.Lock()
		defer t.base.mu.Unlock()
		t.answers = append(t.answers, tap)
		return true, nil
	}, nil
}

func (t *Telegram) planGetFile(p tgParams) (applying, *tgError) {
	return func(time.Time) (any, *tgError) {
		id := p.text("file_id")
		t.base.mu.Lock()
		f, ok := t.files[id]
		t.base.mu.Unlock()
		if !ok {
			return nil, refused("wrong file_id or the file is temporarily unavailable")
		}
		if len(f.data) > 20<<20 {
			return nil, refused("file is too big")
		}
		return map[string]any{"file_id": id, "file_unique_id": "u" + id, "file_size": len(f.data), "file_path": f.path}, nil
	}, nil
}

func (t *Telegram) planWebhook(method string, p tgParams) (applying, *tgError) {
	address, secret := p.text("url"), p.text("secret_token")
	if method == "setWebhook" && address != "" {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, wrong("bad webhook: An HTTPS URL must be provided for webhook")
		}
		if len(secret) > 256 || strings.ContainsFunc(secret, notTokenRune) {
			return nil, wrong("secret token contains unallowed characters")
		}
	}
	if method == "deleteWebhook" {
		address, secret = "", ""
	}
	return func(time.Time) (any, *tgError) {
		t.base.mu.Lock()
		defer t.base.mu.Unlock()
		t.webhook = tgWebhook{address, secret}
		return true, nil
	}, nil
}

func notTokenRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
}
