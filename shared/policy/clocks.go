package policy

import (
	"strings"
	"time"
)

// clock reads 10:00, 3:30 pm, 10 am, at 8, 8 o'clock.
func (s *scan) clock(i, h int) bool {
	last, m := i, 0
	if s.gap(i) == ":" && len(s.tok(i+1)) >= 2 {
		min := s.tok(i + 1)
		half := strings.TrimLeft(min, "0123456789")
		n, ok := atoi(strings.TrimSuffix(min, half))
		if !ok || len(min)-len(half) != 2 || n > 59 || half != "" && half != "am" && half != "pm" {
			return false
		}
		m, last = n, i+1
		if half != "" {
			s.half(h, m, half)
			s.use(i, last)
			return true
		}
		if s.gap(last) == ":" { // seconds
			last++
		}
	}
	next := s.tok(last + 1)
	if near(s.gap(last)) && (next == "am" || next == "pm") {
		s.half(h, m, next)
		s.use(i, last+1)
		return true
	}
	if near(s.gap(last)) && (next == "a" || next == "p") && s.tok(last+2) == "m" && s.gap(last+1) == "." {
		s.half(h, m, next+"m")
		s.use(i, last+2)
		return true
	}
	if last > i {
		s.addClock(h, m)
		s.use(i, last)
		return true
	}
	if next == "o'clock" || s.tok(i-1) == "at" && s.gap(i-1) == " " && h <= 23 && unit(next) == 0 && s.gap(i) != "." {
		s.addClock(h, 0)
		if h < 12 {
			s.addClock(h+12, 0)
		}
		s.use(i, i)
		return true
	}
	return false
}

func near(gap string) bool { return gap == " " || gap == "" }

func (s *scan) suffixed(i int, h string, add int) {
	if n, ok := atoi(h); ok && n >= 1 && n <= 12 {
		s.addClock(n%12+add, 0)
		s.use(i, i)
	}
}

func (s *scan) half(h, m int, half string) {
	if h < 1 || h > 12 {
		return
	}
	h %= 12
	if half == "pm" {
		h += 12
	}
	s.addClock(h, m)
}

func (s *scan) addClock(h, m int) {
	if h >= 0 && h < 24 && m >= 0 && m < 60 {
		s.out.clocks = append(s.out.clocks, h*60+m)
	}
}

// length reads "2 hours", "1-hour", "an hour", "in 3 days".
func (s *scan) length(i, n int) bool {
	u := s.tok(i + 1)
	if g := s.gap(i); g != " " && g != "-" || n <= 0 || n > 10000 {
		return false
	}
	if u == "business" || u == "working" {
		return false
	}
	minutes := unit(u)
	if minutes == 0 {
		return false
	}
	total := n * minutes
	if s.tok(i+2) == "and" && s.tok(i+3) == "a" && s.tok(i+4) == "half" {
		total += minutes / 2
	}
	s.use(i, i+1)
	if s.tok(i-1) == "in" || s.tok(i+2) == "from" && s.tok(i+3) == "now" {
		if minutes >= 1440 {
			s.out.days = append(s.out.days, dayOf(s.w.at)+total/1440)
		} else {
			s.out.moments = append(s.out.moments, s.w.at.Add(time.Duration(total)*time.Minute))
		}
		return true
	}
	s.out.lengths = append(s.out.lengths, total)
	return true
}

func numberWord(s string) int {
	for i, w := range [...]string{"a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"} {
		if s == w {
			return max(i, 1)
		}
	}
	switch s {
	case "an":
		return 1
	case "fifteen":
		return 15
	case "twenty":
		return 20
	case "thirty":
		return 30
	case "forty":
		return 40
	case "ninety":
		return 90
	}
	return 0
}

// unit is how many minutes a unit of time has, 0 for another word.
func unit(s string) int {
	switch s {
	case "minute", "minutes", "min", "mins", "m":
		return 1
	case "hour", "hours", "hr", "hrs", "h":
		return 60
	case "day", "days":
		return 1440
	case "week", "weeks":
		return 7 * 1440
	}
	return 0
}
