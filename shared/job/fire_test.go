package job_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/job"
)

// tick is what the cron function does each minute.
func (w *world) tick(t *testing.T) []job.Fired {
	t.Helper()
	dues, err := w.Due(ctx, w.now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var fired []job.Fired
	for _, d := range dues {
		f, err := w.Fire(ctx, d, w.accept)
		if err != nil {
			t.Fatal(err)
		}
		fired = append(fired, f)
	}
	return fired
}

func TestARunStartsToTheSecond(t *testing.T) {
	w := newWorld()
	once := w.create(t, reminder(t, "call 1", "2026-11-26 12:10:30", "", ""))
	often := w.create(t, reminder(t, "call 2", "", "", "*/5 * * * *"))
	want := map[string]time.Duration{
		messageID(once.ID, noon.Add(10*time.Minute+30*time.Second)): 24 * time.Second,
		messageID(often.ID, noon.Add(5*time.Minute)):                54 * time.Second,
		messageID(often.ID, noon.Add(10*time.Minute)):               54 * time.Second,
		messageID(often.ID, noon.Add(15*time.Minute)):               54 * time.Second,
	}
	for minute := range 16 {
		w.now = noon.Add(time.Duration(minute)*time.Minute + 6*time.Second)
		w.tick(t)
	}
	if !maps.Equal(w.queued, want) {
		t.Errorf("%v, want %v", w.queued, want)
	}
	if keys := w.keys(t, "due/"); !slices.Equal(keys, []string{marker(often.ID, noon.Add(20*time.Minute))}) {
		t.Error(keys)
	}
	if _, err := w.Get(ctx, once.ID); err != nil {
		t.Errorf("gone before its run has ended: %v", err)
	}
}

func TestTheMessageOfARun(t *testing.T) {
	w := newWorld()
	j := reminder(t, "call 1", "", "1h", "")
	j.To.Thread = "5"
	made := w.create(t, j)
	m := job.Message(made, noon, 0)
	id := messageID(made.ID, noon)
	if m.ID != id || m.PlatformID != id || m.V != 1 || !m.Time.Equal(noon) || m.Address != j.To || m.Kind != chat.Private ||
		m.Sender.ID != "owner" || m.Text != "tea" || m.Session != "job."+made.ID || *m.Job != (chat.Job{ID: made.ID, Due: noon}) {
		t.Errorf("%+v", m)
	}
	if m := job.Message(made, noon, 2); m.ID != id+":2" || m.PlatformID != m.ID || m.Job.Attempt != 2 {
		t.Errorf("%+v", m)
	}
}

func TestWhatWasMissedRunsOnce(t *testing.T) {
	w := newWorld()
	made := w.create(t, reminder(t, "call 1", "", "", "*/5 * * * *"))
	w.now = noon.Add(3*time.Hour + 7*time.Minute)
	if fired := w.tick(t); len(fired) != 1 || !fired[0].Queued || !fired[0].Next.Equal(noon.Add(3*time.Hour+10*time.Minute)) {
		t.Errorf("%+v", fired)
	}
	w.tick(t)
	if want := map[string]time.Duration{messageID(made.ID, noon.Add(5*time.Minute)): 0}; !maps.Equal(w.queued, want) {
		t.Errorf("%v, want %v", w.queued, want)
	}
}

func TestARunThatIsTooLateIsRecordedAsSkipped(t *testing.T) {
	w := newWorld()
	daily, once := reminder(t, "call 1", "", "", "0 13 * * *"), reminder(t, "call 2", "2026-11-26 13:00", "", "")
	daily.Grace, once.Grace = 10*time.Minute, 10*time.Minute
	daily, once = w.create(t, daily), w.create(t, once)
	w.now = noon.Add(time.Hour + 10*time.Minute + time.Second)
	for _, f := range w.tick(t) {
		if !f.Skipped || f.Queued {
			t.Errorf("%+v", f)
		}
	}
	if len(w.queued) != 0 {
		t.Error(w.queued)
	}
	for _, j := range []*job.Job{daily, once} {
		runs, err := w.Runs(ctx, j.ID, 1)
		if err != nil || len(runs) != 1 || runs[0].State != job.Skipped || runs[0].Error != "it was 10m1s late, and 10m0s are allowed" || runs[0].Job != j.ID {
			t.Errorf("%+v, %v", runs, err)
		}
	}
	if keys := w.keys(t, "due/"); !slices.Equal(keys, []string{marker(daily.ID, noon.Add(25*time.Hour))}) {
		t.Error(keys)
	}
	if keys := w.keys(t, "jobs/"); !slices.Equal(keys, []string{daily.ID}) {
		t.Error(keys)
	}
}

func TestARunWithinItsGraceRuns(t *testing.T) {
	w := newWorld()
	j := reminder(t, "call 1", "2026-11-26 13:00", "", "")
	j.Grace = 10 * time.Minute
	w.create(t, j)
	w.now = noon.Add(time.Hour + 10*time.Minute)
	if fired := w.tick(t); len(fired) != 1 || !fired[0].Queued {
		t.Errorf("%+v", fired)
	}
}

func TestASkippedRunDoesNotHideOneThatRan(t *testing.T) {
	w := newWorld()
	j := reminder(t, "call 1", "", "", "0 13 * * *")
	j.Grace = time.Minute
	made := w.create(t, j)
	due := noon.Add(time.Hour)
	if err := w.Record(ctx, job.Run{Job: made.ID, Due: due, State: job.Done}); err != nil {
		t.Fatal(err)
	}
	w.now = due.Add(time.Hour) // whoever set it off died before the marker was gone
	w.tick(t)
	if runs, err := w.Runs(ctx, made.ID, 1); err != nil || runs[0].State != job.Done {
		t.Errorf("%+v, %v", runs, err)
	}
}

func TestAMarkerWithoutAJobIsRemovedWhenNoneCanComeAnyMore(t *testing.T) {
	w := newWorld()
	if _, err := w.memory.PutIfAbsent(ctx, "main/due/"+marker("gone", noon), []byte(`{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	w.now = noon.Add(5 * time.Minute)
	if fired := w.tick(t); len(fired) != 1 || fired[0] != (job.Fired{}) || len(w.keys(t, "due/")) != 1 {
		t.Errorf("its job may be about to be written: %+v", fired)
	}
	w.now = w.now.Add(time.Second)
	if fired := w.tick(t); len(fired) != 1 || fired[0] != (job.Fired{}) || len(w.keys(t, "due/")) != 0 {
		t.Errorf("%+v, %v", fired, w.keys(t, "due/"))
	}
}

func TestARunThatIsNotAcceptedStaysDue(t *testing.T) {
	w := newWorld()
	w.create(t, reminder(t, "call 1", "", "1h", ""))
	w.now = noon.Add(time.Hour)
	full := errors.New("queue is full")
	dues, err := w.Due(ctx, w.now)
	if err != nil || len(dues) != 1 {
		t.Fatal(dues, err)
	}
	if _, err := w.Fire(ctx, dues[0], func(context.Context, *chat.Message, time.Duration) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
	if again, err := w.Due(ctx, w.now); err != nil || !slices.Equal(again, dues) {
		t.Errorf("%v, %v", again, err)
	}
}

func TestWhatIsDueComesOldestFirstUpToTheMoment(t *testing.T) {
	w := newWorld()
	c := w.create(t, reminder(t, "c", "", "3m", ""))
	a := w.create(t, reminder(t, "a", "", "1m", ""))
	b := w.create(t, reminder(t, "b", "", "2m", ""))
	if _, err := w.memory.PutIfAbsent(ctx, "main/due/0-no marker", nil); err != nil {
		t.Fatal(err)
	}
	got, err := w.Due(ctx, noon.Add(2*time.Minute))
	if want := []job.Due{{ID: a.ID, At: noon.Add(time.Minute)}, {ID: b.ID, At: noon.Add(2 * time.Minute)}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v (c is %s)", got, err, c.ID)
	}
}

// errCrash is the end of the program that made the call.
var errCrash = errors.New("crashed")

// crashing makes a bucket on which everything fails from call n on: before it
// is done, or with its answer lost.
func crashing(b bucket.Bucket, n int, lost bool) *bucket.Faulty {
	calls := 0
	f := &bucket.Faulty{Bucket: b, Before: func(bucket.Op, string) error {
		calls++
		if calls > n || calls == n && !lost {
			return errCrash
		}
		return nil
	}}
	f.After = func(bucket.Op, string) error {
		if calls == n {
			return errCrash
		}
		return nil
	}
	return f
}

func TestACrashAnywhereInFireChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name            string
		at, every, cron string
		grace, late     time.Duration
	}{
		{name: "once", at: "2026-11-26 12:30"},
		{name: "again", every: "30m"},
		{name: "again, missed", cron: "*/30 * * * *", late: 95 * time.Minute},
		{name: "once, too late", at: "2026-11-26 12:30", grace: time.Minute, late: 10 * time.Minute},
		{name: "again, too late", every: "30m", grace: time.Minute, late: 10 * time.Minute},
	} {
		due := noon.Add(30 * time.Minute)
		// run fires until it works, the first time with a crash at call n.
		run := func(n int, lost bool) (state string, crashed bool) {
			w := newWorld()
			j := reminder(t, "call 1", c.at, c.every, c.cron)
			j.Grace = c.grace
			made := w.create(t, j)
			w.now = due.Add(c.late)
			d := job.Due{ID: made.ID, At: due}
			if n > 0 {
				w.Bucket = crashing(w.memory, n, lost)
				_, err := w.Fire(ctx, d, w.accept)
				crashed = err != nil
				w.Bucket = w.memory
			}
			w.now = w.now.Add(6 * time.Minute)
			w.tick(t)
			w.tick(t)
			return fmt.Sprint(w.queued, w.keys(t, "")), crashed
		}
		want, _ := run(0, false)
		for n := 1; ; n++ {
			before, crashed := run(n, false)
			after, _ := run(n, true)
			if before != want || after != want {
				t.Errorf("%s, call %d:\nfails %s\nlost  %s\nwant  %s", c.name, n, before, after, want)
			}
			if !crashed {
				if n < 3 {
					t.Errorf("%s: only %d calls", c.name, n-1)
				}
				break
			}
		}
	}
}

func TestACrashAnywhereInCreateLosesNoJob(t *testing.T) {
	for n := 1; n <= 2; n++ {
		for _, lost := range []bool{false, true} {
			for _, again := range []bool{false, true} {
				w := newWorld()
				w.Bucket = crashing(w.memory, n, lost)
				made, err := w.Create(ctx, reminder(t, "call 1", "", "30m", ""))
				if !errors.Is(err, errCrash) {
					t.Fatalf("call %d: %+v, %v", n, made, err)
				}
				w.Bucket = w.memory
				if again { // ten minutes later, so that the interval begins then
					w.now = noon.Add(10 * time.Minute)
					j := reminder(t, "call 1", "", "30m", "")
					j.Schedule.From = w.now
					w.create(t, j)
				}
				for w.now = noon; w.now.Before(noon.Add(3 * time.Hour)); w.now = w.now.Add(time.Minute) {
					w.tick(t)
				}
				listed, marked := len(w.keys(t, "jobs/")), len(w.keys(t, "due/"))
				if listed != marked || again && listed != 1 {
					t.Errorf("call %d, lost %v, again %v: %d jobs, %d markers", n, lost, again, listed, marked)
				}
				if want := map[bool]int{false: 0, true: 6}[listed == 1]; len(w.queued) > want || len(w.queued) < want-1 {
					t.Errorf("call %d, lost %v, again %v: ran %v", n, lost, again, w.queued)
				}
			}
		}
	}
}

func TestTwoAtOnceMakeOneRunAndOneMarker(t *testing.T) {
	for range 50 {
		w := newWorld()
		made := w.create(t, reminder(t, "call 1", "", "1h", ""))
		w.now = noon.Add(time.Hour)
		var mu sync.Mutex
		var wait sync.WaitGroup
		for range 2 {
			wait.Go(func() {
				_, err := w.Fire(ctx, job.Due{ID: made.ID, At: w.now}, func(ctx context.Context, m *chat.Message, delay time.Duration) error {
					mu.Lock()
					defer mu.Unlock()
					return w.accept(ctx, m, delay)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if len(w.queued) != 1 || !slices.Equal(w.keys(t, "due/"), []string{marker(made.ID, noon.Add(2*time.Hour))}) {
			t.Errorf("%v, %v", w.queued, w.keys(t, "due/"))
		}
	}
}

func TestWaitingJobsCostNothing(t *testing.T) {
	// cost is the calls for ten due jobs among as many that wait.
	cost := func(waiting int) bucket.Counts {
		w := newWorld()
		for i := range waiting {
			w.create(t, reminder(t, fmt.Sprint("waits ", i), "", "2h", ""))
		}
		for i := range 10 {
			w.create(t, reminder(t, fmt.Sprint("due ", i), "", "1h", ""))
		}
		metered := bucket.NewMetered(w.memory)
		w.Bucket, w.now = metered, noon.Add(time.Hour)
		w.tick(t)
		if len(w.queued) != 10 {
			t.Errorf("%d runs", len(w.queued))
		}
		return metered.Counts()
	}
	few, many := cost(10), cost(10_000)
	if few != many || few != (bucket.Counts{Lists: 1, Reads: 10, Writes: 10, Deletes: 10}) {
		t.Errorf("%+v with 10 waiting, %+v with 10,000", few, many)
	}
}

func TestAJobForAFractionOfASecondRunsToo(t *testing.T) {
	w := newWorld()
	j := reminder(t, "call 1", "2026-11-26 12:10:30", "", "")
	j.Schedule.At = j.Schedule.At.Add(300 * time.Millisecond)
	w.create(t, j)
	w.now = noon.Add(10 * time.Minute)
	if fired := w.tick(t); len(fired) != 1 || !fired[0].Queued {
		t.Errorf("%+v", fired)
	}
}
