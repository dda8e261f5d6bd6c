package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"instar/shared/bucket"
)

// Head names an entry and, by its MAC, everything before it. Noted outside of
// the bucket it shows later that nothing of that was taken back.
type Head struct {
	Seq int64
	MAC string
}

func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.MAC) }

// ParseHead reads what Head.String wrote.
func ParseHead(text string) (Head, error) {
	number, mac, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 1 || seq >= newest || len(mac) != macSize {
		return Head{}, errors.New("a head is an entry's number and its MAC, such as 812:Qk...; `instar audit verify` prints it")
	}
	return Head{seq, mac}, nil
}

// Report is what Verify saw. After a *Broken it is about what stands before
// that place.
type Report struct {
	Segments int
	Entries  int64
	// Unmarked is how many of the newest entries the checkpoint does not count
	// yet, because a worker died or is still at it: those could be taken away
	// without a trace.
	Unmarked    int64
	First, Last time.Time // when the first and the last were put on the chain
	Head        Head      // the last entry
}

// Verify reads the whole chain, one segment at a time, and checks every byte of
// it. Its error is a *Broken with the first place where the chain was changed,
// or the bucket's. The entries of known must be on the chain as well. Entries
// that are appended meanwhile do not disturb it.
func (l *Log) Verify(ctx context.Context, known ...Head) (Report, error) {
	v := verifier{log: l, signer: newSigner(l.Agent, l.Key), known: map[int64][]string{}}
	for _, h := range known {
		v.known[h.Seq] = append(v.known[h.Seq], h.MAC)
	}
	err := v.run(ctx)
	var broken *Broken
	if err != nil && !errors.As(err, &broken) {
		err = fmt.Errorf("verify audit log: %w", err)
	}
	return v.report, err
}

type verifier struct {
	log    *Log
	signer *signer
	known  map[int64][]string // MACs by entry
	report Report
	before *segment
}

func (v *verifier) run(ctx context.Context) error {
	// The checkpoint first, as in Append.
	m, etag, err := v.log.readMark(ctx, v.signer)
	if err != nil {
		return err
	}
	if m.Seq > 0 {
		v.known[m.Seq] = append(v.known[m.Seq], m.MAC)
	}
	keys, err := v.log.segments(ctx)
	if err != nil {
		return err
	}
	if etag == "" && len(keys) > 0 {
		if _, etag, err = v.log.readMark(ctx, v.signer); err != nil {
			return err
		} else if etag == "" {
			return &Broken{Key: v.log.mark(), Reason: "the checkpoint is gone"}
		}
	}
	for _, key := range slices.Backward(keys) {
		o, err := v.log.Bucket.Get(ctx, key)
		if errors.Is(err, bucket.ErrNotFound) {
			return &Broken{Key: key, Reason: "the segment was removed while it was being read"}
		}
		if err != nil {
			return fmt.Errorf("read segment: %w", err)
		}
		if broken := v.segment(&segment{key: key, data: o.Data}); broken != nil {
			return broken
		}
	}
	for seq := range v.known {
		if seq > v.report.Entries {
			return &Broken{Key: v.log.mark(), Seq: v.report.Entries + 1, Reason: fmt.Sprintf("the newest entries are missing: there were %d", seq)}
		}
	}
	v.report.Unmarked = v.report.Entries - m.Seq
	return nil
}

// segment checks one segment against the one before it.
func (v *verifier) segment(seg *segment) *Broken {
	if v.before != nil && !v.before.closed {
		return &Broken{Key: v.before.key, Seq: v.report.Entries + 1, Reason: "the end of the segment is missing"}
	}
	if len(seg.data) > MaxSegment {
		return &Broken{Key: seg.key, Reason: "the segment is too large"}
	}
	parsed := seg.parse(v.signer, v.log.segmentKey)
	o := seg.open
	switch {
	case parsed != nil && parsed.Line <= 1: // nothing to go by
		return parsed
	case o.First > v.report.Entries+1:
		return &Broken{Key: v.log.segmentKey(v.report.Entries + 1), Seq: v.report.Entries + 1, Reason: "the segment is missing"}
	case o.First != v.report.Entries+1 || o.Prev != v.report.Head.MAC,
		v.before != nil && (o.Before != v.before.open.First || o.Hash != digest(v.before.data)):
		return &Broken{Key: seg.key, Line: 1, Seq: o.First, Reason: "the segment does not follow the one before"}
	}
	// Line by line also when something is wrong with the last: to find the first.
	all, _ := lines(seg.data)
	if parsed == nil && seg.closed {
		all = all[:len(all)-1]
	}
	for i, line := range all {
		if i == 0 {
			continue
		}
		if reason, seq := v.entry(line); reason != "" {
			return &Broken{Key: seg.key, Line: i + 1, Seq: seq, Reason: reason}
		}
	}
	if parsed != nil {
		return parsed
	}
	v.report.Segments++
	v.before = seg
	return nil
}

// entry checks one entry against the one before it.
func (v *verifier) entry(line []byte) (reason string, seq int64) {
	want := v.report.Entries + 1
	var r Record
	mac, ok := v.signer.open(entryLine, line, &r)
	switch {
	case !ok:
		return changed, want
	case r.Seq != want || r.Prev != v.report.Head.MAC:
		return fmt.Sprintf("entry %d stands where entry %d belongs, or does not follow it", r.Seq, want), want
	}
	for _, other := range v.known[want] {
		if other != mac {
			return "it is another entry than the checkpoint or the given head says", want
		}
	}
	if v.report.Entries == 0 {
		v.report.First = r.Logged
	}
	v.report.Entries, v.report.Last, v.report.Head = want, r.Logged, Head{want, mac}
	return "", 0
}

// segments lists the keys of all segments, the newest first.
func (l *Log) segments(ctx context.Context) (keys []string, err error) {
	o := bucket.ListOptions{Prefix: l.prefix()}
	for {
		page, err := l.Bucket.List(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("list segments: %w", err)
		}
		for _, e := range page.Entries {
			keys = append(keys, e.Key)
		}
		if o.After = page.Next; o.After == "" {
			return keys, nil
		}
	}
}
