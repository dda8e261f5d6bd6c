package article

import (
	"strings"

	"instar/shared/web/visible"
)

// maxPrefix is how deep lists and quotes are shown as nested.
const maxPrefix = 8

// writer writes a tree as Markdown. Spaces and line ends are written when
// something follows them.
type writer struct {
	tree   *tree
	b      strings.Builder
	levels []level // of lists and quotes; what each new line begins with
	lines  int     // line ends that are due
	space  bool
	flat   bool           // one line: a label, a cell
	styles [ruby + 1]bool // those that are open: none is nested in itself
	full   bool
}

// level is one list item or quote: its first line begins with marker, each
// other one with prefix.
type level struct {
	marker, prefix string
	begun          bool
}

// String is what was written.
func (w *writer) String() string { return w.b.String() }

// put writes one piece of text that holds no line end.
func (w *writer) put(s string) {
	if w.full || s == "" {
		return
	}
	most := maxOutput
	if w.flat {
		most = maxLabel
	}
	if w.b.Len()+len(s) > most {
		w.full = true
		s = visible.Cut(s, max(0, most-w.b.Len()))
	}
	switch {
	case w.b.Len() == 0 || w.lines > 0:
		w.newlines()
	case w.space:
		w.b.WriteByte(' ')
	}
	w.lines, w.space = 0, false
	w.b.WriteString(s)
}

// newlines ends the line and begins the next one.
func (w *writer) newlines() {
	for i := range w.lines {
		if w.b.Len() == 0 {
			break
		}
		if i > 0 {
			blank := ""
			for _, l := range w.levels {
				if l.begun {
					blank += l.prefix
				}
			}
			w.b.WriteString(strings.TrimRight(blank, " "))
		}
		w.b.WriteByte('\n')
	}
	for i := range w.levels {
		l := &w.levels[i]
		if l.begun {
			w.b.WriteString(l.prefix)
		} else {
			w.b.WriteString(l.marker)
		}
		l.begun = true
	}
}

// line asks for n line ends before what comes next.
func (w *writer) line(n int) {
	if w.flat {
		w.space = w.space || w.b.Len() > 0
		return
	}
	w.lines, w.space = max(w.lines, n), false
}

// words writes text, runs of spaces as one.
func (w *writer) words(s string) {
	for s != "" && !w.full {
		n := 0
		for n < len(s) && blank(s[n]) {
			n++
		}
		if n > 0 {
			w.space = w.b.Len() > 0 && w.lines == 0
			s = s[n:]
			continue
		}
		for n < len(s) && !blank(s[n]) {
			n++
		}
		w.put(s[:n])
		s = s[n:]
	}
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

func (w *writer) children(at int32) {
	for c := w.tree.nodes[at].first; c != 0 && !w.full; c = w.tree.nodes[c].next {
		w.node(c)
	}
}

// node writes one node and what it holds.
func (w *writer) node(at int32) {
	n := &w.tree.nodes[at]
	switch n.tag {
	case textNode:
		w.words(n.text)
	case dropped:
	case lineBreak:
		w.line(1)
	case rule:
		w.around(2, func() { w.put("---") })
	case heading1, heading2, heading3, heading4, heading5, heading6:
		w.heading(at)
	case quote:
		w.around(2, func() { w.within("> ", "> ", func() { w.children(at) }) })
	case pre:
		w.code(at)
	case list, ordered:
		w.list(at)
	case item: // of no list
		w.around(1, func() { w.within("- ", "  ", func() { w.children(at) }) })
	case term:
		w.around(1, func() { w.styled(at, strong, "**") })
	case meaning:
		w.around(1, func() { w.within(": ", "  ", func() { w.children(at) }) })
	case table:
		w.table(at)
	case row, rows, caption:
		w.around(1, func() { w.children(at) })
	case link:
		w.link(at)
	case image:
		if n.text != "" {
			w.put("[image: " + strings.NewReplacer("[", "(", "]", ")").Replace(n.text) + "]")
		}
	case strong:
		w.styled(at, strong, "**")
	case emphasis:
		w.styled(at, emphasis, "*")
	case strike:
		w.styled(at, strike, "~~")
	case code:
		w.styled(at, code, "`")
	case ruby:
		w.space = false
		w.styled(at, ruby, "")
	default:
		gap := 1
		if n.tag == paragraph || n.tag == terms || n.tag == articleTag {
			gap = 2
		}
		w.around(gap, func() { w.children(at) })
	}
}

// around puts what write writes on lines of its own.
func (w *writer) around(gap int, write func()) {
	w.line(gap)
	write()
	w.line(gap)
}

// within has the lines that write writes begin with prefix, the first one with
// marker.
func (w *writer) within(marker, prefix string, write func()) {
	if w.flat || len(w.levels) >= maxPrefix {
		write()
		return
	}
	w.levels = append(w.levels, level{marker: marker, prefix: prefix})
	write()
	w.levels = w.levels[:len(w.levels)-1]
}
