// Package sse reads Server-Sent Events, the framing of every streaming model
// API, as the WHATWG HTML standard describes them (section 9.2.6,
// "Interpreting an event stream").
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxEvent bounds one event in bytes. Model APIs send a few hundred bytes an
// event; the bound is there for servers that never end a line.
const MaxEvent = 1 << 20

// ErrTooLarge is returned for an event larger than MaxEvent.
var ErrTooLarge = errors.New("server-sent event is larger than 1 MiB")

// Event is one dispatched event. Data is valid until the next call of Next.
type Event struct {
	Type string // "message" when the stream names none
	Data []byte
}

// Reader reads events one after the other. It ignores id and retry: a model
// call is never resumed by event id.
type Reader struct {
	in     *bufio.Reader
	line   []byte
	data   []byte
	typ    string
	skipLF bool
	begun  bool
}

// NewReader reads events from r as they arrive: an event is returned when the
// blank line that ends it has been read, without waiting for what follows.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReader(r)}
}

// Next returns the next event that has data. At the end of the stream it
// returns io.EOF, and an event that was not ended by a blank line is
// discarded, as the standard asks. Other errors are the reader's own, or
// ErrTooLarge.
func (r *Reader) Next() (Event, error) {
	r.data, r.typ = r.data[:0], ""
	for {
		line, err := r.readLine()
		if err != nil {
			return Event{}, err
		}
		if len(line) > 0 {
			r.field(line)
			continue
		}
		if len(r.data) == 0 {
			r.typ = ""
			continue
		}
		e := Event{Type: r.typ, Data: r.data[:len(r.data)-1]}
		if e.Type == "" {
			e.Type = "message"
		}
		return e, nil
	}
}

func (r *Reader) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		r.data = append(append(r.data, value...), '\n')
	case "event":
		r.typ = string(value)
	}
}

// readLine returns a line without its ending: CRLF, LF or CR. After a CR it
// does not wait to see whether an LF follows; the next call skips it.
func (r *Reader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		if _, err := r.in.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := r.in.Peek(r.in.Buffered())
		if r.skipLF {
			r.skipLF = false
			if chunk[0] == '\n' {
				r.in.Discard(1)
				continue
			}
		}
		end := bytes.IndexAny(chunk, "\r\n")
		part := chunk
		if end >= 0 {
			part = chunk[:end]
			r.skipLF = chunk[end] == '\r'
		}
		if len(r.data)+len(r.line)+len(part) > MaxEvent {
			return nil, ErrTooLarge
		}
		r.line = append(r.line, part...)
		if end < 0 {
			r.in.Discard(len(chunk))
			continue
		}
		r.in.Discard(end + 1)
		return r.withoutBOM(), nil
	}
}

// withoutBOM drops the byte order mark that may open the stream.
func (r *Reader) withoutBOM() []byte {
	if r.begun {
		return r.line
	}
	r.begun = true
	return bytes.TrimPrefix(r.line, []byte("\xEF\xBB\xBF"))
}
