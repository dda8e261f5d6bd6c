//go:build e2e

package chat

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// TestTelegram runs on one Instar: each part uses a chat of its own.
func TestTelegram(t *testing.T) {
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	w.Anthropic.Script(instar.Script(map[string]func(fake.Call) fake.Answer{
		"slow":     instar.Fixed(fake.Answer{Text: strings.Repeat("zebra crossing ", 40), ChunkSize: 30, Delay: 150 * time.Millisecond}),
		"long":     instar.Fixed(fake.Answer{Text: "```go\n" + strings.Repeat("zebra := 1 // line of code\n", 400) + "```\nThe end."}),
		"markdown": instar.Fixed(fake.Answer{Text: "**bold** _it_ `code` [zebra](https://example.com) <b>& \n\n| a | b |\n|---|---|\n| 1 | 2 |"}),
		"cut":      cutOnce(),
		"garbage":  instar.Fixed(fake.Answer{Text: "zebra", Garbage: true}),
		"refused":  instar.Fixed(fake.Answer{Status: 401, ErrorText: "invalid x-api-key"}),
		"busy":     busyOnce(),
		"endless":  instar.Fixed(fake.Answer{Text: strings.Repeat("zebra ", 2000), ChunkSize: 6, Delay: 50 * time.Millisecond}),
	}))
	w.OpenAI.Script(func(c fake.Call) fake.Answer { return fake.Answer{Text: "From the second model."} })

	t.Run("a message is answered once", func(t *testing.T) {
		w.Say(1001, "zebra hello")
		w.Reply(1001, "Answer:")
		time.Sleep(300 * time.Millisecond)
		if got := w.Telegram.Chat(1001); len(got) != 1 || got[0].Text != "Answer: zebra hello" {
			t.Errorf("chat shows %s", instar.Texts(got))
		}
	})
	t.Run("the answer streams by edits, at most one a second", func(t *testing.T) {
		w.Say(1002, "slow zebra")
		m := w.Reply(1002, strings.TrimSpace(strings.Repeat("zebra crossing ", 40)))
		if m.Edits < 2 {
			t.Errorf("only %d edits in a reply of 3 s: it did not stream", m.Edits)
		}
		for i := 2; i < len(m.Times)-1; i++ { // the last edit may come at once
			if gap := m.Times[i].Sub(m.Times[i-1]); gap < 900*time.Millisecond {
				t.Errorf("edit %d came %v after the one before", i, gap)
			}
		}
		if len(w.Telegram.Calls("sendChatAction")) == 0 {
			t.Error("no typing indicator was shown")
		}
	})
	t.Run("a long answer is split and its code fence stays whole", func(t *testing.T) {
		w.Say(1003, "long zebra")
		w.Reply(1003, "The end.")
		got := w.Telegram.Chat(1003)
		if len(got) < 3 {
			t.Fatalf("%d messages", len(got))
		}
		lines := 0
		for _, m := range got {
			lines += strings.Count(m.Text, "zebra := 1")
			if strings.Contains(m.Text, "zebra := 1") && !strings.Contains(m.HTML, "<pre>") {
				t.Error("a part of the code is not shown as code")
			}
		}
		if lines != 400 {
			t.Errorf("%d of 400 lines arrived", lines)
		}
	})
	t.Run("markdown becomes Telegram's HTML", func(t *testing.T) {
		w.Say(1004, "markdown zebra")
		m := w.Reply(1004, "bold")
		for _, want := range []string{"<b>bold</b>", "<i>it</i>", "<code>code</code>", `<a href="https://example.com">zebra</a>`, "&lt;b&gt;&amp;"} {
			if !strings.Contains(m.HTML, want) {
				t.Errorf("%s is missing in %s", want, m.HTML)
			}
		}
	})
	t.Run("a stream that is cut is asked for again", func(t *testing.T) {
		w.Say(1005, "cut zebra")
		w.Reply(1005, "whole after the cut")
		if got := w.Telegram.Chat(1005); len(got) != 1 || strings.Contains(got[0].Text, "half") {
			t.Errorf("chat shows %s", instar.Texts(got))
		}
	})
	t.Run("an overloaded model is asked again", func(t *testing.T) {
		w.Say(1006, "busy zebra")
		w.Reply(1006, "not busy any more")
	})
	t.Run("garbage from the first model goes to the second, which is named", func(t *testing.T) {
		w.Say(1007, "garbage zebra")
		w.Reply(1007, "From the second model.")
		w.Reply(1007, "Answered by openai/gpt-5.5")
	})
	t.Run("a long turn of one person does not hold up the others", func(t *testing.T) {
		began := time.Now()
		for person := int64(1101); person <= 1104; person++ {
			w.Say(person, "slow zebra")
		}
		for person := int64(1101); person <= 1104; person++ {
			w.Reply(person, strings.TrimSpace(strings.Repeat("zebra crossing ", 40)))
		}
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("four turns of 3 s took %v", took)
		}
	})
	t.Run("five deliveries at once of each of 20 messages", func(t *testing.T) {
		fiveTimes(t, w)
	})
	t.Run("stop ends a running turn", func(t *testing.T) {
		w.Say(1008, "endless zebra")
		w.Reply(1008, "zebra")
		asked := time.Now()
		w.Say(1008, "/stop")
		m := w.Reply(1008, "(Stopped.)")
		if took := m.At.Sub(asked); took > 2500*time.Millisecond {
			t.Errorf("stopping took %v", took)
		}
		w.Say(1008, "zebra afterwards")
		w.Reply(1008, "Answer: zebra afterwards")
	})
	t.Run("429 is waited out", func(t *testing.T) {
		w.Telegram.Fail("editMessageText", 429, "Too Many Requests: retry after 1", 1, 1)
		w.Say(1009, "zebra limited")
		w.Reply(1009, "Answer: zebra limited")
	})
	t.Run("HTML that the platform rejects goes out as plain text", func(t *testing.T) {
		w.Telegram.Fail("editMessageText", 400, "Bad Request: can't parse entities: unsupported start tag", 0, 1)
		w.Say(1010, "markdown zebra")
		m := w.Reply(1010, "bold")
		if strings.Contains(m.HTML, "<b>bold") {
			t.Errorf("sent with tags again: %s", m.HTML)
		}
	})
	t.Run("groups: only what is meant for the bot", func(t *testing.T) { groups(t, w) })
	t.Run("pictures reach the model", func(t *testing.T) {
		w.Telegram.AddFile("pic1", "photos/p.png", tinyPNG)
		w.Hook(instar.Update(1011, 1011, "look zebra", fake.WithPhoto("pic1")))
		w.Reply(1011, "Answer:")
		calls := w.Anthropic.Calls()
		if last := calls[len(calls)-1]; last.Messages[len(last.Messages)-1].Images != 1 {
			t.Error("the model was shown no picture")
		}
	})
	t.Run("forged and malformed webhooks", func(t *testing.T) { forged(t, w) })
	t.Run("the prompt is small and stable", func(t *testing.T) { prompt(t, w) })
}

func cutOnce() func(fake.Call) fake.Answer {
	var once sync.Once
	return func(fake.Call) fake.Answer {
		a := fake.Answer{Text: "whole after the cut"}
		once.Do(func() { a = fake.Answer{Text: strings.Repeat("half ", 50), ChunkSize: 10, CutAfter: 900} })
		return a
	}
}

func busyOnce() func(fake.Call) fake.Answer {
	var once sync.Once
	return func(fake.Call) fake.Answer {
		a := fake.Answer{Text: "not busy any more"}
		once.Do(func() { a = fake.Answer{Status: 529} })
		return a
	}
}

func fiveTimes(t *testing.T, w *instar.World) {
	var wait sync.WaitGroup
	for i := range 20 {
		body := instar.Update(int64(2000+i), int64(2000+i), fmt.Sprintf("zebra number %d", i))
		for range 5 {
			wait.Go(func() {
				if r := w.Hook(body); r.StatusCode != http.StatusOK {
					t.Errorf("webhook answered %d", r.StatusCode)
				}
			})
		}
	}
	wait.Wait()
	for i := range 20 {
		w.Reply(int64(2000+i), fmt.Sprintf("Answer: zebra number %d", i))
	}
	time.Sleep(time.Second)
	lost, doubled := 0, 0
	for i := range 20 {
		switch n := len(w.Telegram.Chat(int64(2000 + i))); {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
	}
	if lost+doubled > 0 {
		t.Errorf("%d lost, %d doubled", lost, doubled)
	}
}

func groups(t *testing.T, w *instar.World) {
	const group = -100500
	w.Hook(instar.Update(group, instar.Owner, "zebra talk among people"))
	w.Hook(instar.Update(group, instar.Owner, "hey @somebody_else zebra", fake.Mentioning("somebody_else")))
	w.Hook(instar.Update(group, instar.Owner, "zebra for you", fake.Mentioning(fake.BotName)))
	m := w.Reply(group, "zebra for you")
	w.Hook(instar.Update(group, instar.Owner, "zebra reply", fake.ReplyingTo(m.ID, w.Telegram.BotID(), true, m.Text)))
	w.Reply(group, "zebra reply")
	w.Hook(instar.Update(group, instar.Owner, "zebra topic", fake.Mentioning(fake.BotName), fake.InTopic(77)))
	if m := w.Reply(group, "zebra topic"); m.Thread != 77 {
		t.Errorf("the answer is in topic %d, not 77", m.Thread)
	}
	w.Hook(instar.Update(group, 666, "zebra from a stranger", fake.Mentioning(fake.BotName)))
	time.Sleep(time.Second)
	for _, m := range w.Telegram.Chat(group) {
		if strings.Contains(m.Text, "among people") || strings.Contains(m.Text, "somebody_else") || strings.Contains(m.Text, "stranger") {
			t.Errorf("answered what was not for the bot: %q", m.Text)
		}
	}
}

func forged(t *testing.T, w *instar.World) {
	good := instar.Update(1012, 1012, "zebra forged")
	secret := func(s string) http.Header { return http.Header{"X-Telegram-Bot-Api-Secret-Token": {s}} }
	for name, c := range map[string]struct {
		path   string
		header http.Header
		body   []byte
		status int
	}{
		"no secret":       {"/hooks/telegram", nil, good, 401},
		"wrong secret":    {"/hooks/telegram", secret(instar.HookSecret + "x"), good, 401},
		"empty secret":    {"/hooks/telegram", secret(""), good, 401},
		"not JSON":        {"/hooks/telegram", secret(instar.HookSecret), []byte("{"), 400},
		"no update":       {"/hooks/telegram", secret(instar.HookSecret), []byte(`{"a":1}`), 400},
		"empty":           {"/hooks/telegram", secret(instar.HookSecret), nil, 400},
		"too large":       {"/hooks/telegram", secret(instar.HookSecret), make([]byte, 2<<20), 413},
		"unknown channel": {"/hooks/other", secret(instar.HookSecret), good, 404},
	} {
		r := w.Post(c.path, c.body, c.header)
		if r.StatusCode != c.status {
			data, _ := io.ReadAll(r.Body)
			t.Errorf("%s: status %d, want %d: %s", name, r.StatusCode, c.status, data)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if got := w.Telegram.Chat(1012); len(got) != 0 {
		t.Errorf("a forged message was answered: %s", instar.Texts(got))
	}
}

var contextPart = regexp.MustCompile(`(?s)<context>.*?</context>`)

func prompt(t *testing.T, w *instar.World) {
	before := len(w.Anthropic.Calls())
	w.Say(instar.Owner, "zebra first")
	w.Reply(instar.Owner, "zebra first")
	w.Say(instar.Owner, "zebra second")
	w.Reply(instar.Owner, "zebra second")
	calls := w.Anthropic.Calls()[before:]
	if len(calls) != 2 {
		t.Fatalf("%d model calls", len(calls))
	}
	prefix := func(c fake.Call) string {
		body := string(c.Body)
		return body[:strings.Index(body, `"messages"`)]
	}
	if prefix(calls[0]) != prefix(calls[1]) {
		t.Error("system text and tools are not byte-identical from turn to turn")
	}
	if n := len(prefix(calls[0])); n > 10<<10 {
		t.Errorf("system text and tools are %d bytes", n)
	} else {
		t.Logf("system text and tools: %d bytes; whole first request: %d bytes", n, len(calls[0].Body))
	}
	if !contextPart.Match(calls[0].Body) && !strings.Contains(string(calls[0].Body), "Asia/Tokyo") {
		t.Error("the time and its zone are not in the request")
	}
}

// tinyPNG is a 1x1 picture.
var tinyPNG = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x05\x02\x00\xf4\x8f\xd2\xba\x00\x00\x00\x00IEND\xaeB`\x82")
