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
	if err := json.Unmarshal(body, &wake); err != nil || wake.V != 1 || !wake.Again || delay != 0 {
		w.t.Errorf("queued %s after %v", body, delay)
	}
	w.queued = append(w.queued, wake.Key)
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

func TestALostMessageIsQueuedAgainExactlyOnce(t *testing.T) {
	w := newWorld(t)
	lost := w.arrived("telegram", "telegram:1", noon)
	for minute := range 60 {
		w.sweep(noon.Add(time.Duration(minute) * time.Minute))
	}
	if !slices.Equal(w.queued, []string{lost}) {
		t.Errorf("queued %q", w.queued)
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

func TestMessagesThatAreTooYoungAreLookedAtLater(t *testing.T) {
	w := newWorld(t)
	old := w.arrived("telegram", "telegram:1", noon)
	young := w.arrived("telegram", "telegram:2", noon.Add(time.Minute))
	for minute, want := range [][]string{nil, nil, nil, {old}, {young}, nil} {
		if got := w.sweep(noon.Add(time.Duration(minute) * time.Minute)); !slices.Equal(got, want) {
			t.Errorf("minute %d: queued %q, want %q", minute, got, want)
		}
	}
}

func TestMoreThanTwoHundredMessagesWaitForTheNextRuns(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 450 {
		// Many in one second.
		want = append(want, w.arrived("telegram", fmt.Sprintf("telegram:%03d", i), noon.Add(time.Duration(i/100)*time.Second)))
	}
	for minute, n := range []int{200, 200, 50, 0} {
		if got := w.sweep(noon.Add(time.Duration(3+minute) * time.Minute)); len(got) != n {
			t.Errorf("run %d queued %d messages, want %d", minute+1, len(got), n)
		}
	}
	if !slices.Equal(w.queued, want) {
		t.Errorf("queued %d messages, not the 450 in order", len(w.queued))
	}
}

func TestEveryChannelIsSwept(t *testing.T) {
	w := newWorld(t)
	want := []string{
		w.arrived("telegram", "telegram:1", noon.Add(-time.Hour)),
		w.arrived("slack", "slack:C1:1772366400.000100", noon),
		w.arrived("web", "web:AB", noon.Add(time.Second)),
	}
	if got := w.sweep(noon.Add(3 * time.Minute)); !slices.Equal(got, want) {
		t.Errorf("queued %q", got)
	}
	// One channel's later messages do not hide another's.
	want = []string{w.arrived("telegram", "telegram:2", noon.Add(-time.Minute)), w.arrived("slack", "slack:C1:1772366460.000100", noon.Add(time.Minute))}
	if got := w.sweep(noon.Add(4 * time.Minute)); !slices.Equal(got, want) {
		t.Errorf("then queued %q", got)
	}
}

func TestTheFirstRunDoesNotDigUpThePast(t *testing.T) {
	w := newWorld(t)
	w.arrived("telegram", "telegram:1", noon.AddDate(0, -1, 0))
	w.arrived("telegram", "telegram:2", noon.Add(-25*time.Hour))
	want := w.arrived("telegram", "telegram:3", noon.Add(-23*time.Hour))
	if got := w.sweep(noon); !slices.Equal(got, []string{want}) {
		t.Errorf("queued %q", got)
	}
}

func TestARunAfterALongPauseGoesOnWhereTheLastOneEnded(t *testing.T) {
	w := newWorld(t)
	w.arrived("telegram", "telegram:1", noon)
	w.sweep(noon.Add(3 * time.Minute))
	want := w.arrived("telegram", "telegram:2", noon.Add(time.Hour))
	if got := w.sweep(noon.AddDate(0, 0, 7)); !slices.Equal(got, []string{want}) {
		t.Errorf("queued %q", got)
	}
}

func TestARunWithNothingToDoWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.sweep(noon)
	w.arrived("telegram", "telegram:1", noon)
	w.sweep(noon.Add(3 * time.Minute))
	before := w.meter.Counts()
	if before.Writes != 1 {
		t.Errorf("%d writes", before.Writes)
	}
	w.sweep(noon.Add(4 * time.Minute))
	if c := w.meter.Counts(); c.Writes != before.Writes || c.Reads != before.Reads+1 || c.Lists != before.Lists+3 {
		t.Errorf("an idle run costs %+v, before it %+v", c, before)
	}
}

func TestAMarkerThatCannotBeSavedOnlyRepeatsTheWork(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for _, op := range []bucket.Op{bucket.OpPutIfAbsent, bucket.OpPutIfMatch} {
			w := newWorld(t)
			if op == bucket.OpPutIfMatch {
				w.arrived("slack", "slack:1", noon)
				w.sweep(noon.Add(3 * time.Minute))
			}
			key := w.arrived("telegram", "telegram:1", noon)
			hook := func(o bucket.Op, _ string) error {
				if o == op {
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
				t.Errorf("%s: %d, %v", op, n, err)
			}
			w.faults.Before, w.faults.After = nil, nil
			want := []string{key}
			if lost {
				want = nil // it was saved after all
			}
			if got := w.sweep(noon.Add(4 * time.Minute)); !slices.Equal(got, want) {
				t.Errorf("%s: then queued %q, want %q", op, got, want)
			}
			if got := w.sweep(noon.Add(5 * time.Minute)); len(got) != 0 {
				t.Errorf("%s: and then %q", op, got)
			}
		}
	}
}

func TestAQueueThatFailsInTheMiddleLosesNothing(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 10 {
		want = append(want, w.arrived("telegram", fmt.Sprint("telegram:", i), noon))
	}
	w.arrived("slack", "slack:1", noon)
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
	w.sweep(noon.Add(4 * time.Minute))
	for _, key := range want {
		if !slices.Contains(w.queued, key) {
			t.Errorf("%q was never queued", key)
		}
	}
	if got := w.sweep(noon.Add(5 * time.Minute)); len(got) != 0 {
		t.Errorf("and then %q", got)
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

func TestAMarkerThatCannotBeReadIsAnErrorAndStays(t *testing.T) {
	for _, data := range []string{"", "null", "{", "[]", "{}", `{"v":2,"done":{}}`, `{"v":1,"done":{"telegram":7}}`} {
		w := newWorld(t)
		w.arrived("telegram", "telegram:1", noon)
		w.marker(data)
		if n, err := w.Sweep(t.Context(), noon.Add(3*time.Minute)); n != 0 || err == nil || len(w.queued) != 0 {
			t.Errorf("%q: %d, %v", data, n, err)
		}
		if o, err := w.memory.Get(t.Context(), "main/sweep"); err != nil || string(o.Data) != data {
			t.Errorf("%q was overwritten with %q", data, o.Data)
		}
	}
}

func TestAMarkerWithoutChannelsIsABeginning(t *testing.T) {
	for _, data := range []string{`{"v":1}`, `{"v":1,"done":null}`, `{"v":1,"done":{}}`} {
		w := newWorld(t)
		key := w.arrived("telegram", "telegram:1", noon)
		w.marker(data)
		if got := w.sweep(noon.Add(3 * time.Minute)); !slices.Equal(got, []string{key}) {
			t.Errorf("%q: queued %q", data, got)
		}
	}
}

func (w *world) marker(data string) {
	w.t.Helper()
	if _, err := w.memory.PutIfAbsent(w.t.Context(), "main/sweep", []byte(data)); err != nil {
		w.t.Fatal(err)
	}
}
