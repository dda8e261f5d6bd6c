package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
)

// whole is a log of four segments.
func whole(t testing.TB) (all map[string][]byte, keys []string, head Head) {
	t.Helper()
	l := newLog(bucket.NewMemory())
	for n := 0; n < 2700; n += 50 {
		add(t, l, events(n, n+50))
	}
	report, err := l.Verify(context.Background())
	if err != nil || report.Entries != 2700 || report.Unmarked != 0 || !report.Last.Equal(start) {
		t.Fatalf("%+v, %v", report, err)
	}
	keys, _ = l.segments(context.Background())
	slices.Reverse(keys) // the oldest first
	if len(keys) < 4 {
		t.Fatalf("%d segments", len(keys))
	}
	return snapshot(t, l.Bucket), keys, report.Head
}

// edit returns a copy of a snapshot in which one object is another.
func edit(all map[string][]byte, key string, change func(lines []string) []string) map[string][]byte {
	all = maps.Clone(all)
	all[key] = []byte(strings.Join(change(strings.SplitAfter(string(all[key]), "\n")), ""))
	return all
}

func TestVerifyFindsEveryKindOfTampering(t *testing.T) {
	all, keys, head := whole(t)
	if where := broken(t, all, head, Head{head.Seq, head.MAC}); where != nil {
		t.Fatal("untouched:", where)
	}
	last := keys[len(keys)-1]
	const mark = "main/audit/checkpoint"
	cases := map[string]struct {
		all  map[string][]byte
		key  string // of the first bad place
		line int
	}{
		"a letter of an entry": {edit(all, keys[1], func(l []string) []string {
			l[5] = strings.Replace(l[5], "telegram:", "telegraM:", 1)
			return l
		}), keys[1], 6},
		"an entry removed":        {edit(all, keys[1], func(l []string) []string { return slices.Delete(l, 7, 8) }), keys[1], 8},
		"an entry doubled":        {edit(all, last, func(l []string) []string { return slices.Insert(l, 7, l[7]) }), last, 9},
		"two entries exchanged":   {edit(all, keys[2], func(l []string) []string { l[3], l[4] = l[4], l[3]; return l }), keys[2], 4},
		"an entry from elsewhere": {edit(all, keys[2], func(l []string) []string { l[3] = strings.SplitAfter(string(all[keys[0]]), "\n")[3]; return l }), keys[2], 4},
		"an entry without a MAC":  {edit(all, keys[2], func(l []string) []string { l[3] = `{"seq":1}` + "\n"; return l }), keys[2], 4},
		"an empty line":           {edit(all, keys[2], func(l []string) []string { return slices.Insert(l, 3, "\n") }), keys[2], 4},
		"the opening changed":     {edit(all, keys[2], func(l []string) []string { l[0] = strings.Replace(l[0], "first", "First", 1); return l }), keys[2], 1},
		"the closing removed":     {edit(all, keys[1], func(l []string) []string { return l[:len(l)-2] }), keys[1], 0},
		"the end of a middle segment": {edit(all, keys[1], func(l []string) []string {
			return l[:len(l)-9]
		}), keys[1], 0},
		"the newest entries":    {edit(all, last, func(l []string) []string { return l[:len(l)-3] }), mark, 0},
		"half a line":           {edit(all, last, func(l []string) []string { l[len(l)-2] = l[len(l)-2][:30]; return l }), last, 0},
		"an entry added at end": {edit(all, last, func(l []string) []string { return append(l, l[1]) }), last, len(strings.Split(string(all[last]), "\n"))},
		"the key of another":    {rename(all, keys[1], keys[1][:len(keys[1])-1]+"x"), "", 0},
		"the oldest segment":    {without(all, keys[0]), keys[0], 0},
		"a middle segment":      {without(all, keys[2]), keys[2], 0},
		"the newest segment":    {without(all, last), mark, 0},
		"every segment":         {without(all, keys...), mark, 0},
		"two segments exchanged": {func() map[string][]byte {
			other := maps.Clone(all)
			other[keys[1]], other[keys[2]] = all[keys[2]], all[keys[1]]
			return other
		}(), keys[1], 1},
		"a segment doubled":      {put(all, keys[1][:len(keys[1])-1]+"0", all[keys[1]]), "", 0},
		"something else":         {put(all, "main/audit/log/note", []byte("hello\n")), "main/audit/log/note", 0},
		"the checkpoint removed": {without(all, mark), mark, 0},
		"the checkpoint changed": {edit(all, mark, func(l []string) []string {
			return []string{strings.Replace(l[0], `"seq":2700`, `"seq":2600`, 1)}
		}), mark, 0},
		"an entry as checkpoint": {put(without(all, mark), mark, bytes.Split(all[last], []byte("\n"))[1]), mark, 0},
	}
	for name, c := range cases {
		where := broken(t, c.all)
		if where == nil {
			t.Errorf("%s: not found", name)
			continue
		}
		if c.key != "" && where.Key != c.key || c.line > 0 && where.Line != c.line {
			t.Errorf("%s: %v, want %s line %d", name, where, c.key, c.line)
		}
		// Nothing is built on what Append can see to be broken, and nothing that
		// Append does makes a broken log whole.
		b := restore(t, c.all)
		_ = newLog(b).Append(context.Background(), events(5000, 5003))
		_ = newLog(b).Append(context.Background(), events(5003, 5400))
		if _, err := newLog(b).Verify(context.Background()); err == nil {
			t.Errorf("%s: Append has made it whole", name)
		}
	}
}

func rename(all map[string][]byte, from, to string) map[string][]byte {
	return put(without(all, from), to, all[from])
}

func put(all map[string][]byte, key string, data []byte) map[string][]byte {
	all = maps.Clone(all)
	all[key] = data
	return all
}

func without(all map[string][]byte, keys ...string) map[string][]byte {
	all = maps.Clone(all)
	for _, key := range keys {
		delete(all, key)
	}
	return all
}

func TestEveryChangedByteIsFound(t *testing.T) {
	l := newLog(bucket.NewMemory())
	add(t, l, events(0, 4))
	all := snapshot(t, l.Bucket)
	for key, data := range all {
		for i := range data {
			for _, flip := range []byte{1, 0x20, 0x80} {
				other := bytes.Clone(data)
				other[i] ^= flip
				if broken(t, put(all, key, other)) == nil {
					t.Fatalf("%s byte %d of %d: not found", key, i, len(data))
				}
			}
		}
		for i := range data {
			if broken(t, put(all, key, data[:i])) == nil {
				t.Fatalf("%s cut at byte %d: not found", key, i)
			}
		}
	}
}

func TestRollbackOfBothIsFoundWithANotedHead(t *testing.T) {
	l := newLog(bucket.NewMemory())
	add(t, l, events(0, 10))
	old := snapshot(t, l.Bucket)
	add(t, l, events(10, 20))
	report, _ := l.Verify(context.Background())
	if where := broken(t, old); where != nil {
		t.Fatalf("documented as not to be found, and it was: %v", where)
	}
	if broken(t, old, report.Head) == nil {
		t.Fatal("the noted head did not help")
	}
	b := newLog(restore(t, old))
	add(t, b, events(30, 50))
	if where := broken(t, snapshot(t, b.Bucket), report.Head); where == nil || where.Seq != 20 {
		t.Fatalf("after others were appended: %v", where)
	}
	if broken(t, map[string][]byte{}, report.Head) == nil {
		t.Fatal("the whole log is gone")
	}
	if again, err := ParseHead(report.Head.String()); again != report.Head || err != nil {
		t.Fatal(again, err)
	}
}

func TestOtherKeyOrAgentDoesNotPass(t *testing.T) {
	all, _, _ := whole(t)
	l := newLog(restore(t, all))
	for name, key := range map[string][]byte{"another key": []byte("x"), "no key": nil} {
		if _, err := (&Log{Bucket: l.Bucket, Agent: "main", Key: key, Now: l.Now}).Verify(context.Background()); err == nil {
			t.Error(name, "passes")
		}
	}
	other := map[string][]byte{}
	for key, data := range all {
		other[strings.Replace(key, "main/", "second/", 1)] = data
	}
	if _, err := (&Log{Bucket: restore(t, other), Agent: "second", Key: l.Key, Now: l.Now}).Verify(context.Background()); err == nil {
		t.Error("one agent's log passes for another's")
	}
	plain := &Log{Bucket: bucket.NewMemory(), Agent: "main", Now: l.Now}
	add(t, plain, events(0, 10))
	logged(t, plain)
}

func TestVerifyIsNotDisturbedByAppend(t *testing.T) {
	l := newLog(bucket.NewMemory())
	done := make(chan error)
	go func() {
		var err error
		for n := 0; n < 1200 && err == nil; n += 20 {
			err = l.Append(context.Background(), events(n, n+20))
		}
		done <- err
	}()
	for {
		if _, err := l.Verify(context.Background()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

func TestSearchMarksForgedEntries(t *testing.T) {
	l := newLog(bucket.NewMemory())
	add(t, l, events(0, 4))
	all := snapshot(t, l.Bucket)
	keys, _ := l.segments(context.Background())
	all = edit(all, keys[0], func(l []string) []string { l[2] = strings.Replace(l[2], "ask", "off", 1); return l })
	found, err := newLog(restore(t, all)).Search(context.Background(), Query{})
	if err != nil || len(found.Records) != 4 {
		t.Fatal(found, err)
	}
	for _, r := range found.Records {
		if r.Forged != (r.Seq == 2) {
			t.Errorf("entry %d: forged is %t", r.Seq, r.Forged)
		}
	}
}

func TestVerifyOf100000Entries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	l := newLog(bucket.NewMemory())
	began := time.Now()
	for n := 0; n < 100_000; n += 1000 {
		now := start.Add(time.Duration(n) * time.Minute)
		l.Now = func() time.Time { return now }
		batch := events(n, n+1000)
		for i := range batch {
			batch[i].At = now
		}
		add(t, l, batch)
	}
	appended := time.Since(began)
	began = time.Now()
	report, err := l.Verify(context.Background())
	if err != nil || report.Entries != 100_000 {
		t.Fatal(report, err)
	}
	t.Logf("%d segments: appended in %v, verified in %v", report.Segments, appended, time.Since(began))
}

// Whatever stands in a segment or a checkpoint, it is read without a panic, and
// passes only as it was written.
func FuzzVerify(f *testing.F) {
	l := newLog(bucket.NewMemory())
	add(f, l, events(0, 3))
	all := snapshot(f, l.Bucket)
	key := l.segmentKey(1)
	f.Add(all[key], all[l.mark()])
	f.Add([]byte("{}\n{}\n"), []byte("{}"))
	f.Add([]byte(fmt.Sprintf(`{"v":1,"first":1,"mac":"%043d"}`+"\n", 1)), []byte(""))
	f.Fuzz(func(t *testing.T, segment, mark []byte) {
		b := newLog(restore(t, map[string][]byte{key: segment, l.mark(): mark}))
		if _, err := b.Verify(context.Background()); err == nil && !(bytes.Equal(segment, all[key]) && bytes.Equal(mark, all[l.mark()])) {
			t.Fatal("passes")
		}
		_ = b.Append(context.Background(), events(3, 5))
		if _, err := b.Search(context.Background(), Query{Text: "a"}); err != nil {
			t.Fatal(err)
		}
		_, _ = ParseHead(string(mark))
	})
}
