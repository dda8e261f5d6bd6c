package transcript

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"instar/shared/bucket"
)

// big is three turns over five segments, the second turn over three of them.
func big() []Entry {
	return slices.Concat(turn(1, 8, MaxText), turn(2, 35, MaxText), turn(3, 12, MaxText))
}

// Whatever call the writer dies at, before it or when its answer is lost, the
// repetition completes the log and doubles nothing.
func TestAnAppendThatDiedAnywhereIsCompletedByTheNext(t *testing.T) {
	died := errors.New("died")
	for _, lost := range []bool{false, true} {
		for at := 0; ; at++ {
			b, calls := bucket.NewMemory(), 0
			hook := func(bucket.Op, string) error {
				calls++
				if calls > at {
					return died // and does nothing any more
				}
				return nil
			}
			f := &bucket.Faulty{Bucket: b, Before: hook}
			if lost {
				f = &bucket.Faulty{Bucket: b, After: hook}
			}
			first := open1(f).Append(t.Context(), big()[:8])
			if first == nil {
				first = open1(f).Append(t.Context(), big())
			}
			if first != nil && !errors.Is(first, died) {
				t.Fatal(first)
			}
			for range 2 {
				if err := open1(b).Append(t.Context(), big()); err != nil {
					t.Fatalf("died at call %d (answer lost: %v): %v", at, lost, err)
				}
			}
			same(t, stored(t, b), big())
			if first == nil {
				if at < 8 {
					t.Errorf("only %d calls", at)
				}
				break
			}
		}
	}
}

// Only one answer is lost, as when a network fails for a moment.
func TestAnAnswerLostOnceIsNotWrittenTwice(t *testing.T) {
	for at := 1; at <= 10; at++ {
		b, calls := bucket.NewMemory(), 0
		f := &bucket.Faulty{Bucket: b, After: func(bucket.Op, string) error {
			if calls++; calls == at {
				return errors.New("lost")
			}
			return nil
		}}
		for open1(f).Append(t.Context(), big()) != nil {
		}
		same(t, stored(t, b), big())
	}
}

func TestConcurrentAppendsOfTheSameTurnsAddThemOnce(t *testing.T) {
	b := bucket.NewMemory()
	var want []Entry
	for round := range 20 {
		entries := turn(round+1, 3+round%4, 3+round%3*8000)
		want = append(want, entries...)
		var wait sync.WaitGroup
		for i := range 6 {
			mine := entries
			if i%2 == 0 { // some bring the turns before it too
				mine = want
			}
			wait.Go(func() {
				if err := open1(b).Append(t.Context(), mine); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	same(t, stored(t, b), want)
	if n := len(keysOf(t, b)); n < 3 {
		t.Errorf("%d segments are too few for this test", n)
	}
}

func TestConcurrentAppendsOfOneLongTurnAddItOnce(t *testing.T) {
	for range 10 {
		b := bucket.NewMemory()
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if err := open1(b).Append(t.Context(), big()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		same(t, stored(t, b), big())
	}
}

func TestAWriterThatAlwaysLosesSaysSoAndOneThatIsCancelledEnds(t *testing.T) {
	b := &bucket.Faulty{Bucket: bucket.NewMemory(), Before: func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfAbsent {
			return bucket.ErrPrecondition
		}
		return nil
	}}
	if err := open1(b).Append(t.Context(), turn(1, 1, 10)); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open1(b).Append(ctx, turn(1, 1, 10)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
