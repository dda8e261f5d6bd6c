package job_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"instar/shared/job"
)

// noon is a Thursday.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestParseReadsWhatModelsAndPeopleWrite(t *testing.T) {
	for _, c := range []struct{ at, every, cron, zone, want, first string }{
		{at: "2026-11-27T09:00:00+09:00", zone: "Asia/Tokyo", want: "at 2026-11-27 09:00 (Asia/Tokyo)", first: "2026-11-27T00:00:00Z"},
		{at: "2026-11-27T09:00+09:00", want: "at 2026-11-27 00:00 (UTC)", first: "2026-11-27T00:00:00Z"},
		{at: "2026-11-27 09:00:30Z", want: "at 2026-11-27 09:00:30 (UTC)", first: "2026-11-27T09:00:30Z"},
		{at: "2026-11-27T09:00", zone: "Asia/Tokyo", want: "at 2026-11-27 09:00 (Asia/Tokyo)", first: "2026-11-27T00:00:00Z"},
		{at: " 2026-11-27 09:00 ", zone: " Asia/Tokyo ", want: "at 2026-11-27 09:00 (Asia/Tokyo)", first: "2026-11-27T00:00:00Z"},
		{at: "2026-11-27 09:00:05", zone: "Europe/Berlin", want: "at 2026-11-27 09:00:05 (Europe/Berlin)", first: "2026-11-27T08:00:05Z"},
		{every: "90m", want: "every 1h30m", first: "2026-11-26T13:30:00Z"},
		{every: "2h", want: "every 2h", first: "2026-11-26T14:00:00Z"},
		{every: "1H30M", want: "every 1h30m", first: "2026-11-26T13:30:00Z"},
		{every: "1d", want: "every 1d", first: "2026-11-27T12:00:00Z"},
		{every: "1d12h", want: "every 36h", first: "2026-11-28T00:00:00Z"},
		{every: "60s", want: "every 1m", first: "2026-11-26T12:01:00Z"},
		{every: "366d", want: "every 366d", first: "2027-11-27T12:00:00Z"},
		{cron: "0  9 * * 1-5", zone: "Asia/Tokyo", want: "cron 0 9 * * 1-5 (Asia/Tokyo)", first: "2026-11-27T00:00:00Z"},
		{cron: "0 9 * * THU", want: "cron 0 9 * * thu (UTC)", first: "2026-12-03T09:00:00Z"},
		{cron: "0 9 * MAR 7", want: "cron 0 9 * mar 7 (UTC)", first: "2027-03-07T09:00:00Z"},
		{cron: "0 9 13 * 5", want: "cron 0 9 13 * 5 (UTC)", first: "2026-11-27T09:00:00Z"}, // a Friday or a 13th
		{cron: "0 0 29 2 *", want: "cron 0 0 29 2 * (UTC)", first: "2028-02-29T00:00:00Z"},
		{cron: "@Daily", zone: "Asia/Tokyo", want: "cron @daily (Asia/Tokyo)", first: "2026-11-26T15:00:00Z"},
		{cron: "@hourly", want: "cron @hourly (UTC)", first: "2026-11-26T13:00:00Z"},
		{cron: "@weekly", want: "cron @weekly (UTC)", first: "2026-11-29T00:00:00Z"},
		{cron: "@monthly", want: "cron @monthly (UTC)", first: "2026-12-01T00:00:00Z"},
		{cron: "@yearly", want: "cron @yearly (UTC)", first: "2027-01-01T00:00:00Z"},
	} {
		s, err := job.Parse(c.at, c.every, c.cron, c.zone, noon)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		first, ok := s.Next(noon)
		if s.String() != c.want || !ok || first.Format(time.RFC3339) != c.first {
			t.Errorf("%+v: %s, %v %v", c, s, first, ok)
		}
	}
}

func TestParseSaysWhatToWriteInstead(t *testing.T) {
	for _, c := range []struct{ at, every, cron, zone, want string }{
		{want: "exactly one"},
		{at: "2026-11-27 09:00", every: "2h", want: "exactly one"},
		{every: "2h", cron: "@daily", want: "exactly one"},
		{at: "tomorrow at 9", want: `as "2026-11-26T09:00"`},
		{at: "2026-11-27", want: "a date and a time"},
		{at: "2026-13-27 09:00", want: "a date and a time"},
		{at: "2026-11-26 11:58", want: "it is 2026-11-26 12:00 now (UTC)"},
		{at: "2026-11-26 20:00", zone: "Asia/Tokyo", want: "it is 2026-11-26 21:00 now (Asia/Tokyo)"},
		{at: "2226-11-26 20:00", want: "an earlier time"},
		{every: "30s", want: "one minute to 366 days"},
		{every: "367d", want: "one minute to 366 days"},
		{every: "99999999d", want: "one minute to 366 days"},
		{every: "2", want: `"90m"`}, {every: "h", want: `"90m"`}, {every: "1.5h", want: `"90m"`}, {every: "-2h", want: `"90m"`},
		{every: "30m1h", want: `"90m"`}, {every: "1h1h", want: `"90m"`}, {every: "daily", want: `"90m"`},
		{cron: "0 9 * *", want: "five fields"},
		{cron: "0 0 9 * * 1-5", want: "five fields"},
		{cron: "60 9 * * *", want: "five fields"},
		{cron: "0 9 * * 8", want: "five fields"},
		{cron: "0 9 L * *", want: "five fields"}, {cron: "0 9 * * 5#2", want: "five fields"}, {cron: "H 9 * * *", want: "five fields"},
		{cron: "TZ=Asia/Tokyo 9 * * *", want: "five fields"}, {cron: "0 9 ? * *", want: "five fields"},
		{cron: "@every 5m", want: "as every"},
		{cron: "@fortnightly", want: "five fields"},
		{cron: "0 9 30 2 *", want: "never comes"},
		{every: "2h", zone: "JST", want: "such as Asia/Tokyo"},
		{every: "2h", zone: "Local", want: "such as Asia/Tokyo"},
		{every: "2h", zone: "../../etc/passwd", want: "such as Asia/Tokyo"},
	} {
		_, err := job.Parse(c.at, c.every, c.cron, c.zone, noon)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestATimeThatHasJustPassedMeansNow(t *testing.T) {
	now := noon.Add(40*time.Second + 300*time.Millisecond)
	s, err := job.Parse("2026-11-26T12:00", "", "", "", now)
	if err != nil || !s.At.Equal(noon.Add(40*time.Second)) || !s.Once() {
		t.Errorf("%v, %v", s, err)
	}
}

func TestALocalTimeThatIsSkippedOrDoubled(t *testing.T) {
	for _, c := range []struct{ at, zone, want string }{
		{"2027-03-28 02:30", "Europe/Berlin", "2027-03-28T01:00:00Z"},       // skipped: 03:00 CEST
		{"2027-10-31 02:30", "Europe/Berlin", "2027-10-31T00:30:00Z"},       // the CEST one
		{"2027-04-04 01:45", "Australia/Lord_Howe", "2027-04-03T14:45:00Z"}, // the +11:00 one
		{"2027-10-03 02:15", "Australia/Lord_Howe", "2027-10-02T15:30:00Z"}, // skipped: 02:30 +11:00
		{"2027-04-30 00:00", "Africa/Cairo", "2027-04-29T22:00:00Z"},        // skipped: 01:00 +03:00
	} {
		s, err := job.Parse(c.at, "", "", c.zone, noon)
		if err != nil || s.At.Format(time.RFC3339) != c.want {
			t.Errorf("%+v: %v, %v", c, s.At, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2026-11-26T09:00", "", "", "Asia/Tokyo", int64(1795694400))
	f.Add("", "1d12h", "", "", int64(1795694400))
	f.Add("", "", "*/15 2-5,7 1/3 jan-mar SUN", "Australia/Lord_Howe", int64(1806000000))
	f.Add("", "", "0 0 29 2 */7", "Africa/Cairo", int64(0))
	f.Add("", "", "@weekly", "America/Sao_Paulo", int64(1541300000))
	f.Fuzz(func(t *testing.T, at, every, cron, zone string, unix int64) {
		now := time.Unix(unix&(1<<32-1), 0)
		began := time.Now()
		defer func() {
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %s", took)
			}
		}()
		s, err := job.Parse(at, every, cron, zone, now)
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		after := now.Add(-time.Second)
		for range 3 {
			next, ok := s.Next(after)
			if !ok {
				if s.Once() {
					return
				}
				t.Fatalf("%s: never after %s", s, after)
			}
			if !next.After(after) || next.Nanosecond() != 0 {
				t.Fatalf("%s: %s after %s", s, next, after)
			}
			if again, ok := s.Next(next.Add(-time.Second)); !ok || !again.Equal(next) {
				t.Fatalf("%s: %s is due, and a second before it %s is next", s, next, again)
			}
			after = next
		}
		var when [3]string // what String says reads as the same schedule
		name, value, _ := strings.Cut(s.String(), " ")
		value, _, _ = strings.Cut(value, " (")
		when[map[string]int{"at": 0, "every": 1, "cron": 2}[name]] = value
		if again, err := job.Parse(when[0], when[1], when[2], s.Zone, now); err != nil {
			t.Errorf("%s: %v", s, err)
		} else if again.String() != s.String() {
			t.Errorf("%s reads as %s", s, again)
		}
	})
}
