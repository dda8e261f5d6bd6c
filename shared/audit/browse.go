package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"instar/shared/bucket"
)

// Checked says whether the part of the chain that Browse read is as Append left
// it. What lies outside of that part may be broken all the same; only Verify
// reads all of it.
type Checked struct {
	From, Through int64   // numbers of the first and the last entry that are right; 0 when there are none
	Broken        *Broken // the first place that is not, or nil
}

// Browse is Search for a person who looks through the log, and checks what it
// reads on the way as Verify does: every line of it, that each segment follows
// the one before, and on the newest page that nothing is missing which the
// checkpoint counts. It costs at most two reads more than Search.
func (l *Log) Browse(ctx context.Context, q Query) (Found, Checked, error) {
	c := &check{log: l, signer: newSigner(l.Agent, l.Key)}
	if q.Before == 0 { // the checkpoint first: the chain that is read after it can only be longer
		if err := c.readMark(ctx); err != nil {
			return Found{}, Checked{}, fmt.Errorf("browse audit log: %w", err)
		}
	}
	seen := &recorder{Bucket: l.Bucket}
	found, err := (&Log{Bucket: seen, Agent: l.Agent, Key: l.Key, Now: l.Now}).Search(ctx, q)
	if err == nil && q.Before > 1 { // the page before may have ended with the first entry of this one
		if _, err = seen.Get(ctx, l.segmentKey(q.Before)); errors.Is(err, bucket.ErrNotFound) {
			err = nil
		}
	}
	if err == nil && q.Before == 0 && !c.marked && len(seen.objects) > 0 { // begun meanwhile, or taken away
		if err = c.readMark(ctx); err == nil && !c.marked && c.broken == nil {
			c.broken = &Broken{Key: l.mark(), Reason: "the checkpoint is gone"}
		}
	}
	if err != nil {
		return Found{}, Checked{}, fmt.Errorf("browse audit log: %w", err)
	}
	done := c.run(seen.objects)
	if done.Broken == nil && done.From > 1 && found.Next == 0 && q.From.IsZero() {
		done.Broken = &Broken{Key: l.segmentKey(1), Seq: done.From - 1, Reason: "the entries before are missing"}
	}
	return found, done, nil
}

// check is the state of one Browse.
type check struct {
	log    *Log
	signer *signer
	mark   mark
	marked bool    // there is a checkpoint
	broken *Broken // and it is not right
}

func (c *check) readMark(ctx context.Context) error {
	m, etag, err := c.log.readMark(ctx, c.signer)
	c.mark, c.marked = m, etag != ""
	if errors.As(err, &c.broken) {
		c.mark, c.marked = mark{}, true
		return nil
	}
	return err
}

// run checks segments that follow each other, given in any order.
func (c *check) run(segments []bucket.Object) (done Checked) {
	slices.SortFunc(segments, func(a, b bucket.Object) int { return strings.Compare(b.Key, a.Key) }) // the oldest first
	v := verifier{log: c.log, signer: c.signer, known: map[int64][]string{}}
	if c.mark.Seq > 0 {
		v.known[c.mark.Seq] = []string{c.mark.MAC}
	}
	for i, o := range segments {
		if i == 0 {
			done.From = v.begin(o.Data)
		}
		if done.Broken = v.segment(&segment{key: o.Key, data: o.Data}); done.Broken != nil {
			break
		}
	}
	if done.Through = v.report.Entries; done.Through < done.From {
		done.From, done.Through = 0, 0
	}
	if done.Broken == nil && c.mark.Seq > done.Through {
		done.Broken = &Broken{Key: c.log.mark(), Seq: done.Through + 1, Reason: fmt.Sprintf("the newest entries are missing: there were %d", c.mark.Seq)}
	}
	if c.broken != nil {
		done.Broken = c.broken
	}
	return done
}

// begin takes a segment's opening at its word for what is before it, and returns
// the number of its first entry, or 0.
func (v *verifier) begin(data []byte) int64 {
	all, ok := lines(data)
	if !ok {
		return 0
	}
	var o opening
	if _, ok := v.signer.open(openLine, all[0], &o); !ok || o.First < 1 {
		return 0
	}
	if o.First > 1 {
		v.report.Entries, v.report.Head = o.First-1, Head{o.First - 1, o.Prev}
	}
	return o.First
}

// recorder remembers the objects that were read.
type recorder struct {
	bucket.Bucket
	objects []bucket.Object
}

func (r *recorder) Get(ctx context.Context, key string) (bucket.Object, error) {
	o, err := r.Bucket.Get(ctx, key)
	if err == nil {
		r.objects = append(r.objects, o)
	}
	return o, err
}
