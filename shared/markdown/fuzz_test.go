package markdown

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

var tag = regexp.MustCompile(`<(/?)(b|i|s|code|pre|a|blockquote)( href="[^"<>]*"| class="language-[A-Za-z0-9+#_.-]+")?>`)

// checkHTML is an independent judge of what Telegram accepts: only known tags,
// properly nested, only known entities, no bare < > or &.
func checkHTML(t *testing.T, md, html string) {
	t.Helper()
	var open []string
	rest := tag.ReplaceAllStringFunc(html, func(m string) string {
		parts := tag.FindStringSubmatch(m)
		name := parts[2]
		if parts[1] == "" {
			for _, o := range open {
				if o == name || o == "a" || o == "pre" && name != "code" {
					t.Fatalf("%s inside %v\n md %q\nout %q", name, open, md, html)
				}
			}
			open = append(open, name)
			return ""
		}
		if len(open) == 0 || open[len(open)-1] != name {
			t.Fatalf("</%s> closes %v\n md %q\nout %q", name, open, md, html)
		}
		open = open[:len(open)-1]
		return ""
	})
	if len(open) > 0 {
		t.Fatalf("%v left open\n md %q\nout %q", open, md, html)
	}
	rest = strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "", "&quot;", "").Replace(rest)
	if strings.ContainsAny(rest, "<>&") || !utf8.ValidString(html) {
		t.Fatalf("not escaped\n md %q\nout %q", md, html)
	}
}

func shown(html string) string {
	html = tag.ReplaceAllString(html, "")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(html)
}

var slackLink = regexp.MustCompile(`<(https?://|mailto:|tel:|tg:)[^<>|\n]*(\|[^<>|\n]*)?>`)

func seeds(f *testing.F) {
	for _, s := range []string{
		"", "# h\n\n**b** *i* ~~s~~ `c` [l](https://e.org)\n\n- a\n  1. b\n\n> q\n> > r\n\n```go\nx\n```\n\n|a|b|\n|-|-|\n|1|2|",
		"***a** b*", "**a *b** c*", "[a [b](c)](https://d)", "<https://e.org>", "```\nopen", "> ```\n> x", "- ```x\ny", "*a\n*b\nc*", "**a\n\n**b",
		"&amp;&lt;", "~~a **b~~ c**", "\xff\x00", "[x](https://e.org/\"><b>)", "| a |\n|---|\n|`x|y`|", "&nbsp;**a**", "~~~~x~~~~ ***~~a~~***", "#\n00", "0\n* >", "```\n\n0",
	} {
		f.Add(s)
	}
}

func FuzzTelegramHTMLIsBalanced(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, md string) {
		html := TelegramHTML(md)
		checkHTML(t, md, html)
		// Plain is the measure that Split uses, so it may not be shorter.
		if a, b := units(shown(html)), units(Plain(md)); a > b {
			t.Fatalf("%d units shown, %d plain\n md %q\nout %q", a, b, md, html)
		}
	})
}

func FuzzSlackMrkdwnHasNoControlSequences(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, md string) {
		out := SlackMrkdwn(md)
		rest := slackLink.ReplaceAllString(out, "")
		rest = strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(rest)
		for line := range strings.Lines(rest) {
			if strings.ContainsAny(strings.TrimPrefix(line, ">"), "<>&") {
				t.Fatalf("not escaped\n md %q\nout %q", md, out)
			}
		}
	})
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func FuzzSplitFitsAndLosesNothing(f *testing.F) {
	f.Add("one two three. four five\n\nsix seven\neight", 12)
	f.Add("```go\nfunc a() {}\nfunc b() {}\n```\nafter", 24)
	f.Add("|a|b|\n|-|-|\n|1|2|\n|3|4|\n|5|6|\n\nend", 20)
	f.Add("日本語のとても長い文章です。次の文。😀😀😀😀😀😀", 5)
	f.Add("> ```\n> a\n> b\n> c d e f\n", 9)
	f.Fuzz(func(t *testing.T, md string, limit int) {
		if len(md) > 5000 {
			return
		}
		limit = 20 + (limit%200+200)%200
		fits := func(s string) bool { return units(s) <= limit }
		parts := Split(md, fits)
		want := letters(md)
		i := 0
		for _, part := range parts {
			if !fits(part) {
				// Only what a cut must repeat may be too long for so small a limit.
				if end, next := suspend(part); end == "" && next == "" && !strings.Contains(part, "```") && !strings.Contains(part, "~~~") && !strings.Contains(part, "|") {
					t.Fatalf("part of %d units, limit %d: %q", units(part), limit, part)
				}
			}
			for _, r := range letters(part) {
				if i < len(want) && r == want[i] {
					i++
				}
			}
		}
		if i != len(want) {
			t.Fatalf("lost %q of %q in %q", string(want[i:]), md, parts)
		}
	})
}

// letters are the characters that a cut may not lose, in order. What a cut
// repeats (a fence's marks, a table's header) makes the parts hold more.
func letters(s string) []rune {
	var out []rune
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if !strings.ContainsRune(" \n\t\v\f\r\u0085\u00a0", r) && !isSpaceRune(r) {
			out = append(out, r)
		}
	}
	return out
}

func isSpaceRune(r rune) bool { return strings.TrimSpace(string(r)) == "" }
