package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	minEvery = time.Minute
	maxEvery = 366 * 24 * time.Hour
	// lastUnix is the last time that fits the ten digits keys have for it: 2286.
	lastUnix = 9_999_999_999
)

// Schedule says when a job is due. Exactly one of At, Every and Cron is set;
// Parse makes one. All times are whole seconds.
type Schedule struct {
	At    time.Time
	Every time.Duration // one minute to 366 days
	From  time.Time     // what Every counts from: the first run is one interval later
	Cron  string        // five fields, or a name such as @daily
	Zone  string        // IANA name; "" is UTC
}

type scheduleRecord struct {
	At    time.Time `json:"at,omitzero"`
	Every string    `json:"every,omitempty"`
	From  time.Time `json:"from,omitzero"`
	Cron  string    `json:"cron,omitempty"`
	Zone  string    `json:"zone,omitempty"`
}

// MarshalJSON writes Every as "1h30m0s".
func (s Schedule) MarshalJSON() ([]byte, error) {
	return json.Marshal(scheduleRecord{s.At, duration(s.Every), s.From, s.Cron, s.Zone})
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (s *Schedule) UnmarshalJSON(data []byte) error {
	var r scheduleRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	every, err := parseDuration(r.Every)
	if err != nil {
		return err
	}
	*s = Schedule{r.At, every, r.From, r.Cron, r.Zone}
	return nil
}

// Once reports whether the job is due only once.
func (s Schedule) Once() bool { return !s.At.IsZero() }

// Next returns the first due time strictly after a time, in UTC. False means
// never again, or that the schedule is not one that Parse makes.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	switch {
	case !s.At.IsZero():
		return s.At.UTC(), s.At.After(after)
	case s.Every >= minEvery:
		n := max(after.Sub(s.From)/s.Every, 0)
		next := s.From.Add((n + 1) * s.Every)
		return next.UTC(), next.After(after) // not so beyond 292 years
	case s.Cron != "":
		e, zone, err := s.expression()
		if err != nil {
			return time.Time{}, false
		}
		next, ok := e.next(after, zone)
		return next.UTC(), ok
	}
	return time.Time{}, false
}

// due reports whether a time is one of the schedule's.
func (s Schedule) due(t time.Time) bool {
	next, ok := s.Next(t.Add(-time.Second))
	return ok && next.Equal(t)
}

// first is when a job made at a time is due first. Parse allows an At that has
// just passed.
func (s Schedule) first(created time.Time) (time.Time, bool) {
	if s.Once() {
		return s.At.UTC(), true
	}
	return s.Next(created)
}

// String describes the schedule exactly, for people.
func (s Schedule) String() string {
	zone := s.Zone
	if zone == "" {
		zone = "UTC"
	}
	switch {
	case !s.At.IsZero():
		at := s.At.UTC()
		if location, err := time.LoadLocation(zone); err == nil {
			at = at.In(location)
		} else {
			zone = "UTC"
		}
		return "at " + clock(at) + " (" + zone + ")"
	case s.Every != 0:
		return "every " + short(s.Every)
	case s.Cron != "":
		return "cron " + s.Cron + " (" + zone + ")"
	}
	return "never"
}

// clock writes a local time as Parse reads it.
func clock(t time.Time) string {
	if t.Second() == 0 {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format(time.DateTime)
}

// short writes an interval as Parse reads it: "2h", "1h30m", "1d".
func short(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// check reports whether the schedule is one that Parse could have made.
func (s Schedule) check() error {
	set := 0
	for _, is := range []bool{!s.At.IsZero(), s.Every != 0, s.Cron != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		return errOne
	}
	if _, err := location(s.Zone); err != nil {
		return err
	}
	switch {
	case s.Once():
		if s.At.Unix() < 0 || s.At.Unix() > lastUnix {
			return errors.New("at: the time is out of range")
		}
	case s.Every != 0:
		if s.Every < minEvery || s.Every > maxEvery || s.Every%time.Second != 0 || s.From.Unix() < 0 || s.From.Unix() > lastUnix {
			return errEvery
		}
	default:
		_, _, err := s.expression()
		return err
	}
	return nil
}

func (s Schedule) expression() (expression, *time.Location, error) {
	zone, err := location(s.Zone)
	if err != nil {
		return expression{}, nil, err
	}
	e, err := parseCron(s.Cron)
	return e, zone, err
}

// location loads a zone by its IANA name. "Local" is refused: it would mean
// something else on every machine.
func location(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if name != "Local" && len(name) <= 64 {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	return nil, fmt.Errorf("time zone %.40q is not known; write an IANA name such as Asia/Tokyo or Europe/Berlin", name)
}
