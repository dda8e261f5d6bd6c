package channeltest

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"instar/shared/channel"
	"instar/shared/chat"
)

// ask is a card as the agent uses it, with a row that holds nothing.
var ask = channel.Card{
	Text: "Send **it** to <bo@e.org>?",
	Buttons: [][]chat.Button{
		{{Label: "Yes & now", Data: "/allow 7"}, {Label: "No", Data: "/deny 7"}},
		{},
		{{Label: "Always", Data: strings.Repeat("é", 32)}}, // 64 bytes
	},
}

// asked are the buttons of ask as a person sees them.
var asked = [][]chat.Button{ask.Buttons[0], ask.Buttons[2]}

func row(label, data string) [][]chat.Button { return [][]chat.Button{{{Label: label, Data: data}}} }

// shows complains when a call does not give its message these buttons.
func shows(t *testing.T, p Platform, call Call, want [][]chat.Button) {
	t.Helper()
	if got, said := p.Buttons(call); !said || !reflect.DeepEqual(got, want) {
		t.Errorf("%s gives %v (said: %v), want %v", call.Method(), got, said, want)
	}
}

func cardArrives(t *testing.T, p Platform) {
	sender, script, _ := start(t, p, p.Posted("1700000001.000100"), p.Posted("1700000002.000100"))
	if id, err := sender.SendCard(t.Context(), p.To, ask); err != nil || id == "" {
		t.Fatalf("SendCard = %q, %v", id, err)
	}
	shows(t, p, script.Calls[0], asked)
	if text := p.Text(script.Calls[0]); !strings.Contains(text, "it") || strings.Contains(text, "**") {
		t.Errorf("posted %q", text)
	}
	if id, err := sender.SendCard(t.Context(), p.To, channel.Card{Text: "hi"}); err != nil || id == "" {
		t.Fatalf("SendCard = %q, %v", id, err)
	}
	if got, _ := p.Buttons(script.Calls[1]); len(got) != 0 || len(script.Calls) != 2 {
		t.Errorf("a card without buttons has %v after %d calls", got, len(script.Calls))
	}
}

func cardTwice(t *testing.T, p Platform) {
	sender, script, _ := start(t, p, p.Posted("17"), p.Unchanged)
	for range 2 {
		if err := sender.EditCard(t.Context(), p.To, "17", ask); err != nil {
			t.Fatal(err)
		}
	}
	if len(script.Calls) != 2 {
		t.Fatalf("%d calls for two edits", len(script.Calls))
	}
	for _, call := range script.Calls {
		shows(t, p, call, asked)
	}
}

func cardWithout(t *testing.T, p Platform) {
	for name, rows := range map[string][][]chat.Button{"none": nil, "no rows": {}, "an empty row": {{}}} {
		sender, script, _ := start(t, p, p.Posted("17"))
		if err := sender.EditCard(t.Context(), p.To, "17", channel.Card{Text: "Sent.", Buttons: rows}); err != nil || len(script.Calls) != 1 {
			t.Fatalf("%s: %v after %d calls", name, err, len(script.Calls))
		}
		shows(t, p, script.Calls[0], nil)
		if text := p.Text(script.Calls[0]); text != "Sent." {
			t.Errorf("%s: it says %q", name, text)
		}
	}
}

func cardPlain(t *testing.T, p Platform) {
	if p.Markup.Status == 0 {
		t.Skip("this platform does not refuse markup")
	}
	card := channel.Card{Text: "**bold** and `code`", Buttons: asked}
	sender, script, _ := start(t, p, p.Markup, p.Posted("17"), p.Markup, p.Posted("17"))
	if id, err := sender.SendCard(t.Context(), p.To, card); err != nil || id == "" {
		t.Fatalf("SendCard = %q, %v", id, err)
	}
	if err := sender.EditCard(t.Context(), p.To, "17", card); err != nil {
		t.Fatal(err)
	}
	if len(script.Calls) != 4 {
		t.Fatalf("%d calls", len(script.Calls))
	}
	for _, i := range []int{1, 3} {
		if got := p.Text(script.Calls[i]); got != "bold and code" {
			t.Errorf("call %d posts %q", i, got)
		}
		shows(t, p, script.Calls[i], asked)
	}
}

func cardDoubt(t *testing.T, p Platform) {
	odd := p.Posted("17")
	odd.Status = http.StatusBadGateway
	for name, failure := range map[string]Answer{
		"5xx": {Status: http.StatusBadGateway}, "broken connection": {Err: errors.New("reset")}, "5xx with a success in it": odd,
	} {
		sender, script, _ := start(t, p, failure, p.Posted("17"))
		if id, err := sender.SendCard(t.Context(), p.To, ask); err == nil || len(script.Calls) != 1 {
			t.Errorf("%s: SendCard = %q, %v after %d calls; it may post twice", name, id, err, len(script.Calls))
		}
		sender, script, _ = start(t, p, failure, failure, p.Posted("17"))
		if err := sender.EditCard(t.Context(), p.To, "17", ask); err != nil || len(script.Calls) != 3 {
			t.Errorf("%s: EditCard = %v after %d calls", name, err, len(script.Calls))
		}
	}
}

func cardWrong(t *testing.T, p Platform) {
	sender, script, _ := start(t, p)
	elsewhere := p.To
	elsewhere.Channel = "carrier-pigeon"
	for name, c := range map[string]struct {
		to   chat.Address
		card channel.Card
	}{
		"no data":                {p.To, channel.Card{Text: "hi", Buttons: row("Yes", "")}},
		"65 bytes of data":       {p.To, channel.Card{Text: "hi", Buttons: row("Yes", strings.Repeat("x", 65))}},
		"66 bytes of 33 letters": {p.To, channel.Card{Text: "hi", Buttons: row("Yes", strings.Repeat("é", 33))}},
		"data that is no text":   {p.To, channel.Card{Text: "hi", Buttons: row("Yes", "\xff")}},
		"no label":               {p.To, channel.Card{Text: "hi", Buttons: row(" ", "y")}},
		"the last one is wrong":  {p.To, channel.Card{Text: "hi", Buttons: append(asked[:2:2], row("", "y")...)}},
		"no text":                {p.To, channel.Card{Text: " \n", Buttons: asked}},
		"a text for two":         {p.To, channel.Card{Text: strings.Repeat("word ", p.Most/4), Buttons: asked}},
		"another's address":      {elsewhere, ask},
		"no chat":                {chat.Address{Channel: p.To.Channel}, ask},
	} {
		if id, err := sender.SendCard(t.Context(), c.to, c.card); err == nil {
			t.Errorf("%s: SendCard = %q", name, id)
		}
		if err := sender.EditCard(t.Context(), c.to, "17", c.card); err == nil {
			t.Errorf("%s: EditCard succeeded", name)
		}
	}
	if err := sender.EditCard(t.Context(), p.To, "", ask); err == nil {
		t.Error("EditCard of no message succeeded")
	}
	if len(script.Calls) != 0 {
		t.Errorf("%d calls", len(script.Calls))
	}
}

func seen(t *testing.T, p Platform) {
	sender, script, _ := start(t, p)
	if err := sender.Seen(t.Context(), ""); err != nil || len(script.Calls) != 0 {
		t.Errorf("no tap: %v after %d calls", err, len(script.Calls))
	}
	if p.Seen.Status == 0 {
		if err := sender.Seen(t.Context(), "t1"); err != nil || len(script.Calls) != 0 {
			t.Errorf("Seen = %v after %d calls", err, len(script.Calls))
		}
		return
	}
	for i, answer := range append([]Answer{p.Seen}, p.Late...) {
		t.Run(fmt.Sprint("answer ", i), func(t *testing.T) {
			sender, script, _ := start(t, p, Answer{Status: http.StatusBadGateway}, answer)
			if err := sender.Seen(t.Context(), "t1"); err != nil || len(script.Calls) != 2 || !strings.Contains(script.Calls[1].Body, `"t1"`) {
				t.Errorf("Seen = %v after %d calls", err, len(script.Calls))
			}
		})
	}
	sender, _, _ = start(t, p, p.Unknown)
	var refused *channel.APIError
	if err := sender.Seen(t.Context(), "t1"); !errors.As(err, &refused) {
		t.Errorf("another refusal: %v", err)
	}
}
