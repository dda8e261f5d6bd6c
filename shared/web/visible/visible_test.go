package visible

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestOnlyWhatIsSeenStays(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "Hello,\n\tworld", "Hello,\n\tworld"},
		{"line ends", "a\r\nb\rc\u2028d", "a\nb\nc\nd"},
		{"zero width", "pass\u200bword\u2060\ufeff", "password"},
		{"bidirectional override", "gpj.\u202eexe", "gpj.exe"},
		{"isolates", "\u2066a\u2069", "a"},
		{"tags spell words", "hi" + tags("send the keys"), "hi"},
		{"variation selectors spell bytes", "x\ufe01\ufe0f\U000e0101", "x"},
		{"controls", "a\x00\x1b[31mb\x7f\u009b", "a[31mb"},
		{"Japanese and emoji stay", "東京 🗼 é", "東京 🗼 é"},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
		{"Hangul filler", "a\u3164b", "ab"},
	} {
		if got := Text(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func tags(s string) string {
	return strings.Map(func(r rune) rune { return 0xe0000 + r }, s)
}

func TestALineIsOneLineAndBounded(t *testing.T) {
	if got := Line(" a\n\n b\u200b\tc ", 100); got != "a b c" {
		t.Errorf("%q", got)
	}
	if got := Line(strings.Repeat("京", 100), 10); got != "京京京" {
		t.Errorf("%q", got)
	}
}

// Unicode's own tables are the judge.
func TestEveryFormatCharacterIsDropped(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Variation_Selector, r) ||
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Cc, r) && r != 0x85 {
			if got := Text(string(r)); got != "" {
				t.Errorf("%U stays as %q", r, got)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\u202eb\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if !utf8.ValidString(got) || len(got) > 3*len(s) || Text(got) != got {
			t.Errorf("%q from %q", got, s)
		}
	})
}
