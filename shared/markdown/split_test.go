package markdown

import (
	"reflect"
	"testing"
)

func TestSplitCutsWhereAReaderWould(t *testing.T) {
	for _, c := range []struct {
		name, md string
		limit    int
		want     []string
	}{
		{"fits", " a\n", 9, []string{" a\n"}},
		{"blank", " \n\n", 9, nil},
		{"paragraph before line", "one\n\ntwo\nthree", 11, []string{"one", "two\nthree"}},
		{"line before sentence", "One. Two\nthree four", 12, []string{"One. Two", "three four"}},
		{"sentence before word", "One two. Three four", 14, []string{"One two.", "Three four"}},
		{"word", "one two three", 9, []string{"one two", "three"}},
		{"nowhere", "abcdef", 4, []string{"abcd", "ef"}},
		{"characters stay whole", "😀😀😀", 5, []string{"😀😀", "😀"}},
		{"fence", "```go\na()\nb()\nc()\n```\nend", 18, []string{"```go\na()\nb()\n```", "```go\nc()\n```\nend"}},
		{"longer fence", "~~~~\na\nb\nc\n~~~~", 12, []string{"~~~~\na\n~~~~", "~~~~\nb\n~~~~", "~~~~\nc\n~~~~"}},
		{"quoted fence", "> ```sh\n> ls\n> pwd\n> ```", 21, []string{"> ```sh\n> ls\n> ```", "> ```sh\n> pwd\n> ```"}},
		{"table", "|a|b|\n|-|-|\n|1|2|\n|3|4|\n\nend", 18, []string{"|a|b|\n|-|-|\n|1|2|", "|a|b|\n|-|-|\n|3|4|", "end"}},
	} {
		if got := Split(c.md, func(s string) bool { return units(s) <= c.limit }); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: Split(%q, %d)\n got %q\nwant %q", c.name, c.md, c.limit, got, c.want)
		}
	}
}

func TestSplitEndsWhenNothingFits(t *testing.T) {
	got := Split("ab\n```\nc", func(string) bool { return false })
	if len(got) == 0 || len(got) > 20 {
		t.Errorf("got %q", got)
	}
}
