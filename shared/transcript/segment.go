package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"instar/shared/bucket"
)

const (
	version    = 1
	maxNumber  = 99_999_999
	headerRoom = 100 // bytes of a header at most, with its line end
)

// header is the first line of a segment. It says how far the log goes, this
// segment included, so that Append need not read the entries.
type header struct {
	V    int `json:"v"`
	Turn int `json:"turn"` // the last one in the log
	// Part is how many entries of that turn are in the log while there are not
	// all: one turn may fill several segments. 0 means all.
	Part int `json:"part,omitempty"`
}

// segment is one object of a log.
type segment struct {
	header
	n    int    // 1 for the log's first
	etag string // "" for one that does not exist yet
	body []byte // the entries' lines
}

// name is the key's last part: the newest segment has the lowest.
func (s segment) name() (string, error) {
	if s.n > maxNumber {
		return "", errors.New("the log has too many segments")
	}
	return fmt.Sprintf("%08d", maxNumber+1-s.n), nil
}

// number is the inverse of name; false for anything else that lies there.
func number(name string) (n int, ok bool) {
	if len(name) != 8 || strings.Trim(name, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(name)
	return maxNumber + 1 - n, err == nil && n > 0
}

// open reads a segment's header. The error wraps ErrIncomplete.
func open(n int, o bucket.Object) (segment, error) {
	head, body, _ := bytes.Cut(o.Data, []byte("\n"))
	s := segment{n: n, etag: o.ETag, body: body}
	if err := json.Unmarshal(head, &s.header); err != nil || s.V != version || s.Turn < 1 || s.Part < 0 {
		return segment{n: n}, fmt.Errorf("%w: segment %d has no header of version %d", ErrIncomplete, n, version)
	}
	return s, nil
}

func (s segment) bytes() []byte {
	head, err := json.Marshal(s.header)
	if err != nil {
		panic(err) // three numbers
	}
	return append(append(head, '\n'), s.body...)
}

// following is the empty segment after this one.
func (s segment) following() segment { return segment{header: s.header, n: s.n + 1} }

// missing are the entries that the log does not have yet.
func (s segment) missing(entries []Entry) []Entry {
	part := 0
	for i, e := range entries {
		if e.Turn > s.Turn {
			return entries[i:]
		}
		if e.Turn == s.Turn && s.Part > 0 {
			if part == s.Part {
				return entries[i:]
			}
			part++
		}
	}
	return nil
}

// fill returns the segment with as many whole turns as there is room for, and
// the number of their entries. When not even the first one fits, an empty
// segment takes as much of it as does and another takes nothing. entries begin
// with what the log is missing.
func (s segment) fill(entries []Entry) (longer segment, n int) {
	body := bytes.Clone(s.body)
	if len(body) > 0 && body[len(body)-1] != '\n' {
		body = append(body, '\n') // what cut the last line off shall not spoil the next
	}
	end, taken := 0, 0
	for i, e := range entries {
		line := encode(e)
		if headerRoom+len(body)+len(line) > MaxSegment {
			break
		}
		body = append(body, line...)
		taken = i + 1
		if taken == len(entries) || entries[taken].Turn != e.Turn {
			n, end = taken, len(body)
		}
	}
	if n > 0 {
		s.header, s.body = header{V: version, Turn: entries[n-1].Turn}, body[:end]
		return s, n
	}
	if len(s.body) > 0 {
		return s, 0
	}
	before := 0
	if s.Turn == entries[0].Turn {
		before = s.Part
	}
	s.header, s.body = header{V: version, Turn: entries[0].Turn, Part: before + taken}, body
	return s, taken
}

// encode makes an entry's line, at most six times MaxText: what JSON makes of
// control characters.
func encode(e Entry) []byte {
	e.Text, e.Who = fit(e.Text, MaxText), strings.ToValidUTF8(e.Who, "\ufffd")
	e.Who = clip(e.Who, maxWho)
	var line bytes.Buffer
	out := json.NewEncoder(&line)
	out.SetEscapeHTML(false)
	if err := out.Encode(e); err != nil {
		panic(err) // check has seen its only cause, the year
	}
	return line.Bytes()
}

// decode reads the entries of a segment, the oldest first. The error wraps
// ErrIncomplete and comes beside the entries that could be read.
func decode(data []byte) (entries []Entry, err error) {
	head, body, _ := bytes.Cut(data, []byte("\n"))
	var h header
	switch wrong := json.Unmarshal(head, &h); {
	case wrong == nil && h.V > version:
		return nil, fmt.Errorf("%w: segment of version %d", ErrIncomplete, h.V)
	case wrong != nil || h.V != version:
		body, err = data, fmt.Errorf("%w: segment without header", ErrIncomplete)
	}
	bad := 0
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var e Entry
		if json.Unmarshal(line, &e) != nil || e.Turn < 1 {
			bad++
			continue
		}
		entries = append(entries, e)
	}
	if bad > 0 {
		err = fmt.Errorf("%w: %d lines", ErrIncomplete, bad)
	}
	return entries, err
}

// lastTurn is the highest turn that can be read in a segment, or 0.
func lastTurn(data []byte) (turn int) {
	entries, _ := decode(data)
	for _, e := range entries {
		turn = max(turn, e.Turn)
	}
	return turn
}

// fit makes text valid and at most most bytes long; one that was cut says so.
func fit(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	note := fmt.Sprintf("\n[cut: %d bytes in all]", len(text))
	return clip(text, most-len(note)) + note
}

// clip cuts valid text between two characters.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
