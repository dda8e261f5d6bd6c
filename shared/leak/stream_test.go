package leak_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"instar/shared/leak"
)

// shown writes text in pieces of the given sizes, over and over, and returns
// what each call showed.
func shown(g *leak.Guard, text string, sizes ...int) []string {
	s := g.Stream()
	var out []string
	for i := 0; len(text) > 0; i++ {
		n := min(len(text), max(1, sizes[i%len(sizes)]))
		out = append(out, s.Write(text[:n]))
		text = text[n:]
	}
	return append(out, s.Close())
}

func TestSplitSecretIsNeverShown(t *testing.T) {
	g := guard()
	for _, value := range []string{anthropic, telegram, token, short} {
		for name, form := range encodings("", value, "") {
			text := "It is " + form + ", as you asked. " + form
			for size := 1; size < 40; size += 3 {
				out := strings.Join(shown(g, text, size), "")
				if len(g.Check(out)) > 0 || strings.Contains(out, value[:min(8, len(value))]) {
					t.Fatalf("%s in pieces of %d: shown %q", name, size, out)
				}
				if !strings.HasPrefix(out, "It is ") || !strings.Contains(out, "as you asked. ") {
					t.Fatalf("%s in pieces of %d: the rest is lost: %q", name, size, out)
				}
			}
		}
	}
	for text := range unknownKeys {
		for size := 1; size < 20; size++ {
			if out := strings.Join(shown(nil, "It is "+text+"\n ok", size), ""); len((*leak.Guard)(nil).Check(out)) > 0 || !strings.HasPrefix(out, "It is ") {
				t.Fatalf("%q in pieces of %d: shown %q", text, size, out)
			}
		}
	}
}

func TestHarmlessStreamIsUnchangedAndHeldBackByAWord(t *testing.T) {
	g := guard()
	text := strings.Repeat("Nothing secret here, only words and 日本語 of a reply. ", 40)
	s := g.Stream()
	var out strings.Builder
	most, sum, writes := 0, 0, 0
	for i := 0; i < len(text); i += 4 {
		end := min(len(text), i+4)
		out.WriteString(s.Write(text[i:end]))
		held := end - out.Len()
		most, sum, writes = max(most, held), sum+held, writes+1
		if !utf8.ValidString(out.String()) {
			t.Fatalf("a character was cut at byte %d", out.Len())
		}
	}
	out.WriteString(s.Close())
	if out.String() != text {
		t.Fatal("the text was changed")
	}
	t.Logf("held back: %d bytes on average, at most %d", sum/writes, most)
	if most > 32 {
		t.Errorf("%d bytes were held back, want about a word", most)
	}
}

func TestStreamShowsAnUnbrokenRunInTheEnd(t *testing.T) {
	text := strings.Repeat("abcdefghi/", 10_000)
	var most, held int
	s := guard().Stream()
	for i := 0; i < len(text); i += 10 {
		held += 10 - len(s.Write(text[i:i+10]))
		most = max(most, held)
	}
	if most > 9<<10 {
		t.Fatalf("%d bytes held back", most)
	}
}

// Property: wherever secrets are put in a random text, and however it is cut,
// nothing of them is shown.
func TestRandomStreamsAreClean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g := guard()
	words := []string{"the ", "password", "=", ": ", "\n", "`", "**", "sk-", "Bearer ", "e", "[redacted]", "-----BEGIN ", "PRIVATE KEY-----", "日本", short[:4], short[4:], telegram[:20], telegram[20:], anthropic[:9], token}
	for _, value := range []string{anthropic, telegram, token, short} {
		for _, form := range encodings("", value, "") {
			words = append(words, form)
		}
	}
	for key := range unknownKeys {
		words = append(words, key)
	}
	for range 5000 {
		var text strings.Builder
		for range 1 + r.IntN(12) {
			text.WriteString(words[r.IntN(len(words))])
		}
		sizes := []int{1 + r.IntN(30), 1 + r.IntN(5), 1 + r.IntN(90)}
		out := strings.Join(shown(g, text.String(), sizes...), "")
		if found := g.Check(out); len(found) > 0 {
			for _, f := range found {
				t.Errorf("%+v: %q", f, out[max(0, f.Start-40):min(len(out), f.End+20)])
			}
			t.Fatalf("in pieces of %v: %q", sizes, text.String())
		}
	}
}

func BenchmarkStream(b *testing.B) {
	text := strings.Repeat("Nothing secret here, only words of a reply. ", 100)
	g := guard()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		shown(g, text, 4)
	}
}
