package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"instar/shared/bucket"
)

const (
	// MaxSegment is the largest segment in bytes.
	MaxSegment = 256 << 10
	// closeRoom is kept free for the closing, in bytes.
	closeRoom = 160
	// skew is by how much the clocks of two workers may differ.
	skew = time.Hour
	// attempts is how often Append begins again because others write too.
	attempts = 32
)

// Log is one agent's audit log. It is safe for concurrent use, also by several
// processes.
type Log struct {
	Bucket bucket.Bucket
	Agent  string
	// Key is that of the MACs: seal.Bucket.Root derived with seal.ForAudit, which
	// a rotation leaves as it is. Empty makes plain SHA-256, which shows accidents
	// only. A log has one key for ever.
	Key []byte
	Now func() time.Time
}

func (l *Log) prefix() string { return l.Agent + "/audit/log/" }
func (l *Log) mark() string   { return l.Agent + "/audit/checkpoint" }

// newest is more than any entry's number.
const newest = 1_000_000_000_000

func (l *Log) segmentKey(first int64) string {
	return fmt.Sprintf("%s%012d", l.prefix(), newest-first)
}

// Append puts entries on the chain, in their order, except those whose ID is
// there already. After an error some may be there; to append the same again is
// always right. An entry may be given only when it is durable where it rides.
// Two entries that are to be one need clocks that agree within an hour.
//
// A chain that is not as Append left it is an error of type *Broken: nothing is
// added to it, so that what happened can still be seen, and the entries stay
// where they ride.
func (l *Log) Append(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	bounded := make([]Entry, len(entries))
	for i, e := range entries {
		bounded[i] = e.bounded()
	}
	s := newSigner(l.Agent, l.Key)
	for try := 0; try < attempts; {
		t, err := l.tail(ctx, s)
		if errors.Is(err, bucket.ErrPrecondition) {
			try++
			continue
		}
		if err != nil {
			return fmt.Errorf("append to audit log: %w", err)
		}
		var left []Entry
		if left, err = l.missing(ctx, s, t.segment, bounded); err == nil {
			end, all := mark{V: 1}, true
			if len(left) > 0 {
				end, all, err = l.extend(ctx, s, t.segment, left)
			} else { // by an earlier call, which may not have come further
				end.Seq, end.MAC = t.segment.last, t.segment.mac
			}
			if err == nil && !all {
				continue // with what did not fit
			}
			if err == nil {
				err = l.advance(ctx, s, t, end)
			}
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("append to audit log: %w", err)
		}
		try++ // somebody else wrote first
	}
	return errors.New("append to audit log: too many writers at once, try again")
}

// tail is the end of the chain.
type tail struct {
	mark    mark
	etag    string   // of the checkpoint
	segment *segment // the newest; nil when there is none yet
}

// tail reads the end of the chain and checks that it holds what the checkpoint
// counts. An error wrapping bucket.ErrPrecondition says to read again.
func (l *Log) tail(ctx context.Context, s *signer) (*tail, error) {
	// The checkpoint first: the chain that is read after it can only be longer.
	m, etag, err := l.readMark(ctx, s)
	if err != nil {
		return nil, err
	}
	page, err := l.Bucket.List(ctx, bucket.ListOptions{Prefix: l.prefix(), Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("find newest segment: %w", err)
	}
	t := &tail{mark: m, etag: etag}
	if len(page.Entries) == 0 {
		if m.Seq > 0 {
			return nil, &Broken{Key: l.mark(), Seq: m.Seq, Reason: "it counts entries, and there are none"}
		}
		if etag == "" { // before the first segment, so that there never is one without
			return nil, l.begin(ctx, s)
		}
		return t, nil
	}
	if etag == "" {
		if _, etag, err = l.readMark(ctx, s); err == nil && etag == "" {
			return nil, &Broken{Key: l.mark(), Reason: "the checkpoint is gone"}
		}
		if err == nil { // begun by another meanwhile
			err = bucket.ErrPrecondition
		}
		return nil, err
	}
	if t.segment, err = l.read(ctx, s, page.Entries[0].Key); err != nil {
		return nil, err
	}
	if m.Seq > t.segment.last {
		return nil, &Broken{Key: t.segment.key, Seq: t.segment.last + 1, Reason: fmt.Sprintf("the newest entries are missing: the checkpoint counts %d", m.Seq)}
	}
	mac, err := l.macAt(ctx, s, t.segment, m.Seq)
	if err == nil && mac != m.MAC {
		err = &Broken{Key: l.mark(), Seq: m.Seq, Reason: "that entry is another than the checkpoint says"}
	}
	return t, err
}

// begin makes the checkpoint of an empty log; then the tail is to be read again.
func (l *Log) begin(ctx context.Context, s *signer) error {
	data, _, err := s.seal(markLine, mark{V: 1})
	if err != nil {
		return err
	}
	if _, err := l.Bucket.PutIfAbsent(ctx, l.mark(), data); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("begin audit log: %w", err)
	}
	return bucket.ErrPrecondition
}

// readMark reads the checkpoint; its etag is "" when there is none.
func (l *Log) readMark(ctx context.Context, s *signer) (m mark, etag string, err error) {
	o, err := l.Bucket.Get(ctx, l.mark())
	if errors.Is(err, bucket.ErrNotFound) {
		return m, "", nil
	}
	if err != nil {
		return m, "", fmt.Errorf("read checkpoint: %w", err)
	}
	if _, ok := s.open(markLine, o.Data, &m); !ok || m.V != 1 || m.Seq < 0 {
		return m, "", &Broken{Key: l.mark(), Reason: "the checkpoint was changed, or made with another key"}
	}
	return m, o.ETag, nil
}

// advance has the checkpoint count the chain up to end.
func (l *Log) advance(ctx context.Context, s *signer, t *tail, end mark) error {
	if t.mark.Seq >= end.Seq {
		return nil
	}
	data, _, err := s.seal(markLine, end)
	if err != nil {
		return err
	}
	if _, err := l.Bucket.PutIfMatch(ctx, l.mark(), t.etag, data); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}

// missing are the entries that are not on the chain, each once. An entry is put
// there after it happened, so only segments that were written since the oldest
// of them are looked at: mostly the newest.
func (l *Log) missing(ctx context.Context, s *signer, seg *segment, entries []Entry) ([]Entry, error) {
	wanted := make(map[string]bool, len(entries))
	oldest := entries[0].At
	for _, e := range entries {
		wanted[e.ID] = true
		if e.At.Before(oldest) {
			oldest = e.At
		}
	}
	oldest = oldest.Add(-skew)
	for seg != nil && len(wanted) > 0 {
		for _, line := range seg.lines {
			delete(wanted, lineID(line))
		}
		if seg.open.Before == 0 || seg.open.After.Before(oldest) {
			break
		}
		var err error
		if seg, err = l.read(ctx, s, l.segmentKey(seg.open.Before)); err != nil {
			return nil, err
		}
	}
	var left []Entry
	for _, e := range entries {
		if wanted[e.ID] {
			left = append(left, e)
			delete(wanted, e.ID)
		}
	}
	return left, nil
}
