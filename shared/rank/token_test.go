package rank

import (
	"fmt"
	"slices"
	"testing"
	"time"
	"unicode/utf8"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"Dentist's 歯医者はﾊﾟﾝ", "\u3099か\u3099ｶﾞ", "İ ſ ß Ŋ ŉ ĸ", "\xff\x00", "booked ing ies s ed y ie e", "ｦﾟﾞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s scanner
		var first []string
		s.tokens(text, func(token []byte, c class) {
			if len(token) == 0 || len(token) > maxWord || !utf8.Valid(token) {
				t.Fatalf("token %q of %q", token, text)
			}
			first = append(first, fmt.Sprint(string(token), c))
		})
		var again []string
		s.tokens(text, func(token []byte, c class) { again = append(again, fmt.Sprint(string(token), c)) })
		if !slices.Equal(first, again) {
			t.Fatalf("%q then %q", first, again)
		}
		// What is asked for in the words of the note is found.
		q := New(text)
		if q.Empty() {
			return
		}
		if found := q.Add(text, time.Time{}, nil); !found || !(q.Scores(noon)[0] > 0) {
			t.Fatalf("%q does not find itself: %v", text, q.Scores(noon))
		}
	})
}

func TestFoldingTables(t *testing.T) {
	for text, want := range map[string]string{
		"ｱｲｳｴｵ ﾜｦﾝ｡｢｣､･ｰ":          "アイウエオ ワヲン。「」、・ー",
		"ｶﾞｷﾞｯﾂﾞﾄﾞﾊﾞﾎﾟｳﾞ":          "ガギッヅドバポヴ",
		"か\u3099は\u309aん\u3099":    "がぱん",
		"ＡＢｃ１２！　":                  "abc12! ",
		"ĀąČďęĠĦįıĵķłňŋőŘšŧųŵŷŸžſ": "aacdeghiijklnnorstuwyyzs",
		"ÀÉÎÕÜÑÇ æß÷þ":             "aeiounc æß÷þ",
	} {
		if got := string(fold(nil, text)); got != want {
			t.Errorf("%q folds to %q, want %q", text, got, want)
		}
	}
}
