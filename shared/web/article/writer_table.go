package article

import "strings"

// table writes a table, or what it holds when it only lays out the page.
func (w *writer) table(at int32) {
	var grid [][]string
	ok := !w.flat
	if ok {
		grid, ok = w.grid(at)
	}
	if !ok {
		w.around(2, func() { w.children(at) })
		return
	}
	w.around(2, func() {
		for c := w.tree.nodes[at].first; c != 0; c = w.tree.nodes[c].next {
			if w.tree.nodes[c].tag == caption {
				w.node(c)
			}
		}
		w.line(2)
		for i, cells := range grid {
			w.put("| " + strings.Join(cells, " | ") + " |")
			w.line(1)
			if i == 0 {
				w.put("|" + strings.Repeat(" --- |", len(cells)))
				w.line(1)
			}
		}
	})
}

// Bounds of what is written as a table, in columns and in bytes of a cell.
const (
	maxColumns = 30
	maxCell    = 1000
)

// grid is the cells of a table as text; ok is false for one that holds more
// than text, or has one column.
func (w *writer) grid(at int32) (grid [][]string, ok bool) {
	columns := 0
	ok = true
	w.eachRow(at, func(r int32) {
		var cells []string
		for c := w.tree.nodes[r].first; c != 0; c = w.tree.nodes[c].next {
			n := &w.tree.nodes[c]
			if n.tag != cell {
				continue
			}
			if ok = ok && len(cells) < maxColumns && !w.structured(c); !ok {
				return
			}
			text, _ := w.label(c)
			if len(text) > maxCell {
				ok = false
				return
			}
			cells = append(cells, strings.ReplaceAll(text, "|", `\|`))
		}
		if columns = max(columns, len(cells)); len(cells) > 0 && ok {
			grid = append(grid, cells)
		}
	})
	return grid, ok && columns > 1 && len(grid) > 1
}

func (w *writer) eachRow(at int32, do func(int32)) {
	for c := w.tree.nodes[at].first; c != 0; c = w.tree.nodes[c].next {
		switch w.tree.nodes[c].tag {
		case row:
			do(c)
		case rows:
			w.eachRow(c, do)
		}
	}
}

// structured reports whether a cell holds more than a table can show.
func (w *writer) structured(at int32) bool {
	paragraphs := 0
	for c := w.tree.nodes[at].first; c != 0; c = w.tree.nodes[c].next {
		switch g := w.tree.nodes[c].tag; {
		case g.tabular() || g == pre || g == list || g == ordered || g == quote || g.heading() > 0:
			return true
		case g == paragraph:
			if paragraphs++; paragraphs > 1 {
				return true
			}
		case g == block && w.structured(c):
			return true
		}
	}
	return false
}
