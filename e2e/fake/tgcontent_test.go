//go:build !js

package fake

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

func TestTelegramShowsAMessagesButtons(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	const keyboard = `"reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"y 1"},{"text":"No","callback_data":"n 1"}],[{"text":"Read","url":"https://example.com"}]]}`
	want := [][]Button{{{Label: "Yes", Data: "y 1"}, {Label: "No", Data: "n 1"}}, {{Label: "Read"}}}
	tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"Go?",`+keyboard+`}`)
	m := f.Chat(7)[0]
	if no, ok := m.Button("No"); !ok || no.Data != "n 1" || !reflect.DeepEqual(m.Buttons, want) {
		t.Errorf("%+v", m)
	}
	edit := func(rest string) (int, []Button) {
		status, _ := tgCall(t, f, "editMessageText", fmt.Sprintf(`{"chat_id":7,"message_id":%d,"text":"Go?"%s}`, m.ID, rest))
		return status, slices.Concat(f.Chat(7)[0].Buttons...)
	}
	for _, step := range []struct {
		name, rest string
		status     int
		buttons    int
	}{
		{"the same", "," + keyboard, 400, 3},
		{"other buttons", `,"reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"y 2"}]]}`, 200, 1},
		{"none", `,"reply_markup":{"inline_keyboard":[]}`, 200, 0},
		{"none again", `,"reply_markup":{"inline_keyboard":[]}`, 400, 0},
		{"no word of them", ``, 400, 0},
		{"the first", "," + keyboard, 200, 3},
		{"no word of them", ``, 200, 0},
	} {
		if status, buttons := edit(step.rest); status != step.status || len(buttons) != step.buttons {
			t.Errorf("%s: %d, buttons %v", step.name, status, buttons)
		}
	}
	for _, id := range []string{"9", "10"} {
		tgCall(t, f, "answerCallbackQuery", `{"callback_query_id":"`+id+`"}`)
	}
	if got := f.Answered(); !slices.Equal(got, []string{"9", "10"}) {
		t.Errorf("answered %q", got)
	}
}
