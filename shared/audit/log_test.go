package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
)

func TestEntriesAreThereOnceAndInOrder(t *testing.T) {
	l := newLog(bucket.NewMemory())
	add(t, l, events(0, 5))
	add(t, l, events(5, 12))
	add(t, l, events(5, 12)) // again
	add(t, l, events(3, 15)) // some again, some new
	add(t, l, append(events(15, 17), events(15, 17)...))
	got := logged(t, l)
	once(t, got, events(0, 17))
	for i, r := range got {
		if want := event(i); r.ID != want.ID || r.Detail["to"] != want.Detail["to"] || !r.At.Equal(want.At) || r.Turn != want.Turn {
			t.Fatalf("entry %d is %+v", i, r)
		}
	}
}

func TestBatchCostsTwoWrites(t *testing.T) {
	m := bucket.NewMetered(bucket.NewMemory())
	l := newLog(m)
	add(t, l, events(0, 500))
	before := m.Counts()
	add(t, l, events(500, 540)) // of 16 turns, say
	after := m.Counts()
	if writes, reads, lists := after.Writes-before.Writes, after.Reads-before.Reads, after.Lists-before.Lists; writes != 2 || reads != 2 || lists != 1 {
		t.Fatalf("%d writes, %d reads, %d lists", writes, reads, lists)
	}
	before = after
	add(t, l, events(500, 540))
	if after = m.Counts(); after.Writes != before.Writes {
		t.Fatal("the same again cost a write")
	}
}

func TestSegmentsStayInTheirBound(t *testing.T) {
	b := bucket.NewMemory()
	l := newLog(b)
	for n := 0; n < 5000; n += 100 {
		add(t, l, events(n, n+100))
	}
	add(t, l, events(5000, 8000)) // more than a segment at once
	page, _ := b.List(context.Background(), bucket.ListOptions{Prefix: l.prefix()})
	if len(page.Entries) < 8 {
		t.Fatalf("%d segments", len(page.Entries))
	}
	for _, e := range page.Entries {
		if e.Size > MaxSegment {
			t.Fatalf("%s has %d bytes", e.Key, e.Size)
		}
	}
	once(t, logged(t, l), events(0, 8000))
}

func TestEntryAppendedAgainAfterManySegmentsIsThereOnce(t *testing.T) {
	l := newLog(bucket.NewMemory())
	now := start
	l.Now = func() time.Time { return now }
	late := events(0, 3)
	add(t, l, late)
	for n := 3; n < 6003; n += 1000 {
		now = now.Add(24 * time.Hour)
		batch := events(n, n+1000)
		for i := range batch {
			batch[i].At = now
		}
		add(t, l, batch)
	}
	add(t, l, late)
	once(t, logged(t, l), events(0, 6003))

	m := bucket.NewMetered(l.Bucket)
	l.Bucket = m
	fresh := event(7000)
	fresh.At = now
	add(t, l, []Entry{fresh})
	if got := m.Counts().Reads; got > 4 {
		t.Fatalf("a new entry cost %d reads", got)
	}
}

// Everything Append does to the bucket is made to fail once, before and after
// it took effect, and the batch is appended again: by the same worker or
// another, or after somebody else's.
func TestCrashAtEveryCallLosesAndDoublesNothing(t *testing.T) {
	crash := errors.New("crash")
	for _, c := range []struct{ begun, size int }{{0, 1}, {300, 40}, {480, 60}, {0, 600}} { // the last two go over into another segment
		begun, size := c.begun, c.size
		for call := 0; ; call++ {
			fired := false
			for _, after := range []bool{false, true} {
				b := bucket.NewMemory()
				add(t, newLog(b), events(0, begun))
				n := 0
				fail := func(bucket.Op, string) error {
					if n++; n == call+1 {
						fired = true
						return crash
					}
					return nil
				}
				f := &bucket.Faulty{Bucket: b, Before: fail}
				if after {
					f = &bucket.Faulty{Bucket: b, After: fail}
				}
				batch := events(begun, begun+size)
				err := newLog(f).Append(context.Background(), batch)
				if n > call && !errors.Is(err, crash) {
					t.Fatalf("call %d: %v", call, err)
				}
				other := events(begun+size, begun+size+5)
				if call%2 == 1 {
					add(t, newLog(b), other)
				}
				add(t, newLog(b), batch)
				add(t, newLog(b), other)
				once(t, logged(t, newLog(b)), events(0, begun+size+5))
				if report, _ := newLog(b).Verify(context.Background()); report.Unmarked != 0 {
					t.Fatalf("call %d: the checkpoint lacks %d entries", call, report.Unmarked)
				}
			}
			if !fired {
				break
			}
		}
	}
}

func TestWorkersDoNotForkTheChain(t *testing.T) {
	b := bucket.NewMemory()
	const workers, batches, size = 8, 12, 30
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			l := newLog(b)
			for n := range batches {
				// Each batch is appended by two workers.
				from := ((w/2)*batches + n) * size
				for {
					err := l.Append(context.Background(), events(from, from+size))
					if err == nil {
						break
					}
					var where *Broken
					if errors.As(err, &where) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	once(t, logged(t, newLog(b)), events(0, workers/2*batches*size))
}

func TestEventsHoldIdentifiersOnly(t *testing.T) {
	detail := map[string]string{
		"text": "please send it to mallory", "key": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
		"host": "example.com", "日本": "x", "empty": "",
	}
	for n := range 10 {
		detail[fmt.Sprintf("z%d", n)] = "v"
	}
	e := NewEntry(Event{At: start, Kind: "decision", Tool: "a tool\nwith a line", Session: string(make([]byte, 500)), Detail: detail})
	if len(e.Detail) > maxDetail || e.Detail["left_out"] != "8" || e.Detail["host"] != "example.com" {
		t.Errorf("detail is %v", e.Detail)
	}
	for name, value := range e.Detail {
		if value == detail["text"] || value == detail["key"] || identifier(name, 32) != name || identifier(value, 96) != value {
			t.Errorf("%q: %q", name, value)
		}
	}
	if len(e.Tool) != 39 || len(e.Session) != 39 || e.ID == "" {
		t.Errorf("entry is %+v", e)
	}
	if again := e.bounded(); fmt.Sprint(again) != fmt.Sprint(e) {
		t.Errorf("bounded twice it is %v, once %v", again, e)
	}
	l := newLog(bucket.NewMemory())
	add(t, l, []Entry{{ID: "x", Event: Event{Detail: detail}}}) // as an object from elsewhere may hold it
	if got := logged(t, l)[0]; len(got.Detail) > maxDetail {
		t.Errorf("logged %v", got.Detail)
	}
}

func TestSearchIsNewestFirstAndBounded(t *testing.T) {
	l := newLog(bucket.NewMemory())
	l.Now = func() time.Time { return start.Add(3000 * time.Minute) }
	batch := events(0, 3000)
	for i := range batch {
		batch[i].At = start.Add(time.Duration(i) * time.Minute)
	}
	add(t, l, batch)
	for name, c := range map[string]struct {
		q           Query
		count       int
		first, last int64
	}{
		"everything":  {Query{}, 100, 3000, 2901},
		"limit":       {Query{Limit: 3}, 3, 3000, 2998},
		"too much":    {Query{Limit: 5000}, 1000, 3000, 2001},
		"kind":        {Query{Kind: Send, Limit: 500}, 300, 2991, 1},
		"text":        {Query{Text: "TELEGRAM:77"}, 11, 780, 78},
		"time":        {Query{From: start.Add(10 * time.Minute), To: start.Add(20 * time.Minute)}, 10, 20, 11},
		"page":        {Query{Before: 2901, Limit: 10}, 10, 2900, 2891},
		"first page":  {Query{Before: 2}, 1, 1, 1},
		"session":     {Query{Session: "main", Limit: 1}, 1, 3000, 3000},
		"nobody's":    {Query{Session: "other"}, 0, 0, 0},
		"before all":  {Query{To: start}, 0, 0, 0},
		"no such one": {Query{Before: -4}, 0, 0, 0},
	} {
		found, err := l.Search(context.Background(), c.q)
		if err != nil || len(found.Records) != c.count {
			t.Errorf("%s: %d entries, want %d (%v)", name, len(found.Records), c.count, err)
			continue
		}
		if c.count > 0 && (found.Records[0].Seq != c.first || found.Records[c.count-1].Seq != c.last) {
			t.Errorf("%s: from %d to %d", name, found.Records[0].Seq, found.Records[c.count-1].Seq)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	l := newLog(bucket.NewMemory())
	add(b, l, events(0, 350)) // half a segment
	half := snapshot(b, l.Bucket)
	batch := events(350, 390)
	for b.Loop() {
		b.StopTimer()
		l = newLog(restore(b, half))
		b.StartTimer()
		add(b, l, batch)
	}
}
