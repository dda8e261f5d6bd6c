package rank

import (
	"strings"
	"unicode/utf8"
)

// Window finds the place in a text that tells most of what was asked: text[from:to]
// is at most most bytes, begins and ends between characters, where there is one
// nearby between words, and holds the most telling terms that stand so close
// together. Of equal places it is the first; without any term it is the text's
// beginning. What tells most depends on the texts added so far.
func (q *Query) Window(text string, most int) (from, to int) {
	if len(text) <= most {
		return 0, len(text)
	}
	first, last := q.densest(text, most*3/4) // the rest is for what stands around
	from = min(max(0, first-(most-(last-first))/2), len(text)-most)
	to = from + most
	for from < to && !utf8.RuneStart(text[from]) {
		from++
	}
	for to < len(text) && to > from && !utf8.RuneStart(text[to]) {
		to--
	}
	const nearby = 24
	if from > 0 {
		end := max(from, min(from+nearby, first, to))
		from += strings.IndexAny(text[from:end], " \n") + 1
	}
	if to < len(text) {
		start := min(to, max(from, to-nearby, last))
		if i := strings.LastIndexAny(text[start:to], " \n"); i >= 0 {
			to = start + i
		}
	}
	return from, to
}

// densest returns where the first and the last term begin of the most telling
// ones within a span of bytes.
func (q *Query) densest(text string, span int) (first, last int) {
	type found struct{ term, at int }
	var all []found
	offsets := q.foldAt(text)
	q.scan(func(token []byte, _ class) {
		if t, ok := q.terms[string(token)]; ok {
			all = append(all, found{t, offsets[q.at]})
		}
	})
	best, sum, start := 0.0, 0.0, 0
	within := make([]int, len(q.terms))
	for _, f := range all {
		if within[f.term]++; within[f.term] == 1 {
			sum += q.worth(f.term)
		}
		for ; f.at-all[start].at > span; start++ {
			t := all[start].term
			if within[t]--; within[t] == 0 {
				sum -= q.worth(t)
			}
		}
		if sum > best*(1+1e-9) {
			best, first, last = sum, all[start].at, f.at
		}
	}
	return first, last
}

// foldAt folds text into the scanner and returns where in text each rune
// comes from.
func (s *scanner) foldAt(text string) (offsets []int) {
	s.runes = s.runes[:0]
	for at := 0; at < len(text); {
		_, size := utf8.DecodeRuneInString(text[at:])
		s.runes = fold(s.runes, text[at:at+size])
		for len(offsets) < len(s.runes) {
			offsets = append(offsets, at)
		}
		at += size
	}
	return offsets
}
