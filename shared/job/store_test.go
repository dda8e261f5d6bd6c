package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/job"
)

var ctx = context.Background()

// world is a store with its bucket and clock, and a queue that knows what it
// was given by message id.
type world struct {
	job.Store
	memory *bucket.Memory
	now    time.Time
	queued map[string]time.Duration
}

func newWorld() *world {
	w := &world{memory: bucket.NewMemory(), now: noon, queued: map[string]time.Duration{}}
	w.Store = job.Store{Bucket: w.memory, Agent: "main", Now: func() time.Time { return w.now }}
	return w
}

func (w *world) accept(_ context.Context, m *chat.Message, delay time.Duration) error {
	w.queued[m.ID] = delay
	return nil
}

// keys lists what is stored in a folder of the agent.
func (w *world) keys(t *testing.T, folder string) []string {
	t.Helper()
	page, err := w.memory.List(ctx, bucket.ListOptions{Prefix: "main/" + folder})
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, e := range page.Entries {
		keys = append(keys, strings.TrimPrefix(e.Key, "main/"+folder))
	}
	return keys
}

func reminder(t *testing.T, by, at, every, cron string) *job.Job {
	t.Helper()
	s, err := job.Parse(at, every, cron, "", noon)
	if err != nil {
		t.Fatal(err)
	}
	return &job.Job{Kind: job.Reminder, Text: "tea", Schedule: s, By: by, To: chat.Address{Channel: "telegram", Chat: "7"}}
}

func (w *world) create(t *testing.T, j *job.Job) *job.Job {
	t.Helper()
	made, err := w.Create(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func marker(id string, at time.Time) string { return fmt.Sprintf("%d-%s", at.Unix(), id) }

func messageID(id string, at time.Time) string { return fmt.Sprintf("job:%s:%d", id, at.Unix()) }

func TestTheSameCallMakesOneJob(t *testing.T) {
	w := newWorld()
	first := w.create(t, reminder(t, "call 1", "", "1h", ""))
	w.now = noon.Add(time.Minute)
	again := reminder(t, "call 1", "", "1h", "")
	again.Text = "coffee"
	second := w.create(t, again)
	other := w.create(t, reminder(t, "call 2", "", "1h", ""))
	if first.ID != second.ID || second.Text != "tea" || !second.Created.Equal(noon) || other.ID == first.ID {
		t.Errorf("%+v, %+v, %+v", first, second, other)
	}
	if first.ID != job.ID("call 1") || len(first.ID) != 8 {
		t.Error(first.ID)
	}
	if jobs, err := w.List(ctx); err != nil || len(jobs) != 2 || jobs[0].ID != first.ID {
		t.Errorf("%v, %v", jobs, err)
	}
}

func TestAJobIsStoredWhole(t *testing.T) {
	w := newWorld()
	j := reminder(t, "call 1", "", "", "0 9 * * 1-5")
	j.Name, j.Kind, j.Grace, j.Unless = "news", job.Task, 90*time.Minute, &job.Check{URL: "https://example.org/feed"}
	made := w.create(t, j)
	got, err := w.Get(ctx, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(made)
	if data, _ := json.Marshal(got); string(data) != string(want) || !strings.Contains(string(data), `"grace":"1h30m0s"`) {
		t.Errorf("%s, want %s", data, want)
	}
}

func TestWhatMakesNoJobIsRefused(t *testing.T) {
	for want, spoil := range map[string]func(*job.Job){
		"by":              func(j *job.Job) { j.By = "" },
		"kind":            func(j *job.Job) { j.Kind = "alarm" },
		"text: write":     func(j *job.Job) { j.Text = " \n" },
		"at most 8000":    func(j *job.Job) { j.Text = strings.Repeat("x", job.MaxText+1) },
		"name":            func(j *job.Job) { j.Name = strings.Repeat("x", 201) },
		"which channel":   func(j *job.Job) { j.To = chat.Address{} },
		"grace":           func(j *job.Job) { j.Grace = -1 },
		"url or a file":   func(j *job.Job) { j.Unless = &job.Check{} },
		"exactly one":     func(j *job.Job) { j.Schedule.At = noon },
		"every: write":    func(j *job.Job) { j.Schedule.Every = time.Second },
		"time zone":       func(j *job.Job) { j.Schedule.Zone = "Mars/Olympus" },
		"five fields":     func(j *job.Job) { j.Schedule = job.Schedule{Cron: "* *"} },
		"never comes":     func(j *job.Job) { j.Schedule = job.Schedule{Cron: "0 0 30 2 *"} },
		"is out of range": func(j *job.Job) { j.Schedule = job.Schedule{At: time.Unix(1e10, 0)} },
	} {
		w := newWorld()
		j := reminder(t, "call 1", "", "1h", "")
		spoil(j)
		if _, err := w.Create(ctx, j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if keys := w.keys(t, ""); len(keys) != 0 {
			t.Errorf("%s: stored %v", want, keys)
		}
	}
}

func TestACancelledJobLeavesNothingToRun(t *testing.T) {
	w := newWorld()
	for i, j := range []*job.Job{
		reminder(t, "call 1", "", "1h", ""), reminder(t, "call 2", "2026-11-27 09:00", "", ""), reminder(t, "call 3", "", "", "@daily"),
	} {
		made := w.create(t, j)
		if err := w.Cancel(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		if keys := w.keys(t, ""); len(keys) != 0 {
			t.Errorf("job %d: left %v", i, keys)
		}
		for _, id := range []string{made.ID, "", "../x", "UPPER"} {
			if err := w.Cancel(ctx, id); !errors.Is(err, job.ErrNotFound) || !strings.Contains(err.Error(), "no such job") {
				t.Errorf("cancel %q: %v", id, err)
			}
		}
	}
}

func TestUpdatesLoseNothing(t *testing.T) {
	w := newWorld()
	made := w.create(t, reminder(t, "call 1", "", "1h", ""))
	inner := false
	err := w.Update(ctx, made.ID, func(j *job.Job) {
		j.Failures++
		j.ID, j.By = "x", "y"
		if !inner {
			inner = true
			if err := w.Update(ctx, made.ID, func(j *job.Job) { j.Failures++; j.Seen = "etag" }); err != nil {
				t.Error(err)
			}
		}
	})
	got, err2 := w.Get(ctx, made.ID)
	if err != nil || err2 != nil || got.Failures != 2 || got.Seen != "etag" || got.ID != made.ID || got.By != "call 1" {
		t.Errorf("%+v, %v, %v", got, err, err2)
	}
	if err := w.Update(ctx, made.ID, func(j *job.Job) { j.Text = "" }); err == nil {
		t.Error("a job without a text was stored")
	}
	if err := w.Update(ctx, "nosuch", func(*job.Job) {}); !errors.Is(err, job.ErrNotFound) {
		t.Error(err)
	}
}

func TestAChangedScheduleIsTheOneThatRuns(t *testing.T) {
	w := newWorld()
	made := w.create(t, reminder(t, "call 1", "2026-11-26 15:00", "", ""))
	earlier, err := job.Parse("2026-11-26 13:00", "", "", "", noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Update(ctx, made.ID, func(j *job.Job) { j.Schedule = earlier }); err != nil {
		t.Fatal(err)
	}
	for w.now = noon; w.now.Before(noon.Add(4 * time.Hour)); w.now = w.now.Add(time.Minute) {
		w.tick(t)
	}
	if len(w.queued) != 1 || w.queued[messageID(made.ID, noon.Add(time.Hour))] != time.Minute {
		t.Errorf("%v", w.queued)
	}
	if keys := w.keys(t, "due/"); len(keys) != 0 {
		t.Error(keys)
	}
}

func TestOnlyWhatIsDoneOnceEnds(t *testing.T) {
	w := newWorld()
	once, daily := w.create(t, reminder(t, "call 1", "2026-11-27 09:00", "", "")), w.create(t, reminder(t, "call 2", "", "", "@daily"))
	for _, j := range []*job.Job{once, daily, once} {
		if err := w.End(ctx, j); err != nil {
			t.Fatal(err)
		}
	}
	if jobs, err := w.List(ctx); err != nil || len(jobs) != 1 || jobs[0].ID != daily.ID {
		t.Errorf("%v, %v", jobs, err)
	}
}

func TestRunsAreListedNewestFirstAndOncePerRun(t *testing.T) {
	w := newWorld()
	for _, r := range []job.Run{
		{Job: "a", Due: noon, State: job.Failed, Error: "no model", Attempts: 1},
		{Job: "a", Due: noon.Add(time.Hour), State: job.Done, Delivered: []string{"12"}, Cost: 0.01, Attempts: 1},
		{Job: "a", Due: noon, State: job.Done, Attempts: 2},
		{Job: "a", Due: noon.Add(-time.Hour), State: job.Unchanged},
		{Job: "ab", Due: noon, State: job.Done},
	} {
		if err := w.Record(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := w.Runs(ctx, "a", 0)
	if err != nil || len(runs) != 3 {
		t.Fatalf("%+v, %v", runs, err)
	}
	if runs[0].Cost != 0.01 || !slices.Equal(runs[0].Delivered, []string{"12"}) || runs[1].Attempts != 2 || runs[1].Error != "" || runs[2].State != job.Unchanged {
		t.Errorf("%+v", runs)
	}
	metered := bucket.NewMetered(w.memory)
	w.Bucket = metered
	if runs, err = w.Runs(ctx, "a", 2); err != nil || len(runs) != 2 || metered.Counts() != (bucket.Counts{Reads: 2, Lists: 1}) {
		t.Errorf("%+v, %v, %+v", runs, err, metered.Counts())
	}
	if _, err := w.Runs(ctx, "../b", 1); !errors.Is(err, job.ErrNotFound) {
		t.Error(err)
	}
	if err := w.Record(ctx, job.Run{Job: "a/b", Due: noon}); err == nil {
		t.Error("a run of no job was recorded")
	}
}

func TestOneUnreadableJobDoesNotHideTheOthers(t *testing.T) {
	w := newWorld()
	w.create(t, reminder(t, "call 1", "", "1h", ""))
	if _, err := w.memory.PutIfAbsent(ctx, "main/jobs/newer", []byte(`{"v":2}`)); err != nil {
		t.Fatal(err)
	}
	jobs, err := w.List(ctx)
	if len(jobs) != 1 || err == nil || !strings.Contains(err.Error(), "newer than this program") {
		t.Errorf("%v, %v", jobs, err)
	}
}
