package markdown

import "strings"

// fenceMark is the line that opens a code fence.
type fenceMark struct {
	mark     string // "```" or longer, or of tildes
	language string // "" when the line does not say, or says something odd
	indent   int    // columns before it, removed from the code
}

func openFence(line string) (fenceMark, bool) {
	t := strings.TrimSpace(line)
	if len(t) < 3 || t[0] != '`' && t[0] != '~' {
		return fenceMark{}, false
	}
	info := strings.TrimLeft(t, t[:1])
	mark := t[:len(t)-len(info)]
	if len(mark) < 3 || strings.Contains(info, "`") {
		return fenceMark{}, false
	}
	language, _, _ := strings.Cut(strings.TrimSpace(info), " ")
	if !isLanguage(language) {
		language = ""
	}
	return fenceMark{mark: mark, language: language, indent: indent(line)}, true
}

func (f fenceMark) closes(line string) bool {
	t := strings.TrimSpace(line)
	return len(t) >= len(f.mark) && strings.Trim(t, f.mark[:1]) == ""
}

// isLanguage keeps what may stand in a class attribute and is no sentence.
func isLanguage(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+-#_.", r) {
			return false
		}
	}
	return len(s) <= 30
}

func parseFence(lines []string, f fenceMark) (block, int) {
	var code []string
	n := 1
	for ; n < len(lines); n++ {
		if f.closes(lines[n]) {
			n++
			break
		}
		code = append(code, dedent(lines[n], f.indent))
	}
	return block{kind: fence, text: strings.Join(code, "\n"), language: f.language}, n
}

// parseIndented reads code indented by four columns.
func parseIndented(lines []string) (block, int) {
	n := 0
	for i, line := range lines {
		if isBlank(line) {
			continue
		}
		if indent(line) < 4 {
			break
		}
		n = i + 1
	}
	code := make([]string, n)
	for i, line := range lines[:n] {
		code[i] = dedent(line, 4)
	}
	return block{kind: fence, text: strings.Join(code, "\n")}, n
}
