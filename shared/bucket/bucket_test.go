package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"instar/shared/bucket"
	"instar/shared/bucket/buckettest"
)

func openMemory(*testing.T) bucket.Bucket { return bucket.NewMemory() }

func TestMemoryIsABucket(t *testing.T) {
	buckettest.Run(t, openMemory)
	t.Run("full pages", func(t *testing.T) { buckettest.RunFullPages(t, openMemory) })
}

func TestFaultyWithoutHooksIsABucket(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return &bucket.Faulty{Bucket: bucket.NewMemory()} })
}

// The suite also runs over a network, on one store that is never emptied.
func TestMeteredIsABucketAndTheSuiteIsSmall(t *testing.T) {
	memory := bucket.NewMemory()
	metered := bucket.NewMetered(memory)
	for range 2 {
		buckettest.Run(t, func(*testing.T) bucket.Bucket { return metered })
	}
	c := metered.Counts()
	t.Logf("twice the suite: %+v", c)
	if total := c.Reads + c.Writes + c.Deletes + c.Lists; total > 2*500 {
		t.Errorf("running the suite twice takes %d operations", total)
	}
	if page, err := memory.List(t.Context(), bucket.ListOptions{}); err != nil || len(page.Entries) > 0 {
		t.Errorf("the suite left objects behind: %v, error %v", page.Entries, err)
	}
}

func TestMeteredCountsEveryCallByItsKind(t *testing.T) {
	ctx := t.Context()
	m := bucket.NewMetered(bucket.NewMemory())
	etag, _ := m.PutIfAbsent(ctx, "k", nil)
	m.PutIfAbsent(ctx, "k", nil) // fails
	m.PutIfMatch(ctx, "k", etag, []byte("x"))
	m.Get(ctx, "k")
	m.Get(ctx, "missing") // fails
	m.Delete(ctx, "k")
	m.List(ctx, bucket.ListOptions{})
	if got, want := m.Counts(), (bucket.Counts{Reads: 2, Writes: 3, Deletes: 1, Lists: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestFaultyHooksFailEveryMethod(t *testing.T) {
	injected := errors.New("injected")
	for _, after := range []bool{false, true} {
		memory := bucket.NewMemory()
		fail := func(bucket.Op, string) error { return injected }
		f := &bucket.Faulty{Bucket: memory, Before: fail}
		if after {
			f = &bucket.Faulty{Bucket: memory, After: fail}
		}
		etag, _ := memory.PutIfAbsent(t.Context(), "old", []byte("x"))
		run := func(ctx context.Context) (errs [5]error) {
			_, errs[0] = f.Get(ctx, "old")
			_, errs[1] = f.PutIfAbsent(ctx, "new", nil)
			_, errs[2] = f.PutIfMatch(ctx, "old", etag, []byte("y"))
			errs[3] = f.Delete(ctx, "new2")
			_, errs[4] = f.List(ctx, bucket.ListOptions{})
			return errs
		}
		for i, err := range run(t.Context()) {
			if err != injected {
				t.Errorf("after=%v: call %d: error %v", after, i, err)
			}
		}
		_, err := memory.Get(t.Context(), "new")
		old, _ := memory.Get(t.Context(), "old")
		if happened := err == nil && string(old.Data) == "y"; happened != after {
			t.Errorf("after=%v: the writes happened: %v", after, happened)
		}
	}
}

func TestFaultyAfterIsNotAskedAboutACallThatFailed(t *testing.T) {
	f := &bucket.Faulty{Bucket: bucket.NewMemory(), After: func(op bucket.Op, key string) error {
		return fmt.Errorf("asked about %s %s", op, key)
	}}
	if _, err := f.Get(t.Context(), "k"); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

func TestCheckKey(t *testing.T) {
	for key, ok := range map[string]bool{
		"a": true, "a/b.md": true, "日記": true, ".hidden/...": true, "a b?#%": true, "\u0080": true,
		strings.Repeat("k", bucket.MaxKey): true, strings.Repeat("k", bucket.MaxKey+1): false,
		"": false, "/": false, "/a": false, "a/": false, "a//b": false, ".": false, "..": false,
		"a/./b": false, "a/..": false, "../a": false, `a\b`: false, "a\x00": false, "a\x1f": false,
		"a\x7f": false, "\xff": false, "a\xc3": false,
	} {
		if err := bucket.CheckKey(key); (err == nil) != ok || err != nil && !errors.Is(err, bucket.ErrKey) {
			t.Errorf("%.40q: error %v, want acceptable: %v", key, err, ok)
		}
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{"a/b", "../x", "a//b", "\x00", "é/..", `\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		err := bucket.CheckKey(key)
		bad := key == "" || len(key) > bucket.MaxKey || !utf8.ValidString(key) || strings.ContainsAny(key, "\\\x7f") ||
			strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 }) ||
			strings.Contains("/"+key+"/", "//") || strings.Contains("/"+key+"/", "/./") || strings.Contains("/"+key+"/", "/../")
		if (err != nil) != bad || err != nil && !errors.Is(err, bucket.ErrKey) {
			t.Errorf("%q: error %v, want one: %v", key, err, bad)
		}
		if len(key) > 20 && err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("the error repeats the key: %v", err)
		}
	})
}
