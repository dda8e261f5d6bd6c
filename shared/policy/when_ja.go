package policy

import (
	"strings"
	"time"
	"unicode/utf8"
)

// japanese reads the dates and times of a message as they are written in
// Japanese: 5月15日, 2024年5月15日, 午後3時半, 15時30分, 明日, 来週の月曜日, 3日後.
func (s *scan) japanese() {
	text, today := s.w.lower, dayOf(s.w.at)
	if s.w.lang != japanese {
		return
	}
	for _, word := range [...]struct {
		text string
		days int
	}{{"今日", 0}, {"本日", 0}, {"今晩", 0}, {"今夜", 0}, {"明日", 1}, {"あした", 1}, {"明後日", 2}, {"あさって", 2}, {"昨日", -1}} {
		if strings.Contains(text, word.text) {
			s.out.days = append(s.out.days, today+word.days)
		}
	}
	if strings.Contains(text, "正午") {
		s.addClock(12, 0)
	}
	for i, d := range [...]string{"日曜", "月曜", "火曜", "水曜", "木曜", "金曜", "土曜"} {
		if !strings.Contains(text, d) {
			continue
		}
		ahead := (i - int(s.w.at.Weekday()) + 7) % 7
		s.out.days = append(s.out.days, today+ahead, today+ahead+7)
	}
	year, mon, hour := 0, 0, -1
	for i, t := range s.w.tokens {
		n, ok := atoi(t.text)
		if !ok || i+1 >= len(s.w.tokens) || s.gap(i) != "" {
			if !t.east || t.kana { // not the 年, 月 or 時 of the number before
				year, mon, hour = 0, 0, -1
			}
			continue
		}
		after := s.w.lower[t.to:]
		r, _ := utf8.DecodeRuneInString(after)
		switch {
		case strings.HasPrefix(after, "日後"), strings.HasPrefix(after, "週間後"):
			if r == '週' {
				n *= 7
			}
			s.out.days = append(s.out.days, today+n)
		case strings.HasPrefix(after, "時間後"), strings.HasPrefix(after, "分後"):
			s.out.moments = append(s.out.moments, s.w.at.Add(time.Duration(n)*japaneseUnit(r)*time.Minute))
		case strings.HasPrefix(after, "時間"), strings.HasPrefix(after, "分間"), strings.HasPrefix(after, "日間"):
			s.out.lengths = append(s.out.lengths, n*int(japaneseUnit(r)))
		case r == '年':
			year = n
			s.use(i, i)
			continue
		case r == '月':
			mon = n
			s.use(i, i)
			continue
		case r == '日' && mon != 0 && year != 0:
			s.day(year, mon, n)
		case r == '日' && mon != 0:
			s.monthDay(mon, n)
		case r == '時':
			if n < 12 && strings.HasSuffix(s.w.lower[:t.from], "午後") {
				n += 12
			}
			hour = n
			if strings.HasPrefix(after, "時半") {
				s.addClock(n, 30)
			} else if next := s.tok(i + 2); !digits(next) || !strings.HasPrefix(s.w.lower[s.w.tokens[i+2].to:], "分") {
				s.addClock(n, 0)
			}
			s.use(i, i)
			continue
		case r == '分' && hour >= 0:
			s.addClock(hour, n)
		case r == '分':
			s.out.lengths = append(s.out.lengths, n)
		default:
			continue
		}
		s.use(i, i)
	}
}

func japaneseUnit(r rune) time.Duration {
	switch r {
	case '時':
		return 60
	case '日':
		return 1440
	}
	return 1
}
