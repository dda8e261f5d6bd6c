// Package transcript is the full text of a conversation, kept and searchable
// after it has left what the model is shown, and the tool results that were too
// long to be shown whole. The turn objects keep everything too, but one object
// a turn: too many to read for a question. A log is the same text in few and
// larger objects.
//
// A Log is a row of segments. A segment is one object of JSON lines, at most
// MaxSegment bytes: a header, then an entry a line. Only the newest segment is
// ever written to. Keys count down, so that a listing begins with it.
package transcript

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"instar/shared/bucket"
)

// Bounds in bytes.
const (
	MaxSegment = 256 << 10 // a segment
	MaxText    = 16 << 10  // the text of an entry; what is longer is cut and says so
	maxWho     = 200
)

var (
	// ErrIncomplete is returned by Search, wrapped and beside valid hits, when
	// parts of the log could not be read.
	ErrIncomplete = errors.New("parts of the conversation could not be read")
	// ErrOlder is returned by Search, wrapped and beside valid hits, when the
	// log goes further back than a search does.
	ErrOlder = errors.New("older parts of the conversation were not searched")
	// ErrEntries is wrapped with the reason for entries that cannot be appended.
	ErrEntries = errors.New("not valid entries of a conversation")
	// ErrBusy: other writers changed the log every time; the call may have
	// added some of its entries and is to be repeated.
	ErrBusy = errors.New("conversation log is being written by others; try again")
)

// Entry is one thing that was said in a conversation.
type Entry struct {
	Turn int       `json:"turn"` // its number in the conversation, from 1
	Time time.Time `json:"time"`
	Who  string    `json:"who"` // "person", "agent", or "tool <name>"
	Text string    `json:"text"`
	// Label is the text's mark, of package label.
	Label string `json:"label,omitempty"`
}

// Log is the text of one conversation. It keeps nothing between calls.
type Log struct {
	Bucket bucket.Bucket
	Prefix string // of its keys, with the slash at the end: "main/sessions/<id>/log/"
}

// attempts bounds the compare-and-swap loop. Every lost round means that
// another writer got through; a conversation has one at a time but for crashes.
const attempts = 20

// Append adds entries of whole turns, in ascending order of turns, and may be
// repeated: entries of turns that the log has, or has gone past, are not added
// again. So two calls for one turn, at a time or one after a crash of the
// other, must bring the same entries of it; where the first one left off within
// a turn, the next goes on there. Each turn is given by itself or after those
// before it: one that comes after a later one is taken for a repetition.
//
// Costs one List of one key, one Get and one conditional write; one write more
// for each further segment that is begun. Errors wrap ErrEntries (nothing was
// written), ErrBusy, or the bucket's; after all but the first the call is to be
// repeated.
func (l *Log) Append(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := check(entries); err != nil {
		return err
	}
	for try := range attempts {
		err := l.extend(ctx, entries)
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return fmt.Errorf("append to conversation log: %w", err)
		}
	}
	return fmt.Errorf("append to conversation log: %w", ErrBusy)
}

func check(entries []Entry) error {
	for i, e := range entries {
		if e.Turn < 1 || i > 0 && e.Turn < entries[i-1].Turn {
			return fmt.Errorf("%w: turn %d, number %d of them, is not in ascending order from 1", ErrEntries, e.Turn, i)
		}
		if y := e.Time.Year(); y < 1 || y > 9999 { // what JSON can hold
			return fmt.Errorf("%w: turn %d is of the year %d", ErrEntries, e.Turn, y)
		}
	}
	return nil
}

// extend is one attempt to append; its error wraps bucket.ErrPrecondition when
// another writer came first.
func (l *Log) extend(ctx context.Context, entries []Entry) error {
	s, err := l.newest(ctx)
	if err != nil {
		return err
	}
	for entries = s.missing(entries); len(entries) > 0; {
		longer, n := s.fill(entries)
		if n == 0 {
			s = s.following()
			continue
		}
		if s, err = l.put(ctx, longer); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// newest returns the segment to write to: the newest there is, or a new one
// after it when it cannot be read. Then the log is taken to end with the last
// turn that can be: what nobody can read is not doubled by being added again.
func (l *Log) newest(ctx context.Context) (segment, error) {
	var next segment
	next.n = 1
	after := ""
	for range maxSegments {
		page, err := l.Bucket.List(ctx, bucket.ListOptions{Prefix: l.Prefix, After: after, Limit: 1})
		if err != nil {
			return segment{}, fmt.Errorf("list conversation log: %w", err)
		}
		if len(page.Entries) == 0 {
			break
		}
		after = page.Entries[0].Key
		n, ok := number(after[len(l.Prefix):])
		if !ok {
			continue
		}
		o, err := l.Bucket.Get(ctx, after)
		if err != nil {
			return segment{}, fmt.Errorf("read conversation log: %w", err)
		}
		s, err := open(n, o)
		if err == nil && next.n == 1 {
			return s, nil
		}
		next.n = max(next.n, n+1)
		if next.header = s.header; err != nil {
			next.header = header{V: version, Turn: lastTurn(o.Data)}
		}
		if next.Turn > 0 {
			break
		}
	}
	return next, nil
}

// put writes a segment and returns it as it then stands.
func (l *Log) put(ctx context.Context, s segment) (segment, error) {
	name, err := s.name()
	if err != nil {
		return s, fmt.Errorf("write conversation log: %w", err)
	}
	if s.etag == "" {
		s.etag, err = l.Bucket.PutIfAbsent(ctx, l.Prefix+name, s.bytes())
	} else {
		s.etag, err = l.Bucket.PutIfMatch(ctx, l.Prefix+name, s.etag, s.bytes())
	}
	if err != nil {
		return s, fmt.Errorf("write conversation log: %w", err)
	}
	return s, nil
}

// pause waits up to 1 ms after the first lost round, twice as long each time,
// at most 128 ms: random, so that writers who collided do not collide again.
func pause(ctx context.Context, try int) error {
	t := time.NewTimer(rand.N(time.Millisecond << min(try, 7)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
