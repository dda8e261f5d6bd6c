//go:build !js

package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"github.com/tidwall/gjson"
)

const tgToken = "1000:secret"

// tgCall posts JSON and returns the status and the description of a refusal.
func tgCall(t *testing.T, f *Telegram, method, body string) (int, string) {
	t.Helper()
	status, answer := post(t, f.URL()+"/bot"+tgToken+"/"+method, "application/json", body)
	result := gjson.Parse(answer)
	if result.Get("ok").Bool() != (status == 200) || status != 200 && result.Get("error_code").Int() != int64(status) {
		t.Errorf("%s: status %d with %s", method, status, answer)
	}
	return status, result.Get("description").String()
}

func TestTelegramTakesRightCallsAndRefusesWrongOnes(t *testing.T) {
	long := strings.Repeat("x", 4096)
	for _, c := range []struct {
		name, method, body string
		want               string // part of the description; "" means the call is right
	}{
		{"text", "sendMessage", `{"chat_id":1,"text":"hi"}`, ""},
		{"chat id as text", "sendMessage", `{"chat_id":"1","text":"hi"}`, ""},
		{"reply", "sendMessage", `{"chat_id":1,"text":"hi","reply_parameters":{"message_id":3,"allow_sending_without_reply":true}}`, ""},
		{"serialized reply", "sendMessage", `{"chat_id":1,"text":"hi","reply_parameters":"{\"message_id\":3}"}`, ""},
		{"no preview", "sendMessage", `{"chat_id":1,"text":"hi","link_preview_options":{"is_disabled":true}}`, ""},
		{"keyboard", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"y"}]]}}`, ""},
		{"html", "sendMessage", `{"chat_id":1,"text":"<b>hi</b> &amp; <a href=\"https://example.com/?a=1&amp;b=2\">there</a>","parse_mode":"HTML"}`, ""},
		{"longest text", "sendMessage", `{"chat_id":1,"text":"` + long + `"}`, ""},
		{"longest text with tags", "sendMessage", `{"chat_id":1,"text":"<b>` + long + `</b>","parse_mode":"HTML"}`, ""},
		{"commands", "setMyCommands", `{"commands":[{"command":"stop","description":"Stop"}],"scope":{"type":"default"}}`, ""},
		{"reaction", "setMessageReaction", `{"chat_id":1,"message_id":2,"reaction":[{"type":"emoji","emoji":"👍"}]}`, ""},
		{"action", "sendChatAction", `{"chat_id":1,"action":"typing"}`, ""},
		{"webhook", "setWebhook", `{"url":"https://example.com/hook","secret_token":"a-b_1","allowed_updates":["message"]}`, ""},
		{"callback", "answerCallbackQuery", `{"callback_query_id":"9"}`, ""},
		{"longest button data", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"` + long[:64] + `"}]]}}`, ""},
		{"no buttons", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[]}}`, ""},

		{"no text", "sendMessage", `{"chat_id":1}`, `parameter "text" is required`},
		{"no chat", "sendMessage", `{"text":"hi"}`, `parameter "chat_id" is required`},
		{"empty text", "sendMessage", `{"chat_id":1,"text":"  \n"}`, "message text is empty"},
		{"empty after tags", "sendMessage", `{"chat_id":1,"text":"<b></b>","parse_mode":"HTML"}`, "message text is empty"},
		{"too long", "sendMessage", `{"chat_id":1,"text":"` + long + `x"}`, "message is too long"},
		{"too long in UTF-16", "sendMessage", `{"chat_id":1,"text":"` + strings.Repeat("😀", 2049) + `"}`, "message is too long"},
		{"text is a number", "sendMessage", `{"chat_id":1,"text":5}`, `"text": is not a String`},
		{"chat is null", "sendMessage", `{"chat_id":null,"text":"hi"}`, `"chat_id": is not`},
		{"flag as text", "sendMessage", `{"chat_id":1,"text":"a","protect_content":"true"}`, `"protect_content": is not a Boolean`},
		{"fraction", "editMessageText", `{"chat_id":1,"message_id":2.0,"text":"a"}`, `"message_id": is not an Integer`},
		{"old reply parameter", "sendMessage", `{"chat_id":1,"text":"hi","reply_to_message_id":3}`, `unknown parameter "reply_to_message_id"`},
		{"old preview parameter", "sendMessage", `{"chat_id":1,"text":"hi","disable_web_page_preview":true}`, "unknown parameter"},
		{"nested unknown", "sendMessage", `{"chat_id":1,"text":"hi","reply_parameters":{"message_id":3,"to":1}}`, `ReplyParameters has no field "to"`},
		{"nested type", "sendMessage", `{"chat_id":1,"text":"hi","reply_parameters":{"message_id":"3"}}`, "ReplyParameters.message_id is not an Integer"},
		{"nested missing", "sendMessage", `{"chat_id":1,"text":"hi","reply_parameters":{}}`, "ReplyParameters.message_id is required"},
		{"flat keyboard", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[{"text":"Yes"}]}}`, "is not an Array"},
		{"button data too long", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"` + strings.Repeat("d", 65) + `"}]]}}`, "BUTTON_DATA_INVALID"},
		{"button data empty", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":""}]]}}`, "BUTTON_DATA_INVALID"},
		{"button without label", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[[{"text":" ","callback_data":"y"}]]}}`, "button text must be non-empty"},
		{"callback without id", "answerCallbackQuery", `{}`, `parameter "callback_query_id" is required`},
		{"callback with an empty id", "answerCallbackQuery", `{"callback_query_id":""}`, "query ID is invalid"},
		{"callback with a number", "answerCallbackQuery", `{"callback_query_id":9}`, "is not a String"},
		{"long notice", "answerCallbackQuery", `{"callback_query_id":"9","text":"` + long[:201] + `"}`, "MESSAGE_TOO_LONG"},
		{"button without purpose", "sendMessage", `{"chat_id":1,"text":"hi","reply_markup":{"inline_keyboard":[[{"text":"Yes"}]]}}`, "text buttons are unallowed"},
		{"parse mode", "sendMessage", `{"chat_id":1,"text":"hi","parse_mode":"GFM"}`, "unsupported parse_mode"},
		{"tag", "sendMessage", `{"chat_id":1,"text":"<p>hi</p>","parse_mode":"HTML"}`, `can't parse entities: Unsupported start tag "p" at byte offset 0`},
		{"entity bounds", "sendMessage", `{"chat_id":1,"text":"hi","entities":[{"type":"bold","offset":1,"length":2}]}`, "ENTITY_BOUNDS_INVALID"},
		{"action", "sendChatAction", `{"chat_id":1,"action":"thinking"}`, "wrong parameter action"},
		{"webhook without TLS", "setWebhook", `{"url":"http://example.com/hook"}`, "HTTPS URL"},
		{"webhook secret", "setWebhook", `{"url":"https://example.com/hook","secret_token":"a b"}`, "unallowed characters"},
		{"no object", "sendMessage", `[1]`, "can't parse JSON"},
		{"no method", "sendText", `{"chat_id":1,"text":"hi"}`, "Not Found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewTelegram(tgToken))
			needSpecs(t, f)
			status, description := tgCall(t, f, c.method, c.body)
			if c.want == "" && (status != 200 || len(f.Violations()) != 0) {
				t.Errorf("refused: %d %s", status, description)
			}
			if c.want != "" && (status == 200 || !strings.Contains(description, c.want) || len(f.Violations()) != 1) {
				t.Errorf("answer %d %q, violations %q", status, description, f.Violations())
			}
		})
	}
}

func TestTelegramNeedsItsToken(t *testing.T) {
	f := violating(t, NewTelegram(tgToken))
	status, body := post(t, f.URL()+"/bot1000:other/getMe", "application/json", "{}")
	if status != 401 || !strings.Contains(body, `"Unauthorized"`) || len(f.Violations()) != 1 {
		t.Errorf("%d %s %q", status, body, f.Violations())
	}
}

func TestTelegramShowsTheChatAsAPersonSeesIt(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"…"}`)
	id := f.Chat(7)[0].ID
	edit := func(text string) (int, string) {
		return tgCall(t, f, "editMessageText", fmt.Sprintf(`{"chat_id":7,"message_id":%d,"text":%q,"parse_mode":"HTML"}`, id, text))
	}
	if status, description := edit("one <b>two</b> &lt;3"); status != 200 {
		t.Fatal(description)
	}
	m := f.Chat(7)[0]
	if m.Text != "one two <3" || m.HTML != "one <b>two</b> &lt;3" || m.Edits != 1 || !reflect.DeepEqual(m.History, []string{"…", "one two <3"}) {
		t.Errorf("%+v", m)
	}
	if !m.At.After(m.Times[0]) || m.At != m.Times[1] {
		t.Errorf("times %v, at %v", m.Times, m.At)
	}
	if status, d := edit("one <b>two</b> &lt;3"); status != 400 || !strings.HasPrefix(d, "Bad Request: message is not modified: ") {
		t.Errorf("same text: %d %s", status, d)
	}
	if status, d := edit("one <i>two</i> &lt;3"); status != 200 {
		t.Errorf("same words in another style: %d %s", status, d)
	}
	if status, d := tgCall(t, f, "editMessageText", `{"chat_id":8,"message_id":5,"text":"a"}`); status != 400 || d != "Bad Request: message to edit not found" {
		t.Errorf("unknown message: %d %s", status, d)
	}
	tgCall(t, f, "deleteMessage", fmt.Sprintf(`{"chat_id":7,"message_id":%d}`, id))
	if len(f.Chat(7)) != 0 {
		t.Error("a deleted message is still shown")
	}
}

func TestTelegramWaitReplyWakesForAnEdit(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"wait"}`)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	go tgCall(t, f, "editMessageText", fmt.Sprintf(`{"chat_id":7,"message_id":%d,"text":"done"}`, f.Chat(7)[0].ID))
	m, err := f.WaitReply(ctx, 7, func(m Message) bool { return m.Text == "done" })
	if err != nil || m.Edits != 1 {
		t.Errorf("%+v %v", m, err)
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if _, err := f.WaitReply(done, 7, func(Message) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("err %v", err)
	}
}

func TestTelegramFaults(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	f.Fail("sendMessage", 429, "Too Many Requests: retry after 3", 3, 1)
	f.Fail("sendMessage", 502, "Bad Gateway", 0, 1)
	status, body := post(t, f.URL()+"/bot"+tgToken+"/sendMessage", "application/json", `{"chat_id":7,"text":"a"}`)
	if status != 429 || gjson.Get(body, "parameters.retry_after").Int() != 3 {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"a"}`); status != 502 || len(f.Chat(7)) != 0 {
		t.Errorf("second fault: %d, chat %v", status, f.Chat(7))
	}
	f.Drop("sendMessage", 1)
	if resp, err := http.Post(f.URL()+"/bot"+tgToken+"/sendMessage", "application/json", strings.NewReader(`{"chat_id":7,"text":"b"}`)); err == nil {
		resp.Body.Close()
		t.Error("a dropped call was answered")
	}
	if chat := f.Chat(7); len(chat) != 1 || chat[0].Text != "b" {
		t.Errorf("a dropped call must take effect: %v", chat)
	}
	f.Hang("sendMessage", time.Hour)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", f.URL()+"/bot"+tgToken+"/sendMessage", strings.NewReader(`{"chat_id":7,"text":"c"}`))
	req.Header.Set("Content-Type", "application/json")
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Error("a hanging call was answered")
	}
	f.Heal()
	if status, d := tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"d"}`); status != 200 || len(f.Chat(7)) != 2 {
		t.Errorf("after Heal: %d %s %v", status, d, f.Chat(7))
	}
}

func TestTelegramRateLimit(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	f.LimitRate(2, time.Hour)
	for i, want := range []int{200, 200, 429} {
		if status, _ := tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"a"}`); status != want {
			t.Errorf("call %d: %d", i, status)
		}
	}
	if status, _ := tgCall(t, f, "sendMessage", `{"chat_id":8,"text":"a"}`); status != 200 {
		t.Error("the limit is for each chat")
	}
	l := rateLimit{}
	l.set(1, time.Minute)
	start := time.Unix(1700000000, 0)
	l.take("a", start)
	if wait := l.take("a", start.Add(20*time.Second)); wait != 41 {
		t.Errorf("wait %d", wait)
	}
	if wait := l.take("a", start.Add(time.Minute)); wait != 0 {
		t.Errorf("wait %d", wait)
	}
}

func TestTelegramServesItsFiles(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	f.AddFile("F1", "photos/file_1.jpg", []byte("jpeg"))
	status, body := post(t, f.URL()+"/bot"+tgToken+"/getFile", "application/x-www-form-urlencoded", "file_id=F1")
	if status != 200 || gjson.Get(body, "result.file_path").String() != "photos/file_1.jpg" {
		t.Fatal(status, body)
	}
	resp, err := http.Get(f.URL() + "/file/bot" + tgToken + "/photos/file_1.jpg")
	if err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(resp.Body)
	if resp.Body.Close(); string(data) != "jpeg" {
		t.Errorf("%q", data)
	}
	if status, _ := tgCall(t, f, "getFile", `{"file_id":"F2"}`); status != 400 {
		t.Errorf("unknown file: %d", status)
	}
}

func TestTelegramAnswersFitTheDescription(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	needSpecs(t, f)
	f.AddFile("F1", "a.jpg", []byte("x"))
	for _, c := range []struct{ method, body string }{
		{"getMe", `{}`},
		{"sendMessage", `{"chat_id":7,"text":"<pre><code class=\"language-go\">x</code></pre> <b>y</b>","parse_mode":"HTML","message_thread_id":4}`},
		{"sendMessage", `{"chat_id":-1001234567890,"text":"a"}`},
		{"sendMessage", `{"chat_id":7,"text":"a","reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"y"}]]}}`},
		{"answerCallbackQuery", `{"callback_query_id":"9"}`},
		{"editMessageText", `{"chat_id":7,"message_id":1000001,"text":"b"}`},
		{"sendPhoto", `{"chat_id":7,"photo":"F1","caption":"<b>c</b>","parse_mode":"HTML"}`},
		{"getFile", `{"file_id":"F1"}`},
		{"getWebhookInfo", `{}`}, {"getChat", `{"chat_id":7}`}, {"getChatMember", `{"chat_id":7,"user_id":7}`},
		{"getUpdates", `{}`}, {"getMyCommands", `{}`}, {"copyMessage", `{"chat_id":7,"from_chat_id":7,"message_id":1}`},
	} {
		status, body := post(t, f.URL()+"/bot"+tgToken+"/"+c.method, "application/json", c.body)
		v, err := decodeJSON([]byte(body))
		if status != 200 || err != nil {
			t.Errorf("%s: %d %s", c.method, status, body)
			continue
		}
		if err := f.spec.checkAny(f.spec.Methods[c.method].Returns, v.(map[string]any)["result"]); err != nil {
			t.Errorf("%s answers %s: %v", c.method, body, err)
		}
	}
}

func TestTelegramUpdatesFitTheDescription(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	needSpecs(t, f)
	for name, body := range map[string][]byte{
		"private":  TelegramUpdate(1, 7, 7, "hi"),
		"command":  TelegramUpdate(1, 7, 7, "/stop now"),
		"group":    TelegramUpdate(1, -5, 7, "hi", InGroup("Friends")),
		"mention":  TelegramUpdate(1, -1001234567890, 7, "so, 😀 @instar_test_bot hi", Mentioning(BotName)),
		"reply":    TelegramUpdate(1, -5, 7, "hi", ReplyingTo(3, 1000, true, "before")),
		"topic":    TelegramUpdate(1, -1001234567890, 7, "hi", InTopic(4)),
		"edited":   TelegramUpdate(1, 7, 7, "hi", Edited()),
		"photo":    TelegramUpdate(1, 7, 7, "see @instar_test_bot", Mentioning(BotName), WithPhoto("F1")),
		"callback": TelegramUpdate(1, 7, 7, "Allow?", Callback("yes", 1000001, 1000)),
		"tap":      f.Tap(1, -1001234567890, 7, Message{ID: 1000001, Text: "Allow?", Thread: 4}, Button{Label: "Yes", Data: "y"}),
		"bot":      TelegramUpdate(1, 7, 8, "hi", FromBot(), MessageID(99), Sent(time.Unix(1700000000, 0))),
	} {
		v, err := decodeJSON(body)
		if err == nil {
			err = f.spec.check("Update", v)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, body)
		}
		var update models.Update
		if err := json.Unmarshal(body, &update); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	mention := gjson.GetBytes(TelegramUpdate(1, 7, 7, "so, 😀 @instar_test_bot hi", Mentioning(BotName)), "message.entities.0")
	if mention.Get("offset").Int() != 7 || mention.Get("length").Int() != 16 {
		t.Errorf("mention %s", mention)
	}
}

func TestTelegramWithARealClient(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	b, err := bot.New(tgToken, bot.WithServerURL(f.URL()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	disabled := true
	m, err := b.SendMessage(ctx, &bot.SendMessageParams{
		ChatID: 7, Text: "<b>hi</b>", ParseMode: models.ParseModeHTML, MessageThreadID: 3,
		ReplyParameters:    &models.ReplyParameters{MessageID: 5},
		LinkPreviewOptions: &models.LinkPreviewOptions{IsDisabled: &disabled},
		ReplyMarkup:        models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{{{Text: "Yes", CallbackData: "y"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.Text != "hi" || m.Entities[0].Type != "bold" || m.From.ID != 1000 {
		t.Errorf("%+v", m)
	}
	if _, err := b.EditMessageText(ctx, &bot.EditMessageTextParams{ChatID: 7, MessageID: m.ID, Text: "bye"}); err != nil {
		t.Error(err)
	}
	if _, err := b.EditMessageText(ctx, &bot.EditMessageTextParams{ChatID: 7, MessageID: m.ID, Text: "bye"}); !errors.Is(err, bot.ErrorBadRequest) {
		t.Errorf("edit to the same text: %v", err)
	}
	if _, err := b.SendChatAction(ctx, &bot.SendChatActionParams{ChatID: 7, Action: models.ChatActionTyping}); err != nil {
		t.Error(err)
	}
	photos := 0
	if f.Unchecked() {
		t.Log("WARNING: sendPhoto IS NOT TRIED: what it returns stands in ../shared/specs, which is missing")
	} else if _, err := b.SendPhoto(ctx, &bot.SendPhotoParams{ChatID: 7, Caption: "c", Photo: &models.InputFileUpload{Filename: "a.png", Data: strings.NewReader(tinyPNG)}}); err != nil {
		t.Error(err)
	} else {
		photos = 1
	}
	if _, err := b.SetWebhook(ctx, &bot.SetWebhookParams{URL: "https://example.com/h", SecretToken: "s"}); err != nil {
		t.Error(err)
	}
	f.Fail("sendMessage", 429, "Too Many Requests: retry after 2", 2, 1)
	_, err = b.SendMessage(ctx, &bot.SendMessageParams{ChatID: 7, Text: "x"})
	if tooMany := (*bot.TooManyRequestsError)(nil); !errors.As(err, &tooMany) || tooMany.RetryAfter != 2 {
		t.Errorf("rate limit: %v", err)
	}
	if chat := f.Chat(7); len(chat) != 1+photos || chat[0].Thread != 3 || chat[0].ReplyTo != 5 || photos == 1 && chat[1].Text != "c" {
		t.Errorf("%+v", chat)
	}
}

func TestTelegramTakesConcurrentCalls(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"a"}`)
			}
		})
	}
	wg.Wait()
	ids := map[int]bool{}
	for _, m := range f.Chat(7) {
		ids[m.ID] = true
	}
	if len(ids) != 80 {
		t.Errorf("%d different messages", len(ids))
	}
}
