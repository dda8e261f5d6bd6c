package transcript

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"instar/shared/bucket"
)

const folder = "main/sessions/main/log/"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open1(b bucket.Bucket) *Log { return &Log{Bucket: b, Prefix: folder} }

// turn is what one turn says: size bytes in each of n entries.
func turn(seq, n, size int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		who := []string{"person", "tool web_fetch", "agent"}[min(i, 2)]
		text := fmt.Sprintf("turn %d entry %d ", seq, i)
		entries[i] = Entry{Turn: seq, Time: noon.Add(time.Duration(seq) * time.Minute), Who: who, Text: text + strings.Repeat("x", max(0, size-len(text)))}
	}
	return entries
}

// stored reads the whole log, the oldest entry first.
func stored(t *testing.T, b bucket.Bucket) (all []Entry) {
	t.Helper()
	keys := keysOf(t, b)
	for _, key := range slices.Backward(keys) {
		o, err := b.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Data) > MaxSegment {
			t.Errorf("%s has %d bytes", key, len(o.Data))
		}
		entries, err := decode(o.Data)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		all = append(all, entries...)
	}
	return all
}

func keysOf(t *testing.T, b bucket.Bucket) (keys []string) {
	t.Helper()
	page, err := b.List(t.Context(), bucket.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entries {
		keys = append(keys, e.Key)
	}
	return keys
}

// same compares without printing megabytes.
func same(t *testing.T, got, want []Entry) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("entry %d is %.60v, want %.60v", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
}

func TestWhatIsAppendedIsKeptInOrder(t *testing.T) {
	b := bucket.NewMemory()
	l := open1(b)
	var want []Entry
	for seq := 1; seq <= 5; seq++ {
		want = append(want, turn(seq, 3, 50)...)
		if err := l.Append(t.Context(), turn(seq, 3, 50)); err != nil {
			t.Fatal(err)
		}
	}
	same(t, stored(t, b), want)
	o, err := b.Get(t.Context(), folder+"99999999")
	if err != nil || !strings.HasPrefix(string(o.Data), `{"v":1,"turn":5}`+"\n") {
		t.Errorf("the first segment is %.40q, error %v", o.Data, err)
	}
}

func TestAppendingATurnIsOneListOneReadAndOneWrite(t *testing.T) {
	b := bucket.NewMetered(bucket.NewMemory())
	l := open1(b)
	before := bucket.Counts{}
	for seq := 1; seq <= 200; seq++ {
		if err := l.Append(t.Context(), turn(seq, 2, 3000)); err != nil {
			t.Fatal(err)
		}
		now := b.Counts()
		reads := now.Reads - before.Reads
		if now.Writes-before.Writes != 1 || now.Lists-before.Lists != 1 || reads != min(1, seq-1) || now.Deletes > 0 {
			t.Fatalf("turn %d: %+v after %+v", seq, now, before)
		}
		before = now
	}
	if n := len(keysOf(t, b)); n != 5 { // 200 turns of 6 KB
		t.Errorf("%d segments", n)
	}
}

func TestATurnTheLogHasIsNotAddedAgain(t *testing.T) {
	b := bucket.NewMetered(bucket.NewMemory())
	l := open1(b)
	all := slices.Concat(turn(1, 2, 20), turn(2, 3, 20), turn(3, 1, 20))
	for _, entries := range [][]Entry{all[:5], all[:5], all[2:5], all, all, all[:2], nil} {
		if err := l.Append(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
	same(t, stored(t, b), all)
	if c := b.Counts(); c.Writes != 2 {
		t.Errorf("%d writes for two changes", c.Writes)
	}
	// A turn is whole once it is there: other entries of it are not added.
	if err := l.Append(t.Context(), turn(3, 2, 20)); err != nil {
		t.Fatal(err)
	}
	same(t, stored(t, b), all)
}

func TestEntriesOutOfOrderAreRefusedAndNothingIsWritten(t *testing.T) {
	b := bucket.NewMetered(bucket.NewMemory())
	late := turn(1, 1, 10)
	late[0].Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, entries := range [][]Entry{
		slices.Concat(turn(2, 1, 10), turn(1, 1, 10)), turn(0, 1, 10), turn(-1, 1, 10), late,
	} {
		if err := open1(b).Append(t.Context(), entries); !errors.Is(err, ErrEntries) {
			t.Errorf("turns from %d: %v", entries[0].Turn, err)
		}
	}
	if c := b.Counts(); c != (bucket.Counts{}) {
		t.Errorf("bucket calls %+v", c)
	}
}

func TestALongTextIsCutAndSaysSo(t *testing.T) {
	b := bucket.NewMemory()
	entries := []Entry{
		{Turn: 1, Time: noon, Who: "tool " + strings.Repeat("é", 300), Text: strings.Repeat("é", MaxText)},
		{Turn: 1, Time: noon, Who: "agent", Text: "a\xffb <&>\u2028\n" + strings.Repeat("\x01", MaxText-20)},
		{Turn: 1, Time: noon, Who: "agent", Text: strings.Repeat("y", MaxText)},
	}
	if err := open1(b).Append(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	got := stored(t, b)
	if e := got[0]; len(e.Text) > MaxText || len(e.Text) < MaxText-40 || !utf8.ValidString(e.Text) || !strings.HasSuffix(e.Text, "é\n[cut: 32768 bytes in all]") || len(e.Who) > maxWho {
		t.Errorf("%d bytes, ends with %q", len(e.Text), e.Text[len(e.Text)-40:])
	}
	if e := got[1]; !strings.HasPrefix(e.Text, "a\ufffdb <&>\u2028\n\x01") || strings.Contains(e.Text, "[cut") {
		t.Errorf("text %.40q", e.Text)
	}
	if o, _ := b.Get(t.Context(), folder+"99999999"); !strings.Contains(string(o.Data), "<&>") {
		t.Error("text is stored as for a web page, at six times its length")
	}
	if got[2].Text != entries[2].Text {
		t.Error("a text that fits is changed")
	}
}

func TestATurnLongerThanASegmentIsKeptWhole(t *testing.T) {
	b := bucket.NewMemory()
	want := slices.Concat(turn(1, 3, 1000), turn(2, 70, MaxText), turn(3, 3, 1000))
	if err := open1(b).Append(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	same(t, stored(t, b), want)
	if err := open1(b).Append(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	same(t, stored(t, b), want)
}

func TestASegmentNobodyCanReadIsLeftAndTheLogGoesOnAfterIt(t *testing.T) {
	first := slices.Concat(turn(1, 1, 10), turn(2, 1, 10))
	for name, data := range map[string]string{
		"empty": "", "binary": "\x00\xff\n\n\x01", "newer": `{"v":2,"turn":9}` + "\nsomething", "no header": string(encode(turn(4, 1, 10)[0])),
		"array": "[]\n{}", "no turn": `{"v":1,"turn":0}` + "\n",
	} {
		b := bucket.NewMemory()
		l := open1(b)
		if err := l.Append(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if _, err := b.PutIfAbsent(t.Context(), folder+"99999998", []byte(data)); err != nil {
			t.Fatal(err)
		}
		all := slices.Concat(first, turn(4, 1, 10), turn(5, 1, 10))
		for range 2 {
			if err := l.Append(t.Context(), all); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if o, _ := b.Get(t.Context(), folder+"99999998"); string(o.Data) != data {
			t.Errorf("%s: overwritten with %q", name, o.Data)
		}
		o, err := b.Get(t.Context(), folder+"99999997")
		got, _ := decode(o.Data)
		want := all[2:]
		if name == "no header" {
			want = all[3:] // turn 4 can be read there
		}
		if err != nil {
			t.Fatalf("%s: %v, keys %q", name, err, keysOf(t, b))
		}
		same(t, got, want)
	}
}

func TestALineThatWasCutOffDoesNotSpoilTheNext(t *testing.T) {
	b := bucket.NewMemory()
	if _, err := b.PutIfAbsent(t.Context(), folder+"99999999", []byte(`{"v":1,"turn":1}`+"\n"+`{"turn":1,"te`)); err != nil {
		t.Fatal(err)
	}
	if err := open1(b).Append(t.Context(), turn(2, 1, 10)); err != nil {
		t.Fatal(err)
	}
	o, _ := b.Get(t.Context(), folder+"99999999")
	got, err := decode(o.Data)
	if !errors.Is(err, ErrIncomplete) {
		t.Errorf("error %v", err)
	}
	same(t, got, turn(2, 1, 10))
}

func TestWhatElseLiesThereIsPassedOver(t *testing.T) {
	b := bucket.NewMemory()
	for _, name := range []string{"00000000", "0-note", "1", "+1234567", "notes.md", "99999999/x"} {
		if _, err := b.PutIfAbsent(t.Context(), folder+name, []byte("hello needle")); err != nil {
			t.Fatal(err)
		}
	}
	l := open1(b)
	for seq := 1; seq <= 2; seq++ {
		if err := l.Append(t.Context(), turn(seq, 1, 10)); err != nil {
			t.Fatal(err)
		}
	}
	o, err := b.Get(t.Context(), folder+"99999999")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := decode(o.Data)
	same(t, got, slices.Concat(turn(1, 1, 10), turn(2, 1, 10)))
	if hits, err := l.Search(t.Context(), "needle", 5); len(hits) > 0 || err != nil {
		t.Errorf("%v, error %v", hits, err)
	}
}
