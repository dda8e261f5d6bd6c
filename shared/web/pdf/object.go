package pdf

import (
	"bytes"
	"strconv"
	"strings"
)

// Values are nil, bool, float64 and these (ISO 32000-1, 7.3).
type (
	name  string
	text  string // bytes
	array []any
	dict  map[string]any
	ref   int // an object's number
	word  string
)

// stream is an object with data.
type stream struct {
	dict dict
	data []byte // as it stands in the file
}

// lexer reads values from bytes.
type lexer struct {
	b    []byte
	at   int
	refs bool // "1 0 R" is a reference; not so in a page's content
	left *int // values that may still be read
}

func space(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func regular(c byte) bool {
	return !space(c) && strings.IndexByte("()<>[]{}/%", c) < 0
}

func (l *lexer) skip() {
	for l.at < len(l.b) {
		switch c := l.b[l.at]; {
		case space(c):
			l.at++
		case c == '%':
			for l.at < len(l.b) && l.b[l.at] != '\n' && l.b[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// closing are the words that end an array and a dict.
const (
	closeArray word = "]"
	closeDict  word = ">>"
)

// value reads the next value; what is none is a word. ok is false at the end,
// or when a bound is reached.
func (l *lexer) value(depth int) (v any, ok bool) {
	l.skip()
	if l.at >= len(l.b) || *l.left <= 0 || depth > maxDepth {
		return nil, false
	}
	*l.left--
	switch c := l.b[l.at]; {
	case c == '/':
		l.at++
		return l.name(), true
	case c == '(':
		l.at++
		return l.literal(), true
	case c == '<' && l.peek(1) == '<':
		l.at += 2
		return l.dict(depth)
	case c == '<':
		l.at++
		return l.hex(), true
	case c == '[':
		l.at++
		list := array{}
		for {
			v, ok := l.value(depth + 1)
			if !ok || v == closeArray || v == closeDict {
				return list, ok
			}
			if w, is := v.(word); is && l.refs && (w == "endobj" || w == "stream") {
				return list, true
			}
			list = append(list, v)
		}
	case c == '>' && l.peek(1) == '>':
		l.at += 2
		return closeDict, true
	case !regular(c):
		l.at++
		return word(c), true
	}
	from := l.at
	for l.at < len(l.b) && regular(l.b[l.at]) {
		l.at++
	}
	return l.atom(string(l.b[from:l.at])), true
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.b) {
		return l.b[l.at+n]
	}
	return 0
}

// atom is a number, a reference or a word.
func (l *lexer) atom(s string) any {
	if c := s[0]; c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' {
		f, err := strconv.ParseFloat(strings.TrimLeft(s, "+"), 64)
		if err != nil || f != f || f > 1e9 || f < -1e9 {
			return 0.0
		}
		if l.refs && f >= 0 && f == float64(int(f)) {
			if n, ok := l.reference(); ok {
				l.at = n
				return ref(f)
			}
		}
		return f
	}
	switch s {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	return word(s)
}

// reference reports whether "0 R" follows, and where it ends.
func (l *lexer) reference() (end int, ok bool) {
	b, i := l.b, l.at
	for i < len(b) && space(b[i]) {
		i++
	}
	from := i
	for i < len(b) && i-from < 6 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == from || i >= len(b) || !space(b[i]) {
		return 0, false
	}
	for i < len(b) && space(b[i]) {
		i++
	}
	return i + 1, i < len(b) && b[i] == 'R' && (i+1 == len(b) || !regular(b[i+1]))
}

func (l *lexer) name() name {
	from := l.at
	for l.at < len(l.b) && regular(l.b[l.at]) {
		l.at++
	}
	raw := l.b[from:l.at]
	if bytes.IndexByte(raw, '#') < 0 {
		return name(raw)
	}
	var out []byte
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) {
			if n, err := strconv.ParseUint(string(raw[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, raw[i])
	}
	return name(out)
}

func (l *lexer) dict(depth int) (any, bool) {
	d := dict{}
	for {
		k, ok := l.value(depth + 1)
		if !ok || k == closeDict {
			return d, ok
		}
		key, is := k.(name)
		if !is {
			if w, is := k.(word); is && (w == "endobj" || w == "stream") {
				return d, true // it has no end
			}
			continue
		}
		v, ok := l.value(depth + 1)
		if !ok || v == closeDict {
			return d, ok
		}
		d[string(key)] = v
	}
}

func (l *lexer) hex() text {
	var out []byte
	high, half := byte(0), false
	for l.at < len(l.b) {
		c := l.b[l.at]
		l.at++
		if c == '>' {
			break
		}
		n := digit(c)
		switch {
		case n < 0:
		case half:
			out, half = append(out, high<<4|byte(n)), false
		default:
			high, half = byte(n), true
		}
	}
	if half {
		out = append(out, high<<4)
	}
	return text(out)
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// literal reads a string up to its closing bracket.
func (l *lexer) literal() text {
	var out []byte
	for open := 1; l.at < len(l.b); {
		c := l.b[l.at]
		l.at++
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return text(out)
			}
		case '\\':
			var keep bool
			if c, keep = l.escape(); !keep {
				continue
			}
		}
		out = append(out, c)
	}
	return text(out)
}

// escape reads what follows a backslash.
func (l *lexer) escape() (c byte, keep bool) {
	c = l.peek(0)
	l.at = min(l.at+1, len(l.b))
	switch c {
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'b', 'f':
		return ' ', true
	case '\r':
		if l.peek(0) == '\n' {
			l.at++
		}
		return 0, false
	case '\n':
		return 0, false
	}
	if c < '0' || c > '7' {
		return c, true
	}
	n := int(c - '0')
	for range 2 {
		if d := l.peek(0); l.at < len(l.b) && d >= '0' && d <= '7' {
			n = n*8 + int(d-'0')
			l.at++
		}
	}
	return byte(n), true
}
