package job

import (
	"errors"
	"fmt"
	"strings"
	"time"

	cron "github.com/netresearch/go-cron"
)

// expression is a cron expression: the calendar's matches, and the rule for
// when the clocks change.
type expression struct {
	calendar cron.Schedule
	interval bool // follows elapsed time
}

const cronForm = `write five fields, minute hour day month weekday, such as "0 9 * * 1-5" (at 9:00 from Monday to Friday), or @hourly, @daily, @weekly, @monthly, @yearly`

func parseCron(text string) (expression, error) {
	// Lower case: the library takes the H of "THU" for something else.
	fields := strings.Fields(named(strings.ToLower(text)))
	if strings.HasPrefix(text, "@every") {
		return expression{}, errors.New(`cron: write an interval as every, such as every "30m"`)
	}
	if len(fields) != 5 || len(text) > 200 {
		return expression{}, fmt.Errorf("cron %.40q: %s", text, cronForm)
	}
	for _, f := range fields {
		if strings.ContainsAny(f, "?=#") { // other programs' extensions, some of which the library knows
			return expression{}, fmt.Errorf("cron %.40q: %s", text, cronForm)
		}
	}
	parser, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom)
	if err != nil {
		return expression{}, fmt.Errorf("cron: %w", err)
	}
	// 29 February comes after eight years at the latest, as in 2104.
	calendar, err := parser.WithMaxSearchYears(9).Parse(strings.Join(fields, " "))
	if err != nil {
		return expression{}, fmt.Errorf("cron %.40q: %.120s; %s", text, err.Error(), cronForm)
	}
	return expression{calendar, fields[0][0] == '*' || fields[1][0] == '*'}, nil
}

func named(text string) string {
	switch text {
	case "@hourly":
		return "0 * * * *"
	case "@daily", "@midnight":
		return "0 0 * * *"
	case "@weekly":
		return "0 0 * * 0"
	case "@monthly":
		return "0 0 1 * *"
	case "@yearly", "@annually":
		return "0 0 1 1 *"
	}
	return text
}

func (e expression) next(after time.Time, zone *time.Location) (time.Time, bool) {
	if e.interval {
		return e.elapsed(after, zone)
	}
	// moment never goes back when its argument goes on, so nothing that the
	// clock has shown before is due.
	for wall := e.calendar.Next(reading(after.In(zone))); !wall.IsZero(); wall = e.calendar.Next(wall) {
		if t := moment(wall, zone); t.After(after) {
			return t, true
		}
	}
	return time.Time{}, false
}

// elapsed looks at one stretch of constant offset after the other.
func (e expression) elapsed(after time.Time, zone *time.Location) (time.Time, bool) {
	from := after.Truncate(time.Second).Add(time.Second)
	for range 200 { // stretches, a few a year: enough for any match that comes
		from = from.In(zone)
		wall := e.calendar.Next(reading(from).Add(-time.Second))
		if wall.IsZero() {
			return time.Time{}, false
		}
		_, offset := from.Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		_, end := from.ZoneBounds()
		if end.IsZero() || t.Before(end) {
			return t, true
		}
		from = end
	}
	return time.Time{}, false
}

// reading is what the local clock shows, as a time in UTC, in whole seconds.
func reading(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second).Truncate(time.Second)
}

// moment is the first moment at which the local clock shows wall (a time in
// UTC) or more: for a reading that is skipped the first one after the gap, for
// one that comes twice the first pass. time.Date promises neither.
func moment(wall time.Time, zone *time.Location) time.Time {
	// 26 hours are more than any zone has ever been ahead of UTC, so the clock
	// shows less than wall there.
	from := wall.Add(-26 * time.Hour).In(zone)
	for {
		_, offset := from.Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		if t.Before(from) {
			return from
		}
		_, end := from.ZoneBounds()
		if end.IsZero() || t.Before(end) {
			return t
		}
		from = end.In(zone)
	}
}
