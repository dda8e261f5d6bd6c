package offline

import (
	"fmt"
	"strings"
	"time"

	"instar/shared/model"
)

// words is what the stand-in says in one language.
type words struct {
	hello, help, unknown string
	saved, nothing       string
	found, sent, failed  string // followed by the tool's own words
	done                 string
	missing              string // %s is the tool
	noTime               string
	timeIs               string // %s: clock, date, zone
	date                 string // layout
}

var english = words{
	hello:   "Hello. I am running without a language model.",
	unknown: "I am not a language model, so I cannot answer that: I only know a few fixed phrases.",
	help: "What I understand:\n" +
		"- remember that ...\n" +
		"- what do you know about ...?\n" +
		"- what time is it?\n" +
		"- send to slack: ... (or telegram)\n" +
		"- help\n\n" +
		"To connect a real model, set ANTHROPIC_API_KEY or OPENAI_API_KEY.",
	saved:   "Saved.",
	nothing: "I have nothing about that in memory.",
	found:   "From memory:",
	sent:    "Sent.",
	failed:  "That did not work:",
	done:    "Done.",
	missing: "I would need the tool %s for that, and it is not available here.",
	noTime:  "I was not told the time.",
	timeIs:  "It is %s on %s (%s).",
	date:    "Monday, 2 January 2006",
}

var japanese = words{
	hello:   "こんにちは。いまは言語モデルなしで動いています。",
	unknown: "私は言語モデルではないので、それには答えられません。決まった言い方だけがわかります。",
	help: "わかる言い方:\n" +
		"- 覚えて: ...\n" +
		"- ...について教えて\n" +
		"- 今何時?\n" +
		"- send to slack: ... (または telegram)\n" +
		"- ヘルプ\n\n" +
		"本物のモデルをつなぐには ANTHROPIC_API_KEY か OPENAI_API_KEY を設定してください。",
	saved:   "覚えました。",
	nothing: "それについては何も覚えていません。",
	found:   "覚えていること:",
	sent:    "送りました。",
	failed:  "うまくいきませんでした:",
	done:    "終わりました。",
	missing: "それには %s というツールが必要ですが、ここでは使えません。",
	noTime:  "時刻がわかりません。",
	timeIs:  "%s です (%s、%s)。",
	date:    "2006年1月2日",
}

func (w words) noTool(tool string) string { return fmt.Sprintf(w.missing, tool) }

func (w words) result(tool string, r model.ToolResult) string {
	text := strings.TrimSpace(r.Text)
	switch {
	case r.Error:
		return strings.TrimSpace(w.failed + " " + text)
	case tool == "memory_write":
		return w.saved
	case tool == "memory_search" && text == "":
		return w.nothing
	case tool == "memory_search":
		return w.found + "\n" + text
	case tool == "message_send":
		return w.sent
	}
	return strings.TrimSpace(w.done + " " + text)
}

// clock reads the line "Time: 2026-11-23T21:09:00+09:00 (Asia/Tokyo)".
func (w words) clock(context string) string {
	for line := range strings.Lines(context) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "Time:")
		if !ok {
			continue
		}
		stamp, zone, _ := strings.Cut(strings.TrimSpace(value), " ")
		t, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			continue
		}
		if zone = strings.Trim(zone, "() "); zone == "" {
			zone = t.Format("-07:00")
		}
		return fmt.Sprintf(w.timeIs, t.Format("15:04"), t.Format(w.date), zone)
	}
	return w.noTime
}
