package tool

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// minExcerpt is the shortest excerpt in bytes: room for the line in its middle
// and something around it.
const minExcerpt = 256

// Excerpt shows a long result in at most most bytes (fewer than 256 count as
// 256): its beginning and its end and, between them, a line that says how much
// is left out. A text that fits is unchanged, but for bytes that are not UTF-8.
// What Set.Run or Excerpt has shortened before keeps its count and its ref, so
// that it can still be read on after it was shortened again.
func Excerpt(text string, most int) string {
	most = max(most, minExcerpt)
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	e := parseExcerpt(text)
	room := max(0, most-len(e.middle(e.total, e.total)))
	return e.show(room*3/4, room/4)
}

// excerpt is a text with its middle left out: what there is of its beginning
// and of its end, its length in bytes, and the ref it is kept by, or "".
type excerpt struct {
	head, tail string
	total      int
	ref        string
}

// show renders at most head bytes of the beginning and tail bytes of the end.
func (e excerpt) show(head, tail int) string {
	from := boundary(e.head, head)
	to := max(0, len(e.tail)-tail)
	for to < len(e.tail) && !utf8.RuneStart(e.tail[to]) {
		to++
	}
	left := e.total - from - (len(e.tail) - to)
	return e.head[:from] + e.middle(left, from) + e.tail[to:]
}

// boundary is the last place between two characters within the first most
// bytes of text.
func boundary(text string, most int) int {
	if len(text) <= most {
		return len(text)
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return most
}

// The line in the middle, at most maxMiddle bytes of it where it is looked for:
// room for a ref of 200.
const (
	cutOpen  = "\n[left out here: "
	cutOf    = " of "
	cutBytes = " bytes"
	cutRef   = `; memory_search {"ref":"`
	cutFrom  = `","offset":`
	cutOn    = "} reads on"
	cutClose = "]\n"

	maxMiddle = 320
)

// middle is the line in the place of left bytes from offset on.
func (e excerpt) middle(left, offset int) string {
	on := ""
	if e.ref != "" {
		on = cutRef + e.ref + cutFrom + strconv.Itoa(offset) + cutOn
	}
	return fmt.Sprint(cutOpen, left, cutOf, e.total, cutBytes, on, cutClose)
}

// parseExcerpt reads what show wrote; any other text is a whole one. A line
// counts only where its own numbers say it stands, so one that a tool's text
// brings along is text. It could do no more than name another result of the
// same conversation.
func parseExcerpt(text string) excerpt {
	for at := 0; ; {
		i := strings.Index(text[at:], cutOpen)
		if i < 0 {
			return excerpt{text, text, len(text), ""}
		}
		at += i
		rest := text[at+len(cutOpen):]
		line, _, _ := strings.Cut(rest[:min(len(rest), maxMiddle)], cutClose)
		e := excerpt{head: text[:at], tail: rest[min(len(rest), len(line)+len(cutClose)):]}
		numbers, on, _ := strings.Cut(line, cutRef)
		left, total, _ := strings.Cut(strings.TrimSuffix(numbers, cutBytes), cutOf)
		e.ref, _, _ = strings.Cut(on, cutFrom)
		e.total, _ = strconv.Atoi(total)
		gone, _ := strconv.Atoi(left)
		if gone > 0 && gone == e.total-len(e.head)-len(e.tail) && text == e.head+e.middle(gone, at)+e.tail {
			return e
		}
		at += len(cutOpen)
	}
}
