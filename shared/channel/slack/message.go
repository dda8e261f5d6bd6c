package slack

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// readEvent reads the event of an event_callback; nil when it is of no
// interest. self is the app's own user id there, or "".
func readEvent(event gjson.Result, self string) (*chat.Message, error) {
	kind := event.Get("type").Str
	if kind != "app_mention" && kind != "message" {
		return nil, nil
	}
	post, edited := event, false
	switch event.Get("subtype").Str {
	case "", "file_share", "thread_broadcast":
	case "message_changed":
		post, edited = event.Get("message"), true
		// Slack also "changes" a message when it unfolds a link in it.
		if !post.Get("edited").Exists() || post.Get("text").Str == event.Get("previous_message.text").Str {
			return nil, nil
		}
	default:
		return nil, nil // deleted, joined, a bot's message ...
	}
	user, room, ts := post.Get("user").Str, event.Get("channel").Str, post.Get("ts").Str
	if user == "" || user == self || user == "USLACKBOT" || post.Get("bot_id").Str != "" || post.Get("subtype").Str == "bot_message" {
		return nil, nil
	}
	said, ok := stamp(ts)
	if !ok || room == "" {
		return nil, malformed("message without a channel or ts")
	}
	m := &chat.Message{V: 1, ID: Name + ":" + room + ":" + ts, Time: said, PlatformID: ts, Edited: edited}
	m.Address = address(room, post.Get("thread_ts").Str, ts)
	m.Kind = kindOfRoom(room, event.Get("channel_type").Str)
	m.Sender = chat.Sender{ID: user, Name: post.Get("user_profile.display_name").Str}
	m.Direct = kind == "app_mention"
	m.Text, m.Mentions = readable(post.Get("text").Str, self)
	m.Attachments = attachments(post.Get("files"))
	if parent := post.Get("parent_user_id").Str; parent != "" {
		m.ReplyTo = &chat.Reply{ID: m.Thread, From: parent, Bot: parent == self}
	}
	if edited {
		at := post.Get("edited.ts").Str
		if m.Time, ok = stamp(at); !ok {
			return nil, malformed("edit without a ts")
		}
		m.ID += ":" + at
	}
	if m.Kind == chat.Group && !m.Direct && !concerns(m, self) || m.Text == "" && len(m.Attachments) == 0 && len(m.Mentions) == 0 {
		return nil, nil
	}
	return m, nil
}

// concerns reports whether a channel's post is for the app with that user id.
func concerns(m *chat.Message, self string) bool {
	if m.ReplyTo != nil && m.ReplyTo.Bot {
		return true
	}
	for _, id := range m.Mentions {
		if id == self && self != "" {
			return true
		}
	}
	return false
}

// address puts what is said in a channel into a thread; a direct message
// only when it is in one.
func address(room, thread, ts string) chat.Address {
	if thread == "" && kindOfRoom(room, "") == chat.Group {
		thread = ts
	}
	return chat.Address{Channel: Name, Chat: room, Thread: thread}
}

func kindOfRoom(room, kind string) chat.Kind {
	if kind == "im" || strings.HasPrefix(room, "D") {
		return chat.Private
	}
	return chat.Group
}

// readCommand reads a slash command. It has no message of its own.
func readCommand(form url.Values, now time.Time) (*chat.Message, error) {
	command, trigger := form.Get("command"), form.Get("trigger_id")
	room, user := form.Get("channel_id"), form.Get("user_id")
	if !strings.HasPrefix(command, "/") || trigger == "" || room == "" || user == "" {
		return nil, malformed("neither a command nor a payload")
	}
	text, mentions := readable(form.Get("text"), "")
	return &chat.Message{
		V: 1, ID: Name + ":trigger:" + trigger, Time: now.UTC(),
		Address:  address(room, form.Get("thread_ts"), ""),
		Kind:     kindOfRoom(room, ""),
		Sender:   chat.Sender{ID: user, Name: form.Get("user_name")},
		Text:     strings.TrimSpace(command + " " + text),
		Mentions: mentions,
		Direct:   true,
	}, nil
}

// readTap reads the interactivity payload of a tapped button
// (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).
func readTap(payload gjson.Result, now time.Time) (*chat.Message, error) {
	if payload.Get("type").Str != "block_actions" {
		return nil, nil // a modal, a shortcut ...
	}
	action, container := payload.Get("actions.0"), payload.Get("container")
	room, ts := first(payload.Get("channel.id"), container.Get("channel_id")), first(container.Get("message_ts"), payload.Get("message.ts"))
	user, trigger, value := payload.Get("user.id").Str, payload.Get("trigger_id").Str, action.Get("value").Str
	if room == "" || ts == "" || user == "" || trigger == "" || value == "" {
		return nil, nil // in a modal, in the app's home, or no button of ours
	}
	thread := first(container.Get("thread_ts"), payload.Get("message.thread_ts"))
	if thread == ts {
		thread = "" // the card has replies, and is none
	}
	m := &chat.Message{
		V: 1, ID: Name + ":trigger:" + trigger, Time: now.UTC(), PlatformID: ts,
		Address: address(room, thread, ts),
		Kind:    kindOfRoom(room, ""),
		Sender:  chat.Sender{ID: user, Name: payload.Get("user.name").Str},
		Text:    value,
		ReplyTo: &chat.Reply{ID: ts, From: payload.Get("message.user").Str, Bot: payload.Get("message.bot_id").Str != ""},
		Direct:  true,
		Tap:     trigger,
	}
	if at, ok := stamp(action.Get("action_ts").Str); ok {
		m.Time = at
	}
	return m, nil
}

// first is the first text that is not empty.
func first(texts ...gjson.Result) string {
	for _, t := range texts {
		if t.Str != "" {
			return t.Str
		}
	}
	return ""
}

// stamp reads a ts: seconds, a dot, microseconds. It is a message's id too.
func stamp(ts string) (time.Time, bool) {
	seconds, micros, ok := strings.Cut(ts, ".")
	s, err1 := strconv.ParseUint(seconds, 10, 37) // until the year 6325: JSON writes it
	us, err2 := strconv.ParseUint(micros, 10, 20)
	if !ok || err1 != nil || err2 != nil || len(micros) != 6 {
		return time.Time{}, false
	}
	return time.Unix(int64(s), int64(us)*1000).UTC(), true
}

// attachments reads a post's files but those that are gone.
func attachments(files gjson.Result) []chat.Attachment {
	var list []chat.Attachment
	for _, f := range files.Array() {
		mode, id := f.Get("mode").Str, f.Get("id").Str
		if id == "" || mode == "tombstone" || mode == "hidden_by_limit" {
			continue
		}
		a := chat.Attachment{Ref: id, Name: f.Get("name").Str, Type: f.Get("mimetype").Str}
		a.Kind = platform.FileKind(a.Type)
		if size, err := strconv.ParseInt(f.Get("size").Raw, 10, 64); err == nil && size > 0 {
			a.Size = size
		}
		list = append(list, a)
	}
	return list
}
