package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"instar/shared/channel"
	"instar/shared/channel/channeltest"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
	"instar/shared/markdown"
)

const testToken = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"

func newTestSender(t *testing.T, base string, do channel.Doer, wait func(context.Context, time.Duration) error) channel.Sender {
	t.Helper()
	s, err := NewSender(testToken, base, do)
	if err != nil {
		t.Fatal(err)
	}
	s.client.Wait = wait
	return s
}

func testPlatform() channeltest.Platform {
	return channeltest.Platform{
		New: newTestSender, Token: testToken, Check: checkCall,
		To:   chat.Address{Channel: Name, Chat: "-1001234567890", Thread: "12"},
		Text: func(call channeltest.Call) string { return params(call)["text"].(string) },
		Buttons: func(call channeltest.Call) (rows [][]chat.Button, said bool) {
			keyboard, said := params(call)["reply_markup"].(map[string]any)
			list, isList := keyboard["inline_keyboard"].([]any)
			for _, r := range list {
				var row []chat.Button
				for _, b := range r.([]any) {
					button := b.(map[string]any)
					row = append(row, chat.Button{Label: button["text"].(string), Data: button["callback_data"].(string)})
				}
				rows = append(rows, row)
			}
			return rows, said && isList
		},
		Length: func(part string) int { return platform.Units(markdown.Plain(part)) },
		Most:   4096,
		Posted: func(id string) channeltest.Answer {
			id, _, _ = strings.Cut(id, ".")
			return channeltest.Respond(200, `{"ok":true,"result":{"message_id":%s,"date":1,"chat":{"id":1,"type":"private"}}}`, id)
		},
		Unchanged: channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"}`),
		Unknown:   channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`),
		Markup:    channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 3"}`),
		Seen:      channeltest.Respond(200, `{"ok":true,"result":true}`),
		Late: []channeltest.Answer{
			channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: query is too old and response timeout expired or query ID is invalid"}`),
			channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: query ID is invalid"}`),
		},
		File:  sentFile,
		Steps: func(string) []channeltest.Answer { return nil },
		Filed: channeltest.Respond(200, `{"ok":true,"result":{"message_id":17,"date":1,"chat":{"id":1,"type":"private"}}}`),
		Unfit: []channeltest.Answer{
			channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}`),
			channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_SAVE_FILE_INVALID"}`),
			channeltest.Respond(400, `{"ok":false,"error_code":400,"description":"Bad Request: IMAGE_PROCESS_FAILED"}`),
		},
		Pictures: true, MostCaption: 1024,
		Limited: func(wait time.Duration) channeltest.Answer {
			s := int(wait / time.Second)
			return channeltest.Respond(429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after %d","parameters":{"retry_after":%d}}`, s, s)
		},
	}
}

func params(call channeltest.Call) map[string]any {
	var p map[string]any
	_ = json.Unmarshal([]byte(call.Body), &p)
	return p
}

func TestConformance(t *testing.T) { channeltest.Run(t, testPlatform()) }

func TestNoTokenNamesTheVariable(t *testing.T) {
	_, err := NewSender("", "", nil)
	var missing *channel.Missing
	if !errors.As(err, &missing) || missing.Variable != "TELEGRAM_BOT_TOKEN" {
		t.Errorf("error %v", err)
	}
}

func TestNoErrorHoldsTheTokensSecretHalf(t *testing.T) {
	_, secret, _ := strings.Cut(testToken, ":")
	script := channeltest.NewScript(channeltest.Answer{Err: errors.New("no route to bot " + secret)})
	_, err := newTestSender(t, "http://x.test", script, nil).Send(t.Context(), testPlatform().To, "hi", "")
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

func TestTheDefaultBaseIsTelegrams(t *testing.T) {
	script := channeltest.NewScript(channeltest.Respond(200, `{"ok":true,"result":{"id":99,"is_bot":true,"first_name":"I","username":"Instar_Bot"}}`))
	s, err := NewSender(testToken, "", script)
	if err != nil {
		t.Fatal(err)
	}
	self, err := s.Self(t.Context())
	if err != nil || self != (chat.Self{ID: "99", Name: "instar_bot"}) {
		t.Errorf("Self = %+v, %v", self, err)
	}
	if got, want := script.Calls[0].URL, "https://api.telegram.org/bot"+testToken+"/getMe"; got != want {
		t.Errorf("called %s", strings.ReplaceAll(got, testToken, "<token>"))
	}
	checkCall(t, script.Calls[0])
}

func TestAMessageSaysWhereItBelongs(t *testing.T) {
	p := testPlatform()
	script := channeltest.NewScript(p.Posted("5"), p.Posted("6"), channeltest.Respond(200, `{"ok":true,"result":true}`))
	s := newTestSender(t, "http://x.test/", script, nil)
	if id, err := s.Send(t.Context(), p.To, "**hi**", "41"); id != "5" || err != nil {
		t.Fatalf("Send = %q, %v", id, err)
	}
	if id, err := s.Send(t.Context(), chat.Address{Channel: Name, Chat: "@room"}, "hi", ""); id != "6" || err != nil {
		t.Fatalf("Send = %q, %v", id, err)
	}
	if err := s.Typing(t.Context(), p.To); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"chat_id":-1001234567890,"message_thread_id":12,"text":"\u003cb\u003ehi\u003c/b\u003e","parse_mode":"HTML","link_preview_options":{"is_disabled":true},"reply_parameters":{"message_id":41,"allow_sending_without_reply":true}}`,
		`{"chat_id":"@room","text":"hi","parse_mode":"HTML","link_preview_options":{"is_disabled":true}}`,
		`{"chat_id":-1001234567890,"message_thread_id":12,"action":"typing"}`,
	} {
		checkCall(t, script.Calls[i])
		if got := script.Calls[i].Body; got != want {
			t.Errorf("call %d\n got %s\nwant %s", i, got, want)
		}
	}
}

func TestACardIsAnInlineKeyboard(t *testing.T) {
	p := testPlatform()
	script := channeltest.NewScript(p.Posted("5"), p.Posted("6"), p.Posted("5"), p.Seen)
	s := newTestSender(t, "http://x.test/", script, nil)
	card := channel.Card{Text: "**Go?**", Buttons: [][]chat.Button{{{Label: "Yes", Data: "y"}, {Label: "No", Data: "n"}}}}
	if id, err := s.SendCard(t.Context(), p.To, card); id != "5" || err != nil {
		t.Fatalf("SendCard = %q, %v", id, err)
	}
	if id, err := s.SendCard(t.Context(), p.To, channel.Card{Text: "Go"}); id != "6" || err != nil {
		t.Fatalf("SendCard = %q, %v", id, err)
	}
	if err := s.EditCard(t.Context(), p.To, "5", channel.Card{Text: "Gone"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Seen(t.Context(), "77"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"chat_id":-1001234567890,"message_thread_id":12,"text":"\u003cb\u003eGo?\u003c/b\u003e","parse_mode":"HTML","link_preview_options":{"is_disabled":true},"reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"y"},{"text":"No","callback_data":"n"}]]}}`,
		`{"chat_id":-1001234567890,"message_thread_id":12,"text":"Go","parse_mode":"HTML","link_preview_options":{"is_disabled":true}}`,
		`{"chat_id":-1001234567890,"message_id":5,"text":"Gone","parse_mode":"HTML","link_preview_options":{"is_disabled":true},"reply_markup":{"inline_keyboard":[]}}`,
		`{"callback_query_id":"77"}`,
	} {
		checkCall(t, script.Calls[i])
		if got := script.Calls[i].Body; got != want {
			t.Errorf("call %d\n got %s\nwant %s", i, got, want)
		}
	}
}

func TestMarkupWithoutWordsIsSentAsItStands(t *testing.T) {
	p := testPlatform()
	script := channeltest.NewScript(p.Posted("5"))
	if _, err := newTestSender(t, "http://x.test", script, nil).Send(t.Context(), p.To, "```py", ""); err != nil {
		t.Fatal(err)
	}
	if got := params(script.Calls[0]); got["text"] != "```py" || got["parse_mode"] != nil {
		t.Errorf("sent %v", got)
	}
}

func TestFetchDownloadsTheFile(t *testing.T) {
	file := channeltest.Respond(200, `{"ok":true,"result":{"file_id":"F","file_unique_id":"U","file_size":8,"file_path":"photos/file 1.jpg"}}`)
	png := channeltest.Answer{Status: 200, Body: "\x89PNG\r\n\x1a\n", Header: http.Header{"Content-Type": {"application/octet-stream"}}}
	for name, c := range map[string]struct {
		a       chat.Attachment
		limit   int64
		answers []channeltest.Answer
		want    string
		fails   bool
		calls   int
	}{
		"the bytes say the type":       {chat.Attachment{Ref: "F", Type: "image/jpeg"}, 8, []channeltest.Answer{file, png}, "image/png", false, 2},
		"else the message does":        {chat.Attachment{Ref: "F", Type: "text/csv"}, 8, []channeltest.Answer{file, channeltest.Respond(200, "a,b")}, "text/csv", false, 2},
		"a broken download is resumed": {chat.Attachment{Ref: "F"}, 8, []channeltest.Answer{file, {Status: 502}, png}, "image/png", false, 3},
		"too large by the message":     {chat.Attachment{Ref: "F", Size: 9}, 8, nil, "", true, 0},
		"too large by getFile":         {chat.Attachment{Ref: "F"}, 7, []channeltest.Answer{file}, "", true, 1},
		"too large by its bytes":       {chat.Attachment{Ref: "F"}, 8, []channeltest.Answer{file, channeltest.Respond(200, "123456789")}, "", true, 2},
		"gone":                         {chat.Attachment{Ref: "F"}, 8, []channeltest.Answer{file, {Status: 404}}, "", true, 2},
		"no path":                      {chat.Attachment{Ref: "F"}, 8, []channeltest.Answer{channeltest.Respond(200, `{"ok":true,"result":{"file_id":"F","file_unique_id":"U"}}`)}, "", true, 1},
		"a path out of the folder":     {chat.Attachment{Ref: "F"}, 8, []channeltest.Answer{channeltest.Respond(200, `{"ok":true,"result":{"file_path":"a/../../getUpdates"}}`)}, "", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			script, waits := channeltest.NewScript(c.answers...), &channeltest.Waits{}
			data, mediaType, err := newTestSender(t, "http://x.test", script, waits.Wait).Fetch(t.Context(), c.a, c.limit)
			if (err != nil) != c.fails || mediaType != c.want || !c.fails && len(data) == 0 {
				t.Errorf("%d bytes of %q, %v", len(data), mediaType, err)
			}
			if len(script.Calls) != c.calls {
				t.Errorf("%d calls, want %d", len(script.Calls), c.calls)
			}
			for _, call := range script.Calls {
				checkCall(t, call)
				if call.Verb == "GET" && !strings.HasSuffix(call.URL, "/file/bot"+testToken+"/photos/file%201.jpg") {
					t.Errorf("downloads %s", strings.ReplaceAll(call.URL, testToken, "<token>"))
				}
			}
		})
	}
}
