package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"instar/shared/bucket"
	"instar/shared/bucket/buckettest"
	"instar/shared/seal"
)

func overMemory(*testing.T) bucket.Bucket {
	return seal.New(bucket.NewMemory(), seal.NewKey(), seal.Options{})
}

func TestASealedMemoryIsABucket(t *testing.T) {
	buckettest.Run(t, overMemory)
	t.Run("full pages", func(t *testing.T) { buckettest.RunFullPages(t, overMemory) })
}

func TestASealedMemoryIsABucketWhileImporting(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket {
		return seal.New(bucket.NewMemory(), seal.NewKey(), seal.Options{Import: true})
	})
}

// put creates an object, which must succeed.
func put(t *testing.T, b bucket.Bucket, key, data string) (etag string) {
	t.Helper()
	etag, err := b.PutIfAbsent(t.Context(), key, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return etag
}

func get(t *testing.T, b bucket.Bucket, key string) bucket.Object {
	t.Helper()
	o, err := b.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestNothingOfTheContentReachesTheBucketBelow(t *testing.T) {
	memory := bucket.NewMemory()
	const secret = "the spare key is under the third pot"
	b := seal.New(memory, seal.NewKey(), seal.Options{})
	etag := put(t, b, "main/files/MEMORY.md", secret)
	if _, err := b.PutIfMatch(t.Context(), "main/files/MEMORY.md", etag, []byte(secret+"!")); err != nil {
		t.Fatal(err)
	}
	page, err := memory.List(t.Context(), bucket.ListOptions{})
	if err != nil || len(page.Entries) != 2 {
		t.Fatalf("%d objects, error %v; want the object and the ring", len(page.Entries), err)
	}
	for _, e := range page.Entries {
		for _, word := range []string{"spare", "third pot"} {
			if bytes.Contains(get(t, memory, e.Key).Data, []byte(word)) {
				t.Errorf("%s holds %q", e.Key, word)
			}
		}
	}
}

func TestTheSameContentIsSealedDifferentlyEachTime(t *testing.T) {
	memory := bucket.NewMemory()
	b := seal.New(memory, seal.NewKey(), seal.Options{})
	seen := map[string]bool{}
	etag := put(t, b, "k", "same")
	for range 100 {
		o := get(t, memory, "k")
		if o.ETag != etag {
			t.Fatalf("the wrapper's etag %q is not the bucket's %q", etag, o.ETag)
		}
		if nonce := string(o.Data[28:52]); seen[nonce] {
			t.Fatal("a nonce came twice")
		} else {
			seen[nonce] = true
		}
		var err error
		if etag, err = b.PutIfMatch(t.Context(), "k", etag, []byte("same")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatWasNotSealedIsRefusedExceptWhileImporting(t *testing.T) {
	memory, key := bucket.NewMemory(), seal.NewKey()
	const old = "written before"
	etag := put(t, memory, "old", old)
	b := seal.New(memory, key, seal.Options{})
	if o, err := b.Get(t.Context(), "old"); !errors.Is(err, seal.ErrNotSealed) || o.Data != nil {
		t.Errorf("got %q, error %v", o.Data, err)
	}
	importing := seal.New(memory, key, seal.Options{Import: true})
	o := get(t, importing, "old")
	if string(o.Data) != old || o.ETag != etag {
		t.Errorf("importing read %q with etag %q", o.Data, o.ETag)
	}
	if _, err := importing.PutIfMatch(t.Context(), "old", o.ETag, o.Data); err != nil {
		t.Fatal(err)
	}
	if o := get(t, b, "old"); string(o.Data) != old {
		t.Errorf("written again it reads %q", o.Data)
	}
}

func TestTheRingIsReadOnceForACache(t *testing.T) {
	metered := bucket.NewMetered(bucket.NewMemory())
	key := seal.NewKey()
	put(t, seal.New(metered, key, seal.Options{}), "k", "x")
	cache := new(seal.Cache)
	before := metered.Counts()
	for range 3 { // events
		b := seal.New(metered, key, seal.Options{Cache: cache})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { get(t, b, "k") })
		}
		wg.Wait()
		o := get(t, b, "k")
		if _, err := b.PutIfMatch(t.Context(), "k", o.ETag, []byte("x")); err != nil {
			t.Error(err)
		}
	}
	after := metered.Counts()
	if reads, writes := after.Reads-before.Reads, after.Writes-before.Writes; reads != 3*5+1 || writes != 3 {
		t.Errorf("three events of 5 reads and 1 write made %d reads and %d writes; want one read more, for the ring", reads, writes)
	}
	if _, err := seal.New(metered, seal.NewKey(), seal.Options{Cache: cache}).Get(t.Context(), "k"); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("another SEAL_KEY with the same cache: error %v", err)
	}
}

func TestAMissingObjectNeedsNoRing(t *testing.T) {
	metered := bucket.NewMetered(bucket.NewMemory())
	b := seal.New(metered, seal.NewKey(), seal.Options{})
	if _, err := b.Get(t.Context(), "k"); !errors.Is(err, bucket.ErrNotFound) {
		t.Error(err)
	}
	if c := metered.Counts(); c != (bucket.Counts{Reads: 1}) {
		t.Errorf("it took %+v", c)
	}
}

func TestManyFirstWritersMakeOneRing(t *testing.T) {
	memory, key := bucket.NewMemory(), seal.NewKey()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { put(t, seal.New(memory, key, seal.Options{}), fmt.Sprint(i), "x") })
	}
	wg.Wait()
	reader := seal.New(memory, key, seal.Options{})
	for i := range 16 {
		get(t, reader, fmt.Sprint(i))
	}
}

// Wherever the first write is interrupted, doing it again works, and what an
// earlier one has written still opens.
func TestTheFirstWriteMayFailAfterEveryCall(t *testing.T) {
	lost := errors.New("the answer is lost")
	for fail := 1; fail <= 3; fail++ {
		for _, when := range []string{"before", "after"} {
			memory, key, calls := bucket.NewMemory(), seal.NewKey(), 0
			faulty := &bucket.Faulty{Bucket: memory}
			step := func(bucket.Op, string) error {
				if calls++; calls == fail {
					return lost
				}
				return nil
			}
			if when == "before" {
				faulty.Before = step
			} else {
				faulty.After = step
			}
			b := seal.New(faulty, key, seal.Options{})
			for range 2 {
				_, err := b.PutIfAbsent(t.Context(), "k", []byte("x"))
				if err != nil && !errors.Is(err, lost) && !errors.Is(err, bucket.ErrPrecondition) {
					t.Errorf("failing %s call %d: %v", when, fail, err)
				}
			}
			if o := get(t, seal.New(memory, key, seal.Options{}), "k"); string(o.Data) != "x" {
				t.Errorf("failing %s call %d: it reads %q", when, fail, o.Data)
			}
		}
	}
}

func TestTheRingIsNotAnObject(t *testing.T) {
	memory := bucket.NewMemory()
	b := seal.New(memory, seal.NewKey(), seal.Options{})
	etag := put(t, b, "a", "x")
	_, getErr := b.Get(t.Context(), seal.RingKey)
	_, absentErr := b.PutIfAbsent(t.Context(), seal.RingKey, nil)
	_, matchErr := b.PutIfMatch(t.Context(), seal.RingKey, etag, nil)
	for _, err := range []error{getErr, absentErr, matchErr, b.Delete(t.Context(), seal.RingKey)} {
		if !errors.Is(err, bucket.ErrKey) {
			t.Errorf("error %v, want ErrKey", err)
		}
	}
	get(t, memory, seal.RingKey)
}

func TestListingsSkipTheRingAndKeepTheirPagesFull(t *testing.T) {
	for _, keys := range [][]string{nil, {"a"}, {"z"}, {"a", "z"}, {"a", "b", "y", "z"}, {"seal/a", "seal/ring0", "seal/ring/x"}} {
		b := seal.New(bucket.NewMemory(), seal.NewKey(), seal.Options{})
		if _, err := b.Root(t.Context()); err != nil { // makes the ring
			t.Fatal(err)
		}
		for _, key := range keys {
			put(t, b, key, "12345")
		}
		for limit := 1; limit <= 5; limit++ {
			var got []string
			for o := (bucket.ListOptions{Limit: limit}); ; {
				page, err := b.List(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Entries {
					got = append(got, e.Key)
					if e.Size != 5 {
						t.Errorf("%s has size %d", e.Key, e.Size)
					}
				}
				if isLast := len(got) == len(keys); isLast != (page.Next == "") || !isLast && len(page.Entries) != limit {
					t.Fatalf("of %q with limit %d: after %q a page of %d with next %q", keys, limit, got, len(page.Entries), page.Next)
				}
				if o.After = page.Next; o.After == "" {
					break
				}
			}
			if strings.Contains(strings.Join(got, " ")+" ", seal.RingKey+" ") {
				t.Errorf("listed %q", got)
			}
		}
	}
}

func TestWithoutAKeyNothingIsReadOrWritten(t *testing.T) {
	memory := bucket.NewMemory()
	put(t, seal.New(memory, seal.NewKey(), seal.Options{}), "k", "x")
	for _, o := range []seal.Options{{}, {Import: true}} {
		b := seal.New(memory, seal.Key{}, o)
		if _, err := b.Get(t.Context(), "k"); !errors.Is(err, seal.ErrSealKey) {
			t.Errorf("get: %v", err)
		}
		if _, err := b.PutIfAbsent(t.Context(), "new", nil); !errors.Is(err, seal.ErrSealKey) {
			t.Errorf("put: %v", err)
		}
	}
}

func TestAWaitForTheRingEndsWithItsContext(t *testing.T) {
	memory, key := bucket.NewMemory(), seal.NewKey()
	put(t, seal.New(memory, key, seal.Options{}), "k", "x")
	reading, release := make(chan struct{}), make(chan struct{})
	slow := &bucket.Faulty{Bucket: memory, Before: func(_ bucket.Op, key string) error {
		if key == seal.RingKey {
			close(reading)
			<-release
		}
		return nil
	}}
	b := seal.New(slow, key, seal.Options{})
	var wg sync.WaitGroup
	wg.Go(func() { get(t, b, "k") })
	<-reading
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Root(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(release)
	wg.Wait()
}
