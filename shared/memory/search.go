package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"instar/shared/bucket"
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
	maxTerms    = 48                       // of a query
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
// The ranking is BM25 over words and character pairs; a newer entry wins over
// an older one of about the same score. The order depends on the files, the
// query and the date alone.
//
// When some files cannot be read the rest is searched, and the hits come with
// an error wrapping ErrIncomplete.
func (s *Store) Search(ctx context.Context, query string, limit int) ([]Hit, error) {
	q := newQuery(query)
	if len(q.terms) == 0 {
		return nil, nil
	}
	names, err := s.logs(ctx)
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

// logs returns the names of the daily logs to search, newest first.
func (s *Store) logs(ctx context.Context) ([]string, error) {
	folder := s.prefix + "memory/"
	options := bucket.ListOptions{Prefix: folder, After: folder + s.now().Add(-maxLogAge).Format(time.DateOnly)}
	var logs []bucket.Entry
	for more := true; more; more = options.After != "" {
		page, err := s.b.List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list daily logs: %w", err)
		}
		logs = append(logs, page.Entries...)
		options.After = page.Next
	}
	var names []string
	var size int64
	for _, e := range slices.Backward(logs) {
		name := strings.TrimPrefix(e.Key, s.prefix)
		if _, ok := readable(name); !ok || e.Size > MaxFile {
			continue
		}
		size += e.Size
		if len(names) == maxLogs || size > maxLogBytes {
			break
		}
		names = append(names, name)
	}
	return names, nil
}

// gather reads files, a few at a time. A missing one is "".
func (s *Store) gather(ctx context.Context, names []string) ([]string, error) {
	texts := make([]string, len(names))
	errs := make([]error, len(names))
	next := make(chan int, len(names))
	for i := range names {
		next <- i
	}
	close(next)
	var wait sync.WaitGroup
	for range min(readers, len(names)) {
		wait.Go(func() {
			for i := range next {
				texts[i], errs[i] = s.text(ctx, names[i])
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return texts, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return texts, nil
}

// BM25's usual parameters (Robertson and Zaragoza, 2009), and what this
// package adds: pairs of hiragana are mostly grammar and count less, and a new
// entry gets up to a tenth more than one that is months old: about what one word
// more or less in a short entry does.
const (
	k1            = 1.2
	lengthNorm    = 0.75 // the b of the formula
	weakWeight    = 0.15
	recency       = 0.1
	recencyHalves = 30 * 24 * time.Hour
)

// query holds the terms that are looked for and, while files are added, what
// is known of them.
type query struct {
	scanner
	terms  map[string]int
	weight []float64
	docs   []doc
	n      int   // entries seen, those without any term as well
	length int   // tokens in them
	df     []int // entries that hold each term
}

// doc is an entry that holds at least one term.
type doc struct {
	hit    Hit
	tf     []int
	length int
}

func newQuery(text string) *query {
	q := &query{terms: map[string]int{}}
	// A character by itself is a term only where it stands alone; in longer
	// text the pairs say more.
	add := func(skipCommon bool) {
		q.tokens(text, func(token []byte, c class) {
			if c == single || skipCommon && common(string(token)) || len(q.terms) == maxTerms {
				return
			}
			if _, seen := q.terms[string(token)]; seen {
				return
			}
			q.terms[string(token)] = len(q.weight)
			weight := 1.0
			if c == weak {
				weight = weakWeight
			}
			q.weight = append(q.weight, weight)
		})
	}
	add(true)
	if len(q.terms) == 0 {
		add(false)
	}
	q.df = make([]int, len(q.terms))
	return q
}

// add counts the terms in each piece of a file. Headings are no answers by
// themselves, unless nothing stands under them, but count for what does.
func (q *query) add(name, raw string) {
	day, _ := readable(name)
	blocks := parse(raw, day)
	section, under := "", make([]int, len(q.terms))
	for i, bl := range blocks {
		if bl.kind == heading {
			section = strings.TrimSpace(strings.TrimLeft(bl.Text, "#"))
			clear(under)
			q.count(section, under)
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
			q.piece(hit, under)
		}
	}
}

// level is the number of # before a heading.
func level(text string) int { return len(text) - len(strings.TrimLeft(text, "#")) }

func (q *query) piece(hit Hit, under []int) {
	tf := slices.Clone(under)
	length := q.count(hit.Text, tf)
	q.n++
	q.length += length
	found := false
	for t, n := range tf {
		if n > 0 {
			q.df[t]++
			found = true
		}
	}
	if found {
		q.docs = append(q.docs, doc{hit, tf, length})
	}
}

// count adds the occurrences of each term in text to tf and returns the
// number of tokens.
func (q *query) count(text string, tf []int) (length int) {
	q.tokens(text, func(token []byte, c class) {
		if t, ok := q.terms[string(token)]; ok {
			tf[t]++
		}
		if c != single {
			length++
		}
	})
	return length
}

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
func (q *query) best(limit int, now time.Time) []Hit {
	average := float64(q.length) / float64(max(1, q.n))
	hits := make([]Hit, len(q.docs))
	for i, d := range q.docs {
		score := 0.0
		norm := k1 * (1 - lengthNorm + lengthNorm*float64(d.length)/max(1, average))
		for t, n := range d.tf {
			if n > 0 {
				idf := math.Log1p((float64(q.n-q.df[t]) + 0.5) / (float64(q.df[t]) + 0.5))
				score += q.weight[t] * idf * float64(n) * (k1 + 1) / (float64(n) + norm)
			}
		}
		hits[i] = d.hit
		hits[i].Score = score * (1 + recency*freshness(d.hit.Time, now))
	}
	slices.SortFunc(hits, func(x, y Hit) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), y.Time.Compare(x.Time),
			strings.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line))
	})
	return hits[:min(limit, len(hits))]
}

// freshness is 1 for now and halves every 30 days. What has no date is
// curated, and holds until someone changes it.
func freshness(t, now time.Time) float64 {
	if t.IsZero() {
		return 1
	}
	age := max(0, now.Sub(t))
	return math.Exp2(-float64(age) / float64(recencyHalves))
}
