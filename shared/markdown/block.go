package markdown

import "strings"

type kind uint8

const (
	paragraph kind = iota
	heading
	fence // also indented code
	table
	rule
	quote
	item
)

// block is one block of a document. Lists are flat: an item is a block whose
// children are what stands in it.
type block struct {
	kind     kind
	text     string     // paragraph, heading: inline Markdown; fence: the code; item: its marker
	language string     // fence
	rows     [][]string // table; the first is the header
	children []block    // quote, item
	gap      bool       // a blank line stands before it
	last     bool       // nothing stands after it in the document
}

// maxDepth bounds how deep quotes and lists nest; deeper ones are text. It
// keeps the recursion small, because a Wasm stack is.
const maxDepth = 12

func parse(lines []string, depth int) []block {
	var blocks []block
	gap := false
	for i := 0; i < len(lines); {
		if isBlank(lines[i]) {
			gap, i = true, i+1
			continue
		}
		b, n := parseBlock(lines[i:], depth, len(blocks) > 0 && blocks[len(blocks)-1].kind == item)
		b.gap = gap && len(blocks) > 0
		blocks = append(blocks, b)
		gap, i = false, i+n
	}
	if depth == 0 {
		markLast(blocks)
	}
	return blocks
}

// markLast marks the one block where unfinished inline Markdown is closed.
func markLast(blocks []block) {
	for len(blocks) > 0 {
		b := &blocks[len(blocks)-1]
		b.last = true
		blocks = b.children
	}
}

// parseBlock reads the block that starts at the first line, which is not
// blank, and says how many lines it took (at least one).
func parseBlock(lines []string, depth int, afterItem bool) (block, int) {
	line := lines[0]
	if f, ok := openFence(line); ok {
		return parseFence(lines, f)
	}
	if !afterItem && depth == 0 && indent(line) >= 4 {
		return parseIndented(lines)
	}
	if text, ok := isHeading(line); ok {
		return block{kind: heading, text: text}, 1
	}
	if isRule(line) {
		return block{kind: rule}, 1
	}
	if depth < maxDepth {
		if _, ok := unquote(line); ok {
			return parseQuote(lines, depth)
		}
		if m, ok := listMarker(line); ok {
			return parseItem(lines, m, depth)
		}
	}
	if b, n, ok := parseTable(lines); ok {
		return b, n
	}
	return parseParagraph(lines)
}

func parseParagraph(lines []string) (block, int) {
	n := 1
	for n < len(lines) && !isBlank(lines[n]) {
		line := lines[n]
		if under := strings.TrimSpace(line); n == 1 && indent(line) < 4 && len(under) >= 2 &&
			(strings.Trim(under, "=") == "" || strings.Trim(under, "-") == "") {
			return block{kind: heading, text: strings.TrimSpace(lines[0])}, 2
		}
		if interrupts(line) {
			break
		}
		if _, _, ok := parseTable(lines[n:]); ok {
			break
		}
		n++
	}
	text := make([]string, n)
	for i, line := range lines[:n] {
		text[i] = strings.TrimLeft(line, " \t")
	}
	return block{kind: paragraph, text: strings.Join(text, "\n")}, n
}

// interrupts reports whether line starts a block although a paragraph is open.
func interrupts(line string) bool {
	if _, ok := openFence(line); ok {
		return true
	}
	if _, ok := isHeading(line); ok {
		return true
	}
	if _, ok := unquote(line); ok {
		return true
	}
	if isRule(line) {
		return true
	}
	// A number at a line's start may be part of a sentence ("in\n1984. Then").
	m, ok := listMarker(line)
	return ok && (m.text == "•" || m.text == "1.") && m.width < len(strings.TrimRight(line, " \t"))
}

func parseQuote(lines []string, depth int) (block, int) {
	var inner []string
	for _, line := range lines {
		rest, ok := unquote(line)
		if !ok {
			break
		}
		inner = append(inner, rest)
	}
	return block{kind: quote, children: parse(inner, depth+1)}, len(inner)
}

func unquote(line string) (string, bool) {
	t := strings.TrimLeft(line, " \t")
	if indent(line) >= 4 || !strings.HasPrefix(t, ">") {
		return line, false
	}
	return strings.TrimPrefix(t[1:], " "), true
}

// marker is the start of a list item.
type marker struct {
	text   string // "•" or "7."
	indent int    // columns before it
	width  int    // bytes of the line before the item's own text
}

func listMarker(line string) (marker, bool) {
	t := strings.TrimLeft(line, " \t")
	m := marker{text: "•", indent: indent(line)}
	end := 1
	if t == "" {
		return m, false
	}
	if !strings.ContainsRune("-*+", rune(t[0])) {
		end = 0
		for end < len(t) && end < 9 && t[end] >= '0' && t[end] <= '9' {
			end++
		}
		if end == 0 || end == len(t) || t[end] != '.' && t[end] != ')' {
			return m, false
		}
		m.text = t[:end] + "."
		end++
	}
	if end < len(t) && t[end] != ' ' && t[end] != '\t' {
		return m, false
	}
	m.width = len(line) - len(t) + end
	for spaces := 0; m.width < len(line) && spaces < 4 && (line[m.width] == ' ' || line[m.width] == '\t'); spaces++ {
		m.width++
	}
	return m, true
}

// parseItem takes the lines that belong to an item: those indented under its
// text, and those that continue its paragraph. Two columns are enough indent,
// because models indent so under numbers too.
func parseItem(lines []string, m marker, depth int) (block, int) {
	inner := []string{lines[0][m.width:]}
	f, inFence := openFence(inner[0])
	n, blank := 1, false
	for ; n < len(lines); n++ {
		line := lines[n]
		own := indent(line) >= m.indent+2
		if !inFence && !own && !isBlank(line) {
			_, isItem := listMarker(line)
			if blank || isItem || interrupts(line) {
				break
			}
		}
		line = dedent(line, m.width)
		if inFence {
			inFence = !f.closes(line)
		} else {
			f, inFence = openFence(line)
		}
		blank = isBlank(line) && !inFence
		inner = append(inner, line)
	}
	for len(inner) > 1 && isBlank(inner[len(inner)-1]) {
		inner, n = inner[:len(inner)-1], n-1
	}
	if rest, ok := taskBox(inner[0]); ok {
		inner[0] = rest
	}
	return block{kind: item, text: m.text, children: parse(inner, depth+1)}, n
}

func taskBox(text string) (string, bool) {
	if len(text) < 4 || text[0] != '[' || text[2] != ']' || text[3] != ' ' {
		return text, false
	}
	switch text[1] {
	case ' ':
		return "☐" + text[3:], true
	case 'x', 'X':
		return "☑" + text[3:], true
	}
	return text, false
}

func isHeading(line string) (string, bool) {
	t := strings.TrimSpace(line)
	level := len(t) - len(strings.TrimLeft(t, "#"))
	if indent(line) >= 4 || level == 0 || level > 6 || level < len(t) && t[level] != ' ' && t[level] != '\t' {
		return "", false
	}
	text := strings.TrimSpace(t[level:])
	if cut := strings.TrimRight(text, "#"); cut == "" || strings.HasSuffix(cut, " ") {
		text = strings.TrimSpace(cut)
	}
	return text, true
}

func isRule(line string) bool {
	t := strings.TrimSpace(line)
	if len(t) < 3 || indent(line) >= 4 || !strings.ContainsRune("-*_", rune(t[0])) {
		return false
	}
	marks := strings.Count(t, t[:1])
	return marks >= 3 && strings.Trim(t, t[:1]+" \t") == "" && marks+strings.Count(t, " ")+strings.Count(t, "\t") == len(t)
}

func isBlank(line string) bool { return strings.TrimSpace(line) == "" }

// indent counts the columns before a line's text; a tab reaches the next
// multiple of four.
func indent(line string) int {
	n := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			n++
		case '\t':
			n += 4 - n%4
		default:
			return n
		}
	}
	return n
}

// dedent removes at most n columns of white space.
func dedent(line string, n int) string {
	col := 0
	for i, r := range line {
		if col >= n || r != ' ' && r != '\t' {
			return line[i:]
		}
		if col++; r == '\t' {
			col += 3 - (col-1)%4
		}
	}
	return ""
}
