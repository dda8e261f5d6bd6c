package policy

import (
	"strconv"
	"strings"
	"time"
)

// times are the dates, times of the day and lengths that a message names, as
// the owner writes them, counted from when it was said. Each list holds every
// reading of what can be read in more ways than one.
type times struct {
	days    []int // days since 1970-01-01
	clocks  []int // minutes of the day
	lengths []int // minutes
	moments []time.Time
}

// number is an amount in a message: not a part of a date, a time, a length, an
// address or a percentage.
type number struct {
	span
	value    string // decimal, without grouping and trailing zeros
	currency string // ISO 4217, "" when none is written beside it
}

func dayOf(t time.Time) int {
	return int(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// day is the number of a date, false when the calendar does not have it.
func day(y, m, d int) (int, bool) {
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return dayOf(t), y >= 1900 && y < 2200 && t.Day() == d && int(t.Month()) == m
}

// scan walks a message's words for times and numbers.
type scan struct {
	w    *words
	out  times
	used []bool // per token: part of a date, a time or a length
}

func scanTimes(w *words) (times, []number) {
	s := &scan{w: w, used: make([]bool, len(w.tokens))}
	for i := range w.tokens {
		if !s.used[i] {
			s.at(i)
		}
	}
	s.japanese()
	return s.out, s.numbers()
}

// tok is the text of word i, "" outside.
func (s *scan) tok(i int) string {
	if i < 0 || i >= len(s.w.tokens) {
		return ""
	}
	return s.w.tokens[i].text
}

// gap is what stands between word i and the next.
func (s *scan) gap(i int) string {
	if i < 0 || i+1 >= len(s.w.tokens) {
		return "\n"
	}
	return s.w.lower[s.w.tokens[i].to:s.w.tokens[i+1].from]
}

func (s *scan) use(from, to int) {
	for i := from; i <= to && i < len(s.used); i++ {
		s.used[i] = true
	}
}

func (s *scan) day(y, m, d int) bool {
	n, ok := day(y, m, d)
	if ok {
		s.out.days = append(s.out.days, n)
	}
	return ok
}

// at reads what begins at word i.
func (s *scan) at(i int) {
	t := s.tok(i)
	if n, ok := atoi(t); ok {
		if s.numeric(i, n) || s.clock(i, n) || s.length(i, n) {
			return
		}
	}
	if d, ok := ordinal(t); ok && d <= 31 {
		s.dayFirst(i, d)
	}
	if m := month(t); m != 0 {
		s.monthFirst(i, m)
	}
	s.relative(i, t)
	if n := numberWord(t); n != 0 {
		s.length(i, n)
	}
	if h, ok := strings.CutSuffix(t, "am"); ok {
		s.suffixed(i, h, 0)
	} else if h, ok := strings.CutSuffix(t, "pm"); ok {
		s.suffixed(i, h, 12)
	}
	for _, u := range [...]string{"h", "min", "m"} {
		if n, ok := atoi(strings.TrimSuffix(t, u)); ok && strings.HasSuffix(t, u) {
			s.out.lengths = append(s.out.lengths, n*unit(u))
			s.use(i, i)
		}
	}
}

func atoi(s string) (int, bool) {
	if !digits(s) || len(s) > 6 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
