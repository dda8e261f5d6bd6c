package job

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// slack is how far back an "at" may lie and still mean now: whoever wrote it
// thought for a while, or the clock's seconds were left out.
const slack = time.Minute

var (
	errOne   = errors.New(`when: write exactly one of at (such as "2026-11-26T09:00"), every (such as "2h") and cron (such as "0 9 * * 1-5")`)
	errEvery = errors.New(`every: write one minute to 366 days as "90m", "2h", "1h30m" or "1d"`)
)

// Parse reads when something is to be done, in the forms a model or a person
// writes. Exactly one of the first three is not blank:
//
//   - at: RFC 3339 with an offset, or local time in the zone as
//     "2026-11-26T09:00" or "2026-11-26 09:00" (":05" for seconds). It must not
//     have passed, by more than a minute; within that minute it means now.
//   - every: "90m", "2h", "1d", "1h30m", from a minute to 366 days, counted
//     from now.
//   - cron: five fields, Sunday being 0 or 7, or @hourly, @daily, @weekly,
//     @monthly, @yearly. When both day and weekday are given (anything but "*"),
//     either is enough.
//
// zone is an IANA name, blank for UTC. Errors say what to write instead.
func Parse(at, every, cron, zone string, now time.Time) (Schedule, error) {
	at, every, cron = strings.TrimSpace(at), strings.TrimSpace(every), strings.Join(strings.Fields(cron), " ")
	s := Schedule{Zone: strings.TrimSpace(zone)}
	local, err := location(s.Zone)
	if err != nil {
		return Schedule{}, err
	}
	switch {
	case at != "" && every == "" && cron == "":
		s.At, err = parseAt(at, local, now)
	case every != "" && at == "" && cron == "":
		s.From = now.UTC().Truncate(time.Second)
		s.Every, err = parseEvery(every)
	case cron != "" && at == "" && every == "":
		s.Cron = strings.ToLower(cron)
		var e expression
		if e, err = parseCron(s.Cron); err == nil {
			if _, ok := e.next(now, local); !ok {
				err = fmt.Errorf("cron %.40q never comes; check the day and the month", s.Cron)
			}
		}
	default:
		err = errOne
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Schedule{}, err
	}
	return s, nil
}

func parseAt(text string, local *time.Location, now time.Time) (time.Time, error) {
	t, ok := readAt(text, local)
	if !ok {
		return t, fmt.Errorf(`at %.40q: write a date and a time, as "2026-11-26T09:00" (local) or "2026-11-26T09:00:00+09:00"`, text)
	}
	t, now = t.Truncate(time.Second), now.UTC().Truncate(time.Second)
	switch {
	case t.Before(now.Add(-slack)):
		return t, fmt.Errorf("at %.40q has passed: it is %s now (%s); write a time to come", text, clock(now.In(local)), local)
	case t.After(now.AddDate(100, 0, 0)):
		return t, fmt.Errorf("at %.40q is more than 100 years away; write an earlier time", text)
	case t.Before(now):
		return now, nil
	}
	return t.UTC(), nil
}

func readAt(text string, local *time.Location) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateTime} {
		if t, err := time.Parse(layout, text); err == nil {
			return moment(t, local), true
		}
	}
	return time.Time{}, false
}

// parseEvery reads whole numbers with units, each unit once, the largest first.
func parseEvery(text string) (time.Duration, error) {
	const units = "dhms"
	sizes := [...]time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}
	var sum time.Duration
	number, digits, next := time.Duration(0), 0, 0
	for _, c := range strings.ToLower(text) {
		if c >= '0' && c <= '9' {
			number, digits = number*10+time.Duration(c-'0'), digits+1
			if digits > 8 { // 366 days are 31,622,400 seconds
				return 0, errEvery
			}
			continue
		}
		unit := strings.IndexRune(units, c)
		if digits == 0 || unit < next || number > maxEvery/sizes[unit] {
			return 0, errEvery
		}
		sum += number * sizes[unit]
		number, digits, next = 0, 0, unit+1
	}
	if digits > 0 || sum < minEvery || sum > maxEvery {
		return 0, errEvery
	}
	return sum, nil
}
