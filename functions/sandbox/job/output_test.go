//go:build linux

package job

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openOutput(t testing.TB, end int64) *output {
	t.Helper()
	o, err := newOutput(filepath.Join(t.TempDir(), "out"), end)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.remove)
	return o
}

// collect reads what one answer has.
func collect(t testing.TB, o *output, offset, limit int64) (at int64, data []byte) {
	t.Helper()
	var b bytes.Buffer
	begun := 0
	if err := o.copyTo(context.Background(), &b, offset, limit, false, func(from int64) { at = from; begun++ }, func() {}); err != nil {
		t.Fatal(err)
	}
	if begun != 1 {
		t.Fatalf("begun %d times", begun)
	}
	return at, b.Bytes()
}

// Held against the plain bytes: whatever the writes and the offset, an answer is
// contiguous, begins at the first byte that is kept, and both ends are kept.
func FuzzOutput(f *testing.F) {
	f.Add(uint64(1), uint16(16), uint16(100), uint16(3), int64(-1))
	f.Add(uint64(2), uint16(1), uint16(0), uint16(0), int64(0))
	f.Add(uint64(3), uint16(7), uint16(7), uint16(7), int64(5))
	f.Fuzz(func(t *testing.T, seed uint64, end, total, offset uint16, limit int64) {
		e := int64(end%64) + 1
		o := openOutput(t, e)
		random := rand.New(rand.NewPCG(seed, 0))
		all := make([]byte, total%2048)
		for i := range all {
			all[i] = byte(random.Uint32())
		}
		for rest := all; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			if random.IntN(2) == 0 {
				n = 1 + random.IntN(min(len(rest), 40))
			}
			o.Write(rest[:n])
			rest = rest[n:]
		}
		if o.size() != int64(len(all)) {
			t.Fatalf("size %d, want %d", o.size(), len(all))
		}
		from, size := int64(offset), int64(len(all))
		want := from
		if from >= e {
			want = max(from, size-e)
		}
		at, got := collect(t, o, from, limit)
		if at != want {
			t.Fatalf("from %d: begins at %d, want %d", from, at, want)
		}
		stop := size
		if at < e && size > 2*e {
			stop = e // a gap follows
		}
		if at > size {
			stop = at
		}
		if limit >= 0 {
			stop = min(stop, at+min(limit, 1<<20))
		}
		if at <= size && !bytes.Equal(got, all[at:max(at, stop)]) {
			t.Fatalf("from %d, limit %d: %d bytes, want %d to %d of %d", from, limit, len(got), at, stop, size)
		}
		head, tail, dropped := o.text(e)
		if size <= 2*e && (head != strings.ToValidUTF8(string(all), "\uFFFD") || tail != "" || dropped != 0) {
			t.Fatalf("all of it: %q %q %d", head, tail, dropped)
		}
		if size > 2*e && (head != strings.ToValidUTF8(string(all[:e]), "\uFFFD") || tail != strings.ToValidUTF8(string(all[size-e:]), "\uFFFD") || dropped != size-2*e) {
			t.Fatalf("both ends: %q %q %d", head, tail, dropped)
		}
	})
}

func TestAFollowerGetsEveryByteOnceAsLongAsItKeepsUp(t *testing.T) {
	o := openOutput(t, 1<<20)
	var got bytes.Buffer
	done := make(chan error, 1)
	go func() {
		done <- o.copyTo(context.Background(), &got, 0, -1, true, func(int64) {}, func() {})
	}()
	var want bytes.Buffer
	for i := range 500 {
		line := bytes.Repeat([]byte{byte(i)}, i)
		want.Write(line)
		o.Write(line)
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	o.finish()
	if err := <-done; err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%v: %d bytes, want %d", err, got.Len(), want.Len())
	}
}

func TestAFollowerWhoIsOvertakenIsLetGo(t *testing.T) {
	o := openOutput(t, 10)
	o.Write([]byte("0123456789abcde"))
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- o.copyTo(context.Background(), w, 12, -1, true, func(int64) {}, func() {})
		w.Close()
	}()
	b := make([]byte, 3)
	io.ReadFull(r, b)
	o.Write([]byte(strings.Repeat("x", 100)))
	rest, _ := io.ReadAll(r)
	if err := <-done; err != nil || string(b) != "cde" || len(rest) != 0 {
		t.Errorf("%v: %q and %q", err, b, rest)
	}
}

func TestAFollowerWhoGoesAwayIsNotWaitedFor(t *testing.T) {
	o := openOutput(t, 10)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.copyTo(ctx, io.Discard, 0, -1, true, func(int64) {}, func() {}) }()
	cancel()
	select {
	case err := <-done:
		if err != context.Canceled {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it waits")
	}
}

func TestAFullDiskCostsTheOutputAndNotTheJob(t *testing.T) {
	o := openOutput(t, 10)
	o.file.Close()
	if n, err := o.Write(make([]byte, 100)); n != 100 || err != nil || o.size() != 100 || !o.lost {
		t.Errorf("%d, %v, %d, %v", n, err, o.size(), o.lost)
	}
	if head, tail, _ := o.text(5); head+tail != "" {
		t.Errorf("%q %q", head, tail)
	}
}
