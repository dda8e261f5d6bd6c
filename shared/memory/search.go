package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"instar/shared/bucket"
	"instar/shared/rank"
)

// Bounds of one Search. What is beyond them is not searched: daily logs before
// the newest 60 or beyond 1 MB of them, those of more than two years ago, and
// what is over MaxFile in a file. An index object beside the logs could lift
// them later: it would replace logs and gather and leave the ranking as it is.
const (
	maxLogs     = 60
	maxLogBytes = 1 << 20
	maxLogAge   = 2 * 365 * 24 * time.Hour // so that one listing holds them all
	readers     = 6                        // open connections of a Worker
	maxPiece    = 1500                     // bytes of one hit
	maxHits     = 50
)

// Hit is an entry that answers a query.
type Hit struct {
	Source        // of the text: what is recalled is as trusted as it was then
	File   string // "MEMORY.md", "memory/2026-01-05.md"
	Line   int    // where it starts, from 1
	Text   string
	// Section is the heading it stands under, or "".
	Section string
	Score   float64   // only comparable within one answer
	Time    time.Time // zero for undated entries of MEMORY.md and USER.md
}

// Search ranks the entries, list items and paragraphs of MEMORY.md, USER.md
// and the daily logs against the query, best first, at most limit of them (0
// means 10, never more than 50). An entry's section counts as part of it. No
// hits is not an error. Costs one List and at most 62 reads, six at a time.
//
// The ranking is package rank's; a newer entry wins over
// an older one of about the same score. The order depends on the files, the
// query and the date alone.
//
// When some files cannot be read the rest is searched, and the hits come with
// an error wrapping ErrIncomplete.
func (s *Store) Search(ctx context.Context, query string, limit int) ([]Hit, error) {
	q := &ranking{Query: rank.New(query)}
	if q.Empty() {
		return nil, nil
	}
	names, _, err := s.logs(ctx)
	if err != nil {
		return nil, err
	}
	names = append(names, Curated, User)
	texts, err := s.gather(ctx, names)
	for i, name := range names {
		q.add(name, texts[i])
	}
	if limit <= 0 {
		limit = 10
	}
	return q.best(min(limit, maxHits), s.now()), err
}

// logs returns the names of the daily logs to search, newest first, and how
// many of the last two years are beyond the bounds.
func (s *Store) logs(ctx context.Context) (names []string, left int, err error) {
	folder := s.prefix + "memory/"
	options := bucket.ListOptions{Prefix: folder, After: folder + s.now().Add(-maxLogAge).Format(time.DateOnly)}
	var logs []bucket.Entry
	for more := true; more; more = options.After != "" {
		page, err := s.b.List(ctx, options)
		if err != nil {
			return nil, 0, fmt.Errorf("list daily logs: %w", err)
		}
		logs = append(logs, page.Entries...)
		options.After = page.Next
	}
	var size int64
	for _, e := range slices.Backward(logs) {
		name := strings.TrimPrefix(e.Key, s.prefix)
		if _, ok := readable(name); !ok {
			continue
		}
		if e.Size <= MaxFile {
			size += e.Size
		}
		if e.Size > MaxFile || len(names) == maxLogs || size > maxLogBytes {
			left++
			continue
		}
		names = append(names, name)
	}
	return names, left, nil
}

// gather reads files, a few at a time. A missing one is "".
func (s *Store) gather(ctx context.Context, names []string) ([]string, error) {
	texts := make([]string, len(names))
	errs := make([]error, len(names))
	each(len(names), func(i int) { texts[i], errs[i] = s.text(ctx, names[i]) })
	if err := errors.Join(errs...); err != nil {
		return texts, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return texts, nil
}

// each calls do with 0 to n-1, a few at a time.
func each(n int, do func(i int)) {
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var wait sync.WaitGroup
	for range min(readers, n) {
		wait.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	wait.Wait()
}

// ranking is a query and the hits it has found so far, one for each score.
type ranking struct {
	*rank.Query
	hits []Hit
}

// add counts the terms in each piece of a file. Headings are no answers by
// themselves, unless nothing stands under them, but count for what does.
func (q *ranking) add(name, raw string) {
	day, _ := readable(name)
	blocks := parse(raw, day)
	section, under := "", q.Count("")
	for i, bl := range blocks {
		if bl.kind == heading {
			section = strings.TrimSpace(strings.TrimLeft(bl.Text, "#"))
			under = q.Count(section)
			if i+1 < len(blocks) && (blocks[i+1].kind != heading || level(blocks[i+1].Text) > level(bl.Text)) {
				continue
			}
		}
		hit := Hit{Source: bl.Source, File: name, Section: section, Time: bl.Time}
		if bl.kind == heading {
			hit.Section = ""
		}
		for at, piece := range pieces(bl.Text) {
			hit.Line = bl.line + strings.Count(bl.Text[:at], "\n")
			hit.Text = strings.TrimSpace(piece)
			if q.Add(hit.Text, hit.Time, under) {
				q.hits = append(q.hits, hit)
			}
		}
	}
}

// level is the number of # before a heading.
func level(text string) int { return len(text) - len(strings.TrimLeft(text, "#")) }

// pieces cuts a long text at line ends, else at spaces, so that a hit is never
// more than maxPiece bytes. It yields the offset of each piece.
func pieces(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		at := 0
		for len(text)-at > maxPiece {
			end, _ := window(text[at:], maxPiece, 0)
			if text[at+end-1] != '\n' {
				if i := strings.LastIndexByte(text[at:at+end], ' '); i >= 0 {
					end = i + 1
				}
			}
			if !yield(at, text[at:at+end]) {
				return
			}
			at += end
		}
		yield(at, text[at:])
	}
}

// best scores the entries and returns the first of them.
func (q *ranking) best(limit int, now time.Time) []Hit {
	for i, score := range q.Scores(now) {
		q.hits[i].Score = score
	}
	slices.SortFunc(q.hits, func(x, y Hit) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), y.Time.Compare(x.Time),
			strings.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line))
	})
	return q.hits[:min(limit, len(q.hits))]
}
