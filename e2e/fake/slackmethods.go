//go:build !js

package fake

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// slackApplying makes the call take effect and returns its result.
type slackApplying func(at time.Time) (map[string]any, *slackError)

// plan checks what the description cannot say and returns what the call does.
func (s *Slack) plan(method string, p slackParams) (slackApplying, *slackError) {
	switch method {
	case "auth.test":
		return slackAlways(map[string]any{
			"url": "https://instar.slack.com/", "team": "Instar", "user": "instar",
			"team_id": SlackTeam, "user_id": SlackBotUser, "bot_id": SlackBotID, "is_enterprise_install": false,
		}), nil
	case "chat.postMessage":
		return s.planPost(p)
	case "chat.update":
		return s.planUpdate(p)
	case "chat.delete":
		return s.planSlackDelete(p)
	case "files.getUploadURLExternal":
		return s.planUploadURL(p)
	case "files.completeUploadExternal":
		return s.planComplete(p)
	case "files.info":
		return s.planFile(p)
	case "users.info":
		return s.planUser(p)
	case "conversations.info", "conversations.open", "conversations.join":
		return s.planConversation(method, p)
	case "conversations.history", "conversations.replies":
		return slackAlways(map[string]any{"messages": []any{}, "has_more": false}), nil
	}
	return slackAlways(map[string]any{}), nil
}

func slackAlways(result map[string]any) slackApplying {
	return func(time.Time) (map[string]any, *slackError) { return result, nil }
}

// Slack's patterns for timestamps and conversation ids, and user ids, which
// chat.postMessage takes in place of a conversation.
var slackPatterns = sync.OnceValue(func() (p struct{ ts, channel, user *regexp.Regexp }) {
	p.ts = regexp.MustCompile(`^\d{10}\.\d{6}$`)
	p.channel = regexp.MustCompile(`^[CGD][A-Z0-9]+$`)
	p.user = regexp.MustCompile(`^[UW][A-Z0-9]+$`)
	return p
})

// slackContent reads what a message shows: its text, characters as Slack counts
// them, once &amp; &lt; &gt; are decoded, and its buttons.
func slackContent(p slackParams) (m SlackMessage, e *slackError) {
	raw, blocks := p.text("text"), p.list("blocks")
	if raw == "" && len(blocks) == 0 && p.values["attachments"] == nil {
		return m, &slackError{code: "no_text", detail: "no text, blocks or attachments"}
	}
	if n := utf8.RuneCountInString(raw); n > MaxSlackText {
		return m, &slackError{code: "msg_too_long", detail: "more than 4,000 characters"}
	}
	m.Text, m.HTML, m.looks = slackUnescape(raw), raw, p.looks()
	m.Buttons, e = slackButtons(blocks)
	return m, e
}

func (p slackParams) looks() string {
	b, _ := json.Marshal([]any{p.values["text"], p.values["blocks"], p.values["attachments"]})
	return string(b)
}

func (s *Slack) planPost(p slackParams) (slackApplying, *slackError) {
	channel, thread := p.text("channel"), p.text("thread_ts")
	if !slackPatterns().channel.MatchString(channel) && !slackPatterns().user.MatchString(channel) {
		return nil, &slackError{code: "channel_not_found", detail: "no conversation id"}
	}
	if thread != "" && !slackPatterns().ts.MatchString(thread) {
		return nil, &slackError{code: "invalid_thread_ts", detail: "thread_ts is no timestamp"}
	}
	posted, e := slackContent(p)
	if e != nil {
		return nil, e
	}
	return func(at time.Time) (map[string]any, *slackError) {
		ts := s.nextTS(at)
		posted := posted
		posted.ID, posted.Thread, posted.At = ts, thread, at
		s.add(channel, posted)
		message := map[string]any{
			"type": "message", "text": p.text("text"), "ts": ts, "user": SlackBotUser, "bot_id": SlackBotID, "team": SlackTeam,
		}
		if thread != "" {
			message["thread_ts"] = thread
		}
		return map[string]any{"channel": channel, "ts": ts, "message": message}, nil
	}, nil
}

func (s *Slack) planUpdate(p slackParams) (slackApplying, *slackError) {
	channel, ts := p.text("channel"), p.text("ts")
	if !slackPatterns().channel.MatchString(channel) {
		return nil, &slackError{code: "channel_not_found", detail: "no conversation id"}
	}
	if !slackPatterns().ts.MatchString(ts) {
		return nil, &slackError{code: "message_not_found", detail: "ts is no timestamp"}
	}
	next, e := slackContent(p)
	if e != nil {
		return nil, e
	}
	return func(at time.Time) (map[string]any, *slackError) {
		next := next
		next.ID, next.At = ts, at
		// Unlike Telegram, Slack takes an edit that changes nothing.
		if _, found, _ := s.edit(channel, next); !found {
			return nil, &slackError{code: "message_not_found"}
		}
		return map[string]any{
			"channel": channel, "ts": ts, "text": p.text("text"),
			"message": map[string]any{"type": "message", "text": p.text("text"), "user": SlackBotUser},
		}, nil
	}, nil
}

func (s *Slack) planSlackDelete(p slackParams) (slackApplying, *slackError) {
	return func(time.Time) (map[string]any, *slackError) {
		channel, ts := p.text("channel"), p.text("ts")
		if !s.remove(channel, ts) {
			return nil, &slackError{code: "message_not_found"}
		}
		return map[string]any{"channel": channel, "ts": ts}, nil
	}, nil
}

func (s *Slack) planFile(p slackParams) (slackApplying, *slackError) {
	return func(time.Time) (map[string]any, *slackError) {
		id := p.text("file")
		s.base.mu.Lock()
		f, ok := s.files[id]
		s.base.mu.Unlock()
		if !ok {
			return nil, &slackError{code: "file_not_found"}
		}
		address := s.root + "/files-pri/" + id
		return map[string]any{"comments": []any{}, "file": map[string]any{
			"id": id, "name": f.name, "title": f.name, "mimetype": f.mediaType, "size": len(f.data),
			"url_private": address, "url_private_download": address, "mode": "hosted",
		}}, nil
	}, nil
}

func (s *Slack) planUser(p slackParams) (slackApplying, *slackError) {
	user := p.text("user")
	if !slackPatterns().user.MatchString(user) {
		return nil, &slackError{code: "user_not_found", detail: "no user id"}
	}
	return slackAlways(map[string]any{"user": map[string]any{
		"id": user, "team_id": SlackTeam, "name": "ada", "real_name": "Ada", "deleted": false, "tz": "Europe/London",
		"is_bot": user == SlackBotUser, "is_app_user": false, "updated": 1700000000,
		"profile": map[string]any{"real_name": "Ada", "display_name": "ada"},
	}}), nil
}

func (s *Slack) planConversation(method string, p slackParams) (slackApplying, *slackError) {
	id := p.text("channel")
	if user := p.text("users"); method == "conversations.open" && id == "" && user != "" {
		id = "D" + strings.ReplaceAll(user, ",", "")
	}
	if !slackPatterns().channel.MatchString(id) {
		return nil, &slackError{code: "channel_not_found", detail: "no conversation id"}
	}
	return slackAlways(map[string]any{"channel": map[string]any{
		"id": id, "created": 1700000000, "is_im": id[0] == 'D', "is_channel": id[0] == 'C', "is_group": id[0] == 'G',
		"is_archived": false, "is_member": true, "name": strings.ToLower(id),
	}}), nil
}
