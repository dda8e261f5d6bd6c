package sse

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func read(r io.Reader) (events []Event, err error) {
	s := NewReader(r)
	for {
		e, err := s.Next()
		if err != nil {
			return events, err
		}
		events = append(events, Event{e.Type, []byte(string(e.Data))})
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"one event", "data: a\n\n", "message=a"},
		{"named", "event: x\ndata: a\n\n", "x=a"},
		{"CRLF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "x=a|message=b"},
		{"CR", "data: a\rdata: b\r\rdata: c\r\r", "message=a\nb|message=c"},
		{"mixed endings", "data: a\r\ndata: b\n\rdata: c\r\n\n", "message=a\nb|message=c"},
		{"several data lines", "data: a\ndata:b\ndata:  c\n\n", "message=a\nb\n c"},
		{"empty data is dispatched", "data\n\n", "message="},
		{"two empty data lines", "data\ndata\n\n", "message=\n"},
		{"comments are ignored", ": ping\n\n:\ndata: a\n: in between\n\n", "message=a"},
		{"byte order mark", "\xEF\xBB\xBFdata: a\n\n", "message=a"},
		{"only the first mark is one", "\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n", "message=b"},
		{"unknown fields, id and retry are ignored", "id: 1\nretry: 5\nfoo: x\ndata: a\n\n", "message=a"},
		{"a name without data is forgotten", "event: x\n\ndata: a\n\n", "message=a"},
		{"colons in the value", "data: a:b: c\n\n", "message=a:b: c"},
		{"an unfinished event is discarded", "data: a\n\ndata: b\n", "message=a"},
		{"an unfinished line is discarded", "data: a\n\ndata: b", "message=a"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				events, err := read(r)
				if err != io.EOF {
					t.Fatalf("ended with %v", err)
				}
				var got []string
				for _, e := range events {
					got = append(got, e.Type+"="+string(e.Data))
				}
				if s := strings.Join(got, "|"); s != c.want {
					t.Errorf("got %q, want %q", s, c.want)
				}
			}
		})
	}
}

func TestAnEventArrivesWithoutWaitingForMore(t *testing.T) {
	for _, ending := range []string{"\n", "\r\n", "\r"} {
		pr, pw := io.Pipe()
		go io.WriteString(pw, "data: a"+ending+ending) // and never closed
		e, err := NewReader(pr).Next()
		if err != nil || string(e.Data) != "a" {
			t.Errorf("ending %q: %q, %v", ending, e.Data, err)
		}
		pr.Close()
	}
}

func TestAnEventHasABound(t *testing.T) {
	long := strings.Repeat("x", MaxEvent-len("data:"))
	if events, err := read(strings.NewReader("data:" + long + "\n\n")); err != io.EOF || len(events) != 1 {
		t.Errorf("at the bound: %d events, %v", len(events), err)
	}
	for name, in := range map[string]string{
		"one line":   "data: " + long + "x\n\n",
		"many lines": strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 1100) + "\n",
		"a comment":  ":" + strings.Repeat("x", MaxEvent),
	} {
		if _, err := read(strings.NewReader(in)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := read(strings.NewReader(strings.Repeat(": ping\n", 300_000))); err != io.EOF {
		t.Errorf("many small comments: %v", err)
	}
}

func TestTheReadersErrorIsReturned(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader("data: a\n\ndata"), iotest.ErrReader(broken))
	events, err := read(r)
	if len(events) != 1 || !errors.Is(err, broken) {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// The same bytes give the same events however they are cut into reads, and
// data never holds a line ending that was not between two data lines.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "event: x\r\ndata: a\rdata: b\r\n\r\n", ":\n\xEF\xBB\xBFdata\n\n", "data:a\r\r\ndata\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err1 := read(strings.NewReader(string(in)))
		single, err2 := read(iotest.OneByteReader(strings.NewReader(string(in))))
		if err1 != err2 || len(whole) != len(single) {
			t.Fatalf("%d events and %v, byte by byte %d and %v", len(whole), err1, len(single), err2)
		}
		for i := range whole {
			if whole[i].Type != single[i].Type || string(whole[i].Data) != string(single[i].Data) {
				t.Fatalf("event %d differs", i)
			}
			if strings.Contains(string(whole[i].Data), "\r") {
				t.Fatal("a carriage return in data")
			}
		}
	})
}
