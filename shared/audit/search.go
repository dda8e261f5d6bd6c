package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"instar/shared/bucket"
)

const (
	// MaxFound is the most entries that one Search returns.
	MaxFound = 1000
	// maxSearched is how many segments one Search reads.
	maxSearched = 32
)

// Query selects entries. Zero fields select everything.
type Query struct {
	From, To time.Time // when it happened: not before From, before To
	Kind     Kind
	Session  string
	Text     string // words that are each part of a tool, outcome, session, or of a detail's name or value; in any letter case
	Limit    int    // at most this many; 0 means 100, more than MaxFound means MaxFound
	Before   int64  // only entries with a lower number; 0 begins at the newest
}

// Found is one answer of Search, the newest entry first.
type Found struct {
	Records []Record
	// Next is the Before of the following call, or 0 when everything was looked at.
	Next int64
}

// Search looks for entries in at most 32 segments, some 20,000 entries, with a
// read each and a listing. It does not replace Verify, but marks an entry that
// was changed as Forged.
func (l *Log) Search(ctx context.Context, q Query) (Found, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, MaxFound)
	q.Text = strings.ToLower(q.Text)
	o := bucket.ListOptions{Prefix: l.prefix(), Limit: maxSearched + 1}
	if q.Before > 1 && q.Before <= newest { // keys are greater, the lower their number
		o.After = l.segmentKey(q.Before)
	} else if q.Before != 0 {
		return Found{}, nil
	}
	page, err := l.Bucket.List(ctx, o)
	if err != nil {
		return Found{}, fmt.Errorf("search audit log: %w", err)
	}
	var found Found
	s := newSigner(l.Agent, l.Key)
	for i, e := range page.Entries {
		if i == maxSearched {
			break
		}
		object, err := l.Bucket.Get(ctx, e.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue // Verify has a word for it
		}
		if err != nil {
			return found, fmt.Errorf("search audit log: %w", err)
		}
		all, _ := lines(object.Data)
		for at := len(all) - 1; at > 0; at-- {
			var r Record
			_, genuine := s.open(entryLine, all[at], &r)
			if r.Forged = !genuine; r.Seq < 1 || q.Before > 0 && r.Seq >= q.Before || !q.selects(r) {
				continue
			}
			if len(found.Records) == q.Limit {
				found.Next = found.Records[q.Limit-1].Seq
				return found, nil
			}
			found.Records = append(found.Records, r)
		}
		var first opening
		if len(all) == 0 {
			continue
		}
		if _, genuine := s.open(openLine, all[0], &first); genuine {
			found.Next = first.First
			if first.Before == 0 || first.After.Before(q.From.Add(-skew)) {
				found.Next = 0
				return found, nil
			}
		}
	}
	if len(page.Entries) <= maxSearched {
		found.Next = 0
	}
	return found, nil
}

func (q *Query) selects(r Record) bool {
	if r.At.Before(q.From) || !q.To.IsZero() && !r.At.Before(q.To) ||
		q.Kind != "" && r.Kind != q.Kind || q.Session != "" && r.Session != q.Session {
		return false
	}
	for word := range strings.FieldsSeq(q.Text) {
		if !r.holds(word) {
			return false
		}
	}
	return true
}

// holds reports whether an entry has a word, given in lower case.
func (r *Record) holds(word string) bool {
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), word) }
	if slices.ContainsFunc([]string{r.Tool, r.Outcome, r.Session}, has) {
		return true
	}
	for name, value := range r.Detail {
		if has(name) || has(value) {
			return true
		}
	}
	return false
}
