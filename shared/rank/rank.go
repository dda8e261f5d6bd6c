// Package rank scores short texts against a question: BM25 over words and, in
// scripts without spaces, pairs of characters. It needs no dictionary, no index
// and no model, and gives the same scores for the same texts, question and date
// everywhere. The texts stay with the caller, who also decides about ties.
package rank

import (
	"math"
	"slices"
	"time"
)

// maxTerms is how many terms of a question count.
const maxTerms = 48

// BM25's usual parameters (Robertson and Zaragoza, 2009), and what this
// package adds: pairs of hiragana are mostly grammar and count less, and a new
// text gets up to a tenth more than one that is months old: about what one word
// more or less in a short text does.
const (
	k1            = 1.2
	lengthNorm    = 0.75 // the b of the formula
	weakWeight    = 0.15
	recency       = 0.1
	recencyHalves = 30 * 24 * time.Hour
)

// Query holds the terms that are looked for and, while texts are added, what
// is known of them. Not for concurrent use.
type Query struct {
	scanner
	terms  map[string]int
	weight []float64
	docs   []doc
	n      int   // texts seen, those without any term as well
	length int   // tokens in them
	df     []int // texts that hold each term
	tf     []int // of the text at hand
}

// doc is a text that holds at least one term.
type doc struct {
	tf     []int
	length int
	time   time.Time
}

// New takes a question apart. Words that say nothing about what is asked for
// are left out, unless there are no others.
func New(question string) *Query {
	q := &Query{terms: map[string]int{}}
	// A character by itself is a term only where it stands alone; in longer
	// text the pairs say more.
	add := func(skipCommon bool) {
		q.tokens(question, func(token []byte, c class) {
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

// Empty reports whether there is nothing to look for: no text can match.
func (q *Query) Empty() bool { return len(q.terms) == 0 }

// Counts are how often each term of a query occurs.
type Counts []int

// Count counts the terms in text: what Add takes for the text's heading.
func (q *Query) Count(text string) Counts {
	tf := make(Counts, len(q.terms))
	q.count(text, tf)
	return tf
}

// Add counts the terms in a text and reports whether there are any. under is
// what was counted in its heading, or nil: its terms count as the text's own,
// its length does not. at is when the text was written; without one it counts
// as new, for what has no date is curated and holds until someone changes it.
func (q *Query) Add(text string, at time.Time, under Counts) bool {
	q.tf = append(q.tf[:0], under...)
	if under == nil {
		q.tf = append(q.tf, make([]int, len(q.terms))...)
	}
	length := q.count(text, q.tf)
	q.n++
	q.length += length
	found := false
	for t, n := range q.tf {
		if n > 0 {
			q.df[t]++
			found = true
		}
	}
	if found {
		q.docs = append(q.docs, doc{slices.Clone(q.tf), length, at})
	}
	return found
}

// count adds the occurrences of each term in text to tf and returns the
// number of tokens.
func (q *Query) count(text string, tf []int) (length int) {
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

// Scores are those of the texts for which Add returned true, in that order,
// each above 0 and only comparable within one answer.
func (q *Query) Scores(now time.Time) []float64 {
	average := float64(q.length) / float64(max(1, q.n))
	scores := make([]float64, len(q.docs))
	for i, d := range q.docs {
		score := 0.0
		norm := k1 * (1 - lengthNorm + lengthNorm*float64(d.length)/max(1, average))
		for t, n := range d.tf {
			if n > 0 {
				score += q.worth(t) * float64(n) * (k1 + 1) / (float64(n) + norm)
			}
		}
		scores[i] = score * (1 + recency*freshness(d.time, now))
	}
	return scores
}

// worth is how much a term tells: the rarer, the more.
func (q *Query) worth(t int) float64 {
	return q.weight[t] * math.Log1p((float64(q.n-q.df[t])+0.5)/(float64(q.df[t])+0.5))
}

// freshness is 1 for now and halves every 30 days.
func freshness(t, now time.Time) float64 {
	if t.IsZero() {
		return 1
	}
	age := max(0, now.Sub(t))
	return math.Exp2(-float64(age) / float64(recencyHalves))
}
