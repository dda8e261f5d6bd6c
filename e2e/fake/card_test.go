//go:build !js

package fake_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
	"instar/shared/chat"
)

// ask is a card whose buttons are commands.
var ask = channel.Card{Text: "Send **it**?", Buttons: [][]chat.Button{{{Label: "Yes", Data: "/allow 7"}, {Label: "No", Data: "/deny 7"}}}}

// asked posts ask, taps "No" as tap does it, and edits the card to its end;
// the tap's message is returned.
func asked(t *testing.T, s channel.Sender, r channel.Receiver, to chat.Address, tap func(id string) ([]byte, http.Header)) chat.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	id, err := s.SendCard(ctx, to, ask)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.EditCard(ctx, to, id, ask); err != nil {
		t.Errorf("an edit that changes nothing: %v", err)
	}
	body, header := tap(id)
	event, err := r.Receive(header, body, time.Now())
	if err != nil || len(event.Messages) != 1 {
		t.Fatalf("the tap is %+v, %v", event, err)
	}
	m := event.Messages[0]
	if m.Text != "/deny 7" || m.Tap == "" || !m.Direct || m.Address != to || m.ReplyTo.ID != id || m.ReplyTo.Text != "" {
		t.Errorf("the tap is %+v", m)
	}
	if err := s.Seen(ctx, m.Tap); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.EditCard(ctx, to, id, channel.Card{Text: "Not sent."}); err != nil {
			t.Error(err)
		}
	}
	return m
}

func TestATelegramCardIsAskedAndAnswered(t *testing.T) {
	const token = "1000:secret"
	for _, to := range []chat.Address{{Channel: "telegram", Chat: "7"}, {Channel: "telegram", Chat: "-1001234567890", Thread: "4"}} {
		f := fake.Check(t, fake.NewTelegram(token))
		s, err := telegram.NewSender(token, f.URL(), http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		r, err := telegram.NewReceiver("hush")
		if err != nil {
			t.Fatal(err)
		}
		room := map[string]int64{"": 7, "4": -1001234567890}[to.Thread]
		m := asked(t, s, r, to, func(string) ([]byte, http.Header) {
			posted := f.Chat(room)[0]
			no, ok := posted.Button("No")
			if !ok || posted.Text != "Send it?" || len(posted.Buttons[0]) != 2 {
				t.Errorf("shown is %+v", posted)
			}
			return f.Tap(31, room, 7, posted, no), http.Header{"X-Telegram-Bot-Api-Secret-Token": {"hush"}}
		})
		if got := f.Answered(); !reflect.DeepEqual(got, []string{"31"}) || m.Tap != "31" || m.Person() != "telegram:7" {
			t.Errorf("answered %v: %+v", got, m)
		}
		if end := f.Chat(room)[0]; end.Text != "Not sent." || len(end.Buttons) != 0 || end.Edits != 1 {
			t.Errorf("in the end it is %+v", end)
		}
	}
}

func TestASlackCardIsAskedAndAnswered(t *testing.T) {
	for _, to := range []chat.Address{{Channel: "slack", Chat: "D0INSTARDM1"}, {Channel: "slack", Chat: "C0GENERAL1", Thread: "1700000000.000100"}} {
		f := fake.Check(t, fake.NewSlack("xoxb-test", "hush"))
		s, err := slack.NewSender("xoxb-test", f.URL(), http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		r, err := slack.NewReceiver("hush")
		if err != nil {
			t.Fatal(err)
		}
		m := asked(t, s, r, to, func(id string) ([]byte, http.Header) {
			posted := f.Chat(to.Chat)[0]
			no, ok := posted.Button("No")
			if !ok || posted.Text != "Send *it*?" || len(posted.Buttons[0]) != 2 || posted.ID != id {
				t.Errorf("shown is %+v", posted)
			}
			return f.Tap(to.Chat, "U0ADA00001", posted, no)
		})
		if m.Person() != "slack:U0ADA00001" || (m.Kind == chat.Private) != (to.Thread == "") {
			t.Errorf("the tap is %+v", m)
		}
		if end := f.Chat(to.Chat)[0]; end.Text != "Not sent." || len(end.Buttons) != 0 || end.Edits != 1 {
			t.Errorf("in the end it is %+v", end)
		}
	}
}
