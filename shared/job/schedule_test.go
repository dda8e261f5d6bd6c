package job_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"instar/shared/job"
)

// runs lists the due times after a local time, as the zone's clock shows them.
func runs(t *testing.T, cron, zone, after string, n int) []string {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	from, err := time.ParseInLocation("2006-01-02 15:04", after, location)
	if err != nil {
		t.Fatal(err)
	}
	s := job.Schedule{Cron: cron, Zone: zone}
	var due []string
	for range n {
		next, ok := s.Next(from)
		if !ok {
			break
		}
		due = append(due, next.In(location).Format("02 15:04 -0700"))
		from = next
	}
	return due
}

func TestClocksThatChange(t *testing.T) {
	for _, c := range []struct {
		name, cron, zone, after string
		want                    []string
	}{
		{"a skipped time runs after the gap", "30 2 * * *", "Europe/Berlin", "2026-03-28 00:00",
			[]string{"28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"}},
		{"a doubled time runs in the first pass", "30 2 * * *", "Europe/Berlin", "2026-10-24 00:00",
			[]string{"24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"}},
		{"times that fall on one moment are one run", "0,30 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00",
			[]string{"29 03:00 +0200", "29 03:30 +0200", "30 02:00 +0200"}},
		{"a skipped hour is not there", "0 * * * *", "Europe/Berlin", "2026-03-29 00:30",
			[]string{"29 01:00 +0100", "29 03:00 +0200", "29 04:00 +0200"}},
		{"a doubled hour counts twice", "0 * * * *", "Europe/Berlin", "2026-10-25 01:30",
			[]string{"25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"}},
		{"an interval within a skipped hour is not there", "*/30 2 * * *", "Europe/Berlin", "2026-03-28 02:15",
			[]string{"28 02:30 +0100", "30 02:00 +0200", "30 02:30 +0200"}},
		{"an interval within a doubled hour runs twice", "*/30 2 * * *", "Europe/Berlin", "2026-10-25 00:00",
			[]string{"25 02:00 +0200", "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100", "26 02:00 +0100"}},

		{"New York, spring", "15 2 * * *", "America/New_York", "2026-03-07 12:00",
			[]string{"08 03:00 -0400", "09 02:15 -0400"}},
		{"New York, autumn", "15 1 * * *", "America/New_York", "2026-10-31 12:00",
			[]string{"01 01:15 -0400", "02 01:15 -0500"}},
		{"New York, autumn, intervals", "*/20 * * * *", "America/New_York", "2026-11-01 00:50",
			[]string{"01 01:00 -0400", "01 01:20 -0400", "01 01:40 -0400", "01 01:00 -0500", "01 01:20 -0500", "01 01:40 -0500", "01 02:00 -0500"}},

		{"Lord Howe skips half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00",
			[]string{"04 02:30 +1100", "05 02:15 +1100"}},
		{"Lord Howe skips half an hour, intervals", "*/15 * * * *", "Australia/Lord_Howe", "2026-10-04 01:40",
			[]string{"04 01:45 +1030", "04 02:30 +1100", "04 02:45 +1100"}},
		{"Lord Howe repeats half an hour", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00",
			[]string{"05 01:45 +1100", "06 01:45 +1030"}},
		{"Lord Howe repeats half an hour, intervals", "*/15 * * * *", "Australia/Lord_Howe", "2026-04-05 01:20",
			[]string{"05 01:30 +1100", "05 01:45 +1100", "05 01:30 +1030", "05 01:45 +1030", "05 02:00 +1030"}},

		{"Cairo skips midnight", "0 0 * * *", "Africa/Cairo", "2026-04-23 12:00",
			[]string{"24 01:00 +0300", "25 00:00 +0300"}},
		{"the midnight of a Sunday that is skipped is that Sunday's", "@weekly", "America/Sao_Paulo", "2018-10-29 12:00",
			[]string{"04 01:00 -0200", "11 00:00 -0200"}},
		{"Cairo's evening comes twice", "30 23 * * *", "Africa/Cairo", "2026-10-29 12:00",
			[]string{"29 23:30 +0300", "30 23:30 +0200"}},
		{"São Paulo skips midnight", "0 0 4 11 *", "America/Sao_Paulo", "2018-11-01 12:00",
			[]string{"04 01:00 -0200"}},
		{"São Paulo skips midnight, intervals", "0 */2 * * *", "America/Sao_Paulo", "2018-11-03 21:00",
			[]string{"03 22:00 -0300", "04 02:00 -0200", "04 04:00 -0200"}},
		{"Apia skips a day", "0 9 * * *", "Pacific/Apia", "2011-12-29 12:00",
			[]string{"31 00:00 +1400", "31 09:00 +1400"}},
	} {
		if got := runs(t, c.cron, c.zone, c.after, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q in %s after %s:\n got %q\nwant %q", c.name, c.cron, c.zone, c.after, got, c.want)
		}
	}
}

func TestATimeOfDayRunsOnceOnEveryDayOfManyYears(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Chatham"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, cron := range []string{"0 0 * * *", "30 2 * * *", "45 1 * * *", "59 23 * * *"} {
			s := job.Schedule{Cron: cron, Zone: zone}
			at := time.Date(2014, 12, 31, 23, 59, 30, 0, location)
			for day := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2027; day = day.AddDate(0, 0, 1) {
				next, ok := s.Next(at)
				if got := next.In(location).Format(time.DateOnly); !ok || got != day.Format(time.DateOnly) {
					t.Fatalf("%s in %s: after %s comes %s, want a run on %s", cron, zone, at, next.In(location), day.Format(time.DateOnly))
				}
				at = next
			}
		}
	}
}

func TestIntervalsDoNotDrift(t *testing.T) {
	s, err := job.Parse("", "7m", "", "Europe/Berlin", noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ after, want time.Duration }{
		{-time.Hour, 7 * time.Minute}, {0, 7 * time.Minute}, {7*time.Minute - 1, 7 * time.Minute},
		{7 * time.Minute, 14 * time.Minute}, {7*time.Minute + 59*time.Second, 14 * time.Minute},
		{1000 * time.Hour, 60004 * time.Minute},
	} {
		if next, ok := s.Next(noon.Add(c.after)); !ok || !next.Equal(noon.Add(c.want)) {
			t.Errorf("after %s: %s, %v", c.after, next.Sub(noon), ok)
		}
	}
}

func TestOnceIsOnce(t *testing.T) {
	s, err := job.Parse("2026-11-27 09:00", "", "", "", noon)
	if err != nil {
		t.Fatal(err)
	}
	at, ok := s.Next(noon)
	if !ok {
		t.Fatal("never")
	}
	if next, ok := s.Next(at); ok {
		t.Errorf("again at %s", next)
	}
}

func TestSchedulesAreStoredReadably(t *testing.T) {
	for _, c := range []struct{ at, every, cron, want string }{
		{"2026-11-27 09:00", "", "", `{"at":"2026-11-27T00:00:00Z","zone":"Asia/Tokyo"}`},
		{"", "90m", "", `{"every":"1h30m0s","from":"2026-11-26T12:00:00Z","zone":"Asia/Tokyo"}`},
		{"", "", "0 9 * * 1-5", `{"cron":"0 9 * * 1-5","zone":"Asia/Tokyo"}`},
	} {
		s, err := job.Parse(c.at, c.every, c.cron, "Asia/Tokyo", noon)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(s)
		if err != nil || string(data) != c.want {
			t.Errorf("%s: %s, %v", s, data, err)
		}
		var again job.Schedule
		if err := json.Unmarshal(data, &again); err != nil || again != s {
			t.Errorf("%s: read as %v, %v", data, again, err)
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	var waits []time.Duration
	for attempt := 0; ; attempt++ {
		wait, ok := job.Retry(attempt)
		if !ok {
			break
		}
		waits = append(waits, wait)
	}
	if want := []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}; !slices.Equal(waits, want) {
		t.Error(waits)
	}
}

func TestTwoMinutesAreNotLate(t *testing.T) {
	if job.Late(noon, noon.Add(2*time.Minute)) || !job.Late(noon, noon.Add(2*time.Minute+time.Second)) {
		t.Error("late is more than two minutes")
	}
}
