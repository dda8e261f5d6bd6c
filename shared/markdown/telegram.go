package markdown

import "strings"

// telegram writes https://core.telegram.org/bots/api#html-style.
type telegram struct {
	out     strings.Builder
	pending []style // opened, but nothing is in them yet
}

func (t *telegram) String() string        { return t.out.String() }
func (t *telegram) text(s string)         { t.wrap("", s, "") }
func (t *telegram) newline(prefix string) { t.out.WriteString("\n" + prefix) }
func (t *telegram) open(s style)          { t.pending = append(t.pending, s) }

func (t *telegram) close(s style) {
	if n := len(t.pending); n > 0 {
		t.pending = t.pending[:n-1]
		return
	}
	t.out.WriteString("</" + htmlTag(s) + ">")
}

func htmlTag(s style) string {
	switch s {
	case bold:
		return "b"
	case italic:
		return "i"
	}
	return "s"
}

func (t *telegram) code(s string) { t.wrap("<code>", s, "</code>") }

func (t *telegram) link(label, url string) {
	var href strings.Builder
	escapeHTML(&href, url)
	t.wrap(`<a href="`+href.String()+`">`, label, "</a>")
}

func (t *telegram) pre(code, language string) {
	if language == "" {
		t.wrap("<pre>", code, "</pre>")
		return
	}
	t.wrap(`<pre><code class="language-`+language+`">`, code, "</code></pre>")
}

func (t *telegram) quote() string {
	t.out.WriteString("<blockquote>")
	return ""
}

func (t *telegram) endQuote() { t.out.WriteString("</blockquote>") }

func (t *telegram) wrap(before, text, after string) {
	if text == "" {
		return
	}
	for _, s := range t.pending {
		t.out.WriteString("<" + htmlTag(s) + ">")
	}
	t.pending = nil
	t.out.WriteString(before)
	escapeHTML(&t.out, text)
	t.out.WriteString(after)
}

func escapeHTML(out *strings.Builder, s string) {
	from := 0
	for i := 0; i < len(s); i++ {
		var e string
		switch s[i] {
		case '&':
			e = "&amp;"
		case '<':
			e = "&lt;"
		case '>':
			e = "&gt;"
		case '"':
			e = "&quot;"
		default:
			continue
		}
		out.WriteString(s[from:i])
		out.WriteString(e)
		from = i + 1
	}
	out.WriteString(s[from:])
}
