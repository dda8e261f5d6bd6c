//go:build linux

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"instar/shared/sandbox"
)

// full is a page with as many elements as are listed at most, all as long as can be.
func full(text, name string) sandbox.Page {
	p := sandbox.Page{URL: "https://example.com/" + strings.Repeat(name, 3000), Title: strings.Repeat(name, 900), Text: strings.Repeat(text, 60_000), Bytes: 1 << 20}
	for n := range 80 {
		p.Elements = append(p.Elements, sandbox.Element{N: n + 1, Role: "checkbox", Name: strings.Repeat(name, 400), Value: strings.Repeat(name, 900), Address: strings.Repeat(name, 900)})
	}
	return p
}

func TestAPageIsNeverLongerThanItsBound(t *testing.T) {
	for _, c := range []struct{ text, name string }{{"a", "b"}, {"\n", "\""}, {"東", "京"}, {"\x01", "\\"}, {"<", "&"}, {"\xff", "\xff"}, {"😀", "😀"}, {"\"", "漢\""}} {
		data := bound(full(c.text, c.name))
		var p sandbox.Page
		if err := json.Unmarshal(data, &p); err != nil || len(data) > sandbox.MaxPage || len(p.Text) > sandbox.MaxPageText {
			t.Errorf("%q: %d bytes, text %d, %v", c, len(data), len(p.Text), err)
		}
		if len(p.Elements) < 20 || len(data) < sandbox.MaxPage*3/4 && len(p.Elements) < 80 {
			t.Errorf("%q: %d bytes with %d elements and text of %d", c, len(data), len(p.Elements), len(p.Text))
		}
		for _, e := range p.Elements {
			if len(e.Name) > 80 || !utf8.ValidString(e.Name) {
				t.Fatalf("name %q", e.Name)
			}
		}
	}
}

func TestAnOrdinaryPageIsAllThere(t *testing.T) {
	p := sandbox.Page{URL: "https://a/", Title: "T", Text: "# T\n\n<b> & \"東京\"", Bytes: 20, Elements: []sandbox.Element{{N: 1, Role: "link", Name: "x"}}}
	var back sandbox.Page
	if err := json.Unmarshal(bound(p), &back); err != nil || back.Text != p.Text || len(back.Elements) != 1 || strings.Contains(string(bound(p)), `\u003c`) {
		t.Errorf("%s: %v", bound(p), err)
	}
}

// What is left out at the end of one answer is where the next begins.
func TestATextIsReadInPiecesWithoutLoss(t *testing.T) {
	text := strings.Repeat("漢字かな交じり文 \"abc\"\n", 5000)
	var b strings.Builder
	for tries := 0; b.Len() < len(text); tries++ {
		var p sandbox.Page
		if err := json.Unmarshal(bound(sandbox.Page{Text: from(text, b.Len()), Elements: full("x", "名").Elements}), &p); err != nil || p.Text == "" || tries > 100 {
			t.Fatalf("%v at %d", err, b.Len())
		}
		b.WriteString(p.Text)
	}
	if b.String() != text {
		t.Error("pieces are not the whole")
	}
	if from("東京", 1) != "京" || from("a", 9) != "" || from("東", 2) != "" {
		t.Error("a piece begins within a character")
	}
}

func FuzzBound(f *testing.F) {
	f.Add("text", "name", "https://a", "error", 3)
	f.Add("\x00\xff\"\\", "漢", "\u2028", "", 90)
	f.Fuzz(func(t *testing.T, text, name, url, problem string, n int) {
		n = min(max(n, 0), 120)
		p := sandbox.Page{Text: strings.Repeat(text, n), Title: strings.Repeat(name, n), URL: strings.Repeat(url, n), Error: strings.Repeat(problem, n)}
		for i := range n {
			p.Elements = append(p.Elements, sandbox.Element{N: i, Role: "link", Name: strings.Repeat(name, n), Value: strings.Repeat(text, n), Address: url})
		}
		data := bound(p)
		var back sandbox.Page
		if err := json.Unmarshal(data, &back); err != nil || len(data) > sandbox.MaxPage || strings.ContainsRune(string(data), '\n') {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	})
}
