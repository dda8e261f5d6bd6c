package memory

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// normal is the text as it is stored: line ends are \n, no control
// characters, no white space at the ends of lines or around the whole.
func normal(text string) (string, error) {
	if len(text) > MaxEntry {
		return "", fmt.Errorf("%w: text has %d bytes, at most %d", ErrInvalid, len(text), MaxEntry)
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r != '\n' && r != '\t' && unicode.IsControl(r):
			return -1
		}
		return r
	}, text)
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.TrimSpace(strings.Join(lines, "\n")), nil
}

// valid normalises an entry that is about to be written.
func valid(e Entry) (Entry, error) {
	text, err := normal(e.Text)
	if err != nil {
		return e, err
	}
	if text == "" {
		return e, fmt.Errorf("%w: empty text", ErrInvalid)
	}
	if e.Time.IsZero() {
		return e, fmt.Errorf("%w: no time", ErrInvalid)
	}
	e.Text, e.Time = text, e.Time.Truncate(time.Second)
	return e, e.Source.check()
}

func (s Source) check() error {
	if s.Origin == "" {
		// Without one the entry would read as the owner's own hand.
		return fmt.Errorf("%w: no origin", ErrInvalid)
	}
	if max(len(s.ID), len(s.Origin), len(s.Label)) > maxSource {
		return fmt.Errorf("%w: id, origin or label over %d bytes", ErrInvalid, maxSource)
	}
	return nil
}

// format writes an entry as a list item, without a line end: marker is "- "
// or what else starts the item, clock is "14:05 " or "".
func format(e Entry, marker, clock string) string {
	var out strings.Builder
	out.WriteString(marker + clock)
	indent := strings.Repeat(" ", len(marker))
	for i, line := range strings.Split(escape(e.Text), "\n") {
		if i > 0 {
			out.WriteByte('\n')
			if line != "" {
				out.WriteString(indent)
			}
		}
		out.WriteString(line)
	}
	out.WriteString(comment(e))
	return out.String()
}

// comment writes what is known of an entry's source, with the space before it.
func comment(e Entry) string {
	var out strings.Builder
	field := func(key, value string) {
		if value != "" {
			out.WriteString(" " + key + "=" + encode(value))
		}
	}
	if !e.Time.IsZero() {
		field("at", e.Time.Format(time.RFC3339))
	}
	field("id", e.ID)
	field("origin", e.Origin)
	field("label", e.Label)
	if out.Len() == 0 {
		return ""
	}
	return " " + mark + out.String() + " -->"
}

// escape keeps text from opening a comment: see Entry.
func escape(text string) string {
	return eachComment(text, func(backslashes int) int { return 2*backslashes + 1 })
}

// unescape undoes escape and leaves comments alone that nobody escaped.
func unescape(text string) string {
	return eachComment(text, func(backslashes int) int {
		if backslashes%2 == 1 {
			return (backslashes - 1) / 2
		}
		return backslashes
	})
}

// eachComment rewrites the number of backslashes before each "<!--".
func eachComment(text string, backslashes func(int) int) string {
	const open = "<!--"
	if !strings.Contains(text, open) {
		return text
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, open)
		if !found {
			out.WriteString(text)
			return out.String()
		}
		bare := strings.TrimRight(before, `\`)
		out.WriteString(bare)
		out.WriteString(strings.Repeat(`\`, backslashes(len(before)-len(bare))))
		out.WriteString(open)
		text = after
	}
}

// encode percent-encodes every byte of a value but those that are plain in an
// identifier, a label or a time.
func encode(value string) string {
	const hex = "0123456789ABCDEF"
	var out []byte
	for i := range len(value) {
		c := value[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(":._/@+,=-", c) >= 0:
			out = append(out, c)
		default:
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

// decode undoes encode; a percent sign that encodes nothing stays.
func decode(value string) string {
	if !strings.Contains(value, "%") {
		return value
	}
	var out []byte
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if n, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, value[i])
	}
	return string(out)
}
