package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"instar/shared/bucket"
)

// Broken is the error of a chain that is not as Append left it. It names the
// first place where that shows.
type Broken struct {
	Key    string // of the object
	Line   int    // in that object, from 1 on; 0 is the object as a whole
	Seq    int64  // of the entry, 0 when it is not about one
	Reason string
}

func (b *Broken) Error() string {
	where := b.Key
	if b.Line > 0 {
		where += fmt.Sprintf(" line %d", b.Line)
	}
	if b.Seq > 0 {
		where += fmt.Sprintf(" (entry %d)", b.Seq)
	}
	return "audit log is broken at " + where + ": " + b.Reason
}

// segment is one as it was read. Of its lines only the first and the last were
// checked.
type segment struct {
	key, etag string
	data      []byte
	lines     [][]byte // of entries
	open      opening
	closed    bool
	last      int64     // the last entry's number
	mac       string    // and MAC
	logged    time.Time // and time
}

// read reads a segment to build on it.
func (l *Log) read(ctx context.Context, s *signer, key string) (*segment, error) {
	o, err := l.Bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, &Broken{Key: key, Reason: "the segment is gone"}
	}
	if err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	seg := &segment{key: key, etag: o.ETag, data: o.Data}
	if where := seg.parse(s, l.segmentKey); where != nil {
		return nil, where
	}
	return seg, nil
}

const changed = "the line was changed, or made with another key"

// parse fills in the segment from its data; keyOf makes the key that a first
// entry's number stands for.
func (seg *segment) parse(s *signer, keyOf func(first int64) string) *Broken {
	all, ok := lines(seg.data)
	if !ok {
		return &Broken{Key: seg.key, Reason: "the end is cut off"}
	}
	if _, ok := s.open(openLine, all[0], &seg.open); !ok || seg.open.V != 1 {
		return &Broken{Key: seg.key, Line: 1, Reason: changed}
	}
	if o := seg.open; o.First < 1 || keyOf(o.First) != seg.key || o.Before < 0 || o.Before >= o.First || (o.First == 1) != (o.Before == 0) {
		return &Broken{Key: seg.key, Line: 1, Seq: o.First, Reason: "the segment does not belong here"}
	}
	var end closing
	n := len(all)
	if _, seg.closed = s.open(closeLine, all[n-1], &end); seg.closed {
		n--
	}
	seg.lines = all[1:n]
	if len(seg.lines) == 0 {
		return &Broken{Key: seg.key, Line: 1, Seq: seg.open.First, Reason: "the segment has no entries"}
	}
	var r Record
	if seg.mac, ok = s.open(entryLine, all[n-1], &r); !ok {
		return &Broken{Key: seg.key, Line: n, Reason: changed}
	}
	seg.last, seg.logged = seg.open.First+int64(n)-2, r.Logged
	if r.Seq != seg.last {
		return &Broken{Key: seg.key, Line: n, Seq: r.Seq, Reason: "entries before it are missing or there are too many"}
	}
	if seg.closed && (end.Last != seg.last || end.Prev != seg.mac) {
		return &Broken{Key: seg.key, Line: n + 1, Seq: seg.last, Reason: "the segment was closed after another entry"}
	}
	return nil
}

// macAt returns the MAC of an entry in the segment or before it, "" of number 0.
func (l *Log) macAt(ctx context.Context, s *signer, seg *segment, seq int64) (string, error) {
	for {
		if seq >= seg.open.First {
			_, mac, _ := split(seg.lines[seq-seg.open.First])
			return mac, nil
		}
		if seq == seg.open.First-1 {
			return seg.open.Prev, nil
		}
		var err error
		if seg, err = l.read(ctx, s, l.segmentKey(seg.open.Before)); err != nil {
			return "", err
		}
		if seq > seg.last {
			return "", &Broken{Key: seg.key, Seq: seq, Reason: "the entry is gone"}
		}
	}
}

// extend writes as many entries as fit into the newest segment, or into a new
// one when that is closed, and returns where the chain ends then. It closes the
// segment when not all of them fitted.
func (l *Log) extend(ctx context.Context, s *signer, seg *segment, entries []Entry) (end mark, all bool, err error) {
	var data bytes.Buffer
	var etag, key string
	if seg == nil || seg.closed {
		o := opening{V: 1, First: 1}
		if seg != nil {
			o = opening{1, seg.last + 1, seg.open.First, digest(seg.data), seg.mac, seg.logged}
		}
		line, _, err := s.seal(openLine, o)
		if err != nil {
			return end, false, err
		}
		data.Write(append(line, '\n'))
		key, end = l.segmentKey(o.First), mark{1, o.First - 1, o.Prev}
	} else {
		data.Write(seg.data)
		key, etag, end = seg.key, seg.etag, mark{1, seg.last, seg.mac}
	}
	all = true
	now := l.Now().UTC().Truncate(time.Millisecond)
	for _, e := range entries {
		line, mac, err := s.seal(entryLine, Record{Seq: end.Seq + 1, Entry: e, Logged: now, Prev: end.MAC})
		if err != nil {
			return end, false, err
		}
		if data.Len()+len(line)+1 > MaxSegment-closeRoom {
			if line, _, err = s.seal(closeLine, closing{end.Seq, end.MAC}); err != nil {
				return end, false, err
			}
			data.Write(append(line, '\n'))
			all = false
			break
		}
		data.Write(append(line, '\n'))
		end.Seq, end.MAC = end.Seq+1, mac
	}
	if etag == "" {
		_, err = l.Bucket.PutIfAbsent(ctx, key, data.Bytes())
	} else {
		_, err = l.Bucket.PutIfMatch(ctx, key, etag, data.Bytes())
	}
	if err != nil {
		return end, false, fmt.Errorf("write segment: %w", err)
	}
	return end, all, nil
}
