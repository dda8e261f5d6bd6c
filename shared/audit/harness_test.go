package audit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"instar/shared/bucket"
)

var start = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// newLog is a log over b whose clock stands still.
func newLog(b bucket.Bucket) *Log {
	return &Log{Bucket: b, Agent: "main", Key: []byte("a key for tests"), Now: func() time.Time { return start }}
}

// event number n is of a turn with ten of them.
func event(n int) Entry {
	e := Entry{ID: fmt.Sprintf("id-%d", n), Event: Event{
		At: start, Kind: Decision, Session: "main", Turn: n / 10, Tool: "message_send", Outcome: "ask",
		Detail: map[string]string{"args": "sha256:00112233445566778899aabbccddeeff", "to": fmt.Sprintf("telegram:%d", n)},
	}}
	if n%10 == 0 {
		e.Kind, e.Tool, e.Outcome = Send, "", "sent"
	}
	return e
}

func events(from, to int) (all []Entry) {
	for n := from; n < to; n++ {
		all = append(all, event(n))
	}
	return all
}

func add(t testing.TB, l *Log, entries []Entry) {
	t.Helper()
	if err := l.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
}

// logged fails unless the chain is whole and returns its entries, the oldest first.
func logged(t testing.TB, l *Log) (all []Record) {
	t.Helper()
	report, err := l.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for q := (Query{Limit: MaxFound}); ; {
		found, err := l.Search(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found.Records...)
		if q.Before = found.Next; q.Before == 0 {
			break
		}
	}
	if int64(len(all)) != report.Entries {
		t.Fatalf("Search finds %d entries, Verify %d", len(all), report.Entries)
	}
	for i := range len(all) / 2 {
		all[i], all[len(all)-1-i] = all[len(all)-1-i], all[i]
	}
	for i, r := range all {
		if r.Seq != int64(i+1) || r.Forged {
			t.Fatalf("entry %d is %+v", i+1, r)
		}
	}
	return all
}

func once(t testing.TB, got []Record, want []Entry) {
	t.Helper()
	count := map[string]int{}
	for _, r := range got {
		count[r.ID]++
	}
	for _, e := range want {
		if count[e.ID] != 1 {
			t.Fatalf("entry %s is there %d times", e.ID, count[e.ID])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
}

// snapshot copies every object of a bucket.
func snapshot(t testing.TB, b bucket.Bucket) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	page, err := b.List(context.Background(), bucket.ListOptions{})
	if err != nil || page.Next != "" {
		t.Fatal(err, page.Next)
	}
	for _, e := range page.Entries {
		o, err := b.Get(context.Background(), e.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[e.Key] = append([]byte(nil), o.Data...)
	}
	return all
}

// restore makes a bucket of a snapshot.
func restore(t testing.TB, all map[string][]byte) bucket.Bucket {
	t.Helper()
	b := bucket.NewMemory()
	for key, data := range all {
		if _, err := b.PutIfAbsent(context.Background(), key, data); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func broken(t testing.TB, all map[string][]byte, known ...Head) *Broken {
	t.Helper()
	_, err := newLog(restore(t, all)).Verify(context.Background(), known...)
	var where *Broken
	if err != nil && !errors.As(err, &where) {
		t.Fatal(err)
	}
	return where
}
