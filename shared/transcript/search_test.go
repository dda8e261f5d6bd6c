package transcript

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"instar/shared/bucket"
)

// said puts one entry a turn into a log.
func said(t testing.TB, b bucket.Bucket, texts ...string) *Log {
	t.Helper()
	entries := make([]Entry, len(texts))
	for i, text := range texts {
		entries[i] = Entry{Turn: i + 1, Time: noon.Add(time.Duration(i) * time.Minute), Who: "person", Text: text}
	}
	l := open1(b)
	if err := l.Append(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	return l
}

func texts(hits []Hit) string {
	var all []string
	for _, h := range hits {
		all = append(all, h.Text)
	}
	return strings.Join(all, " | ")
}

func TestASearchFindsWhatWasSaid(t *testing.T) {
	l := said(t, bucket.NewMemory(), "The gate code is 2222.", "木曜に歯医者の予約", "I like tea.", "Long talk about the gate, the garden, the fence and who paints it next year.")
	hits, err := l.Search(t.Context(), "what is the gate code?", 5)
	if err != nil || texts(hits) != "The gate code is 2222. | Long talk about the gate, the garden, the fence and who paints it next year." {
		t.Fatalf("%q, error %v", texts(hits), err)
	}
	if h := hits[0]; h.Turn != 1 || !h.Time.Equal(noon) || h.Who != "person" || !(h.Score > hits[1].Score) {
		t.Errorf("%+v", h)
	}
	if hits, err := l.Search(t.Context(), "歯医者", 5); err != nil || texts(hits) != "木曜に歯医者の予約" {
		t.Errorf("%q, error %v", texts(hits), err)
	}
	for _, query := range []string{"zebra", "", " ?! "} {
		if hits, err := l.Search(t.Context(), query, 5); err != nil || len(hits) > 0 {
			t.Errorf("%q: %q, error %v", query, texts(hits), err)
		}
	}
	if hits, err := open1(bucket.NewMemory()).Search(t.Context(), "gate", 5); err != nil || len(hits) > 0 {
		t.Errorf("an empty log: %q, error %v", texts(hits), err)
	}
}

func TestOfEqualEntriesTheNewestComesFirstAndTheLimitHolds(t *testing.T) {
	var same []Entry
	for seq := 1; seq <= 80; seq++ {
		text := []string{"weighed 71 kg", "weighed 71 kg after the long run in the park"}[seq%2]
		same = append(same, Entry{Turn: seq, Time: noon, Who: "person", Text: text})
	}
	l := open1(bucket.NewMemory())
	if err := l.Append(t.Context(), same); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]int{3: 3, 0: 10, -1: 10, 1000: maxHits} {
		hits, err := l.Search(t.Context(), "weighed", limit)
		if err != nil || len(hits) != want {
			t.Fatalf("limit %d: %d hits, error %v", limit, len(hits), err)
		}
		for i, h := range hits {
			turn := 80 - 2*i // the short ones first
			if i >= 40 {
				turn = 79 - 2*(i-40)
			}
			if h.Turn != turn {
				t.Errorf("limit %d: hit %d is of turn %d", limit, i, h.Turn)
			}
		}
	}
}

func TestAHitIsCutAroundWhatWasAskedFor(t *testing.T) {
	filler := strings.Repeat("filler wörds and more ", 300)
	l := said(t, bucket.NewMemory(), filler+"the passport is blue "+filler, "passport at the start "+filler, "short passport note")
	hits, err := l.Search(t.Context(), "passport", 5)
	if err != nil || len(hits) != 3 {
		t.Fatalf("%d hits, error %v", len(hits), err)
	}
	for _, h := range hits {
		long := h.Turn != 3
		if !strings.Contains(h.Text, "passport") || len(h.Text) > maxHit+2*len("…") || !utf8.ValidString(h.Text) || long && len(h.Text) < maxHit-60 ||
			strings.HasPrefix(h.Text, "…") != (h.Turn == 1) || strings.HasSuffix(h.Text, "…") != long {
			t.Errorf("turn %d: %d bytes %q", h.Turn, len(h.Text), h.Text)
		}
	}
}

func TestTenThousandEntriesAreSearched(t *testing.T) {
	const n = 10_000
	entries := make([]string, n)
	for i := range entries {
		entries[i] = fmt.Sprintf("entry number %d about tea and the weather", i)
	}
	entries[3] = "the passport is in the blue folder"
	b := bucket.NewMetered(bucket.NewMemory())
	l := said(t, b, entries...)
	if got := len(stored(t, b.Bucket)); got != n {
		t.Fatalf("%d entries are stored", got)
	}
	before := b.Counts()
	hits, err := l.Search(t.Context(), "where is the passport", 5)
	if err != nil || texts(hits) != entries[3] {
		t.Errorf("%q, error %v", texts(hits), err)
	}
	if c := b.Counts(); c.Lists-before.Lists != 1 || c.Reads-before.Reads != len(keysOf(t, b.Bucket)) || c.Reads-before.Reads > maxSegments {
		t.Errorf("calls %+v", c)
	}
}

// crowded counts how many reads run at the same time.
type crowded struct {
	bucket.Bucket
	now, most atomic.Int64
}

func (c *crowded) Get(ctx context.Context, key string) (bucket.Object, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	time.Sleep(time.Millisecond) // lets the others in
	return c.Bucket.Get(ctx, key)
}

func TestOlderPartsAreNotSearchedAndTheAnswerSaysSo(t *testing.T) {
	b := bucket.NewMemory()
	l := open1(b)
	for seq := 1; seq <= maxSegments+4; seq++ { // a segment each
		if err := l.Append(t.Context(), turn(seq, 15, MaxText)); err != nil {
			t.Fatal(err)
		}
		if seq == maxSegments {
			if _, err := l.Search(t.Context(), "entry", 50); err != nil {
				t.Errorf("with %d segments: %v", seq, err)
			}
		}
	}
	m := bucket.NewMetered(b)
	c := &crowded{Bucket: m}
	hits, err := open1(c).Search(t.Context(), "turn 4 5", 50)
	if !errors.Is(err, ErrOlder) || errors.Is(err, ErrIncomplete) || len(hits) != 50 {
		t.Errorf("%d hits, error %v", len(hits), err)
	}
	for _, h := range hits {
		if h.Turn < 5 {
			t.Errorf("turn %d was searched", h.Turn)
		}
	}
	if hits[0].Turn != 5 {
		t.Errorf("the oldest segment of the newest %d was not searched", maxSegments)
	}
	if got := m.Counts(); got != (bucket.Counts{Reads: maxSegments, Lists: 1}) {
		t.Errorf("calls %+v", got)
	}
	if most := c.most.Load(); most > 6 || most < 2 {
		t.Errorf("%d reads at once", most)
	}
}

func TestWhatCannotBeReadIsToldAndTheRestIsSearched(t *testing.T) {
	fill := func(t *testing.T) bucket.Bucket {
		b := bucket.NewMemory()
		for seq := 1; seq <= 3; seq++ {
			if err := open1(b).Append(t.Context(), turn(seq, 15, MaxText)); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	damage := func(change func(data []byte) []byte) func(t *testing.T, b bucket.Bucket) bucket.Bucket {
		return func(t *testing.T, b bucket.Bucket) bucket.Bucket {
			o, err := b.Get(t.Context(), folder+"99999998")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.PutIfMatch(t.Context(), o.Key, o.ETag, change(o.Data)); err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, b bucket.Bucket) bucket.Bucket
		hits  int // of 45
	}{
		"no access": {func(_ *testing.T, b bucket.Bucket) bucket.Bucket {
			return &bucket.Faulty{Bucket: b, Before: func(op bucket.Op, key string) error {
				if op == bucket.OpGet && strings.HasSuffix(key, "98") {
					return errors.New("no access")
				}
				return nil
			}}
		}, 30},
		"a line": {damage(func(d []byte) []byte {
			return []byte(strings.Replace(string(d), `"turn":2,"time"`, `"turn":2 "time"`, 1))
		}), 44},
		"the end": {damage(func(d []byte) []byte { return d[:len(d)-20] }), 44},
		"header":  {damage(func(d []byte) []byte { return d[5:] }), 45},
		"newer":   {damage(func(d []byte) []byte { return []byte(strings.Replace(string(d), `"v":1`, `"v":2`, 1)) }), 30},
		"grown":   {damage(func(d []byte) []byte { return append(d, make([]byte, MaxSegment)...) }), 30},
		"garbage": {damage(func([]byte) []byte { return []byte("\x00\xff") }), 30},
	} {
		b := c.spoil(t, fill(t))
		hits, err := open1(b).Search(t.Context(), "entry", 50)
		if !errors.Is(err, ErrIncomplete) || errors.Is(err, ErrOlder) || len(hits) != c.hits {
			t.Errorf("%s: %d hits, want %d, error %v", name, len(hits), c.hits, err)
		}
	}
}

func TestASearchThatCannotBeginOrIsCancelledFails(t *testing.T) {
	b := bucket.NewMemory()
	said(t, b, "tea")
	broken := errors.New("broken")
	f := &bucket.Faulty{Bucket: b, Before: func(op bucket.Op, _ string) error {
		if op == bucket.OpList {
			return broken
		}
		return nil
	}}
	if _, err := open1(f).Search(t.Context(), "tea", 5); !errors.Is(err, broken) || errors.Is(err, ErrIncomplete) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpGet {
			cancel()
		}
		return nil
	}
	if hits, err := open1(f).Search(ctx, "tea", 5); !errors.Is(err, context.Canceled) || errors.Is(err, ErrIncomplete) || len(hits) > 0 {
		t.Errorf("%v, error %v", hits, err)
	}
}

// 4 MB of conversation, as much as a search ever reads.
func BenchmarkSearchFourMegabytes(b *testing.B) {
	m := bucket.NewMemory()
	words := strings.Fields("tea dentist Thursday flat van box Bob Anna Oslo flight router password 歯医者の予約 牙医 会議 スターバックスで 天气很好 buy call mother book")
	texts := make([]string, 8200)
	for n := range texts {
		var text strings.Builder
		for i := range 55 {
			text.WriteString(words[(n*7+i*i*3+n/13)%len(words)] + " ")
		}
		texts[n] = text.String()
	}
	l := said(b, m, texts...)
	b.ReportAllocs()
	for b.Loop() {
		if hits, err := l.Search(b.Context(), "when is the dentist appointment 歯医者", 10); len(hits) != 10 {
			b.Fatal(len(hits), err)
		}
	}
}
