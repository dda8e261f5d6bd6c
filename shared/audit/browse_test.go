package audit

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
)

// browse turns all pages of a log and returns the first thing that is broken.
func browse(t testing.TB, l *Log, q Query) (entries int, where *Broken) {
	t.Helper()
	for {
		found, checked, err := l.Browse(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		entries += len(found.Records)
		if where == nil {
			where = checked.Broken
		}
		if q.Before = found.Next; q.Before == 0 {
			return entries, where
		}
	}
}

func TestBrowseChecksWhatItReads(t *testing.T) {
	all, keys, _ := whole(t)
	m := bucket.NewMetered(restore(t, all))
	l := newLog(m)
	found, checked, err := l.Browse(context.Background(), Query{})
	if err != nil || checked.Broken != nil || checked.Through != 2700 || checked.From < 1900 || checked.From > 2601 || len(found.Records) != 100 || found.Records[0].Seq != 2700 {
		t.Errorf("%d entries, %+v, %v", len(found.Records), checked, err)
	}
	if c := m.Counts(); c.Lists != 1 || c.Reads > 3 || c.Writes != 0 {
		t.Errorf("%+v", c)
	}
	first := len(strings.Split(string(all[keys[0]]), "\n")) // one more than its entries
	for _, before := range []int64{2601, 700, int64(first) - 1, 2} {
		found, checked, err := l.Browse(context.Background(), Query{Before: before, Limit: 3})
		if err != nil || checked.Broken != nil || checked.From > found.Records[len(found.Records)-1].Seq || checked.Through < before-1 {
			t.Errorf("before %d: %+v, %v", before, checked, err)
		}
	}
	for _, q := range []Query{{Limit: 1000}, {}, {Limit: 50, Kind: Send}, {Text: "telegram:77"}, {Text: "nowhere"}} {
		if n, where := browse(t, l, q); where != nil || q.Kind == "" && q.Text == "" && n != 2700 {
			t.Errorf("%+v: %d entries, %v", q, n, where)
		}
	}
	if _, checked, err := l.Browse(context.Background(), Query{From: start.Add(time.Hour)}); err != nil || checked.Broken != nil {
		t.Errorf("since a time: %+v, %v", checked, err)
	}
	if _, checked, err := newLog(bucket.NewMemory()).Browse(context.Background(), Query{}); err != nil || checked != (Checked{}) {
		t.Errorf("an empty log: %+v, %v", checked, err)
	}
}

func TestBrowsingAllFindsTampering(t *testing.T) {
	all, keys, _ := whole(t)
	last := keys[len(keys)-1]
	const mark = "main/audit/checkpoint"
	for name, c := range map[string]map[string][]byte{
		"a letter of an entry":   edit(all, keys[1], func(l []string) []string { l[5] = strings.Replace(l[5], "telegram:", "telegraM:", 1); return l }),
		"an entry removed":       edit(all, keys[1], func(l []string) []string { return slices.Delete(l, 7, 8) }),
		"an entry doubled":       edit(all, last, func(l []string) []string { return slices.Insert(l, 7, l[7]) }),
		"two entries exchanged":  edit(all, keys[2], func(l []string) []string { l[3], l[4] = l[4], l[3]; return l }),
		"the opening changed":    edit(all, keys[2], func(l []string) []string { l[0] = strings.Replace(l[0], "first", "First", 1); return l }),
		"the closing removed":    edit(all, keys[1], func(l []string) []string { return l[:len(l)-2] }),
		"the newest entries":     edit(all, last, func(l []string) []string { return l[:len(l)-3] }),
		"half a line":            edit(all, last, func(l []string) []string { l[len(l)-2] = l[len(l)-2][:30]; return l }),
		"a line cut off":         edit(all, last, func(l []string) []string { l[len(l)-2] = strings.TrimSuffix(l[len(l)-2], "\n"); return l }),
		"the oldest segment":     without(all, keys[0]),
		"a middle segment":       without(all, keys[2]),
		"the newest segment":     without(all, last),
		"every segment":          without(all, keys...),
		"a segment doubled":      put(all, keys[1][:len(keys[1])-1]+"0", all[keys[1]]),
		"an empty segment":       put(all, keys[1], nil),
		"the checkpoint removed": without(all, mark),
		"the checkpoint changed": edit(all, mark, func(l []string) []string { return []string{strings.Replace(l[0], `"seq":2700`, `"seq":2600`, 1)} }),
		"an entry as checkpoint": put(without(all, mark), mark, bytes.Split(all[last], []byte("\n"))[1]),
	} {
		for _, limit := range []int{1000, 450} {
			if _, where := browse(t, newLog(restore(t, c)), Query{Limit: limit}); where == nil {
				t.Errorf("%s: not found by pages of %d", name, limit)
			}
		}
	}
	other := maps.Clone(all)
	other[keys[1]], other[keys[2]] = all[keys[2]], all[keys[1]]
	if _, where := browse(t, newLog(restore(t, other)), Query{}); where == nil {
		t.Error("two segments exchanged: not found")
	}
	l := newLog(restore(t, all))
	l.Key = []byte("another key")
	if _, where := browse(t, l, Query{}); where == nil {
		t.Error("another key: not found")
	}
}

func TestEachWordOfAQueryIsFoundSomewhere(t *testing.T) {
	l := newLog(bucket.NewMemory())
	add(t, l, events(0, 30))
	for text, want := range map[string]int{"": 30, " ": 30, "MESSAGE_send telegram:1": 10, "telegram:12 ask": 1, "ask sent": 0, "to main": 30} {
		found, err := l.Search(context.Background(), Query{Text: text})
		if err != nil || len(found.Records) != want {
			t.Errorf("%q: %d entries, want %d, %v", text, len(found.Records), want, err)
		}
	}
}

// The page turns where a segment begins: the link between the two is looked at.
func TestTheLinkBetweenTwoPagesIsChecked(t *testing.T) {
	all, keys, _ := whole(t)
	inner := newLog(restore(t, all))
	seg, err := inner.read(context.Background(), newSigner("main", inner.Key), keys[2])
	if err != nil {
		t.Fatal(err)
	}
	// Another log of the same length, under the same key, stands in for the older part.
	fork := newLog(bucket.NewMemory())
	for n := 0; n < 2700; n += 50 {
		batch := events(n, n+50)
		for i := range batch {
			batch[i].Outcome = "off"
		}
		add(t, fork, batch)
	}
	forged := snapshot(t, fork.Bucket)
	for _, key := range keys[:2] {
		all = put(all, key, forged[key])
	}
	_, checked, err := newLog(restore(t, all)).Browse(context.Background(), Query{Before: seg.open.First, Limit: 5})
	if err != nil || checked.Broken == nil {
		t.Errorf("%+v, %v", checked, err)
	}
}

func TestBrowseIsNotDisturbedByAppend(t *testing.T) {
	l := newLog(bucket.NewMemory())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < 1200; n += 40 {
			if err := l.Append(context.Background(), events(n, n+40)); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		if _, checked, err := l.Browse(context.Background(), Query{}); err != nil || checked.Broken != nil {
			t.Fatalf("%+v, %v", checked, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestABucketThatFailsIsNoBrokenLog(t *testing.T) {
	all, _, _ := whole(t)
	down := errors.New("down")
	for call := 1; call <= 4; call++ {
		n := 0
		l := newLog(&bucket.Faulty{Bucket: restore(t, all), Before: func(bucket.Op, string) error {
			if n++; n == call {
				return down
			}
			return nil
		}})
		if _, checked, err := l.Browse(context.Background(), Query{Before: 1500, Limit: 1}); n >= call && !errors.Is(err, down) {
			t.Errorf("call %d: %+v, %v", call, checked, err)
		}
	}
}
