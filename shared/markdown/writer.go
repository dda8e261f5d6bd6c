package markdown

import (
	"slices"
	"strings"
)

// writer walks blocks and tells a dialect what to write.
type writer struct {
	d       dialect
	start   bool // nothing is written yet on this line, or only an item's marker
	quoted  bool // platforms do not nest quotes
	depth   [styles]int
	stacked []style
}

// blocks writes blocks one under the other, with the blank lines of the
// source, at most one at a time.
func (w *writer) blocks(blocks []block, prefix string) {
	for i, b := range blocks {
		if i > 0 {
			if b.gap {
				w.d.newline(strings.TrimRight(prefix, " "))
			}
			if b.kind == fence || b.kind == table {
				w.d.newline("")
			} else {
				w.d.newline(prefix)
			}
			w.start = true
		}
		w.block(b, prefix)
	}
}

func (w *writer) block(b block, prefix string) {
	switch b.kind {
	case heading:
		w.open(bold)
		w.inline(scanInline(b.text, true), prefix, b.last)
		w.close(bold)
	case paragraph:
		w.inline(scanInline(b.text, true), prefix, b.last)
	case fence:
		w.pre(b.text, b.language)
	case table:
		w.pre(layout(b.rows), "")
	case rule:
		w.d.text("———")
	case quote:
		if w.quoted {
			w.blocks(b.children, prefix)
			return
		}
		w.quoted = true
		inner := w.d.quote()
		w.start = w.start && inner == ""
		w.blocks(b.children, inner)
		w.d.endQuote()
		w.quoted = false
	case item:
		w.d.text(b.text + " ")
		w.start = false
		w.blocks(b.children, prefix+"  ")
	}
	w.start = false
}

func (w *writer) pre(code, language string) {
	if strings.TrimSpace(code) == "" {
		return
	}
	if !w.start {
		w.d.newline("") // it stands in an item, after the marker
	}
	w.d.pre(strings.Trim(code, "\n"), language)
}

// inline writes one paragraph. Every style it opens is closed at its end.
func (w *writer) inline(tokens []token, prefix string, last bool) {
	outside := len(w.stacked)
	pair(tokens, last)
	for i, t := range tokens {
		switch t.kind {
		case words:
			// White space at a line's end is markup (two spaces break a line).
			if i+1 == len(tokens) || tokens[i+1].kind == lineBreak {
				t.text = strings.TrimRight(t.text, " \t")
			}
			w.d.text(t.text)
		case codeSpan:
			w.d.code(t.text)
		case link:
			w.link(t)
		case lineBreak:
			if i+1 < len(tokens) {
				w.d.newline(prefix)
			}
		case delimiter:
			for _, s := range t.run.closes {
				w.close(s)
			}
			w.d.text(t.text[:t.run.left])
			for _, s := range slices.Backward(t.run.opens) {
				w.open(s)
			}
		}
	}
	for len(w.stacked) > outside {
		w.close(w.stacked[len(w.stacked)-1])
	}
}

func (w *writer) link(t token) {
	switch {
	case t.text == "":
		t.text = t.url
	case t.url == "" || linkable(t.url):
	case t.text != t.url:
		// A link inside the page, or of a scheme that platforms refuse.
		w.d.text(t.text + " (" + t.url + ")")
		return
	}
	if t.url == "" || !linkable(t.url) {
		w.d.text(t.text)
		return
	}
	w.d.link(t.text, t.url)
}

func (w *writer) open(s style) {
	w.stacked = append(w.stacked, s)
	if w.depth[s]++; w.depth[s] == 1 {
		w.d.open(s)
	}
}

func (w *writer) close(s style) {
	w.stacked = w.stacked[:len(w.stacked)-1]
	if w.depth[s]--; w.depth[s] == 0 {
		w.d.close(s)
	}
}
