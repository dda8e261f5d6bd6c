// Package buckettest holds the conformance suite of bucket.Bucket: a store is
// a Bucket when Run passes on it.
package buckettest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"instar/shared/bucket"
)

// Run checks every promise of bucket.Bucket except pages of bucket.MaxList
// keys, which RunFullPages checks. open is called once for each subtest; it may
// return the same bucket every time, and one that holds other objects, since
// each subtest works under a random prefix of its own. What a subtest creates
// it deletes again. About 400 operations in all; nothing waits or needs files.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	for _, c := range []struct {
		name string
		test func(suite)
	}{
		{"a missing object is not found", testMissing},
		{"a created object reads back", testCreate},
		{"creating an existing object changes nothing", testCreateExisting},
		{"replacing needs the current etag", testReplace},
		{"replacing a missing object creates nothing", testReplaceMissing},
		{"a deleted object is gone and can be created again", testDelete},
		{"any bytes read back", testData},
		{"data is not shared with the caller", testAliasing},
		{"invalid keys are refused", testInvalidKeys},
		{"odd keys are different objects", testOddKeys},
		{"one of many creators wins", testConcurrentCreate},
		{"one of many replacers wins", testConcurrentReplace},
		{"concurrent increments lose nothing", testCounter},
		{"a cancelled call fails and changes nothing", testCancelled},
		{"a listing has the etag and size of each object", testListEntries},
		{"a listing follows prefix, after and limit", testListOptions},
		{"pages join to the whole listing", testPages},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(newSuite(t, open(t)))
		})
	}
}

// suite is what one subtest works with. Its keys are relative to its prefix.
type suite struct {
	*testing.T
	ctx    context.Context
	b      bucket.Bucket
	prefix string
	// created holds the full keys to delete at the end.
	created *sync.Map
}

func newSuite(t *testing.T, b bucket.Bucket) suite {
	s := suite{T: t, ctx: t.Context(), b: b, prefix: "buckettest/" + rand.Text() + "/", created: new(sync.Map)}
	t.Cleanup(func() {
		s.created.Range(func(key, _ any) bool {
			if err := b.Delete(context.Background(), key.(string)); err != nil {
				t.Errorf("clean up: %v", err)
			}
			return true
		})
	})
	return s
}

func (s suite) put(key, data string) (string, error) {
	s.created.Store(s.prefix+key, true)
	return s.b.PutIfAbsent(s.ctx, s.prefix+key, []byte(data))
}

func (s suite) replace(key, etag, data string) (string, error) {
	s.created.Store(s.prefix+key, true)
	return s.b.PutIfMatch(s.ctx, s.prefix+key, etag, []byte(data))
}

// create creates the object, which must succeed.
func (s suite) create(key, data string) (etag string) {
	s.Helper()
	etag, err := s.put(key, data)
	if err != nil {
		s.Fatalf("create %.60q: %v", key, err)
	}
	return etag
}

// expect checks that the object is there with this etag and data.
func (s suite) expect(key, etag, data string) {
	s.Helper()
	o, err := s.b.Get(s.ctx, s.prefix+key)
	if err != nil {
		s.Fatalf("get %.60q: %v", key, err)
	}
	if o.Key != s.prefix+key || o.ETag != etag || etag == "" || string(o.Data) != data {
		s.Errorf("got key %.90q, etag %q, data %.60q; want key %.90q, etag %q, data %.60q",
			o.Key, o.ETag, o.Data, s.prefix+key, etag, data)
	}
}

// expectMissing checks that Get does not find the object.
func (s suite) expectMissing(key string) {
	s.Helper()
	o, err := s.b.Get(s.ctx, s.prefix+key)
	if !errors.Is(err, bucket.ErrNotFound) {
		s.Errorf("get %q: error %v, want ErrNotFound", key, err)
	}
	if o.ETag != "" || o.Data != nil {
		s.Errorf("get %q: an object besides the error", key)
	}
}

// expectRefused checks the outcome of a conditional write that must not happen.
func (s suite) expectRefused(etag string, err error) {
	s.Helper()
	if !errors.Is(err, bucket.ErrPrecondition) || etag != "" {
		s.Errorf("got etag %q, error %v; want no etag, ErrPrecondition", etag, err)
	}
}

func testMissing(s suite) {
	s.expectMissing("never/written")
	s.create("a/b", "x")
	s.expectMissing("a")
	s.expectMissing("a/b/c")
}

func testCreate(s suite) {
	etag := s.create("k", "hello")
	s.expect("k", etag, "hello")
}

func testCreateExisting(s suite) {
	etag := s.create("k", "first")
	s.expectRefused(s.put("k", "second"))
	s.expectRefused(s.put("k", "first"))
	s.expect("k", etag, "first")
}

func testReplace(s suite) {
	first := s.create("k", "first")
	for _, wrong := range []string{"", "*", "nope", `"` + first + `"`, first + "0", strings.Repeat("0", len(first))} {
		s.expectRefused(s.replace("k", wrong, "wrong"))
	}
	s.expect("k", first, "first")

	second, err := s.replace("k", first, "second")
	if err != nil {
		s.Fatal(err)
	}
	if second == first {
		s.Error("the etag is the same for different bytes")
	}
	s.expect("k", second, "second")
	s.expectRefused(s.replace("k", first, "stale"))
	s.expect("k", second, "second")
}

func testReplaceMissing(s suite) {
	etag := s.create("other", "x")
	for _, etag := range []string{etag, "", "*"} {
		s.expectRefused(s.replace("k", etag, "x"))
	}
	s.expectMissing("k")
}

func testDelete(s suite) {
	remove := func(key string) {
		if err := s.b.Delete(s.ctx, s.prefix+key); err != nil {
			s.Fatalf("delete %q: %v", key, err)
		}
	}
	remove("never")
	old := s.create("k", "one")
	below := s.create("k/below", "stays")
	beside := s.create("k2", "stays")
	remove("k")
	remove("k")
	s.expectMissing("k")
	s.expectRefused(s.replace("k", old, "ghost"))
	s.expect("k/below", below, "stays")
	s.expect("k2", beside, "stays")
	s.expectKeys(bucket.ListOptions{Prefix: s.prefix}, "k/below", "k2")
	s.expect("k", s.create("k", "two"), "two")
}

func testData(s suite) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	large := bytes.Repeat(append(all, "a pattern whose length is prime"...), (1<<20)/256)[:1<<20]
	for name, data := range map[string]string{
		"empty": "", "zero": "\x00", "binary": string(all), "large": string(large), "utf8": "\ufeffhéllo\r\n",
	} {
		etag := s.create(name, data)
		s.expect(name, etag, data)
		etag, err := s.replace(name, etag, data+"!")
		if err != nil {
			s.Fatalf("replace %s: %v", name, err)
		}
		s.expect(name, etag, data+"!")
	}
	etag, err := s.replace("empty", s.mustGet("empty").ETag, "")
	if err != nil {
		s.Fatal(err)
	}
	s.expect("empty", etag, "")
}

func (s suite) mustGet(key string) bucket.Object {
	s.Helper()
	o, err := s.b.Get(s.ctx, s.prefix+key)
	if err != nil {
		s.Fatal(err)
	}
	return o
}

func testAliasing(s suite) {
	data := []byte("hello")
	s.created.Store(s.prefix+"k", true)
	etag, err := s.b.PutIfAbsent(s.ctx, s.prefix+"k", data)
	if err != nil {
		s.Fatal(err)
	}
	data[0] = 'J'
	s.expect("k", etag, "hello")
	s.mustGet("k").Data[0] = 'J'
	s.expect("k", etag, "hello")

	next := []byte("world")
	if etag, err = s.b.PutIfMatch(s.ctx, s.prefix+"k", etag, next); err != nil {
		s.Fatal(err)
	}
	next[0] = 'W'
	s.expect("k", etag, "world")
}

func testCancelled(s suite) {
	etag := s.create("k", "before")
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	calls := calls(ctx, s.b, s.prefix+"k", etag)
	calls["PutIfAbsent"] = func() error {
		_, err := s.b.PutIfAbsent(ctx, s.prefix+"new", []byte("x"))
		return err
	}
	calls["List"] = func() error {
		_, err := s.b.List(ctx, bucket.ListOptions{Prefix: s.prefix})
		return err
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			s.Errorf("%s: error %v, want context.Canceled", name, err)
		}
	}
	s.expect("k", etag, "before")
	s.expectMissing("new")
}

// calls returns the methods that take a key, writing "x".
func calls(ctx context.Context, b bucket.Bucket, key, etag string) map[string]func() error {
	return map[string]func() error{
		"Get":         func() error { _, err := b.Get(ctx, key); return err },
		"PutIfAbsent": func() error { _, err := b.PutIfAbsent(ctx, key, []byte("x")); return err },
		"PutIfMatch":  func() error { _, err := b.PutIfMatch(ctx, key, etag, []byte("x")); return err },
		"Delete":      func() error { return b.Delete(ctx, key) },
	}
}

func testConcurrentCreate(s suite) {
	s.race(32, func(data string) (string, error) { return s.put("k", data) })
}

func testConcurrentReplace(s suite) {
	first := s.create("k", "first")
	s.race(8, func(data string) (string, error) { return s.replace("k", first, data) })
}

// race has n writers write "k" at once, each with data of its own, and checks
// that one wins and the others are refused.
func (s suite) race(n int, write func(data string) (string, error)) {
	type outcome struct {
		data, etag string
		err        error
	}
	outcomes := make(chan outcome, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			data := strings.Repeat("x", i)
			etag, err := write(data)
			outcomes <- outcome{data, etag, err}
		}()
	}
	close(start)
	won := 0
	var winner outcome
	for range n {
		if o := <-outcomes; o.err == nil {
			won++
			winner = o
		} else {
			s.expectRefused(o.etag, o.err)
		}
	}
	if won != 1 {
		s.Fatalf("%d of %d writers succeeded, want 1", won, n)
	}
	s.expect("k", winner.etag, winner.data)
}

func testCounter(s suite) {
	const writers, each = 4, 4
	s.create("k", "")
	var wg sync.WaitGroup
	var failed atomic.Bool
	for range writers {
		wg.Go(func() {
			for done := 0; done < each && !failed.Load(); {
				o, err := s.b.Get(s.ctx, s.prefix+"k")
				if err == nil {
					_, err = s.replace("k", o.ETag, string(o.Data)+"+")
				}
				switch {
				case err == nil:
					done++
				case !errors.Is(err, bucket.ErrPrecondition):
					failed.Store(true)
					s.Errorf("increment: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(s.mustGet("k").Data); got != writers*each {
		s.Errorf("counted %d of %d increments", got, writers*each)
	}
}
