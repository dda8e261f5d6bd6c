package job_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"instar/shared/job"
)

func TestAHeartbeatIsWhatTheFileSays(t *testing.T) {
	for text, want := range map[string]job.Heartbeat{
		"---\nevery: 30m\nactive: 08:00-22:00\nbudget: 0.50\n---\n\n# Look after\n- the build\n": {
			Every: 30 * time.Minute, From: 8 * time.Hour, Until: 22 * time.Hour, Budget: 0.5, Text: "# Look after\n- the build"},
		"\ufeff---\r\nevery: 2h\r\n---\r\nthe build\r\n": {Every: 2 * time.Hour, Budget: 0.25, Text: "the build"},
		"\n\n---  \n# mine\n\nEvery : \"1d\"  # daily\nactive: 22:30 - 6:15\nbudget: $1\n---\nthe build": {
			Every: 24 * time.Hour, From: 22*time.Hour + 30*time.Minute, Until: 6*time.Hour + 15*time.Minute, Budget: 1, Text: "the build"},
		"---\nevery: 1m\nactive: 00:00-24:00\n---\nthe build\n---\nand more": {Every: time.Minute, Budget: 0.25, Text: "the build\n---\nand more"},
	} {
		if got, err := job.ParseHeartbeat(text); err != nil || got != want || !got.On() {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestAHeartbeatIsOffWhenThereIsNothingToDo(t *testing.T) {
	for _, text := range []string{
		"", " \n", "look after the build", "---\nactive: 08:00-22:00\n---\nlook after the build",
		"---\nevery: 30m\n---", "---\nevery: 30m\n---\n\n \n", "---\nevery: 30m\n---\n# Heartbeat\n<!-- nothing\nyet -->\n- [ ]\n-\n## More",
		"---\n---\ntext",
	} {
		if got, err := job.ParseHeartbeat(text); err != nil || got.On() || got != (job.Heartbeat{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestAHeartbeatThatCannotBeReadNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"---\nevery: often\n---\nx":                      `line 2: every "often": write`,
		"---\nevery: 2d\n---\nx":                         "line 2: every",
		"---\n\nevery: 30m\nactive: 8-22\n---\nx":        `line 4: active "8-22": write local times as "08:00-22:00"`,
		"---\nactive: 08:00\n---\nx":                     "line 2: active",
		"---\nactive: 08:00-24:01\n---\nx":               "line 2: active",
		"---\nactive: 08:60-09:00\n---\nx":               "line 2: active",
		"\n\n---\nevery: 30m\nbudget: free\n---\nx":      `line 5: budget "free": write US dollars`,
		"---\nbudget: 0\n---\nx":                         "line 2: budget",
		"---\nbudget: NaN\n---\nx":                       "line 2: budget",
		"---\nbudget: -1\n---\nx":                        "line 2: budget",
		"---\nevery: 30m\nevrey: 30m\n---\nx":            `line 3: "evrey" is no setting`,
		"---\nevery: 30m\nevery: 1h\n---\nx":             "line 3: write each",
		"---\nevery 30m\n---\nx":                         "line 2: write each",
		"---\nevery: 30m\nlook after the build, please.": `line 1: write a second line "---"`,
	} {
		if got, err := job.ParseHeartbeat(text); err == nil || !strings.HasPrefix(err.Error(), "HEARTBEAT.md, ") || !strings.Contains(err.Error(), want) || got.On() {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestBeatsAreCutFromLocalMidnightOn(t *testing.T) {
	day := job.Heartbeat{Every: 30 * time.Minute, From: 8 * time.Hour, Until: 22 * time.Hour}
	night := job.Heartbeat{Every: 7 * time.Hour, From: 22 * time.Hour, Until: 6 * time.Hour}
	always := job.Heartbeat{Every: 2 * time.Hour}
	for _, c := range []struct {
		name      string
		h         job.Heartbeat
		zone, now string // UTC
		slot      string
		ok        bool
	}{
		{"before", day, "Asia/Kolkata", "2026-11-26T02:29:59Z", "2026-11-26T02:00:00Z", false}, // 07:59:59
		{"first", day, "Asia/Kolkata", "2026-11-26T02:30:00Z", "2026-11-26T02:30:00Z", true},
		{"within", day, "Asia/Kolkata", "2026-11-26T02:59:59Z", "2026-11-26T02:30:00Z", true},
		{"last", day, "Asia/Kolkata", "2026-11-26T16:29:59Z", "2026-11-26T16:00:00Z", true},
		{"after", day, "Asia/Kolkata", "2026-11-26T16:30:00Z", "2026-11-26T16:30:00Z", false}, // 22:00
		{"evening", night, "UTC", "2026-11-26T22:00:00Z", "2026-11-26T21:00:00Z", true},
		{"midnight begins a slot", night, "UTC", "2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z", true},
		{"morning", night, "UTC", "2026-11-27T06:00:00Z", "2026-11-27T00:00:00Z", false},
		{"a day of 23 hours", always, "Europe/Berlin", "2026-03-29T10:30:00Z", "2026-03-29T09:00:00Z", true}, // 12:30, from 23:00Z on
		{"a doubled hour has its own slots", always, "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T00:00:00Z", true},
		{"a day without midnight", always, "Africa/Cairo", "2026-04-23T23:59:00Z", "2026-04-23T22:00:00Z", true}, // begins at 01:00
		{"off", job.Heartbeat{}, "UTC", "2026-11-26T12:00:00Z", "0001-01-01T00:00:00Z", false},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if slot, ok := c.h.Beat(now, zone); slot.Format(time.RFC3339) != c.slot || ok != c.ok {
			t.Errorf("%s: %s, %v", c.name, slot.Format(time.RFC3339), ok)
		}
	}
}

func TestRepliesThatMeanNothingToSay(t *testing.T) {
	for _, reply := range []string{
		"", " \n", "HEARTBEAT_OK", "heartbeat_ok.", "**HEARTBEAT_OK**", "`HEARTBEAT_OK`", `HEARTBEAT\_OK`, "```\nHEARTBEAT_OK\n```",
		`"Nothing to say."`, "Nothing to report!", "_nothing  to say_", "“Nothing to report”", "...", "---",
		"HEARTBEAT_OK 👍", "✅ HEARTBEAT_OK", "💓❤️‍🔥 HEARTBEAT_OK 🎉🎉", "HEARTBEAT_OK " + strings.Repeat("👍", 29),
	} {
		if !job.Silent(reply) {
			t.Errorf("%q is something to say", reply)
		}
	}
	for _, reply := range []string{
		"HEARTBEAT_OK, but the build is red", "The build is red. HEARTBEAT_OK", "HEARTBEAT_OK 2", "HEARTBEAT_OK HEARTBEAT_OK",
		"I have nothing to say about the build, except that it is red.", "Nothing to report, except: the build is red", "nothing", "OK", "👍",
		"HEARTBEAT_OK " + strings.Repeat("👍", 31), "はい",
	} {
		if job.Silent(reply) {
			t.Errorf("%q is nothing to say", reply)
		}
	}
}

func FuzzHeartbeat(f *testing.F) {
	for _, text := range []string{
		"---\nevery: 30m\nactive: 08:00-22:00\nbudget: 0.50\n---\n- the build", "---\r\nevery: 1d\r\nactive: 22:00-6:00\r\n---\r\nx", "---\n", "<!--",
	} {
		f.Add(text, int64(1795694400))
	}
	zone, err := time.LoadLocation("Australia/Lord_Howe")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		h, err := job.ParseHeartbeat(text)
		if err != nil && h.On() {
			t.Errorf("on and %v", err)
		}
		if !h.On() {
			return
		}
		if h.Every < time.Minute || h.Every > 24*time.Hour || h.Budget <= 0 || h.Budget > 1000 || strings.TrimSpace(h.Text) == "" {
			t.Errorf("%+v", h)
		}
		now := time.Unix(unix&(1<<32-1), 0)
		if slot, _ := h.Beat(now, zone); slot.After(now) || now.Sub(slot) >= h.Every {
			t.Errorf("%s falls into %s", now, slot)
		}
	})
}

func FuzzSilent(f *testing.F) {
	f.Add("HEARTBEAT_OK 👍")
	f.Add("nothing to report, except one thing")
	f.Fuzz(func(t *testing.T, reply string) {
		letters := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, reply)
		switch letters {
		case "", "heartbeatok", "nothingtosay", "nothingtoreport":
		default:
			if job.Silent(reply) {
				t.Errorf("%q is something to say", reply)
			}
		}
	})
}
