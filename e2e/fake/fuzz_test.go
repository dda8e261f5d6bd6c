//go:build !js

package fake

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The fakes read whatever a broken caller sends: they must refuse it and go on.

func FuzzTelegramCall(f *testing.F) {
	t := NewTelegram(tgToken)
	f.Cleanup(t.Close)
	f.Add("sendMessage", "application/json", `{"chat_id":1,"text":"a","reply_markup":{"inline_keyboard":[[{"text":"a","url":"b"}]]}}`)
	f.Add("sendMessage", "application/json", `{"chat_id":1,"text":"a","entities":[{"type":"bold","offset":-1,"length":9e9}]}`)
	f.Add("sendMessage", "application/json", `{"chat_id":1,"text":"a","reply_markup":{"inline_keyboard":[[],[{"text":"a","callback_data":"b"}],null]}}`)
	f.Add("answerCallbackQuery", "application/json", `{"callback_query_id":"9","text":"a"}`)
	f.Add("editMessageText", "application/x-www-form-urlencoded", "chat_id=1&message_id=2&text=%3Cb%3E&parse_mode=HTML")
	f.Add("sendPhoto", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n1\r\n--x--\r\n")
	f.Add("sendPhoto", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\n"+tinyPNG+"\r\n--x--\r\n")
	f.Fuzz(func(tt *testing.T, method, contentType, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		p, refusal := t.read(r, method)
		if refusal != nil {
			return
		}
		if _, known := t.spec.Methods[method]; !known && !t.unchecked {
			tt.Errorf("took the unknown method %q", method)
		}
		t.plan(method, p)
	})
}

func FuzzSlackCall(f *testing.F) {
	s := NewSlack(slackToken, slackSecret)
	f.Cleanup(s.Close)
	f.Add("chat.postMessage", "application/json", `{"channel":"C1","text":"a","blocks":[{"type":"divider"}]}`)
	f.Add("chat.update", "application/x-www-form-urlencoded", "channel=C1&ts=1700000000.000100&text=a&blocks=[]")
	f.Add("chat.update", "application/json", `{"channel":"C1","ts":"1700000000.000100","text":"a","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"a"}},{"type":"actions","elements":[`+yes+`,null,{}]}]}`)
	f.Add("files.info", "", "")
	f.Add("files.getUploadURLExternal", "application/x-www-form-urlencoded", "filename=a&length=3")
	f.Add("files.completeUploadExternal", "application/json", `{"files":[{"id":"F1","title":"a"},null,{}],"channel_id":"C1","channels":"U1,","thread_ts":"1700000000.000100"}`)
	f.Fuzz(func(t *testing.T, method, contentType, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		p, e := readSlackParams(r)
		if e == nil && s.spec.check(r, method, p) == nil {
			s.plan(method, p)
		}
	})
}

func FuzzAnthropicCall(f *testing.F) {
	a := NewAnthropic("")
	f.Cleanup(a.Close)
	f.Add(`{"model":"claude-x","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}`)
	f.Add(`{"model":"claude-x","max_tokens":1,"system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[]}]}`)
	f.Add(`{"model":"claude-x","max_tokens":1,"messages":[1,[],{}],"tools":{}}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/v1/messages", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("anthropic-version", "2023-06-01")
		a.serve(w, r)
		if w.Code == 200 && !strings.Contains(body, "messages") {
			t.Errorf("took %q", body)
		}
	})
}

func FuzzOpenAICall(f *testing.F) {
	o := NewOpenAI("")
	f.Cleanup(o.Close)
	f.Add(`{"model":"gpt-5.5","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"stream":true}`)
	f.Add(`{"model":"gpt-4o","messages":[{"role":"assistant","tool_calls":[]}],"tools":[{"type":"custom"}]}`)
	f.Add(`[1]`)
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		o.serve(w, r)
		if w.Code == 200 && !o.Unchecked() && !strings.Contains(body, "essages") {
			t.Errorf("took %q", body)
		}
	})
}
