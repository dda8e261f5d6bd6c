package article

import (
	"strconv"
	"strings"
)

// maxLabel is how long in bytes what is written on one line may be.
const maxLabel = 64 << 10

// label is what a node holds, on one line; ok is false when that is too long
// for one or nothing. A label within one of the same style is never asked
// for, so that a page cannot have the same text written again and again.
func (w *writer) label(at int32) (label string, ok bool) {
	inner := &writer{tree: w.tree, flat: true, styles: w.styles}
	inner.children(at)
	label = strings.TrimSpace(inner.String())
	return label, label != "" && !inner.full
}

func (w *writer) heading(at int32) {
	label, ok := "", false
	if !w.flat {
		label, ok = w.label(at)
	}
	if !ok {
		w.around(2, func() { w.children(at) })
		return
	}
	w.around(2, func() { w.put(strings.Repeat("#", w.tree.nodes[at].tag.heading()) + " " + label) })
}

// styled writes what a node holds between marks, when it is of one line.
func (w *writer) styled(at int32, style tag, mark string) {
	if w.styles[style] || w.styles[code] || w.blocks(at) {
		w.children(at)
		return
	}
	w.styles[style] = true
	defer func() { w.styles[style] = false }()
	label, ok := w.label(at)
	if !ok {
		w.children(at) // it may hold spaces
		return
	}
	w.space = w.space || style != ruby && w.begins(at)
	switch style {
	case code:
		mark = fence(label, 1)
	case ruby:
		w.put("(" + label + ")")
		return
	}
	w.put(mark + label + mark)
	w.space = w.ends(at)
}

// begins and ends report whether the text of a node does so with a space,
// which then belongs outside the marks.
func (w *writer) begins(at int32) bool {
	c := w.tree.nodes[at].first
	return c != 0 && w.tree.nodes[c].tag == textNode && blank(w.tree.nodes[c].text[0]) && w.b.Len() > 0 && w.lines == 0
}

func (w *writer) ends(at int32) bool {
	c := w.tree.nodes[at].last
	if c == 0 || w.tree.nodes[c].tag != textNode {
		return false
	}
	text := w.tree.nodes[c].text
	return blank(text[len(text)-1])
}

// blocks reports whether a node directly holds something on lines of its own.
func (w *writer) blocks(at int32) bool {
	for c := w.tree.nodes[at].first; c != 0; c = w.tree.nodes[c].next {
		if g := w.tree.nodes[c].tag; g.block() {
			return true
		}
	}
	return false
}

func (w *writer) link(at int32) {
	address := w.tree.nodes[at].text
	if address == "" || w.styles[link] || w.styles[code] {
		w.children(at)
		return
	}
	w.styles[link] = true
	defer func() { w.styles[link] = false }()
	if w.blocks(at) && !w.flat { // around a card with a heading and text
		w.children(at)
		w.words(" (" + address + ")")
		return
	}
	label, ok := w.label(at)
	if !ok {
		w.children(at)
		return
	}
	w.space = w.space || w.begins(at)
	w.put("[" + strings.NewReplacer("[image:", "(image:", "[", "(", "]", ")").Replace(label) + "](" + address + ")")
	w.space = w.ends(at)
}

// fence is a run of backticks that a text does not hold, at least least of them.
func fence(text string, least int) string {
	longest, run := 0, 0
	for i := range len(text) {
		if run++; text[i] != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return strings.Repeat("`", max(least, longest+1))
}

// code writes a pre as it is.
func (w *writer) code(at int32) {
	var b strings.Builder
	language := w.tree.nodes[at].text
	w.verbatim(at, &b, &language)
	text := strings.Trim(b.String(), "\n")
	if strings.TrimSpace(text) == "" {
		return
	}
	if w.flat {
		w.words(text)
		return
	}
	mark := fence(text, 3)
	w.line(2)
	w.put(mark + language)
	for line := range strings.SplitSeq(text, "\n") {
		w.lines++
		if line = strings.TrimRight(line, " \t"); line != "" {
			w.put(line)
		}
	}
	w.lines++
	w.put(mark)
	w.line(2)
}

func (w *writer) verbatim(at int32, b *strings.Builder, language *string) {
	for c := w.tree.nodes[at].first; c != 0; c = w.tree.nodes[c].next {
		switch n := &w.tree.nodes[c]; {
		case n.tag == textNode:
			b.WriteString(n.text)
		case n.tag == lineBreak:
			b.WriteByte('\n')
		case n.tag == dropped, n.tag == image:
		default:
			if n.tag == code && *language == "" {
				*language = n.text
			}
			w.verbatim(c, b, language)
			if n.tag.block() && !strings.HasSuffix(b.String(), "\n") {
				b.WriteByte('\n')
			}
		}
	}
}

func (w *writer) list(at int32) {
	gap := 2
	if len(w.levels) > 0 {
		gap = 1
	}
	numbered, number := w.tree.nodes[at].tag == ordered, 0
	w.around(gap, func() {
		for c := w.tree.nodes[at].first; c != 0 && !w.full; c = w.tree.nodes[c].next {
			if w.tree.nodes[c].tag != item {
				w.node(c)
				continue
			}
			marker, prefix := "- ", "  "
			if numbered {
				number++
				marker = strconv.Itoa(number) + ". "
				prefix = "   "
			}
			w.around(1, func() { w.within(marker, prefix, func() { w.children(c) }) })
		}
	})
}
