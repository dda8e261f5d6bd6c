//go:build !js

package fake

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/slack-go/slack"
	"github.com/tidwall/gjson"
)

const (
	slackToken  = "xoxb-test"
	slackSecret = "signing-secret"
	formType    = "application/x-www-form-urlencoded"
)

// slackPost calls a method with the token in the header.
func slackPost(t *testing.T, f *Slack, method, contentType, body string) gjson.Result {
	t.Helper()
	status, answer := post(t, f.URL()+"/"+method, contentType, body, "Authorization", "Bearer "+slackToken)
	if status != 200 {
		t.Errorf("%s: status %d", method, status)
	}
	return gjson.Parse(answer)
}

func TestSlackTakesRightCallsAndRefusesWrongOnes(t *testing.T) {
	jsonType := "application/json; charset=utf-8"
	for _, c := range []struct {
		name, method, contentType, body string
		want                            string // the error; "" means the call is right
	}{
		{"json", "chat.postMessage", jsonType, `{"channel":"C1","text":"hi","thread_ts":"1700000000.000100","unfurl_links":false}`, ""},
		{"form", "chat.postMessage", formType, "channel=D1&text=hi&mrkdwn=true", ""},
		{"to a user", "chat.postMessage", formType, "channel=U1&text=hi", ""},
		{"blocks", "chat.postMessage", jsonType, `{"channel":"C1","text":"hi","blocks":[{"type":"divider"}]}`, ""},
		{"blocks as text", "chat.postMessage", formType, "channel=C1&blocks=" + url.QueryEscape(`[{"type":"divider"}]`), ""},
		{"longest", "chat.postMessage", jsonType, `{"channel":"C1","text":"` + strings.Repeat("é", 4000) + `"}`, ""},
		{"identity", "auth.test", formType, "", ""},
		{"a read by form", "conversations.info", formType, "channel=C1", ""},
		{"reaction", "reactions.add", jsonType, `{"channel":"C1","name":"eyes","timestamp":"1700000000.000100"}`, ""},

		{"no channel", "chat.postMessage", jsonType, `{"text":"hi"}`, "invalid_arguments"},
		{"no text", "chat.postMessage", jsonType, `{"channel":"C1"}`, "no_text"},
		{"too long", "chat.postMessage", jsonType, `{"channel":"C1","text":"` + strings.Repeat("é", 4001) + `"}`, "msg_too_long"},
		{"channel name", "chat.postMessage", jsonType, `{"channel":"general","text":"hi"}`, "channel_not_found"},
		{"unknown name", "chat.postMessage", jsonType, `{"channel":"C1","text":"hi","parse_mode":"HTML"}`, "invalid_arguments"},
		{"text is a number", "chat.postMessage", jsonType, `{"channel":"C1","text":5}`, "invalid_arguments"},
		{"flag is text", "chat.postMessage", jsonType, `{"channel":"C1","text":"a","mrkdwn":"yes"}`, "invalid_arguments"},
		{"block without type", "chat.postMessage", jsonType, `{"channel":"C1","blocks":[{"text":"x"}]}`, "invalid_arguments"},
		{"blocks are an object", "chat.postMessage", jsonType, `{"channel":"C1","blocks":{"type":"divider"}}`, "invalid_arguments"},
		{"thread is no timestamp", "chat.postMessage", jsonType, `{"channel":"C1","text":"a","thread_ts":"17"}`, "invalid_thread_ts"},
		{"update without ts", "chat.update", jsonType, `{"channel":"C1","text":"a"}`, "invalid_arguments"},
		{"a read by JSON", "conversations.info", jsonType, `{"channel":"C1"}`, "invalid_arguments"},
		{"token in JSON", "chat.postMessage", jsonType, `{"channel":"C1","text":"hi","token":"xoxb-test"}`, "invalid_arguments"},
		{"no method", "chat.send", jsonType, `{"channel":"C1"}`, "unknown_method"},
		{"broken JSON", "chat.postMessage", jsonType, `{"channel"`, "invalid_json"},
		{"array", "chat.postMessage", jsonType, `[]`, "json_not_object"},
		{"content type", "chat.postMessage", "text/plain", `{"channel":"C1"}`, "invalid_post_type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewSlack(slackToken, slackSecret))
			needSpecs(t, f)
			answer := slackPost(t, f, c.method, c.contentType, c.body)
			wantCount := 1
			if c.want == "" {
				wantCount = 0
			}
			if answer.Get("error").String() != c.want || answer.Get("ok").Bool() != (c.want == "") || len(f.Violations()) != wantCount {
				t.Errorf("%s, violations %q", answer, f.Violations())
			}
		})
	}
}

func TestSlackNeedsAToken(t *testing.T) {
	f := violating(t, NewSlack(slackToken, slackSecret))
	for _, c := range []struct{ contentType, body, header, want string }{
		{formType, "channel=C1&text=a", "", "not_authed"},
		{formType, "channel=C1&text=a", "Bearer xoxb-other", "invalid_auth"},
		{formType, "channel=C1&text=a&token=xoxb-test", "", ""},
		{"application/json", `{"channel":"C1","text":"a","token":"xoxb-test"}`, "", "not_authed"},
	} {
		_, body := post(t, f.URL()+"/chat.postMessage", c.contentType, c.body, "Authorization", c.header)
		if got := gjson.Get(body, "error").String(); got != c.want {
			t.Errorf("%s with %q: %s", c.body, c.header, body)
		}
	}
}

func TestSlackWritesAreNotForGET(t *testing.T) {
	f := violating(t, NewSlack(slackToken, slackSecret))
	needSpecs(t, f)
	for path, want := range map[string]bool{"chat.postMessage?channel=C1&text=a": false, "users.info?user=U1": true} {
		req, _ := http.NewRequest("GET", f.URL()+"/"+path, nil)
		req.Header.Set("Authorization", "Bearer "+slackToken)
		if _, body := send(t, req); gjson.Get(body, "ok").Bool() != want {
			t.Errorf("GET %s: %s", path, body)
		}
	}
}

func TestSlackWithARealClient(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	api := slack.New(slackToken, slack.OptionAPIURL(f.URL()+"/"))
	me, err := api.AuthTest()
	if err != nil || me.UserID != SlackBotUser {
		t.Fatal(me, err)
	}
	channel, ts, err := api.PostMessage("C0GENERAL1", slack.MsgOptionText("a &lt; b", false), slack.MsgOptionTS("1700000000.000100"))
	if err != nil || channel != "C0GENERAL1" {
		t.Fatal(channel, err)
	}
	if _, _, _, err := api.UpdateMessage(channel, ts, slack.MsgOptionText("c", false)); err != nil {
		t.Error(err)
	}
	if _, _, _, err := api.UpdateMessage(channel, ts, slack.MsgOptionText("c", false)); err != nil {
		t.Errorf("Slack takes an edit to the same text: %v", err)
	}
	if _, _, _, err := api.UpdateMessage(channel, "1700000000.000001", slack.MsgOptionText("c", false)); err == nil || err.Error() != "message_not_found" {
		t.Error(err)
	}
	chat := f.Chat(channel)
	if len(chat) != 1 || chat[0].ID != ts || chat[0].Text != "c" || chat[0].Edits != 1 || chat[0].History[0] != "a < b" || chat[0].Thread != "1700000000.000100" {
		t.Errorf("%+v", chat)
	}
	if _, err := api.GetUserInfo("U0ADA00001"); err != nil {
		t.Error(err)
	}
	if _, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: channel}); err != nil {
		t.Error(err)
	}
	f.AddFile("F0PICTURE1", "a.png", "image/png", []byte("png"))
	file, _, _, err := api.GetFileInfo("F0PICTURE1", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := api.GetFile(file.URLPrivateDownload, &b); err != nil || b.String() != "png" {
		t.Error(b.String(), err)
	}
	f.Fail("chat.postMessage", 429, "ratelimited", 3, 1)
	if _, _, err := api.PostMessage(channel, slack.MsgOptionText("x", false)); err == nil || err.(*slack.RateLimitedError).RetryAfter != 3*time.Second {
		t.Error(err)
	}
}

func TestSlackDropTakesEffect(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	f.Drop("chat.postMessage", 1)
	api := slack.New(slackToken, slack.OptionAPIURL(f.URL()+"/"))
	if _, _, err := api.PostMessage("C1", slack.MsgOptionText("x", false)); err == nil {
		t.Error("a dropped call was answered")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := f.WaitReply(ctx, "C1", func(m SlackMessage) bool { return m.Text == "x" }); err != nil {
		t.Error(err)
	}
}

func TestSlackAnswersFitTheDescription(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	needSpecs(t, f)
	var doc any
	loadSpec(f.specs, "slack-web.openapi.json", &doc)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	if err := compiler.AddResource("slack.json", doc); err != nil {
		t.Fatal(err)
	}
	f.AddFile("F0PICTURE1", "a.png", "image/png", []byte("png"))
	ts := slackPost(t, f, "chat.postMessage", formType, "channel=C0GENERAL1&text=a").Get("ts").String()
	for _, c := range []struct{ method, verb, body string }{
		{"auth.test", "get", ""},
		{"chat.postMessage", "post", "channel=C0GENERAL1&text=a&thread_ts=" + ts},
		{"chat.update", "post", "channel=C0GENERAL1&text=b&ts=" + ts},
		{"users.info", "get", "user=U0ADA00001"},
		{"conversations.info", "get", "channel=C0GENERAL1"},
		{"files.info", "get", "file=F0PICTURE1"},
	} {
		answer := slackPost(t, f, c.method, formType, c.body)
		schema := compiler.MustCompile("slack.json#/paths/~1" + c.method + "/" + c.verb + "/responses/200/schema")
		v, _ := decodeJSON([]byte(answer.Raw))
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s answers %s: %v", c.method, answer, err)
		}
	}
}

func TestSlackEventsAreReadByARealClient(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	for name, body := range map[string][]byte{
		"dm":      SlackEvent(SlackMessageEvent, SlackFields{Text: "hi"}),
		"thread":  SlackEvent(SlackMessageEvent, SlackFields{Channel: "C1", Text: "hi", Thread: "1700000000.000100"}),
		"mention": SlackEvent(SlackMention, SlackFields{Channel: "C1", Text: "<@UINSTARBOT> hi"}),
		"file":    SlackEvent(SlackMessageEvent, SlackFields{Text: "see", FileID: "F1"}),
		"edited":  SlackEvent(SlackMessageEvent, SlackFields{Text: "new", Subtype: "message_changed"}),
		"bot":     SlackEvent(SlackMessageEvent, SlackFields{Text: "hi", Bot: "B1", Subtype: "bot_message"}),
		"check":   SlackEvent(SlackURLCheck, SlackFields{Challenge: "abc"}),
		"command": SlackEvent(SlackCommand, SlackFields{Text: "stop"}),
		"button":  SlackEvent(SlackBlockActions, SlackFields{Action: "approve", Value: "42"}),
	} {
		header := f.Sign(body)
		verifier, err := slack.NewSecretsVerifier(header, slackSecret)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		verifier.Write(body)
		if err := verifier.Ensure(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		req, _ := http.NewRequest("POST", "http://localhost/", bytes.NewReader(body))
		req.Header = header
		switch name {
		case "command":
			c, err := slack.SlashCommandParse(req)
			if err != nil || c.Text != "stop" || c.Command != "/instar" {
				t.Error(c, err)
			}
		case "button":
			var c slack.InteractionCallback
			if err := json.Unmarshal([]byte(req.FormValue("payload")), &c); err != nil || c.ActionCallback.BlockActions[0].Value != "42" {
				t.Error(c, err)
			}
		default:
			if header.Get("Content-Type") != "application/json" || !json.Valid(body) {
				t.Errorf("%s: %s", name, body)
			}
		}
	}
	event := gjson.ParseBytes(SlackEvent(SlackMessageEvent, SlackFields{Channel: "D1", User: "U7", Text: "hi", TS: "1700000000.000200"}))
	if event.Get("event.channel_type").String() != "im" || event.Get("event.ts").String() != "1700000000.000200" || event.Get("event_time").Int() != 1700000000 {
		t.Errorf("%s", event)
	}
}
