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
	noJobs               string
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
		"- remind me in 10 minutes to ... (or: at 18:30, tomorrow at 9)\n" +
		"- every day at 9: ... (or: every 2 hours)\n" +
		"- what reminders do you have?\n" +
		"- help\n\n" +
		"To connect a real model, set ANTHROPIC_API_KEY or OPENAI_API_KEY.",
	saved:   "Saved.",
	nothing: "I have nothing about that in memory.",
	found:   "From memory:",
	sent:    "Sent.",
	noJobs:  "Nothing is scheduled.",
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
		"- remind me in 10 minutes to ... (または at 18:30、tomorrow at 9)\n" +
		"- every day at 9: ... (または every 2 hours)\n" +
		"- what reminders do you have?\n" +
		"- ヘルプ\n\n" +
		"本物のモデルをつなぐには ANTHROPIC_API_KEY か OPENAI_API_KEY を設定してください。",
	saved:   "覚えました。",
	nothing: "それについては何も覚えていません。",
	found:   "覚えていること:",
	sent:    "送りました。",
	noJobs:  "予定はありません。",
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
	case tool == "schedule_list" && text == "":
		return w.noJobs
	case tool == "schedule_list", tool == "schedule_create" && text != "":
		return text // it says when, which is what counts
	}
	return strings.TrimSpace(w.done + " " + text)
}

// clock tells the time.
func (w words) clock(context string) string {
	t, zone, ok := told(context)
	if !ok {
		return w.noTime
	}
	return fmt.Sprintf(w.timeIs, t.Format("15:04"), t.Format(w.date), zone)
}

// told reads the time and the zone from the context's line
// "Time: 2026-11-23T21:09:00+09:00 (Asia/Tokyo, Monday)".
func told(context string) (t time.Time, zone string, ok bool) {
	for line := range strings.Lines(context) {
		value, found := strings.CutPrefix(strings.TrimSpace(line), "Time:")
		if !found {
			continue
		}
		stamp, zone, _ := strings.Cut(strings.TrimSpace(value), " ")
		t, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			continue
		}
		zone, _, _ = strings.Cut(strings.Trim(zone, "() "), ",")
		if zone == "" {
			zone = t.Format("-07:00")
		}
		return t, zone, true
	}
	return time.Time{}, "", false
}
