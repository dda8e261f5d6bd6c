package quarantine

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// moment is a date that was answered.
type moment struct {
	at   time.Time
	form string // the layout of its normal form
}

// The normal forms. A text that gives a time without a zone gives no offset, so
// none is made up.
const (
	dayForm   = "2006-01-02"
	localForm = "2006-01-02T15:04:05"
	zonedForm = time.RFC3339
)

// parseMoment reads an RFC 3339 date or date-time, seconds and offset optional,
// of a year that policy takes too (1900 to 2199). Fractions of seconds are
// dropped.
func parseMoment(s string) (moment, bool) {
	if len(s) > len("2006-01-02T15:04:05.999999999+00:00") {
		return moment{}, false
	}
	for _, l := range [...]struct{ layout, form string }{
		{dayForm, dayForm}, {"2006-01-02T15:04", localForm}, {localForm, localForm}, {"2006-01-02T15:04Z07:00", zonedForm}, {zonedForm, zonedForm},
	} {
		if t, err := time.Parse(l.layout, s); err == nil {
			return moment{t, l.form}, t.Year() >= 1900 && t.Year() < 2200
		}
	}
	return moment{}, false
}

func (m moment) String() string { return m.at.Format(m.form) }

// token is a run of digits or of letters of a folded text.
type token struct {
	from, to int
	num      int    // -1 for letters and for more than 8 digits
	word     string // letters, in lower case
}

// calendar finds the dates that a text writes.
type calendar struct {
	text   string
	tokens []token
	nums   map[int][]int // where each number stands
	months [13][]int     // where each month's name stands
}

func calendarOf(text string) *calendar {
	c := &calendar{text: text, nums: map[int][]int{}}
	kind := func(r rune) int {
		switch {
		case isDigit(r):
			return 1
		case unicode.IsLetter(r):
			return 2
		}
		return 0
	}
	from, last := 0, 0
	end := func(to int) {
		if last == 0 {
			return
		}
		t := token{from: from, to: to, num: -1}
		if last == 1 && to-from <= 8 {
			t.num, _ = strconv.Atoi(text[from:to])
			c.nums[t.num] = append(c.nums[t.num], len(c.tokens))
		} else if last == 2 {
			t.word = strings.ToLower(text[from:to])
			if m := monthOf(t.word); m > 0 {
				c.months[m] = append(c.months[m], len(c.tokens))
			}
		}
		c.tokens = append(c.tokens, t)
	}
	for i, r := range text {
		if k := kind(r); k != last {
			end(i)
			from, last = i, k
		}
	}
	end(len(text))
	return c
}

// monthOf is the month that a word in lower case begins to name in English,
// German, French, Spanish, Italian, Portuguese or Dutch, 0 for none.
func monthOf(word string) int {
	for i, names := range [...]string{"jan gen ene", "feb fev fév", "mar mär maa", "apr avr abr", "may mai maj mag mei", "jun juin giu", "jul juil lug",
		"aug aoû aou ago", "sep set", "oct okt ott out", "nov", "dec dez déc dic"} {
		for name := range strings.FieldsSeq(names) {
			if strings.HasPrefix(word, name) {
				return i + 1
			}
		}
	}
	return 0
}

// has reports whether the text writes the day: year, month and day within five
// words of each other, the month as a number or by its name, in any order (both
// 4/1 and 1/4 are the first of April); as 20260401; as 1/4/26; or without a year
// by the month's name or as 4月1日. What a day is called otherwise ("tomorrow",
// "next Friday", other calendars and languages) is not found.
func (c *calendar) has(t time.Time) bool {
	y, m, d := t.Year(), int(t.Month()), t.Day()
	if len(c.nums[y*10000+m*100+d]) > 0 {
		return true
	}
	for _, i := range c.nums[y] {
		if c.around(i, 4, m, d) {
			return true
		}
	}
	for _, i := range c.nums[y%100] {
		if a, b := c.num(i-2), c.num(i-1); c.tokens[i].to-c.tokens[i].from == 2 && (a == d && b == m || a == m && b == d) {
			return true
		}
	}
	for _, i := range c.months[m] {
		if c.yearless(i, d) {
			return true
		}
	}
	for _, i := range c.nums[m] {
		if strings.HasPrefix(c.word(i+1), "月") && c.num(i+2) == d && !c.year(i-2) {
			return true
		}
	}
	return false
}

// around reports whether day and month stand at most n words from word i, in
// different words.
func (c *calendar) around(i, n, m, d int) bool {
	days, months, both := 0, 0, 0
	for j := max(0, i-n); j <= min(len(c.tokens)-1, i+n); j++ {
		t := c.tokens[j]
		day, month := j != i && t.num == d, j != i && (t.num == m || t.word != "" && monthOf(t.word) == m)
		switch {
		case day && month:
			both++
		case day:
			days++
		case month:
			months++
		}
	}
	return min(1, days)+min(1, months)+both >= 2
}

// yearless reports whether the day stands within two words of the month's name
// at word i, and no year near them.
func (c *calendar) yearless(i, d int) bool {
	found := false
	for j := i - 3; j <= i+3; j++ {
		if c.year(j) {
			return false
		}
		found = found || j >= i-2 && j <= i+2 && c.num(j) == d
	}
	return found
}

func (c *calendar) year(i int) bool { n := c.num(i); return n >= 1900 && n < 2200 }

// num is the number at word i, -1 for none.
func (c *calendar) num(i int) int {
	if i < 0 || i >= len(c.tokens) {
		return -1
	}
	return c.tokens[i].num
}

func (c *calendar) word(i int) string {
	if i < 0 || i >= len(c.tokens) {
		return ""
	}
	return c.tokens[i].word
}

// clock reports whether the text writes the time of the day anywhere: 14:30,
// 14.30, 14h30, 2:30 pm, 2 pm, 14 Uhr, 14時. Seconds and the zone are not looked
// for.
func (c *calendar) clock(t time.Time) bool {
	h, m := t.Hour(), t.Minute()
	half, short := "am", (h+11)%12+1
	if h >= 12 {
		half = "pm"
	}
	for _, hour := range [...]int{h, short} {
		for _, i := range c.nums[hour] {
			end := i // the word of the minutes, or the hour's when there are none
			switch {
			case c.num(i+1) == m && c.tokens[i+1].to-c.tokens[i+1].from == 2 && strings.ContainsAny(c.text[c.tokens[i].to:c.tokens[i+1].from], ":."):
				end = i + 1
			case c.num(i+2) == m && (c.word(i+1) == "h" || c.word(i+1) == "時"):
				end = i + 2
			case m != 0:
				continue
			}
			after := c.word(end + 1)
			if strings.HasPrefix(after, half) || after == half[:1] && c.word(end+2) == "m" {
				return true
			}
			named := end > i || after == "h" || after == "uhr" || strings.HasPrefix(after, "時")
			if hour == h && named && !strings.HasPrefix(after, "pm") && !strings.HasPrefix(after, "am") {
				return true
			}
		}
	}
	return false
}
