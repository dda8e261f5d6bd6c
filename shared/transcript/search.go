package transcript

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"instar/shared/bucket"
	"instar/shared/rank"
)

// Bounds of one Search.
const (
	maxSegments = 16 // 4 MB: the newest of them
	readers     = 6  // open connections of a Worker
	maxHit      = 600
	maxHits     = 50
)

// Hit is an entry that answers a query. Its text is the part around what was
// asked for, about 600 bytes; what was cut off is "…".
type Hit struct {
	Entry
	Score float64 // only comparable within one answer
}

// Search ranks the entries against the query, best first, at most limit of
// them (0 means 10, never more than 50). No hits is not an error. The ranking
// is package rank's, as for the memory files; of equal entries the newest comes
// first. Costs one List and at most 16 reads, six at a time.
//
// Hits may come with an error: one wrapping ErrOlder when there are older
// segments than those 16, one wrapping ErrIncomplete when some of these could
// not be read, or one that wraps both.
func (l *Log) Search(ctx context.Context, query string, limit int) ([]Hit, error) {
	q := rank.New(query)
	if q.Empty() {
		return nil, nil
	}
	keys, older, err := l.segments(ctx)
	if err != nil {
		return nil, err
	}
	segments, err := l.gather(ctx, keys)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("search conversation log: %w", ctx.Err())
	}
	if older {
		err = errors.Join(err, ErrOlder)
	}
	var hits []Hit // from the newest entry to the oldest
	for _, entries := range segments {
		for _, e := range slices.Backward(entries) {
			if q.Add(e.Text, e.Time, nil) {
				hits = append(hits, Hit{Entry: e})
			}
		}
	}
	for i, score := range q.Scores(time.Now()) {
		hits[i].Score = score
	}
	slices.SortStableFunc(hits, func(x, y Hit) int { return cmp.Compare(y.Score, x.Score) })
	if limit <= 0 {
		limit = 10
	}
	hits = slices.Clone(hits[:min(limit, maxHits, len(hits))])
	for i, h := range hits {
		hits[i].Text = around(q, h.Text)
	}
	return hits, err
}

// segments returns the keys of the newest segments, and whether there are older ones.
func (l *Log) segments(ctx context.Context) (keys []string, older bool, err error) {
	page, err := l.Bucket.List(ctx, bucket.ListOptions{Prefix: l.Prefix, Limit: maxSegments})
	if err != nil {
		return nil, false, fmt.Errorf("list conversation log: %w", err)
	}
	for _, e := range page.Entries {
		if _, ok := number(e.Key[len(l.Prefix):]); ok {
			keys = append(keys, e.Key)
		}
	}
	return keys, page.Next != "", nil
}

// gather reads segments, a few at a time. The error wraps ErrIncomplete.
func (l *Log) gather(ctx context.Context, keys []string) ([][]Entry, error) {
	segments := make([][]Entry, len(keys))
	errs := make([]error, len(keys))
	next := make(chan int, len(keys))
	for i := range keys {
		next <- i
	}
	close(next)
	var wait sync.WaitGroup
	for range min(readers, len(keys)) {
		wait.Go(func() {
			for i := range next {
				segments[i], errs[i] = l.read(ctx, keys[i])
			}
		})
	}
	wait.Wait()
	return segments, errors.Join(errs...)
}

// read returns a segment's entries; those of one that was deleted meanwhile
// are none.
func (l *Log) read(ctx context.Context, key string) ([]Entry, error) {
	o, err := l.Bucket.Get(ctx, key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	case len(o.Data) > MaxSegment:
		return nil, fmt.Errorf("%w: a segment has %d bytes", ErrIncomplete, len(o.Data))
	}
	return decode(o.Data)
}

// around is the part of an entry's text that a hit shows.
func around(q *rank.Query, text string) string {
	from, to := q.Window(text, maxHit)
	part := strings.TrimSpace(text[from:to])
	if from > 0 {
		part = "…" + part
	}
	if to < len(text) {
		part += "…"
	}
	return part
}
