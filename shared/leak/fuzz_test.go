package leak_test

import (
	"strings"
	"testing"

	"instar/shared/leak"
)

// Whatever is in a text, a known secret in it is found in every encoding, and
// what Redact and a Stream return has no finding.
func FuzzKnownSecretIsFound(f *testing.F) {
	f.Add(anthropic, "before ", " after", 3)
	f.Add(telegram, "bot", "/getMe", 1)
	f.Add(short, "hunter", "22", 2)
	f.Add("!!!!!!!!", "!", "", 7)
	f.Add("redactedredacted", "redacted", "[***]", 5)
	f.Add("パスワードです12", "\xe3", "\x83", 4)
	f.Fuzz(func(t *testing.T, value, before, after string, size int) {
		if len(value) > 300 || len(before)+len(after) > 2000 {
			t.Skip()
		}
		g := leak.New(map[string]string{"S": value})
		for name, text := range encodings(before, value, after) {
			switch name {
			case "lines", "markdown", "zero width", "Japanese", "upper case":
				continue // of letters and digits only: TestKnownSecretIsFoundInEveryEncoding
			case "JSON":
				if strings.ToValidUTF8(value, "") != value || strings.ToValidUTF8(before+value+after, "") != before+value+after {
					continue // JSON cannot hold it
				}
			}
			if len(value) >= leak.MinSecret && len(g.Check(text)) == 0 {
				t.Fatalf("%q between %q and %q as %s: not found in %q", value, before, after, name, text)
			}
			if clean := g.Redact(text); len(g.Check(clean)) > 0 {
				t.Fatalf("%q: redacted to %q", text, clean)
			}
			if size < 1 || size > 1000 {
				continue
			}
			if out := strings.Join(shown(g, text, size), ""); len(g.Check(out)) > 0 {
				t.Fatalf("%q in pieces of %d: shown %q", text, size, out)
			}
		}
	})
}

func FuzzCheck(f *testing.F) {
	for text := range unknownKeys {
		f.Add(text, 3)
	}
	g := guard()
	f.Fuzz(func(t *testing.T, text string, size int) {
		end := 0
		for _, found := range g.Check(text) {
			if found.Start < end || found.End <= found.Start || found.End > len(text) {
				t.Fatalf("%q: %+v after %d", text, found, end)
			}
			end = found.End
		}
		if clean := g.Redact(text); len(g.Check(clean)) > 0 {
			t.Fatalf("redacted to %q", clean)
		}
		if size > 0 {
			if out := strings.Join(shown(g, text, size), ""); len(g.Check(out)) > 0 {
				t.Fatalf("%q in pieces of %d: shown %q", text, size, out)
			}
		}
	})
}
