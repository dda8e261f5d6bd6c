package markdown

import (
	"strings"
	"unicode"
)

// parseTable reads a table as GitHub defines it: a header line and a line of
// dashes with as many cells.
func parseTable(lines []string) (block, int, bool) {
	if len(lines) < 2 || !strings.Contains(lines[0], "|") || !isDashes(lines[1]) {
		return block{}, 0, false
	}
	header := cells(lines[0])
	if len(header) != len(cells(lines[1])) {
		return block{}, 0, false
	}
	b := block{kind: table, rows: [][]string{header}}
	n := 2
	for ; n < len(lines) && !isBlank(lines[n]) && strings.Contains(lines[n], "|"); n++ {
		row := cells(lines[n])
		if len(row) > len(header) {
			// GitHub drops what is too much; words are not ours to drop.
			last := strings.Join(row[len(header)-1:], " ")
			row = append(row[:len(header)-1:len(header)-1], last)
		}
		b.rows = append(b.rows, row)
	}
	return b, n, true
}

func isDashes(line string) bool {
	return strings.Contains(line, "-") && strings.Contains(line, "|") && strings.Trim(line, "-:| \t") == ""
}

// cells cuts a row at the bars that are not escaped.
func cells(line string) []string {
	t := strings.TrimPrefix(strings.TrimSpace(line), "|")
	var row []string
	var cell strings.Builder
	for i := 0; i < len(t); i++ {
		switch {
		case t[i] == '\\' && i+1 < len(t) && t[i+1] == '|':
			cell.WriteByte('|')
			i++
		case t[i] == '|':
			row = append(row, strings.TrimSpace(cell.String()))
			cell.Reset()
		default:
			cell.WriteByte(t[i])
		}
	}
	if rest := strings.TrimSpace(cell.String()); rest != "" || len(row) == 0 {
		row = append(row, rest)
	}
	return row
}

// maxPad bounds the columns that a cell is padded to, so that one long cell
// does not widen every row.
const maxPad = 32

// layout writes a table as aligned text for a fixed-width font.
func layout(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	words := make([][]string, len(rows))
	for i, row := range rows {
		words[i] = make([]string, len(row))
		for j, cell := range row {
			// One line a cell; what an escape or a link hid may hold a newline.
			words[i][j] = strings.ReplaceAll(inlineText(cell), "\n", " ")
			widths[j] = min(max(widths[j], width(words[i][j])), maxPad)
		}
	}
	var out strings.Builder
	for i, row := range words {
		if i > 0 {
			out.WriteByte('\n')
		}
		if i == 1 {
			for j, w := range widths {
				if j > 0 {
					out.WriteString("-+-")
				}
				out.WriteString(strings.Repeat("-", w))
			}
			out.WriteByte('\n')
		}
		for j, cell := range row {
			if j > 0 {
				out.WriteString(" | ")
			}
			out.WriteString(cell)
			if j < len(row)-1 {
				out.WriteString(strings.Repeat(" ", max(0, widths[j]-width(cell))))
			}
		}
	}
	return out.String()
}

// width is the number of columns s takes in a fixed-width font: two for East
// Asian characters and emoji, none for marks that join the one before.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r < 0x300:
			n++
		case unicode.Is(unicode.Mn, r), r == 0x200d, r >= 0xfe00 && r <= 0xfe0f:
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
			r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
			r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
			n += 2
		default:
			n++
		}
	}
	return n
}
