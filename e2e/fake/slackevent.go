//go:build !js

package fake

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SlackKind is a sort of request that Slack sends to an app.
type SlackKind string

const (
	SlackMessageEvent SlackKind = "message"          // a direct message, a channel message or one in a thread
	SlackMention      SlackKind = "app_mention"      // the bot was mentioned in a channel
	SlackCommand      SlackKind = "slash_command"    // form-encoded
	SlackBlockActions SlackKind = "block_actions"    // a tapped button; form-encoded with a JSON payload
	SlackURLCheck     SlackKind = "url_verification" // Slack asks whether the endpoint is ours
)

// SlackFields fill in a request. Fields that are left out get a plausible value.
type SlackFields struct {
	EventID string // "Ev..."
	Channel string // D... is a direct message, C... a channel
	User    string
	Text    string // of the message; of a command what follows its name
	TS      string // the message's timestamp and id
	Thread  string // thread_ts: the message is in this thread
	Subtype string // "message_changed", "bot_message", ...
	Bot     string // bot_id of a bot as sender
	FileID  string // attaches an image with this id
	Command string // "/instar"
	Action  string // action_id of a button
	Value   string // value of a button
	Trigger string // trigger_id of a command or button; Slack makes each one unique
	// Challenge is what a url_verification asks to be echoed.
	Challenge string
}

func (f SlackFields) filled() SlackFields {
	for _, field := range []struct {
		at    *string
		value string
	}{
		{&f.EventID, "Ev0INSTAR01"}, {&f.Channel, "D0INSTARDM1"}, {&f.User, "U0ADA00001"},
		{&f.TS, slackTS(time.Now().UnixMicro())}, {&f.Command, "/instar"}, {&f.Action, "approve"},
		{&f.Trigger, "1700000000.1.trigger"}, {&f.Challenge, "challenge-accepted"},
	} {
		if *field.at == "" {
			*field.at = field.value
		}
	}
	return f
}

// SlackEvent makes the body of a request from Slack: JSON for events, a form
// for commands and buttons. Sign it with SlackSign, which also sets the
// matching content type.
// Shapes: https://docs.slack.dev/apis/events-api/, /interactivity/.
func SlackEvent(kind SlackKind, fields SlackFields) []byte {
	f := fields.filled()
	switch kind {
	case SlackURLCheck:
		return mustJSON(map[string]any{"type": "url_verification", "token": "verification", "challenge": f.Challenge})
	case SlackCommand:
		return []byte(url.Values{
			"token": {"verification"}, "team_id": {SlackTeam}, "team_domain": {"instar"}, "api_app_id": {SlackApp},
			"channel_id": {f.Channel}, "channel_name": {channelName(f.Channel)}, "user_id": {f.User}, "user_name": {"ada"},
			"command": {f.Command}, "text": {f.Text}, "trigger_id": {f.Trigger}, "is_enterprise_install": {"false"},
			"response_url": {"https://hooks.slack.com/commands/" + SlackTeam + "/1/x"},
		}.Encode())
	case SlackBlockActions:
		return []byte(url.Values{"payload": {string(mustJSON(blockActions(f)))}}.Encode())
	}
	at, _ := strconv.ParseInt(f.TS[:min(10, len(f.TS))], 10, 64)
	return mustJSON(map[string]any{
		"token": "verification", "team_id": SlackTeam, "api_app_id": SlackApp, "type": "event_callback",
		"event_id": f.EventID, "event_time": at, "event": slackInner(kind, f), "is_ext_shared_channel": false,
		"authorizations": []any{map[string]any{"enterprise_id": nil, "team_id": SlackTeam, "user_id": SlackBotUser, "is_bot": true, "is_enterprise_install": false}},
	})
}

// slackInner is the event inside an event_callback.
func slackInner(kind SlackKind, f SlackFields) map[string]any {
	event := map[string]any{
		"type": string(kind), "channel": f.Channel, "user": f.User, "text": f.Text, "ts": f.TS, "event_ts": f.TS, "team": SlackTeam,
	}
	if kind == SlackMessageEvent {
		event["channel_type"] = map[byte]string{'D': "im", 'C': "channel", 'G': "group"}[f.Channel[0]]
	}
	if f.Thread != "" {
		event["thread_ts"] = f.Thread
	}
	if f.Bot != "" {
		event["bot_id"] = f.Bot
	}
	if f.FileID != "" {
		event["subtype"] = "file_share"
		event["files"] = []any{map[string]any{
			"id": f.FileID, "name": "picture.png", "title": "picture.png", "mimetype": "image/png", "filetype": "png", "size": 1234,
			"mode": "hosted", "url_private": "https://files.slack.com/files-pri/" + SlackTeam + "-" + f.FileID + "/picture.png",
		}}
	}
	if f.Subtype != "" {
		event["subtype"] = f.Subtype
	}
	if f.Subtype == "message_changed" {
		message := map[string]any{"type": "message", "user": f.User, "text": f.Text, "ts": f.TS, "edited": map[string]any{"user": f.User, "ts": f.TS}}
		return map[string]any{"type": "message", "subtype": "message_changed", "hidden": true, "channel": f.Channel,
			"channel_type": event["channel_type"], "ts": f.TS, "event_ts": f.TS, "message": message,
			"previous_message": map[string]any{"type": "message", "user": f.User, "text": "before", "ts": f.TS}}
	}
	return event
}

func blockActions(f SlackFields) map[string]any {
	message := map[string]any{"type": "message", "user": SlackBotUser, "bot_id": SlackBotID, "ts": f.TS, "text": f.Text}
	container := map[string]any{"type": "message", "message_ts": f.TS, "channel_id": f.Channel, "is_ephemeral": false}
	if f.Thread != "" {
		message["thread_ts"], container["thread_ts"] = f.Thread, f.Thread
	}
	return map[string]any{
		"type": "block_actions", "api_app_id": SlackApp, "token": "verification", "trigger_id": f.Trigger,
		"team": map[string]any{"id": SlackTeam, "domain": "instar"}, "user": map[string]any{"id": f.User, "username": "ada", "name": "ada", "team_id": SlackTeam},
		"channel": map[string]any{"id": f.Channel, "name": channelName(f.Channel)}, "container": container, "message": message,
		"response_url": "https://hooks.slack.com/actions/" + SlackTeam + "/1/x",
		"actions": []any{map[string]any{
			"type": "button", "action_id": f.Action, "block_id": "b1", "value": f.Value, "action_ts": slackTS(time.Now().UnixMicro()),
			"text": map[string]any{"type": "plain_text", "text": f.Action, "emoji": true},
		}},
	}
}

// Tap makes the signed request of a person's tap on a button of a message that
// the agent sent. Each call is another tap.
func (s *Slack) Tap(channel, user string, m SlackMessage, b Button) (body []byte, header http.Header) {
	body = SlackEvent(SlackBlockActions, SlackFields{
		Channel: channel, User: user, Text: m.HTML, TS: m.ID, Thread: m.Thread,
		Action: b.Action, Value: b.Data, Trigger: s.nextTS(time.Now()) + ".trigger",
	})
	return body, s.Sign(body)
}

func channelName(id string) string {
	if id[0] == 'D' {
		return "directmessage"
	}
	return "general"
}

// SlackSign makes the headers Slack sends with a body: content type, time and
// the v0 signature (https://docs.slack.dev/authentication/verifying-requests-from-slack/).
func SlackSign(secret string, body []byte, now time.Time) http.Header {
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	h := http.Header{}
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	if bytes.HasPrefix(body, []byte("{")) {
		h.Set("Content-Type", "application/json")
	}
	return h
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("fake: encode a body: " + err.Error())
	}
	return b
}
