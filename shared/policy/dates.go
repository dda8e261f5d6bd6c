package policy

import "strings"

// monthDay is a date without a year: this year's, and next year's when this
// year's is over.
func (s *scan) monthDay(m, d int) bool {
	n, ok := day(s.w.at.Year(), m, d)
	if !ok {
		return false
	}
	s.out.days = append(s.out.days, n)
	if n < dayOf(s.w.at) {
		s.day(s.w.at.Year()+1, m, d)
	}
	return true
}

// numeric reads a date in digits. One in which day and month could be
// exchanged is none.
func (s *scan) numeric(i, a int) bool {
	sep := s.gap(i)
	if sep != s.gap(i+1) || sep != "-" && sep != "/" && sep != "." {
		return false
	}
	b, ok1 := atoi(s.tok(i + 1))
	third := s.tok(i + 2)
	if head, rest, ok := strings.Cut(third, "t"); ok && len(head) == 2 && len(rest) == 2 { // 2024-05-15T12:00
		third = head
		if h, ok := atoi(rest); ok && s.gap(i+2) == ":" {
			if m, ok := atoi(s.tok(i + 3)); ok {
				s.addClock(h, m)
				s.use(i+3, i+3)
			}
		}
	}
	c, ok2 := atoi(third)
	if !ok1 || !ok2 {
		return false
	}
	found := false
	switch {
	case len(s.tok(i)) == 4:
		found = s.day(a, b, c)
	case len(third) != 4:
	case sep == "." || a > 12 || a == b:
		found = s.day(c, b, a)
	case b > 12:
		found = s.day(c, a, b)
	default:
		s.use(i, i+2)
		return true
	}
	if found {
		s.use(i, i+2)
	}
	return found
}

// dayFirst reads "15 May 2024", "26th of May", "the 20th".
func (s *scan) dayFirst(i, d int) {
	j := i + 1
	if s.tok(j) == "of" {
		j++
	}
	if m := month(s.tok(j)); m != 0 && d > 0 && near(s.gap(i)) {
		if y, ok := atoi(s.tok(j + 1)); ok && len(s.tok(j+1)) == 4 {
			if s.day(y, m, d) {
				s.use(i, j+1)
			}
			return
		}
		if s.monthDay(m, d) {
			s.use(i, j)
		}
		return
	}
	if _, plain := atoi(s.tok(i)); plain || d == 0 || month(s.tok(i-1)) != 0 {
		return
	}
	now := s.w.at
	if n, ok := day(now.Year(), int(now.Month()), d); ok && n >= dayOf(now) {
		s.out.days = append(s.out.days, n)
	} else {
		next := now.AddDate(0, 1, 1-now.Day())
		s.day(next.Year(), int(next.Month()), d)
	}
	s.use(i, i)
}

// monthFirst reads "May 15th, 2024" and "June 13".
func (s *scan) monthFirst(i, m int) {
	d, ok := ordinal(s.tok(i + 1))
	if !ok || d < 1 || d > 31 || s.gap(i) != " " && s.gap(i) != ". " {
		return
	}
	if y, ok := atoi(s.tok(i + 2)); ok && len(s.tok(i+2)) == 4 && (s.gap(i+1) == ", " || s.gap(i+1) == " ") {
		if s.day(y, m, d) {
			s.use(i, i+2)
		}
		return
	}
	if s.monthDay(m, d) {
		s.use(i, i+1)
	}
}

func (s *scan) relative(i int, t string) {
	today := dayOf(s.w.at)
	add := func(n int) { s.out.days = append(s.out.days, today+n) }
	switch t {
	case "today", "tonight":
		add(0)
	case "tomorrow":
		if s.tok(i-1) == "after" && s.tok(i-2) == "day" {
			add(2)
		} else {
			add(1)
		}
	case "yesterday":
		add(-1)
	case "noon", "midday":
		s.addClock(12, 0)
	case "midnight":
		s.addClock(0, 0)
	case "now":
		s.out.moments = append(s.out.moments, s.w.at)
	case "half":
		if s.tok(i+1) == "an" && s.tok(i+2) == "hour" {
			s.out.lengths = append(s.out.lengths, 30)
			s.use(i, i+2)
		}
	}
	if wd := weekday(t); wd >= 0 {
		ahead := (wd - int(s.w.at.Weekday()) + 7) % 7
		add(ahead)
		if ahead == 0 || s.tok(i-1) == "next" {
			add(ahead + 7)
		}
	}
}

func ordinal(s string) (int, bool) {
	for _, suffix := range [...]string{"st", "nd", "rd", "th"} {
		if d, ok := strings.CutSuffix(s, suffix); ok {
			return atoi(d)
		}
	}
	return atoi(s)
}

func month(s string) int {
	for i, m := range [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"} {
		if s == m || len(s) >= 3 && s == m[:3] || s == "sept" && i == 8 {
			return i + 1
		}
	}
	return 0
}

func weekday(s string) int {
	for i, d := range [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} {
		if s == d {
			return i
		}
	}
	return -1
}
