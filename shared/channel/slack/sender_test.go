package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/channel"
	"instar/shared/channel/channeltest"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
	"instar/shared/markdown"
)

const testToken = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy"

func newTestSender(t *testing.T, base string, do channel.Doer, wait func(context.Context, time.Duration) error) channel.Sender {
	t.Helper()
	s, err := NewSender(testToken, base, do)
	if err != nil {
		t.Fatal(err)
	}
	s.client.Wait = wait
	return s
}

// posted has what chat.postMessage and chat.update answer alike.
func posted(ts string) channeltest.Answer {
	return channeltest.Respond(200, `{"ok":true,"channel":"C1","ts":%q,"message":{"type":"message","text":"x","user":"U9","ts":%q}}`, ts, ts)
}

const authTest = `{"ok":true,"url":"https://t.slack.com/","team":"T","user":"Instar","team_id":"T1","user_id":"U9","bot_id":"B1"}`

func testPlatform() channeltest.Platform {
	return channeltest.Platform{
		New: newTestSender, Token: testToken, Check: checkCall,
		To: chat.Address{Channel: Name, Chat: "C1", Thread: "1700000000.000100"},
		Text: func(call channeltest.Call) string {
			var params map[string]any
			_ = json.Unmarshal([]byte(call.Body), &params)
			return params["text"].(string)
		},
		Buttons: func(call channeltest.Call) (rows [][]chat.Button, said bool) {
			blocks := gjson.Get(call.Body, "blocks").Array()
			for _, block := range blocks {
				var row []chat.Button
				for _, b := range block.Get("elements").Array() {
					row = append(row, chat.Button{Label: b.Get("text.text").Str, Data: b.Get("value").Str})
				}
				if block.Get("type").Str == "actions" {
					rows = append(rows, row)
				}
			}
			return rows, len(blocks) > 0
		},
		Length:    func(part string) int { return platform.Units(markdown.SlackMrkdwn(part)) },
		Most:      4000,
		Posted:    posted,
		Unchanged: posted("17"),
		Unknown:   channeltest.Respond(200, `{"ok":false,"error":"channel_not_found"}`),
		File:      sentFile,
		Steps:     func(base string) []channeltest.Answer { return []channeltest.Answer{ticket(base), uploadDone} },
		Filed:     completed, MostCaption: 4000,
		Limited: func(wait time.Duration) channeltest.Answer {
			a := channeltest.Respond(429, `{"ok":false,"error":"ratelimited"}`)
			a.Header = http.Header{"Retry-After": {fmt.Sprint(int(wait / time.Second))}}
			return a
		},
	}
}

func TestConformance(t *testing.T) { channeltest.Run(t, testPlatform()) }

func TestTheScriptedAnswersAreSlacks(t *testing.T) {
	checkAnswer(t, "/chat.postMessage", "post", posted("1.000001").Body)
	checkAnswer(t, "/auth.test", "get", authTest)
	checkAnswer(t, "/files.info", "get", fileInfo("https://files.slack.com/files-pri/T1-F1/a.png"))
}

func TestNoTokenNamesTheVariable(t *testing.T) {
	_, err := NewSender("", "", nil)
	var missing *channel.Missing
	if !errors.As(err, &missing) || missing.Variable != "SLACK_BOT_TOKEN" {
		t.Errorf("error %v", err)
	}
}

func TestTheDefaultBaseIsSlacks(t *testing.T) {
	script := channeltest.NewScript(channeltest.Respond(200, authTest))
	s, err := NewSender(testToken, "", script)
	if err != nil {
		t.Fatal(err)
	}
	self, err := s.Self(t.Context())
	if err != nil || self != (chat.Self{ID: "U9", Name: "instar"}) {
		t.Errorf("Self = %+v, %v", self, err)
	}
	if got := script.Calls[0].URL; got != "https://slack.com/api/auth.test" {
		t.Errorf("called %s", got)
	}
	checkCall(t, script.Calls[0])
}

func TestAMessageSaysWhereItBelongs(t *testing.T) {
	script := channeltest.NewScript(posted("1700000001.000100"), posted("1700000001.000100"))
	s := newTestSender(t, "http://x.test/api/", script, nil)
	id, err := s.Send(t.Context(), testPlatform().To, "**hi** <@U1> & [you](https://e.org)", "17")
	if id != "1700000001.000100" || err != nil {
		t.Fatalf("Send = %q, %v", id, err)
	}
	if err := s.Edit(t.Context(), testPlatform().To, id, "```"); err != nil {
		t.Fatal(err)
	}
	if err := s.Typing(t.Context(), testPlatform().To); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]any{
		{"channel": "C1", "thread_ts": "1700000000.000100", "text": "*hi* &lt;@U1&gt; &amp; <https://e.org|you>", "mrkdwn": true, "unfurl_links": false, "unfurl_media": false},
		{"channel": "C1", "ts": "1700000001.000100", "text": "```", "parse": "none"},
	} {
		var got map[string]any
		if err := json.Unmarshal([]byte(script.Calls[i].Body), &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("call %d\n got %v\nwant %v", i, got, want)
		}
	}
}

func TestACardIsSectionsAndActions(t *testing.T) {
	script := channeltest.NewScript(posted("1700000001.000100"), posted("1700000001.000100"))
	s := newTestSender(t, "http://x.test/api/", script, nil)
	card := channel.Card{Text: "**Go** to <!channel>?", Buttons: [][]chat.Button{{{Label: "Yes", Data: "y"}, {Label: "No", Data: "n"}}, {{Label: strings.Repeat("😀", 50), Data: "y"}}}}
	if _, err := s.SendCard(t.Context(), testPlatform().To, card); err != nil {
		t.Fatal(err)
	}
	if err := s.EditCard(t.Context(), testPlatform().To, "1700000001.000100", channel.Card{Text: "Gone"}); err != nil {
		t.Fatal(err)
	}
	button := func(id, label, value string) string {
		return `{"type":"button","action_id":"` + id + `","text":{"type":"plain_text","text":"` + label + `"},"value":"` + value + `"}`
	}
	for i, want := range []string{
		`{"channel":"C1","text":"*Go* to &lt;!channel&gt;?","thread_ts":"1700000000.000100","mrkdwn":true,"unfurl_links":false,"unfurl_media":false,"blocks":[` +
			`{"type":"section","text":{"type":"mrkdwn","text":"*Go* to &lt;!channel&gt;?","verbatim":true}},` +
			`{"type":"actions","elements":[` + button("0", "Yes", "y") + `,` + button("1", "No", "n") + `]},` +
			`{"type":"actions","elements":[` + button("2", strings.Repeat("😀", 37)+"…", "y") + `]}]}`,
		`{"channel":"C1","ts":"1700000001.000100","text":"Gone","parse":"none","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"Gone","verbatim":true}}]}`,
	} {
		checkCall(t, script.Calls[i])
		var got, judge any
		if err := errors.Join(json.Unmarshal([]byte(script.Calls[i].Body), &got), json.Unmarshal([]byte(want), &judge)); err != nil || !reflect.DeepEqual(got, judge) {
			t.Errorf("call %d: %v\n got %s\nwant %s", i, err, script.Calls[i].Body, want)
		}
	}
}

func TestALongCardIsCutIntoWhatSlackTakes(t *testing.T) {
	var row []chat.Button
	for i := range 60 {
		row = append(row, chat.Button{Label: fmt.Sprint(i), Data: "x"})
	}
	script := channeltest.NewScript(posted("1700000001.000100"))
	text := strings.TrimSpace(strings.Repeat("a & b ", 3900/10))
	if _, err := newTestSender(t, "http://x.test", script, nil).SendCard(t.Context(), testPlatform().To, channel.Card{Text: text, Buttons: [][]chat.Button{row}}); err != nil {
		t.Fatal(err)
	}
	checkCall(t, script.Calls[0])
	var shown, labels []string
	ids := map[string]bool{}
	for _, block := range gjson.Get(script.Calls[0].Body, "blocks").Array() {
		if block.Get("type").Str == "section" {
			shown = append(shown, block.Get("text.text").Str)
		}
		if n := platform.Units(block.Get("text.text").Str); n > 3000 {
			t.Errorf("a section of %d characters", n)
		}
		elements := block.Get("elements").Array()
		if len(elements) > 25 {
			t.Errorf("%d buttons in a block", len(elements))
		}
		for _, b := range elements {
			labels, ids[b.Get("action_id").Str] = append(labels, b.Get("text.text").Str), true
		}
	}
	if got := strings.Join(shown, " "); len(shown) < 2 || got != mrkdwn(text) {
		t.Errorf("%d sections of %q", len(shown), got)
	}
	if len(labels) != 60 || len(ids) != 60 || labels[59] != "59" {
		t.Errorf("buttons %v with %d ids", labels, len(ids))
	}
}

func TestErrorCodesAreReasons(t *testing.T) {
	for _, code := range []string{"msg_too_long", "invalid_blocks", "not_in_channel"} {
		script := channeltest.NewScript(channeltest.Respond(200, `{"ok":false,"error":%q}`, code))
		err := newTestSender(t, "http://x.test", script, nil).Edit(t.Context(), testPlatform().To, "1.000001", "hi")
		var refused *channel.APIError
		if !errors.As(err, &refused) || refused.Reason != code || refused.Method != "chat.update" || len(script.Calls) != 1 {
			t.Errorf("%s: %v after %d calls", code, err, len(script.Calls))
		}
	}
	script, waits := channeltest.NewScript(channeltest.Respond(200, `{"ok":false,"error":"internal_error"}`), posted("1.000001")), &channeltest.Waits{}
	if err := newTestSender(t, "http://x.test", script, waits.Wait).Edit(t.Context(), testPlatform().To, "1.000001", "hi"); err != nil {
		t.Errorf("internal_error is not repeated: %v", err)
	}
	script = channeltest.NewScript(channeltest.Respond(200, `{"ok":false,"error":"internal_error"}`), posted("1.000001"))
	if _, err := newTestSender(t, "http://x.test", script, waits.Wait).Send(t.Context(), testPlatform().To, "hi", ""); err == nil {
		t.Error("internal_error: the message may be posted twice")
	}
}

func fileInfo(address string) string {
	return fmt.Sprintf(`{"ok":true,"comments":[],"file":{"id":"F1","name":"a","mimetype":"text/csv","size":8,"url_private":%q}}`, address)
}

func TestTheTokenGoesOnlyToSlack(t *testing.T) {
	for address, ours := range map[string]bool{
		"https://files.slack.com/files-pri/T1-F1/a":          true,
		"https://slack.com/files-pri/T1-F1/a":                true,
		"http://x.test/files-pri/T1-F1/a":                    true,
		"https://x.test/files-pri/T1-F1/a":                   false,
		"http://files.slack.com/files-pri/T1-F1/a":           false,
		"https://files.slack.com.evil.test/files-pri/a":      false,
		"https://evil.test/files-pri/a":                      false,
		"https://files.slack.com@evil.test/files-pri/a":      false,
		"https://evil.test#@files.slack.com/files-pri/a":     false,
		"https://evil.test/?https://files.slack.com/":        false,
		"https://user@files.slack.com/files-pri/T1-F1/a":     false,
		"https://files.slack.com:8443/files-pri/T1-F1/a":     false,
		"//files.slack.com/files-pri/a":                      false,
		"":                                                   false,
		"https://docs.google.com/document/external-file/a/b": false,
	} {
		script := channeltest.NewScript(channeltest.Respond(200, "%s", fileInfo(address)), channeltest.Respond(200, "a,b"))
		data, mediaType, err := newTestSender(t, "http://x.test/api", script, nil).Fetch(t.Context(), chat.Attachment{Ref: "F1"}, 8)
		if ours && (err != nil || string(data) != "a,b" || mediaType != "text/csv" || len(script.Calls) != 2) {
			t.Errorf("%s: %q %q %v", address, data, mediaType, err)
		}
		if !ours && (err == nil || len(script.Calls) != 1) {
			t.Errorf("%s was fetched: %v", address, err)
		}
		for _, call := range script.Calls {
			checkCall(t, call)
		}
	}
}

func TestFetchRefusesWhatIsNotTheFile(t *testing.T) {
	info := channeltest.Respond(200, "%s", fileInfo("https://files.slack.com/files-pri/T1-F1/a"))
	login := channeltest.Answer{Status: 200, Body: "<html>", Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}}
	for name, c := range map[string]struct {
		a       chat.Attachment
		limit   int64
		answers []channeltest.Answer
		calls   int
	}{
		"too large by the message": {chat.Attachment{Ref: "F1", Size: 9}, 8, nil, 0},
		"too large by files.info":  {chat.Attachment{Ref: "F1"}, 7, []channeltest.Answer{info}, 1},
		"too large by its bytes":   {chat.Attachment{Ref: "F1"}, 8, []channeltest.Answer{info, channeltest.Respond(200, "123456789")}, 2},
		"the login page":           {chat.Attachment{Ref: "F1"}, 8, []channeltest.Answer{info, login}, 2},
		"gone":                     {chat.Attachment{Ref: "F1"}, 8, []channeltest.Answer{info, {Status: 404}}, 2},
	} {
		script := channeltest.NewScript(c.answers...)
		_, _, err := newTestSender(t, "http://x.test", script, nil).Fetch(t.Context(), c.a, c.limit)
		if err == nil || len(script.Calls) != c.calls {
			t.Errorf("%s: %v after %d calls", name, err, len(script.Calls))
		}
	}
}
