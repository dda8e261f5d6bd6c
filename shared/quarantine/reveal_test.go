package quarantine_test

import (
	"strings"
	"testing"

	"instar/shared/quarantine"
)

func TestAPersonIsShownTheTextOfAHandle(t *testing.T) {
	k := kept(t)
	for text, want := range map[string]string{
		"The title is " + one + ".":       "The title is “say \"hi\" <b>\\ 日本”.",
		"`" + one + "`, " + one + ":":     "`“say \"hi\" <b>\\ 日本”`, “say \"hi\" <b>\\ 日本”:",
		"no handle: text:note, text:":     "no handle: text:note, text:",
		"unknown: text:note:0:ffffffff":   "unknown: text:note:0:ffffffff",
		"":                                "",
		"context:note:0:0a1b2c3d is none": "context:note:0:0a1b2c3d is none",
	} {
		if got, err := quarantine.Reveal(t.Context(), text, k); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzReveal(f *testing.F) {
	f.Add("a " + one + "text:" + two)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := quarantine.Reveal(t.Context(), text, kept(t))
		if err != nil || !strings.Contains(text, "text:") && got != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	})
}
