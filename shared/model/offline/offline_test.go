package offline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"instar/shared/job"
	"instar/shared/model"
)

var tools = []model.Tool{{Name: "memory_write"}, {Name: "memory_search"}, {Name: "message_send"}, {Name: "schedule_create"}, {Name: "schedule_list"}}

const now = "Channel: telegram\nTime: 2026-11-23T21:09:00+09:00 (Asia/Tokyo, Monday)\n"

func ask(t *testing.T, messages ...model.Message) (model.Reply, []string) {
	t.Helper()
	var deltas []string
	r := model.Request{Tools: tools, Context: now, Messages: messages}
	reply, err := New().Stream(context.Background(), r, func(s string) { deltas = append(deltas, s) })
	if err != nil {
		t.Fatal(err)
	}
	return reply, deltas
}

func say(text string) model.Message { return model.Message{Role: model.User, Text: text} }

func TestPhrasesBecomeToolCalls(t *testing.T) {
	for text, want := range map[string]string{
		"remember that Aki likes tea":            `memory_write {"text":"Aki likes tea"}`,
		"Remember: the door code is \"12\"":      `memory_write {"text":"the door code is \"12\""}`,
		"Please remember milk":                   `memory_write {"text":"milk"}`,
		"覚えて: 犬の名前はポチ":                           `memory_write {"text":"犬の名前はポチ"}`,
		"覚えておいて、会議は3時":                           `memory_write {"text":"会議は3時"}`,
		"私の誕生日は5月1日だと覚えておいて。":                    `memory_write {"text":"私の誕生日は5月1日だ"}`,
		"牛乳を覚えて":                                 `memory_write {"text":"牛乳"}`,
		"what do you know about Aki?":            `memory_search {"query":"Aki"}`,
		"What do you remember about the door ?":  `memory_search {"query":"the door"}`,
		"ポチについて教えて":                              `memory_search {"query":"ポチ"}`,
		"会議について何を知ってる？":                          `memory_search {"query":"会議"}`,
		"会議について":                                 `memory_search {"query":"会議"}`,
		"send to slack: build is green":          `message_send {"channel":"slack","text":"build is green"}`,
		"Send to Telegram hello there, remember": `message_send {"channel":"telegram","text":"hello there, remember"}`,

		"remind me in 10 minutes to buy milk":           `schedule_create {"text":"buy milk","at":"2026-11-23T21:19:00+09:00","kind":"reminder"}`,
		"Please remind me in an hour: buy milk":         `schedule_create {"text":"buy milk","at":"2026-11-23T22:09:00+09:00","kind":"reminder"}`,
		"remind me in 1 day that Aki comes":             `schedule_create {"text":"Aki comes","at":"2026-11-24T21:09:00+09:00","kind":"reminder"}`,
		"remind me at 22:30 to sleep":                   `schedule_create {"text":"sleep","at":"2026-11-23T22:30","kind":"reminder"}`,
		"remind me at 18:30 to buy milk":                `schedule_create {"text":"buy milk","at":"2026-11-24T18:30","kind":"reminder"}`,
		"Remind me at 21:09 to look":                    `schedule_create {"text":"look","at":"2026-11-24T21:09","kind":"reminder"}`,
		"remind me at 9:15 PM to look":                  `schedule_create {"text":"look","at":"2026-11-23T21:15","kind":"reminder"}`,
		"remind me at 12am to look":                     `schedule_create {"text":"look","at":"2026-11-24T00:00","kind":"reminder"}`,
		"could you remind me tomorrow at 9 to buy milk": `schedule_create {"text":"buy milk","at":"2026-11-24T09:00","kind":"reminder"}`,
		"remind me tomorrow at 22:00: sleep":            `schedule_create {"text":"sleep","at":"2026-11-24T22:00","kind":"reminder"}`,
		"every day at 9: drink water":                   `schedule_create {"text":"drink water","cron":"0 9 * * *","kind":"reminder"}`,
		"Every day at 18:05 remind me to drink water":   `schedule_create {"text":"drink water","cron":"5 18 * * *","kind":"reminder"}`,
		"remind me every day at 6:30 pm to drink":       `schedule_create {"text":"drink","cron":"30 18 * * *","kind":"reminder"}`,
		"every day at 9: to do list":                    `schedule_create {"text":"to do list","cron":"0 9 * * *","kind":"reminder"}`,
		"every 2 hours: drink water":                    `schedule_create {"text":"drink water","every":"120m","kind":"reminder"}`,
		"every 30 minutes, 水を飲む":                        `schedule_create {"text":"水を飲む","every":"30m","kind":"reminder"}`,
		"what reminders do you have?":                   `schedule_list {}`,
		"What jobs do you have?":                        `schedule_list {}`,
	} {
		reply, deltas := ask(t, say(text))
		if len(reply.Calls) != 1 || reply.Stop != model.StopTools || len(deltas) != 0 {
			t.Errorf("%s: %+v", text, reply)
			continue
		}
		if got := reply.Calls[0].Name + " " + string(reply.Calls[0].Input); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestOtherPhrasesSetNothingOff(t *testing.T) {
	for _, text := range []string{
		"do you remember me?", "rememberance", "remember", "覚えて", "send to slack", "send to slacker: x",
		"I said: send to slack: x", "what do you know about ?", "write a poem", "彼について行く", "\x00",
		"remind me to buy milk", "remind me in 10 minutes", "remind me in ten years to x", "remind me in 0 minutes to x", "remind me in 99999999999999999999 days to x",
		"remind me at 25:00 to x", "remind me at 9:60 to x", "remind me at 13pm to x", "remind me at the office to x", "remind me at 9th street to x", "remind me tomorrow to x",
		"every time I see it I laugh", "every day at work: x", "every 2 hours", "in 10 minutes to noon", "at 9: x", "what jobs do you know?",
	} {
		reply, _ := ask(t, say(text))
		if len(reply.Calls) != 0 || reply.Stop != model.StopEnd || reply.Text == "" {
			t.Errorf("%q: %+v", text, reply)
		}
	}
}

func TestItSaysWhatItIsAndHowToConnectAModel(t *testing.T) {
	for text, want := range map[string]string{"write a poem": "not a language model", "詩を書いて": "言語モデルではない", "hello": "without a language model", "ヘルプ": "言語モデルなし"} {
		reply, deltas := ask(t, say(text))
		for _, s := range []string{want, "ANTHROPIC_API_KEY", "OPENAI_API_KEY"} {
			if !strings.Contains(reply.Text, s) {
				t.Errorf("%s: %q lacks %q", text, reply.Text, s)
			}
		}
		if len(deltas) < 3 || strings.Join(deltas, "") != reply.Text {
			t.Errorf("%s: streamed as %q", text, deltas)
		}
		if reply.Usage != (model.Usage{}) {
			t.Errorf("%s: usage %+v", text, reply.Usage)
		}
	}
}

func TestTheTimeComesFromTheContext(t *testing.T) {
	if reply, _ := ask(t, say("What time is it?")); reply.Text != "It is 21:09 on Monday, 23 November 2026 (Asia/Tokyo)." {
		t.Error(reply.Text)
	}
	if reply, _ := ask(t, say("今何時？")); reply.Text != "21:09 です (2026年11月23日、Asia/Tokyo)。" {
		t.Error(reply.Text)
	}
	for _, told := range []string{"", "Time: soon", "Time:"} {
		reply, err := New().Stream(context.Background(), model.Request{Context: told, Messages: []model.Message{say("what time is it")}}, nil)
		if err != nil || reply.Text != "I was not told the time." {
			t.Errorf("%q: %+v, %v", told, reply, err)
		}
	}
}

func TestAReminderNeedsToKnowTheTime(t *testing.T) {
	for text, calls := range map[string]int{
		"remind me in 10 minutes to drink": 0, "remind me tomorrow at 9 to drink": 0, "every day at 9: drink": 1, "every 2 hours: drink": 1,
	} {
		reply, err := New().Stream(context.Background(), model.Request{Tools: tools, Context: "Time: soon", Messages: []model.Message{say(text)}}, nil)
		if err != nil || len(reply.Calls) != calls || calls == 0 && reply.Text != "I was not told the time." {
			t.Errorf("%s: %+v, %v", text, reply, err)
		}
	}
}

func TestResultsAreTold(t *testing.T) {
	for _, c := range []struct {
		asked, result, want string
		failed              bool
	}{
		{"remember tea", "stored as m1", "Saved.", false},
		{"remember tea", "memory is full", "That did not work: memory is full", true},
		{"what do you know about tea?", "2026-11-01: Aki likes tea", "From memory:\n2026-11-01: Aki likes tea", false},
		{"what do you know about tea?", "", "I have nothing about that in memory.", false},
		{"お茶について教えて", "", "それについては何も覚えていません。", false},
		{"send to slack: hi", "sent", "Sent.", false},
		{"remind me in 10 minutes to drink", "Job a1b2 is due at 21:19.", "Job a1b2 is due at 21:19.", false},
		{"every day at 9: drink", "", "Done.", false},
		{"every day at 9: drink", "the time has passed", "That did not work: the time has passed", true},
		{"what jobs do you have?", "a1b2: drink, every 2h", "a1b2: drink, every 2h", false},
		{"what jobs do you have?", "", "Nothing is scheduled.", false},
		{"send to slack: hi", "refused by policy", "That did not work: refused by policy", true},
	} {
		first, _ := ask(t, say(c.asked))
		id := first.Calls[0].ID
		reply, _ := ask(t, say(c.asked), model.Message{Role: model.Assistant, Calls: first.Calls},
			model.Message{Role: model.User, Results: []model.ToolResult{{ID: id, Text: c.result, Error: c.failed}}})
		if reply.Text != c.want || len(reply.Calls) != 0 || reply.Stop != model.StopEnd {
			t.Errorf("%s: %+v, want %q", c.asked, reply, c.want)
		}
	}
}

func TestCallIDsAreUniqueInAConversation(t *testing.T) {
	first, _ := ask(t, say("remember a"))
	second, _ := ask(t, say("remember a"), model.Message{Role: model.Assistant, Calls: first.Calls},
		model.Message{Role: model.User, Results: []model.ToolResult{{ID: first.Calls[0].ID, Text: "ok"}}},
		model.Message{Role: model.Assistant, Text: "Saved."}, say("remember b"))
	if first.Calls[0].ID == second.Calls[0].ID {
		t.Error(first.Calls[0].ID)
	}
}

func TestAToolThatIsNotOfferedIsNotCalled(t *testing.T) {
	r := model.Request{Messages: []model.Message{say("remember tea")}}
	reply, err := New().Stream(context.Background(), r, nil)
	if err != nil || len(reply.Calls) != 0 || !strings.Contains(reply.Text, "memory_write") {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestItStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	deltas := 0
	_, err := New().Stream(ctx, model.Request{Messages: []model.Message{say("hello")}}, func(string) { deltas++; cancel() })
	if !errors.Is(err, context.Canceled) || deltas != 1 {
		t.Errorf("%v after %d deltas", err, deltas)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"remember x", "覚えて", "Xについて教えて", "send to slack: x", "please", "　", "remind me at 6:30 pm to x", "every day at 9: x", "remind me in an hour: x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := parse(text)
		if (in.kind == remember || in.kind == recall || in.kind == send || in.kind == schedule) && strings.TrimSpace(in.text) == "" {
			t.Errorf("%q: an empty object", text)
		}
		if in.kind == schedule {
			order, ok := in.when.order(now)
			if _, err := job.Parse(order.At, order.Every, order.Cron, "Asia/Tokyo", time.Date(2026, 11, 23, 12, 9, 0, 0, time.UTC)); err != nil || !ok {
				t.Errorf("%q: %+v: %v", text, order, err)
			}
		}
	})
}
