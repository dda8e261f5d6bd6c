package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/functions/schedule"
	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/job"
	"instar/shared/task"
)

// clockWorld is a clock whose time stands where it is put.
type clockWorld struct {
	schedule.Clock
	t      *testing.T
	now    time.Time
	memory *bucket.Memory
	faults bucket.Faulty
	meter  *bucket.Metered
	queued map[string]time.Duration // message id: delay, of the last time
	sent   int
	looked []inbox.Wake
}

func newClock(t *testing.T) *clockWorld {
	w := &clockWorld{t: t, now: noon, memory: bucket.NewMemory(), queued: map[string]time.Duration{}}
	w.faults.Bucket = w.memory
	w.meter = bucket.NewMetered(&w.faults)
	w.Clock = schedule.Clock{Agent: "main", Bucket: w.meter, Queue: w, Zone: time.UTC, Owner: chat.Address{Channel: "telegram", Chat: "42"},
		Now: func() time.Time { return w.now }}
	return w
}

func (w *clockWorld) Send(_ context.Context, body []byte, delay time.Duration) error {
	var wake inbox.Wake
	if err := json.Unmarshal(body, &wake); err != nil {
		return err
	}
	if wake.Task != "" {
		w.looked = append(w.looked, wake)
		return nil
	}
	m, err := inbox.Get(context.Background(), w.memory, wake.Key)
	if err != nil {
		return err
	}
	w.queued[m.ID] = delay
	w.sent++
	return nil
}

func (w *clockWorld) minute() {
	w.t.Helper()
	if err := w.Minute(w.t.Context(), w.now); err != nil {
		w.t.Fatal(err)
	}
}

func (w *clockWorld) job(by string, due time.Time) *job.Job {
	w.t.Helper()
	s := &job.Store{Bucket: w.memory, Agent: "main", Now: w.Now}
	j, err := s.Create(w.t.Context(), &job.Job{Kind: job.Reminder, Text: "x", By: by, Schedule: job.Schedule{At: due, Zone: "UTC"},
		To: chat.Address{Channel: "telegram", Chat: "42"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func TestAJobIsQueuedOnceToTheSecond(t *testing.T) {
	w := newClock(t)
	j := w.job("a", noon.Add(10*time.Minute+17*time.Second))
	for w.now = noon; w.now.Before(noon.Add(12 * time.Minute)); w.now = w.now.Add(time.Minute) {
		w.minute()
	}
	id := fmt.Sprintf("job:%s:%d", j.ID, noon.Add(10*time.Minute+17*time.Second).Unix())
	if delay, ok := w.queued[id]; !ok || delay != 17*time.Second {
		t.Errorf("queued %v", w.queued)
	}
}

func TestTenThousandWaitingJobsCostNoMoreThanTen(t *testing.T) {
	cost := func(waiting int) bucket.Counts {
		w := newClock(t)
		for i := range 10 {
			w.job(fmt.Sprint("due ", i), noon.Add(time.Duration(i)*time.Second))
		}
		for i := range waiting {
			w.job(fmt.Sprint("waiting ", i), noon.Add(time.Hour+time.Duration(i)*time.Second))
		}
		before := w.meter.Counts()
		w.minute()
		after := w.meter.Counts()
		if w.sent != 10 {
			t.Fatalf("%d jobs were queued", w.sent)
		}
		return bucket.Counts{Reads: after.Reads - before.Reads, Writes: after.Writes - before.Writes,
			Deletes: after.Deletes - before.Deletes, Lists: after.Lists - before.Lists}
	}
	few, many := cost(10), cost(10_000)
	if few != many {
		t.Errorf("with 10 waiting a minute costs %+v, with 10,000 %+v", few, many)
	}
	t.Logf("a minute with 10 jobs due: %+v", many)
}

func TestAnIdleMinuteCostsTwoListingsAndARead(t *testing.T) {
	w := newClock(t)
	w.minute()
	if c := w.meter.Counts(); c != (bucket.Counts{Reads: 1, Lists: 2}) {
		t.Errorf("an idle minute costs %+v", c)
	}
}

func TestOneJobThatCannotBeReadDoesNotHoldUpTheOthers(t *testing.T) {
	w := newClock(t)
	bad, good := w.job("bad", noon.Add(time.Second)), w.job("good", noon.Add(2*time.Second))
	w.faults.Before = func(op bucket.Op, key string) error {
		if op == bucket.OpGet && strings.HasSuffix(key, bad.ID) {
			return errInjected
		}
		return nil
	}
	if err := w.Minute(t.Context(), noon); !errors.Is(err, errInjected) {
		t.Errorf("%v", err)
	}
	if len(w.queued) != 1 {
		t.Errorf("queued %v, want %s", w.queued, good.ID)
	}
	w.faults.Before = nil
	w.minute()
	if len(w.queued) != 2 {
		t.Errorf("then queued %v", w.queued)
	}
}

func (w *clockWorld) file(text string) {
	w.t.Helper()
	key := "main/files/HEARTBEAT.md"
	w.memory.Delete(w.t.Context(), key)
	if _, err := w.memory.PutIfAbsent(w.t.Context(), key, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// run goes through the minutes from noon on and returns when a beat was queued.
func (w *clockWorld) run(minutes int) (at []string) {
	w.t.Helper()
	for range minutes {
		before := len(w.queued)
		w.minute()
		if len(w.queued) > before {
			at = append(at, w.now.Format("15:04"))
		}
		// The agent answers within the minute.
		for id := range w.queued {
			m := &chat.Message{ID: id, Time: w.now}
			w.memory.Delete(w.t.Context(), inbox.Key("main", m))
		}
		w.now = w.now.Add(time.Minute)
	}
	return at
}

func TestTheHeartbeatBeatsOnceAnIntervalWithinItsHours(t *testing.T) {
	w := newClock(t)
	w.file("---\nevery: 2h\nactive: 08:00-20:00\n---\nLook.\n")
	if got := w.run(24 * 60); strings.Join(got, " ") != "12:00 14:00 16:00 18:00 08:00 10:00" {
		t.Errorf("beats at %v", got)
	}
	// A beat that is in the inbox and was not recorded is not set off anew.
	if w.sent != 6 {
		t.Errorf("%d messages were queued", w.sent)
	}
}

func TestWithoutTheFileThereIsNoHeartbeat(t *testing.T) {
	for _, text := range []string{"", "Look.", "---\nactive: 08:00-20:00\n---\nLook.\n"} {
		w := newClock(t)
		w.file(text)
		if got := w.run(120); len(got) > 0 {
			t.Errorf("%q: beats at %v", text, got)
		}
	}
}

func TestAFileThatIsWrongIsAnErrorThatSaysWhere(t *testing.T) {
	w := newClock(t)
	w.file("---\nevery: often\n---\nLook.\n")
	j := w.job("a", noon)
	if err := w.Minute(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "HEARTBEAT.md, line 2") {
		t.Errorf("%v", err)
	}
	if len(w.queued) != 1 {
		t.Errorf("the job %s was held up", j.ID)
	}
}

func TestABeatThatCouldNotBeRecordedIsTheSameMessageAgain(t *testing.T) {
	w := newClock(t)
	w.file("---\nevery: 1h\n---\nLook.\n")
	w.faults.Before = func(op bucket.Op, key string) error {
		if key == "main/heartbeat" && op != bucket.OpGet {
			return errInjected
		}
		return nil
	}
	for range 2 {
		if err := w.Minute(t.Context(), noon); !errors.Is(err, errInjected) {
			t.Errorf("%v", err)
		}
	}
	w.faults.Before = nil
	w.minute()
	w.minute()
	if len(w.queued) != 1 || w.sent != 3 {
		t.Errorf("%d messages, queued %d times", len(w.queued), w.sent)
	}
}

// A look at a task that was lost on the way is made up for, and no other.
func TestATaskWhoseLookIsLateIsLookedAt(t *testing.T) {
	w := newClock(t)
	store := &task.Store{Bucket: w.memory, Agent: "main"}
	for call, next := range map[string]time.Time{"late": noon.Add(-3 * time.Minute), "in time": noon.Add(-30 * time.Second)} {
		if err := store.Create(t.Context(), task.Task{ID: task.ID(call), Next: next, Looks: 4}); err != nil {
			t.Fatal(err)
		}
	}
	w.minute()
	if len(w.looked) > 0 {
		t.Errorf("without a sandbox: %+v", w.looked)
	}
	w.Tasks = true
	w.minute()
	if len(w.looked) != 1 || w.looked[0].Task != task.ID("late") || w.looked[0].Look != 4 {
		t.Errorf("looked at %+v", w.looked)
	}
}
