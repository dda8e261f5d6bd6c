package memory

import (
	"strconv"
	"strings"
	"time"

	"instar/shared/label"
)

// Source says where a text came from. It is stored with the text and comes
// back with it. Each field may hold several values separated by commas, after
// texts of several sources were merged by Replace.
type Source struct {
	ID string `json:"id,omitempty"` // turn and step that wrote it; the idempotency key
	// Origin is "telegram:4242" or "web:example.com"; "" only for text edited by
	// hand. What the owner made of somebody else's text in a review follows:
	// "web:example.com,promoted:telegram:4242", or edited.
	Origin string `json:"origin,omitempty"`
	Label  string `json:"label,omitempty"` // the text's mark, of package label
}

// Trusted reports whether a text is the owner's own: written by hand into the
// file, or on the owner's word alone. A text that the agent wrote and that says
// nothing of its integrity is not.
func (s Source) Trusted() bool {
	if s.Label == "" {
		return s.ID == ""
	}
	return label.ParseMark(s.Label).Integrity >= label.Owner
}

// Secret reports whether a text must not leave the owner.
func (s Source) Secret() bool {
	if s.Label == "" {
		return s.ID != ""
	}
	return label.ParseMark(s.Label).Confidentiality >= label.Secret
}

// maxSource is the longest field of a Source in bytes.
const maxSource = 512

// Entry is one remembered thing. On disk it is one list item:
//
//   - 14:05 Anna moved the dentist to Thursday. <!-- instar at=2026-01-05T14:05:09+09:00 id=t7.2 origin=telegram:4242 -->
//
// Further lines of the text are indented by two spaces. The clock is there for
// readers and only in daily logs. In the comment each value is
// percent-encoded, so that it holds neither spaces nor the comment's end. A
// "<!--" within the text gets a backslash (and twice the backslashes it had),
// as Markdown escapes it: no text can write a comment, so none can forge a
// source. Items, paragraphs and headings without the comment are a person's
// own and read as entries without Source.
type Entry struct {
	Source
	Time time.Time // whole seconds; zero when nothing says it
	Text string    // without list marker, indentation or comment
}

const mark = "<!-- instar"

type kind uint8

const (
	paragraph kind = iota
	item
	heading
)

// block is an entry and where it stands in its file.
type block struct {
	Entry
	kind       kind
	marker     string // "- ", "12. "; only for items
	line       int    // of its first byte, from 1
	start, end int    // offsets of its first byte and after its last, without line end
	textEnd    int    // offset of the comment and the space before it; end without one
	clock      string // "14:05 " as it stands before the text, or ""
	stamped    bool   // Time is the comment's, not guessed from the clock and the file's name
}

// parse cuts a file into blocks. Every byte that is not white space is in
// exactly one of them, so a block can be replaced without touching the others.
// A block starts at a list marker or a heading in the first column, or at the
// first line after a blank one; a list item goes on as long as lines are
// indented. day is the date of a daily log, else zero: only a daily log's
// entries start with a clock.
func parse(raw string, day time.Time) []block {
	var blocks []block
	open := false // whether the last block may go on
	start := len(raw) - len(strings.TrimPrefix(raw, "\ufeff"))
	for line, off := 1, start; off < len(raw); line++ {
		next, end := len(raw), len(raw)
		if i := strings.IndexByte(raw[off:], '\n'); i >= 0 {
			next, end = off+i+1, off+i
		}
		text := strings.TrimRight(raw[off:end], " \t\r")
		end = off + len(text)
		k, marker := classify(text)
		switch last := len(blocks) - 1; {
		case strings.TrimSpace(text) == "":
			open = open && blocks[last].kind == item
		case open && blocks[last].kind == item && indented(text):
			blocks[last].end = end
		case open && blocks[last].kind == paragraph && k == paragraph:
			blocks[last].end = end
		default:
			blocks = append(blocks, block{kind: k, marker: marker, line: line, start: off, end: end})
			open = k != heading
		}
		off = next
	}
	for i := range blocks {
		blocks[i].read(raw, day)
	}
	return blocks
}

// classify says what a line that starts a block starts.
func classify(line string) (k kind, marker string) {
	digits := 0
	for digits < len(line) && digits < 9 && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	switch rest := line[digits:]; {
	case digits > 0 && (strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ")):
		return item, line[:digits+2]
	case digits > 0:
		return paragraph, ""
	case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "), strings.HasPrefix(line, "+ "):
		return item, line[:2]
	}
	if rest := strings.TrimLeft(line, "#"); len(rest) < len(line) && len(line)-len(rest) <= 6 && strings.HasPrefix(rest, " ") {
		return heading, ""
	}
	return paragraph, ""
}

func indented(line string) bool {
	return strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
}

// read fills in the entry from the block's bytes.
func (b *block) read(raw string, day time.Time) {
	body := raw[b.start:b.end]
	b.textEnd = b.end
	if i, fields, ok := trailing(body); ok {
		b.textEnd = b.start + len(strings.TrimRight(body[:i], " \t\r\n"))
		b.setFields(fields)
		body = raw[b.start:b.textEnd]
	}
	if b.kind == item {
		body = dedent(strings.TrimPrefix(body, strings.TrimRight(b.marker, " ")), len(b.marker))
	}
	body = strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n"))
	if !day.IsZero() {
		if b.kind == item {
			if after, rest, ok := cutClock(body); ok {
				b.clock, body = body[:6], rest
				day = day.Add(after)
			}
		}
		if !b.stamped {
			b.Time = day
		}
	}
	b.Text = strings.ToValidUTF8(unescape(body), "\ufffd")
}

// trailing finds the comment at the very end of a block's bytes. The last
// start of one is the real one, for values cannot hold "<"; one inside the
// text has a backslash before it or more text behind it.
func trailing(body string) (at int, fields string, ok bool) {
	if !strings.HasSuffix(body, "-->") {
		return 0, "", false
	}
	at = strings.LastIndex(body, mark)
	if at < 0 || at > 0 && !strings.ContainsRune(" \n\t", rune(body[at-1])) {
		return 0, "", false
	}
	fields = strings.TrimSuffix(body[at+len(mark):], "-->")
	if !strings.HasPrefix(fields, " ") || strings.Contains(fields, "-->") {
		return 0, "", false
	}
	return at, fields, true
}

func (b *block) setFields(fields string) {
	for field := range strings.FieldsSeq(fields) {
		key, value, _ := strings.Cut(field, "=")
		value = decode(value)
		switch key {
		case "at":
			if t, err := time.Parse(time.RFC3339, value); err == nil {
				b.Time, b.stamped = t, true
			}
		case "id":
			b.ID = value
		case "origin":
			b.Origin = value
		case "label":
			b.Label = value
		}
	}
}

// dedent removes up to width columns of indentation from all lines but the first.
func dedent(body string, width int) string {
	first, rest, more := strings.Cut(body, "\n")
	if !more {
		return body
	}
	var out strings.Builder
	out.WriteString(first)
	for line := range strings.SplitSeq(rest, "\n") {
		n := 0
		for n < len(line) && n < width && line[n] == ' ' {
			n++
		}
		if n == 0 && strings.HasPrefix(line, "\t") {
			n = 1
		}
		out.WriteByte('\n')
		out.WriteString(line[n:])
	}
	return out.String()
}

// clockOf is what stands before the text of an entry in a daily log.
func clockOf(t time.Time) string { return t.Format("15:04 ") }

// cutClock takes "14:05 " off the start of an entry's text.
func cutClock(text string) (clock time.Duration, rest string, ok bool) {
	if len(text) < 6 || text[2] != ':' || text[5] != ' ' {
		return 0, text, false
	}
	h, err1 := strconv.ParseUint(text[:2], 10, 8)
	m, err2 := strconv.ParseUint(text[3:5], 10, 8)
	if err1 != nil || err2 != nil || h > 23 || m > 59 {
		return 0, text, false
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, strings.TrimSpace(text[6:]), true
}
