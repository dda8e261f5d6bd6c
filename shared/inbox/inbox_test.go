package inbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/queue"
)

var (
	noon        = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	errInjected = errors.New("injected fault")
)

func message(id string, at time.Time) *chat.Message {
	return &chat.Message{
		ID: id, Time: at, Kind: chat.Private, Text: "hello", PlatformID: "7",
		Address: chat.Address{Channel: "telegram", Chat: "42"}, Sender: chat.Sender{ID: "42"},
	}
}

// wakes is a queue that records what it was sent.
type wakes struct {
	err    error
	bodies []inbox.Wake
	delays []time.Duration
}

func (q *wakes) Send(_ context.Context, body []byte, delay time.Duration) error {
	if q.err != nil {
		return q.err
	}
	if len(body) > queue.MaxBody {
		return queue.ErrTooLarge
	}
	var w inbox.Wake
	if err := json.Unmarshal(body, &w); err != nil {
		return err
	}
	q.bodies, q.delays = append(q.bodies, w), append(q.delays, delay)
	return nil
}

func TestAnAcceptedMessageIsStoredAndQueued(t *testing.T) {
	b, q := bucket.NewMemory(), &wakes{}
	m := message("telegram:1", noon)
	key, err := inbox.Accept(t.Context(), b, q, "main", m, noon, 0)
	if err != nil || key != "main/inbox/1772366400-telegram:1" || key != inbox.Key("main", m) {
		t.Fatalf("key %q, error %v", key, err)
	}
	got, err := inbox.Get(t.Context(), b, key)
	if err != nil || !reflect.DeepEqual(got, m) || got.V != 1 {
		t.Errorf("stored: %+v, %v", got, err)
	}
	if want := []inbox.Wake{{V: 1, Key: key}}; !slices.Equal(q.bodies, want) || q.delays[0] != 0 {
		t.Errorf("queued: %+v %v", q.bodies, q.delays)
	}
}

// Whoever is to look again later must reckon with a first try that died.
func TestADelayedMessageIsQueuedAsARepetition(t *testing.T) {
	q := &wakes{}
	if _, err := inbox.Accept(t.Context(), bucket.NewMemory(), q, "main", message("web:1", noon), noon, time.Minute); err != nil {
		t.Fatal(err)
	}
	if !q.bodies[0].Again || q.delays[0] != time.Minute {
		t.Errorf("queued: %+v %v", q.bodies, q.delays)
	}
}

func TestARepeatedEventIsQueuedAgainButNotRewritten(t *testing.T) {
	b, q := bucket.NewMemory(), &wakes{}
	key, err := inbox.Accept(t.Context(), b, q, "main", message("telegram:1", noon), noon, 0)
	if err != nil {
		t.Fatal(err)
	}
	before, err := b.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for i, age := range []time.Duration{0, time.Minute, 24 * time.Hour} {
		again := message("telegram:1", noon)
		again.Text = "changed on the way"
		if got, err := inbox.Accept(t.Context(), b, q, "main", again, noon.Add(age), 0); err != nil || got != key {
			t.Errorf("after %v: %q, %v", age, got, err)
		}
		if len(q.bodies) != i+2 || q.bodies[i+1].Key != key {
			t.Errorf("after %v: queued %+v", age, q.bodies)
		}
	}
	if after, err := b.Get(t.Context(), key); err != nil || after.ETag != before.ETag || !bytes.Equal(after.Data, before.Data) {
		t.Errorf("stored now: %s, %v", after.Data, err)
	}
}

func TestAnOldEventThatIsRepeatedIsNotQueuedAgain(t *testing.T) {
	b, q := bucket.NewMemory(), &wakes{}
	// The first time it is, however old: the platform was not reached for hours.
	late := noon.Add(30 * time.Hour)
	key, err := inbox.Accept(t.Context(), b, q, "main", message("telegram:1", noon), late, 0)
	if err != nil || len(q.bodies) != 1 {
		t.Fatalf("%q, %v, queued %+v", key, err, q.bodies)
	}
	for _, age := range []time.Duration{24*time.Hour + time.Second, 7 * 24 * time.Hour} {
		if got, err := inbox.Accept(t.Context(), b, q, "main", message("telegram:1", noon), noon.Add(age), 0); err != nil || got != key {
			t.Errorf("after %v: %q, %v", age, got, err)
		}
	}
	if len(q.bodies) != 1 {
		t.Errorf("queued %+v", q.bodies)
	}
}

func TestAFailureIsAnErrorAndTheNextTryRepairsIt(t *testing.T) {
	for _, c := range []struct {
		what   string
		set    func(f *bucket.Faulty, q *wakes)
		stored bool
	}{
		{"the queue fails", func(_ *bucket.Faulty, q *wakes) { q.err = errInjected }, true},
		{"the bucket fails", func(f *bucket.Faulty, _ *wakes) { f.Before = always }, false},
		{"the bucket's answer is lost", func(f *bucket.Faulty, _ *wakes) { f.After = always }, true},
	} {
		memory, q := bucket.NewMemory(), &wakes{}
		f := &bucket.Faulty{Bucket: memory}
		c.set(f, q)
		m := message("telegram:1", noon)
		if key, err := inbox.Accept(t.Context(), f, q, "main", m, noon, 0); !errors.Is(err, errInjected) || key != "" || strings.Contains(err.Error(), "hello") {
			t.Errorf("%s: %q, %v", c.what, key, err)
		}
		if _, err := inbox.Get(t.Context(), memory, inbox.Key("main", m)); (err == nil) != c.stored || len(q.bodies) != 0 {
			t.Errorf("%s: stored: %v, queued %+v", c.what, err, q.bodies)
		}
		*f, q.err = bucket.Faulty{Bucket: memory}, nil
		if _, err := inbox.Accept(t.Context(), f, q, "main", m, noon.Add(time.Minute), 0); err != nil || len(q.bodies) != 1 {
			t.Errorf("%s: then %v, queued %+v", c.what, err, q.bodies)
		}
		if _, err := inbox.Get(t.Context(), memory, inbox.Key("main", m)); err != nil {
			t.Errorf("%s: then %v", c.what, err)
		}
	}
}

// Telegram was not reached for hours; when its backlog comes the queue fails,
// and Telegram tries again.
func TestABacklogIsNotLostWhenTheQueueFails(t *testing.T) {
	b, q := bucket.NewMemory(), &wakes{err: errInjected}
	m, now := message("telegram:1", noon), noon.Add(3*time.Hour)
	if _, err := inbox.Accept(t.Context(), b, q, "main", m, now, 0); err == nil {
		t.Fatal("accepted without a queue")
	}
	q.err = nil
	if _, err := inbox.Accept(t.Context(), b, q, "main", m, now.Add(time.Minute), 0); err != nil || len(q.bodies) != 1 {
		t.Errorf("%v, queued %+v", err, q.bodies)
	}
}

func always(bucket.Op, string) error { return errInjected }

func TestKeysSortByThePlatformsTime(t *testing.T) {
	times := []time.Time{{}, time.Unix(0, 0), time.Unix(999_999_999, 0), time.Unix(1_000_000_000, 0), noon, noon.Add(time.Second), noon.AddDate(100, 0, 0)}
	for i, at := range times {
		// Ids that would sort the other way round.
		key := inbox.Key("main", message(fmt.Sprint("telegram:", 100-i), at))
		if !strings.HasPrefix(key, inbox.Prefix("main")) || bucket.CheckKey(key) != nil {
			t.Errorf("%v: key %q", at, key)
		}
		if i == 0 && !strings.Contains(key, "/0000000000-") {
			t.Errorf("a message without a time has the key %q", key)
		}
		if i > 1 && key <= inbox.Key("main", message(fmt.Sprint("telegram:", 101-i), times[i-1])) {
			t.Errorf("%v does not sort after the one before: %q", at, key)
		}
	}
	zone := time.FixedZone("Asia/Tokyo", 9*3600)
	if a, b := inbox.Key("main", message("x", noon)), inbox.Key("main", message("x", noon.In(zone))); a != b {
		t.Errorf("one moment has the keys %q and %q", a, b)
	}
}

// Same id, same key; another id, another key; and every key is acceptable.
func FuzzKeysAreTheMessagesOwn(f *testing.F) {
	f.Add("telegram:1", "telegram:2")
	f.Add("slack:C1:1700000000.000100", "slack:C1:1700000000.000101")
	f.Add("a/b", "a%2Fb")
	f.Add("..", ".")
	f.Add("", "\x00\\\xff\n")
	f.Add(strings.Repeat("é", 200), strings.Repeat("é", 199)+"e")
	f.Add(strings.Repeat("a", 300), strings.Repeat("a", 301))
	f.Add(strings.Repeat("a", 5000)+"1", strings.Repeat("a", 5000)+"2")
	f.Fuzz(func(t *testing.T, a, b string) {
		keyA, keyB := inbox.Key("main", message(a, noon)), inbox.Key("main", message(b, noon))
		if (a == b) != (keyA == keyB) || keyA != inbox.Key("main", message(a, noon)) {
			t.Errorf("%q and %q have the keys %q and %q", a, b, keyA, keyB)
		}
		for _, key := range []string{keyA, keyB} {
			if err := bucket.CheckKey(key); err != nil || strings.Count(key, "/") != 2 || len(key) > 400 {
				t.Errorf("key %q: %v", key, err)
			}
		}
	})
}

func TestWhatIsNoMessageIsAnError(t *testing.T) {
	b := bucket.NewMemory()
	if _, err := inbox.Get(t.Context(), b, "main/inbox/telegram/x"); !errors.Is(err, bucket.ErrNotFound) {
		t.Error(err)
	}
	for i, data := range []string{"", "null", "[]", "{}", `{"v":2,"id":"x"}`, `{"v":1,"time":"yesterday"}`, "\x00"} {
		key := fmt.Sprint("main/inbox/telegram/", i)
		if _, err := b.PutIfAbsent(t.Context(), key, []byte(data)); err != nil {
			t.Fatal(err)
		}
		if m, err := inbox.Get(t.Context(), b, key); err == nil || m != nil {
			t.Errorf("%q: %+v, %v", data, m, err)
		}
	}
}

func TestTheOldestOpenMessagesAreListedFirst(t *testing.T) {
	b := bucket.NewMemory()
	var want []string
	for i, id := range []string{"web:late", "slack:C1:1.2", "telegram:early"} {
		m := message(id, noon.Add(time.Duration(i)*time.Hour))
		key, err := inbox.Accept(t.Context(), b, &wakes{}, "main", m, noon, 0)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, key)
	}
	// What an older program left under the inbox's name is no entry.
	if _, err := b.PutIfAbsent(t.Context(), "main/inbox/telegram/1772366400-telegram:1", []byte(`{"v":1}`)); err != nil {
		t.Fatal(err)
	}
	open, err := inbox.Open(t.Context(), b, "main", 0)
	if err != nil || len(open) != 3 {
		t.Fatalf("%+v, %v", open, err)
	}
	for i, e := range open {
		if e.Key != want[i] || !e.Time.Equal(noon.Add(time.Duration(i)*time.Hour)) {
			t.Errorf("entry %d: %+v, want %s", i, e, want[i])
		}
	}
	if few, err := inbox.Open(t.Context(), b, "main", 2); err != nil || len(few) != 2 {
		t.Errorf("%+v, %v", few, err)
	}
}

func TestADeadLetterIsPutBackOnceUnderANewID(t *testing.T) {
	b, q := bucket.NewMemory(), &wakes{}
	m := message("telegram:1", noon)
	key, err := inbox.Accept(t.Context(), b, q, "main", m, noon, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // whoever buried it died before they could say so
		if err := inbox.Bury(t.Context(), b, "main", key, inbox.Letter{At: noon.Add(time.Hour), Reason: "it crashed", Session: "main", Message: m}); err != nil {
			t.Fatal(err)
		}
	}
	letters, err := inbox.Letters(t.Context(), b, "main")
	if err != nil || len(letters) != 1 || letters[0].Message.ID != "telegram:1" || letters[0].Reason != "it crashed" {
		t.Fatalf("%+v, %v", letters, err)
	}
	if open, _ := inbox.Open(t.Context(), b, "main", 0); len(open) != 0 {
		t.Errorf("still in the inbox: %+v", open)
	}
	ids := map[string]bool{}
	accept := func(_ context.Context, m *chat.Message) error { ids[m.ID] = true; return nil }
	for range 2 {
		if err := inbox.Revive(t.Context(), b, letters[0], noon.Add(2*time.Hour), accept); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 1 || ids["telegram:1"] {
		t.Errorf("put back as %v", ids)
	}
	if letters, _ := inbox.Letters(t.Context(), b, "main"); len(letters) != 0 {
		t.Errorf("still dead: %+v", letters)
	}
}
