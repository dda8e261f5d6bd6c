package markdown

import (
	"strings"
	"unicode/utf8"
)

// Split cuts md into parts for which fits holds, preferring the end of a
// paragraph, then of a line, a sentence, a word. A code fence that is cut is
// closed in one part and opened again, with its language, in the next; a
// table that is cut repeats its header. Text that fits comes back as it is;
// blank text gives no parts.
//
// fits should hold for a shorter text when it holds for a longer one. It is
// called some twenty times a part. A single character that does not fit comes
// back all the same, because words are never dropped.
func Split(md string, fits func(part string) bool) []string {
	md = strings.ToValidUTF8(md, "\uFFFD")
	var parts []string
	resume := "" // what the next part starts with to go on where the last stopped
	for strings.TrimSpace(md) != "" {
		if fits(resume + md) {
			return append(parts, resume+md)
		}
		n := cut(md, resume, fits)
		part, rest := md[:n], md[n:]
		end, next := suspend(resume + part)
		if row, _, _ := strings.Cut(rest, "\n"); end == "" && !strings.Contains(row, "|") {
			next = "" // the table ended here
		}
		if end == "" {
			part, rest = strings.TrimRight(part, " \n"), strings.TrimLeft(rest, "\n")
		} else {
			part, rest = strings.TrimSuffix(part, "\n"), strings.TrimPrefix(rest, "\n")
		}
		if strings.TrimSpace(part) != "" {
			parts = append(parts, resume+part+end)
		}
		md, resume = rest, next
	}
	return parts
}

// cut finds how many bytes of md the next part takes: at least one character.
func cut(md, resume string, fits func(string) bool) int {
	ok := func(n int) bool {
		end, _ := suspend(resume + md[:n])
		return fits(resume + strings.TrimRight(md[:n], " \n") + end)
	}
	low, high := 0, 512 // low fits, high does not
	for high < len(md) && ok(runeStart(md, high)) {
		low, high = high, high*2
	}
	high = min(high, len(md))
	for high-low > 1 {
		if mid := (low + high) / 2; ok(runeStart(md, mid)) {
			low = mid
		} else {
			high = mid
		}
	}
	most := runeStart(md, low)
	// Nicer places first. Closing a style or a fence can lengthen a text that
	// was cut shorter, so each is tried.
	for _, place := range []func(string) int{paragraphEnd, lineEnd, sentenceEnd, wordEnd} {
		if n := place(md[:most]); n > most/8 && strings.TrimSpace(md[:n]) != "" && ok(n) {
			return n
		}
	}
	_, first := utf8.DecodeRuneInString(md)
	return max(most, first)
}

// runeStart moves n back to where a character starts.
func runeStart(s string, n int) int {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

func paragraphEnd(s string) int { return after(s, "\n\n") }
func lineEnd(s string) int      { return after(s, "\n") }
func wordEnd(s string) int      { return max(after(s, " "), after(s, "\u3000")) }

func sentenceEnd(s string) int {
	n := 0
	for _, end := range []string{". ", "! ", "? ", "。", "！", "？"} {
		n = max(n, after(s, end))
	}
	return n
}

func after(s, mark string) int {
	if at := strings.LastIndex(s, mark); at >= 0 {
		return at + len(mark)
	}
	return 0
}

// maxResume bounds what a part repeats from the one before, in bytes.
const maxResume = 300

// suspend says what must be added to a text that ends in the middle of a fence
// or a table (end), and before the text that follows it (next).
func suspend(text string) (end, next string) {
	var f fenceMark
	var prefix, opened, header string
	in := false
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		bare, quoted := unquote(line)
		if in {
			if f.closes(strings.TrimPrefix(line, prefix)) {
				in = false
			}
			continue
		}
		if f, in = openFence(bare); in {
			prefix, opened = "", line
			if quoted {
				prefix = "> "
			}
			continue
		}
		switch {
		case isBlank(line) || !strings.Contains(line, "|"):
			if i < len(lines)-1 || line != "" {
				header = ""
			}
		case header == "" && i > 0 && isDashes(line) && len(cells(line)) == len(cells(lines[i-1])):
			header = lines[i-1] + "\n" + line + "\n"
		}
	}
	switch {
	case in && len(opened) <= maxResume:
		return "\n" + prefix + f.mark, opened + "\n"
	case in:
		return "\n" + prefix + f.mark, prefix + f.mark + "\n"
	case header != "" && len(header) <= maxResume && strings.HasSuffix(text, "\n"):
		return "", header
	}
	return "", ""
}
