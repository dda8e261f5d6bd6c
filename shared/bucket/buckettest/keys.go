package buckettest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"instar/shared/bucket"
)

func testInvalidKeys(s suite) {
	for name, key := range map[string]string{
		"empty":         "",
		"too long":      s.prefix + strings.Repeat("k", bucket.MaxKey+1-len(s.prefix)),
		"not UTF-8":     s.prefix + "a\xff",
		"control":       s.prefix + "a\nb",
		"backslash":     s.prefix + `a\b`,
		"leading slash": "/" + s.prefix + "a",
		"empty segment": s.prefix + "a//b",
		"no name":       s.prefix,
		"here":          s.prefix + "./a",
		"above":         s.prefix + "../a",
	} {
		for method, call := range calls(s.ctx, s.b, key, "etag") {
			if err := call(); !errors.Is(err, bucket.ErrKey) {
				s.Errorf("%s of a key that is %s: error %v, want ErrKey", method, name, err)
			}
		}
	}
	s.expectKeys(bucket.ListOptions{Prefix: s.prefix})
}

// oddKeys are keys that a careless mapping to files, URLs or UTF-16 would
// refuse, merge or put out of order.
func (s suite) oddKeys() []string {
	long := strings.Repeat("long segment ", 100)
	keys := []string{
		"a", "a/b", "a/b/c", "a.b", "a-b", "a b", "ab", "a+/b", "a~/b", "a%2fb", "a%2Fb",
		"A", "A/b", "con", "x.", "...", ".hidden", "-", " lead", "trail ", "?q=1&r#f", "a:b|c*d<e>\"'",
		"SOUL.md", "soul.md", "日記/2026.md", "e\u0301", "\u00e9", "\uff5e", "\U0001f600", "\u200b",
		long[:240], long[:241], long[:255] + "/" + long[:256],
		strings.Repeat("é", 150), long[:bucket.MaxKey-len(s.prefix)],
	}
	slices.Sort(keys)
	return keys
}

func testOddKeys(s suite) {
	keys := s.oddKeys()
	for i, key := range keys {
		s.create(key, fmt.Sprint(i))
	}
	for i, key := range keys {
		if got := string(s.mustGet(key).Data); got != fmt.Sprint(i) {
			s.Errorf("%.60q holds the data of %.60q", key, keys[i])
		}
	}
	s.expectKeys(bucket.ListOptions{Prefix: s.prefix}, keys...)
}

func testListEntries(s suite) {
	s.create("b", "12345")
	s.create("a", "")
	old := s.create("c/d", "old")
	if _, err := s.replace("c/d", old, "newer"); err != nil {
		s.Fatal(err)
	}
	page := s.list(bucket.ListOptions{Prefix: s.prefix})
	if len(page.Entries) != 3 || page.Next != "" {
		s.Fatalf("got %d entries, next %q; want 3 and no next", len(page.Entries), page.Next)
	}
	for i, key := range []string{"a", "b", "c/d"} {
		o := s.mustGet(key)
		want := bucket.Entry{Key: o.Key, ETag: o.ETag, Size: int64(len(o.Data))}
		if page.Entries[i] != want {
			s.Errorf("entry %d is %+v, want %+v", i, page.Entries[i], want)
		}
	}
}

func testListOptions(s suite) {
	keys := []string{"a", "a/1", "a/2", "a0", "b/1", "b/2/x", "c"}
	for _, key := range keys {
		s.create(key, "x")
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{want: keys},
		{limit: len(keys), want: keys},
		{limit: bucket.MaxList + 1, want: keys},
		{prefix: "a", want: keys[:4]},
		{prefix: "a/", want: keys[1:3]},
		{prefix: "a/1", want: keys[1:2]},
		{prefix: "a/1/", want: nil},
		{prefix: "missing/", want: nil},
		{prefix: "b/2", want: keys[5:6]},
		{after: "a/1", want: keys[2:]},
		{after: "a/15", want: keys[2:]},
		{after: "a/", want: keys[1:]},
		{after: "c", want: nil},
		{prefix: "b/", after: "a0", want: keys[4:6]},
		{prefix: "b/", after: "b/1", want: keys[5:6]},
		{prefix: "a", after: "b", want: nil},
	} {
		o := bucket.ListOptions{Prefix: s.prefix + c.prefix, Limit: c.limit}
		if c.after != "" {
			o.After = s.prefix + c.after
		}
		s.expectKeys(o, c.want...)
	}
	// Without a prefix the rest of the bucket is listed too; these come first.
	page := s.list(bucket.ListOptions{After: s.prefix, Limit: len(keys)})
	if got := s.keysOf(page); !slices.Equal(got, keys) {
		s.Errorf("listing the root after the prefix gave %q, want %q", got, keys)
	}
}

func testPages(s suite) {
	var keys []string
	for i := range 25 {
		keys = append(keys, fmt.Sprintf("%c/%d", 'a'+i%3, i))
		s.create(keys[i], "x")
	}
	slices.Sort(keys)
	for _, limit := range []int{6, 12, 24, 25} {
		s.expectPages(limit, keys)
	}
	// An object that goes away between two pages shifts nothing.
	page := s.list(bucket.ListOptions{Prefix: s.prefix, Limit: 6})
	if err := s.b.Delete(s.ctx, page.Next); err != nil {
		s.Fatal(err)
	}
	s.expectKeys(bucket.ListOptions{Prefix: s.prefix, After: page.Next}, keys[6:]...)
}

// expectPages lists with the limit and checks that the pages are full, that
// the last one says so, and that together they are the keys.
func (s suite) expectPages(limit int, keys []string) {
	s.Helper()
	o := bucket.ListOptions{Prefix: s.prefix, Limit: limit}
	for rest := keys; ; {
		page := s.list(o)
		n := min(limit, len(rest))
		if got := s.keysOf(page); !slices.Equal(got, rest[:n]) {
			s.Fatalf("limit %d after %.80q: got %.200q, want %.200q", limit, o.After, got, rest[:n])
		}
		if rest = rest[n:]; len(rest) == 0 {
			if page.Next != "" {
				s.Errorf("limit %d: the last page has a next", limit)
			}
			return
		}
		if page.Next == "" {
			s.Fatalf("limit %d: no next with %d keys to come", limit, len(rest))
		}
		o.After = page.Next
	}
}

func (s suite) list(o bucket.ListOptions) bucket.Page {
	s.Helper()
	page, err := s.b.List(s.ctx, o)
	if err != nil {
		s.Fatalf("list: %v", err)
	}
	return page
}

// expectKeys checks the keys of a listing that fits one page.
func (s suite) expectKeys(o bucket.ListOptions, want ...string) {
	s.Helper()
	page := s.list(o)
	if got := s.keysOf(page); !slices.Equal(got, want) || page.Next != "" {
		s.Errorf("prefix %q, after %q, limit %d: got %.400q, next %q; want %.400q and no next",
			o.Prefix, o.After, o.Limit, got, page.Next, want)
	}
}

func (s suite) keysOf(page bucket.Page) []string {
	var keys []string
	for _, e := range page.Entries {
		keys = append(keys, strings.TrimPrefix(e.Key, s.prefix))
	}
	return keys
}

// RunFullPages checks that a listing of more than bucket.MaxList keys comes in
// pages of MaxList. It creates and deletes some 1,050 objects, so it is meant
// for stores without a network in between.
func RunFullPages(t *testing.T, open func(t *testing.T) bucket.Bucket) {
	s := newSuite(t, open(t))
	keys := make([]string, bucket.MaxList+50)
	var wg sync.WaitGroup
	for i := range keys {
		keys[i] = fmt.Sprintf("%02d/%04d", i%7, i)
		s.created.Store(s.prefix+keys[i], true)
	}
	for part := range slices.Chunk(keys, len(keys)/4) {
		wg.Go(func() {
			for _, key := range part {
				if _, err := s.put(key, key); err != nil {
					t.Errorf("create %q: %v", key, err)
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(keys)
	s.expectPages(bucket.MaxList, keys)
	for _, limit := range []int{0, bucket.MaxList + 1} {
		page := s.list(bucket.ListOptions{Prefix: s.prefix, Limit: limit})
		if got := s.keysOf(page); !slices.Equal(got, keys[:bucket.MaxList]) || page.Next != s.prefix+got[bucket.MaxList-1] {
			t.Errorf("limit %d: %d keys, next %q; want the first %d", limit, len(got), page.Next, bucket.MaxList)
		}
	}
}
