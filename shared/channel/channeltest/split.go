package channeltest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func split(t *testing.T, p Platform) {
	sender, _, _ := start(t, p)
	for _, blank := range []string{"", " ", "\n\n\t\n"} {
		if parts := sender.Split(blank); len(parts) != 0 {
			t.Errorf("Split(%q) = %q", blank, parts)
		}
	}
	for _, short := range []string{"hi", "  two\n\nparagraphs \n", "```go\nx\n```", "**open"} {
		if parts := sender.Split(short); len(parts) != 1 || parts[0] != short {
			t.Errorf("Split(%q) = %q", short, parts)
		}
	}
	third := strings.TrimSpace(strings.Repeat("word ", p.Most/15))
	for name, long := range map[string]string{
		"paragraphs":        strings.Repeat(third+"\n\n", 7),
		"lines":             strings.Repeat(third+"\n", 7),
		"one paragraph":     strings.Repeat("Some words, & others. ", p.Most/5),
		"one word":          strings.Repeat("x", p.Most*3),
		"emoji":             strings.Repeat("😀", p.Most*2),
		"markup":            strings.Repeat("**b** <i> `c` & [l](https://example.org/?a=1&b=2) ", p.Most/20),
		"list":              strings.Repeat("- item **b**\n  1. sub\n", p.Most/8),
		"table":             "| name | value |\n|---|---|\n" + strings.Repeat("| a | b |\n", p.Most/4),
		"code":              "Before.\n\n```go\n" + strings.Repeat("fmt.Println(\"<a>\")\n", p.Most/6) + "```\n\nAfter.",
		"unfinished code":   "```python\n" + strings.Repeat("print(1)\n", p.Most/3),
		"long line of code": "```\n" + strings.Repeat("abc ", p.Most) + "\n```",
	} {
		t.Run(name, func(t *testing.T) {
			parts := sender.Split(long)
			if len(parts) < 2 {
				t.Fatalf("%d parts", len(parts))
			}
			for i, part := range parts {
				if n := p.Length(part); n > p.Most {
					t.Errorf("part %d measures %d, more than %d", i, n, p.Most)
				}
			}
			if missing := lost(long, parts); missing != "" {
				t.Errorf("lost from %q on", missing)
			}
			wasted(t, p, parts)
		})
	}
	t.Run("paragraphs stay whole", func(t *testing.T) {
		parts := sender.Split(third + "\n\n" + third + "\n" + third + "\n\n" + third + "\n\n" + third)
		for _, part := range parts {
			if whole := strings.Split(part, "\n\n"); slices.ContainsFunc(whole, func(s string) bool {
				return s != third && s != third+"\n"+third
			}) {
				t.Errorf("a paragraph was cut although it fits")
			}
		}
	})
	t.Run("a fence is closed and opened again", func(t *testing.T) {
		var code strings.Builder
		for i := range p.Most / 5 {
			fmt.Fprintf(&code, "line %d\n", i)
		}
		parts := sender.Split("```go\n" + code.String() + "```")
		var lines []string
		for i, part := range parts {
			if !strings.HasPrefix(part, "```go\n") || !strings.HasSuffix(part, "\n```") || strings.Count(part, "```") != 2 {
				t.Fatalf("part %d of %d is no fence of its own", i, len(parts))
			}
			lines = append(lines, strings.TrimSuffix(strings.TrimPrefix(part, "```go\n"), "\n```"))
		}
		if strings.Join(lines, "\n")+"\n" != code.String() {
			t.Error("the parts are not the code")
		}
	})
}

// lost is the first stretch of text that no part holds, in order. Parts may
// repeat what a cut needs: a fence's marks, a table's header.
func lost(text string, parts []string) string {
	rest := strings.Join(strings.Fields(text), "")
	for _, part := range parts {
		for _, r := range strings.Join(strings.Fields(part), "") {
			if next, ok := strings.CutPrefix(rest, string(r)); ok {
				rest = next
			}
		}
	}
	return rest[:min(len(rest), 40)]
}

// wasted complains when parts are needlessly small.
func wasted(t *testing.T, p Platform, parts []string) {
	t.Helper()
	for i := 0; i+1 < len(parts); i++ {
		if p.Length(parts[i]) < p.Most/8 {
			t.Errorf("part %d of %d measures only %d", i, len(parts), p.Length(parts[i]))
		}
	}
}
