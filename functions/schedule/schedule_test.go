package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"instar/functions/schedule"
	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
)

var (
	noon        = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	errInjected = errors.New("injected fault")
)

// world is a sweeper, its bucket and its queue.
type world struct {
	schedule.Sweeper
	t      *testing.T
	memory *bucket.Memory
	faults bucket.Faulty
	meter  *bucket.Metered
	queued []string // keys
	last   []string // of them, those tried for the last time
	send   func(n int) error
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, memory: bucket.NewMemory(), send: func(int) error { return nil }}
	w.faults.Bucket = w.memory
	w.meter = bucket.NewMetered(&w.faults)
	w.Sweeper = schedule.Sweeper{Agent: "main", Bucket: w.meter, Queue: w}
	return w
}

// Send implements queue.Sender.
func (w *world) Send(_ context.Context, body []byte, delay time.Duration) error {
	if err := w.send(len(w.queued) + 1); err != nil {
		return err
	}
	var wake inbox.Wake
	if err := json.Unmarshal(body, &wake); err != nil || wake.V != 1 || !wake.Again || !wake.Sweep || delay != 0 {
		w.t.Errorf("queued %s after %v", body, delay)
	}
	w.queued = append(w.queued, wake.Key)
	if wake.Last {
		w.last = append(w.last, wake.Key)
	}
	return nil
}

// arrived stores a message as the webhook does, and returns its key.
func (w *world) arrived(channel, id string, at time.Time) string {
	w.t.Helper()
	m := &chat.Message{V: 1, ID: id, Time: at, Address: chat.Address{Channel: channel, Chat: "42"}}
	key := inbox.Key("main", m)
	if _, err := w.memory.PutIfAbsent(w.t.Context(), key, []byte(`{"v":1}`)); err != nil {
		w.t.Fatal(err)
	}
	return key
}

// sweep runs once and returns what that run queued.
func (w *world) sweep(at time.Time) []string {
	w.t.Helper()
	before := len(w.queued)
	n, err := w.Sweep(w.t.Context(), at)
	if err != nil {
		w.t.Fatal(err)
	}
	if n != len(w.queued)-before {
		w.t.Errorf("the sweep counts %d messages and queues %d", n, len(w.queued)-before)
	}
	return w.queued[before:]
}

func TestAStuckMessageIsTriedLessAndLessOftenUntilItIsGivenUp(t *testing.T) {
	w := newWorld(t)
	stuck := w.arrived("telegram", "telegram:1", noon)
	var at []int
	for minute := range 24 * 60 {
		if got := w.sweep(noon.Add(time.Duration(minute) * time.Minute)); len(got) > 0 {
			at = append(at, minute)
		}
		if len(w.last) > 0 && len(at) == 8 {
			if _, err := w.memory.Get(t.Context(), stuck); err == nil {
				w.settle(stuck) // a dead letter now
			}
		}
	}
	if want := []int{3, 5, 9, 17, 33, 65, 129, 257}; !slices.Equal(at, want) {
		t.Errorf("tried at minutes %v, want %v", at, want)
	}
	if !slices.Equal(w.last, []string{stuck}) {
		t.Errorf("tried for the last time: %q", w.last)
	}
}

func TestAMessageThatLeavesTheInboxIsNotTriedAgain(t *testing.T) {
	w := newWorld(t)
	key := w.arrived("telegram", "telegram:1", noon)
	w.sweep(noon.Add(3 * time.Minute))
	w.settle(key)
	for minute := range 60 {
		if got := w.sweep(noon.Add(time.Duration(4+minute) * time.Minute)); len(got) != 0 {
			t.Fatalf("queued %q", got)
		}
	}
}

func TestAMessageIsLookedAtWhenItIsTwoMinutesOld(t *testing.T) {
	for age, want := range map[time.Duration]int{
		0: 0, time.Minute: 0, 2*time.Minute - time.Second: 0, 2 * time.Minute: 0, 2*time.Minute + time.Second: 1, time.Hour: 1,
	} {
		w := newWorld(t)
		w.arrived("telegram", "telegram:1", noon)
		if got := w.sweep(noon.Add(age)); len(got) != want {
			t.Errorf("%v old: queued %q", age, got)
		}
	}
}

// Telegram was not reached for a day: its backlog comes late, and is looked
// after like everything else.
func TestAMessageThatArrivesLateIsSweptToo(t *testing.T) {
	w := newWorld(t)
	w.arrived("telegram", "telegram:9", noon)
	w.sweep(noon.Add(3 * time.Minute))
	late := w.arrived("telegram", "telegram:1", noon.Add(-20*time.Hour))
	if got := w.sweep(noon.Add(4 * time.Minute)); !slices.Equal(got, []string{late}) {
		t.Errorf("queued %q", got)
	}
}

func TestMoreThanTwoHundredMessagesWaitForTheNextRuns(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 450 {
		// Many in one second.
		want = append(want, w.arrived("telegram", fmt.Sprintf("telegram:%03d", i), noon.Add(time.Duration(i/100)*time.Second)))
	}
	for minute, n := range []int{200, 200, 50} {
		got := w.sweep(noon.Add(3*time.Minute + time.Duration(minute)*20*time.Second))
		if len(got) != n {
			t.Errorf("run %d queued %d messages, want %d", minute+1, len(got), n)
		}
	}
	if !slices.Equal(w.queued, want) {
		t.Errorf("queued %d messages, not the 450 in order", len(w.queued))
	}
}

func TestARunWithNothingToDoCostsOneListing(t *testing.T) {
	w := newWorld(t)
	w.arrived("telegram", "telegram:1", noon.Add(time.Hour)) // not stuck
	before := w.meter.Counts()
	w.sweep(noon)
	if c := w.meter.Counts(); c.Lists != before.Lists+1 || c.Reads+c.Writes+c.Deletes != before.Reads+before.Writes+before.Deletes {
		t.Errorf("an idle run costs %+v, before it %+v", c, before)
	}
}

func TestARecordThatCannotBeSavedOnlyRepeatsTheWork(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t)
		key := w.arrived("telegram", "telegram:1", noon)
		hook := func(o bucket.Op, _ string) error {
			if o == bucket.OpPutIfAbsent {
				return errInjected
			}
			return nil
		}
		if lost {
			w.faults.After = hook
		} else {
			w.faults.Before = hook
		}
		if n, err := w.Sweep(t.Context(), noon.Add(3*time.Minute)); n != 1 || !errors.Is(err, errInjected) {
			t.Errorf("%d, %v", n, err)
		}
		w.faults.Before, w.faults.After = nil, nil
		want := []string{key}
		if lost {
			want = nil // it was saved after all
		}
		if got := w.sweep(noon.Add(4 * time.Minute)); !slices.Equal(got, want) {
			t.Errorf("then queued %q, want %q", got, want)
		}
	}
}

func TestAQueueThatFailsInTheMiddleLosesNothing(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 10 {
		want = append(want, w.arrived("telegram", fmt.Sprint("telegram:", i), noon))
	}
	w.send = func(n int) error {
		if n > 4 {
			return errInjected
		}
		return nil
	}
	if n, err := w.Sweep(t.Context(), noon.Add(3*time.Minute)); n != 4 || !errors.Is(err, errInjected) {
		t.Errorf("%d, %v", n, err)
	}
	w.send = func(int) error { return nil }
	if got := w.sweep(noon.Add(4 * time.Minute)); !slices.Equal(got, want[4:]) {
		t.Errorf("then queued %q, want %q", got, want[4:])
	}
}

// Cron may run twice; whoever is slower has done the same.
func TestTwoRunsAtOnceAreAsGoodAsOne(t *testing.T) {
	w := newWorld(t)
	key := w.arrived("telegram", "telegram:1", noon)
	second := false
	w.faults.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfAbsent && !second {
			second = true
			w.sweep(noon.Add(3 * time.Minute))
		}
		return nil
	}
	if n, err := w.Sweep(t.Context(), noon.Add(3*time.Minute)); n != 1 || err != nil {
		t.Errorf("the slower run: %d, %v", n, err)
	}
	if !second || !slices.Equal(w.queued, []string{key, key}) {
		t.Errorf("queued %q", w.queued)
	}
	if got := w.sweep(noon.Add(4 * time.Minute)); len(got) != 0 {
		t.Errorf("and then %q", got)
	}
}

func TestABucketThatFailsIsAnError(t *testing.T) {
	for _, op := range []bucket.Op{bucket.OpGet, bucket.OpList} {
		w := newWorld(t)
		w.arrived("telegram", "telegram:1", noon)
		w.faults.Before = func(o bucket.Op, _ string) error {
			if o == op {
				return errInjected
			}
			return nil
		}
		if n, err := w.Sweep(t.Context(), noon.Add(3*time.Minute)); n != 0 || !errors.Is(err, errInjected) || len(w.queued) != 0 {
			t.Errorf("%s: %d, %v", op, n, err)
		}
	}
}

func TestARecordThatMakesNoSenseIsBegunAnew(t *testing.T) {
	for _, data := range []string{"", "null", "{", "[]", "{}", `{"v":2}`, `{"v":1,"done":{"telegram":"x"}}`, `{"v":1,"stuck":{"main/inbox/x":7}}`} {
		w := newWorld(t)
		key := w.arrived("telegram", "telegram:1", noon)
		if _, err := w.memory.PutIfAbsent(t.Context(), "main/sweep", []byte(data)); err != nil {
			t.Fatal(err)
		}
		if got := w.sweep(noon.Add(3 * time.Minute)); !slices.Equal(got, []string{key}) {
			t.Errorf("%q: queued %q", data, got)
		}
		if got := w.sweep(noon.Add(4 * time.Minute)); len(got) > 0 {
			t.Errorf("%q: queued at once again", data)
		}
	}
}

// settle takes a message off the inbox.
func (w *world) settle(key string) {
	w.t.Helper()
	if err := w.memory.Delete(w.t.Context(), key); err != nil {
		w.t.Fatal(err)
	}
}
