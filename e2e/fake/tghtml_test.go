//go:build !js

package fake

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTelegramHTML(t *testing.T) {
	for _, c := range []struct {
		src, text string
		entities  []tgEntity
	}{
		{"plain & simple", "plain & simple", nil},
		{"a &lt;b&gt; &amp;amp; &quot;q&quot; &#39;x&#x27; &nbsp;", `a <b> &amp; "q" 'x' &nbsp;`, nil},
		{"<b>x</b><i>😀</i>", "x😀", []tgEntity{{Type: "bold", Length: 1}, {Type: "italic", Offset: 1, Length: 2}}},
		{"<B><em>x</em></B>", "x", []tgEntity{{Type: "italic", Length: 1}, {Type: "bold", Length: 1}}},
		{`<a href="https://a.b/?x=1&amp;y=2">t</a>`, "t", []tgEntity{{Type: "text_link", Length: 1, URL: "https://a.b/?x=1&y=2"}}},
		{`<a href='x>y'>t</a>`, "t", []tgEntity{{Type: "text_link", Length: 1, URL: "x>y"}}},
		{`<a>https://a.b</a>`, "https://a.b", []tgEntity{{Type: "text_link", Length: 11, URL: "https://a.b"}}},
		{`<pre><code class="language-go">x</code></pre>`, "x", []tgEntity{{Type: "pre", Length: 1, Language: "go"}}},
		{`<code class="language-go">x</code>`, "x", []tgEntity{{Type: "code", Length: 1}}},
		{`<blockquote expandable>x</blockquote>`, "x", []tgEntity{{Type: "expandable_blockquote", Length: 1}}},
		{`<span class="tg-spoiler">x</span><tg-spoiler>y</tg-spoiler>`, "xy", []tgEntity{{Type: "spoiler", Length: 1}, {Type: "spoiler", Offset: 1, Length: 1}}},
		{`<tg-emoji emoji-id="53">👍</tg-emoji>`, "👍", []tgEntity{{Type: "custom_emoji", Length: 2, CustomEmojiID: "53"}}},
		{"<b></b>x", "x", nil},
	} {
		text, entities, err := parseTgHTML(c.src)
		if err != nil || text != c.text || !reflect.DeepEqual(entities, c.entities) {
			t.Errorf("%s: %q %+v %v", c.src, text, entities, err)
		}
	}
}

func TestTelegramHTMLThatDoesNotParse(t *testing.T) {
	for src, want := range map[string]string{
		"a < b":                     "Unclosed start tag at byte offset 2",
		"<b>x":                      `Can't find end tag corresponding to start tag "b"`,
		"x</b>":                     "Unexpected end tag at byte offset 1",
		"<b><i>x</b></i>":           `Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`,
		"<br>":                      `Unsupported start tag "br" at byte offset 0`,
		"<br/>":                     `Unsupported start tag "br/" at byte offset 0`,
		"<h1>x</h1>":                `Unsupported start tag "h1"`,
		"<ul><li>x</li></ul>":       `Unsupported start tag "ul"`,
		"Vec<String>":               `Unsupported start tag "string" at byte offset 3`,
		"a <> b":                    `Unsupported start tag ""`,
		`<a href="x>y</a>`:          "Unclosed start tag",
		`<span class="x">y</span>`:  `Tag "span" must have class "tg-spoiler"`,
		`<tg-emoji>x</tg-emoji>`:    "Invalid custom emoji identifier",
		`<a ="x">y</a>`:             "Empty attribute name",
		"<b>x</b":                   "Unclosed end tag at byte offset 4",
		"<!-- x -->":                "Unsupported start tag",
		"<b>ok</b> then <p>not</p>": `Unsupported start tag "p" at byte offset 15`,
	} {
		if _, _, err := parseTgHTML(src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

func FuzzTelegramHTML(f *testing.F) {
	for _, seed := range []string{"<b>x</b>", `<a href="x">&amp;</a>`, "<pre><code class=a>x</code></pre>", "&#x1F600;<", "<a b c='d'>", "</"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		text, entities, err := parseTgHTML(src)
		if err != nil {
			return
		}
		if utf8.ValidString(src) && !utf8.ValidString(text) {
			t.Errorf("%q becomes invalid text %q", src, text)
		}
		for _, e := range entities {
			if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > utf16Len(text) {
				t.Errorf("%q: entity %+v outside of %q", src, e, text)
			}
		}
	})
}
