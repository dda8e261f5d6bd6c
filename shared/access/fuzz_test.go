package access

import (
	"strings"
	"testing"
)

func FuzzParseSession(f *testing.F) {
	key := []byte("a key of the test")
	good := session{"AAAAAAAAAAAAAAAAAAAAAA", 1_800_000_000}
	f.Add(good.seal(key))
	f.Add("")
	f.Add("1.a.2.")
	f.Add(strings.Repeat(".", 100))
	f.Fuzz(func(t *testing.T, value string) {
		s, err := parseSession(value, key)
		if err != nil {
			if err != ErrForged {
				t.Fatalf("error %v", err)
			}
			return
		}
		if s.seal(key) != value {
			t.Errorf("%q opens and is not what we make", value)
		}
	})
}
