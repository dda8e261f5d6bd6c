// Package settingstest holds the conformance suite of settings.Store.
package settingstest

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"instar/shared/settings"
)

// Run checks the promises of settings.Store on a store that reads its own
// writes at once, which not all do once they are deployed. open is called once for
// each subtest and may return the same store every time; subtests use random
// keys. About 100 operations; nothing waits or needs files.
func Run(t *testing.T, open func(t *testing.T) settings.Store) {
	for _, c := range []struct {
		name string
		test func(suite)
	}{
		{"an absent key is not an empty value", testAbsent},
		{"a value is replaced", testReplace},
		{"a deleted key is absent", testDelete},
		{"invalid keys and values are refused", testInvalid},
		{"the longest key and value fit", testLongest},
		{"odd keys are different settings", testOddKeys},
		{"any text reads back", testValues},
		{"one of several concurrent values stays", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(suite{T: t, Store: open(t), prefix: rand.Text() + "/"})
		})
	}
}

type suite struct {
	*testing.T
	settings.Store
	prefix string
}

func (s suite) put(key, value string) {
	s.Helper()
	key = s.prefix + key
	s.T.Cleanup(func() { s.Store.Delete(context.Background(), key) })
	if err := s.Store.Put(s.T.Context(), key, value); err != nil {
		s.Fatalf("put %.60q: %v", key, err)
	}
}

func (s suite) expect(key, want string, wantOK bool) {
	s.Helper()
	got, ok, err := s.Store.Get(s.T.Context(), s.prefix+key)
	if err != nil || got != want || ok != wantOK {
		s.Errorf("get %.60q: %.60q, %v, error %v; want %.60q, %v", key, got, ok, err, want, wantOK)
	}
}

func testAbsent(s suite) {
	s.expect("k", "", false)
	if err := s.Put(s.Context(), s.prefix+"k", ""); !errors.Is(err, settings.ErrInvalid) {
		s.Errorf("put an empty value: error %v, want ErrInvalid", err)
	}
	s.expect("k", "", false)
	s.put("k", "<null>") // what one client library makes of an absent key
	s.expect("k", "<null>", true)
	s.expect("K", "", false)
	s.expect("k/", "", false)
}

func testReplace(s suite) {
	for _, value := range []string{"one", "two", "two", "3"} {
		s.put("k", value)
		s.expect("k", value, true)
	}
}

func testDelete(s suite) {
	s.put("k", "x")
	s.put("k2", "stays")
	for range 2 {
		if err := s.Delete(s.Context(), s.prefix+"k"); err != nil {
			s.Fatal(err)
		}
		s.expect("k", "", false)
	}
	s.expect("k2", "stays", true)
	s.put("k", "again")
	s.expect("k", "again", true)
}

func testInvalid(s suite) {
	for _, key := range []string{"", ".", "..", strings.Repeat("k", settings.MaxKey+1), "a\xff"} {
		_, ok, getErr := s.Get(s.Context(), key)
		putErr, deleteErr := s.Put(s.Context(), key, "x"), s.Delete(s.Context(), key)
		for _, err := range []error{getErr, putErr, deleteErr} {
			if ok || !errors.Is(err, settings.ErrInvalid) {
				s.Errorf("key %.20q: error %v, want ErrInvalid", key, err)
			}
		}
	}
	for _, value := range []string{"", strings.Repeat("v", settings.MaxValue+1), "a\xff"} {
		if err := s.Put(s.Context(), s.prefix+"k", value); !errors.Is(err, settings.ErrInvalid) {
			s.Errorf("value %.20q: error %v, want ErrInvalid", value, err)
		}
	}
	s.expect("k", "", false)
}

func testLongest(s suite) {
	long := strings.Repeat("é?", settings.MaxKey)
	key := long[:(settings.MaxKey-len(s.prefix))/3*3]
	key += strings.Repeat("k", settings.MaxKey-len(s.prefix)-len(key))
	value := strings.Repeat("\x01", settings.MaxValue)
	s.put(key, value)
	s.expect(key, value, true)
	s.expect(key[:len(key)-1], "", false)
}

func testOddKeys(s suite) {
	keys := []string{
		"a b:c/d?", "a", "a/b", "a//b", "a/", "A", "../a", "a/..", `a\b`, "a\nb", "\x00", "a%2Fb", "a+b", "#?&=",
		"é", "e\u0301", "日記", "\U0001f600", " ", ".", "telegram:4242",
	}
	for _, key := range keys {
		s.put(key, "value of "+key)
	}
	for _, key := range keys {
		s.expect(key, "value of "+key, true)
	}
}

func testValues(s suite) {
	for _, value := range []string{" ", "\n", "null", `{"v":1}`, "\x00\x7f\\\"<>&\u2028", "日記\U0001f600\ufffd"} {
		s.put("k", value)
		s.expect("k", value, true)
	}
}

func testConcurrent(s suite) {
	s.put("k", "first")
	values := []string{"a", "b", "c", "d"}
	var wg sync.WaitGroup
	for _, value := range values {
		wg.Go(func() {
			if err := s.Put(s.Context(), s.prefix+"k", value); err != nil {
				s.Errorf("put: %v", err)
			}
		})
	}
	wg.Wait()
	got, ok, err := s.Get(s.Context(), s.prefix+"k")
	if err != nil || !ok || !strings.Contains("abcd", got) || len(got) != 1 {
		s.Errorf("got %q, %v, error %v; want one of %q", got, ok, err, values)
	}
}
