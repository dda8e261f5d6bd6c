package article

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"codeberg.org/readeck/go-readability/v2"
	"github.com/JohannesKaufmann/html-to-markdown/v2"
)

// pages is the real pages that the library is tested with, in the module
// cache: nothing of them is kept here.
func pages(t *testing.T) []string {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "codeberg.org/readeck/go-readability/v2").Output()
	if err != nil {
		t.Skip("the library's module is not in the cache")
	}
	list, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test-pages", "*", "source.html"))
	if len(list) < 100 {
		t.Skipf("only %d pages", len(list))
	}
	return list
}

// words is a text as the set of its words and how often each stands.
func words(s string) map[string]int {
	m := map[string]int{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		m[w]++
	}
	return m
}

// share is how much of a's words b has.
func share(a, b map[string]int) float64 {
	all, there := 0, 0
	for w, n := range a {
		all += n
		there += min(n, b[w])
	}
	return float64(there) / float64(max(1, all))
}

func mean(list []float64) float64 {
	sum := 0.0
	for _, f := range list {
		sum += f
	}
	return sum / float64(len(list))
}

// On real pages the text is the one that Readability finds: next to nothing of
// it is missing, and not much more is given.
func TestTheMainTextIsTheOneThatReadabilityFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("130 pages")
	}
	base, _ := url.Parse("http://fakehost/test/page.html")
	var recall, precision, whole []float64
	for _, file := range pages(t) {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		judged, err := readability.FromReader(bytes.NewReader(page), base)
		if err != nil || judged.Node == nil {
			continue
		}
		var theirs bytes.Buffer
		if err := judged.RenderText(&theirs); err != nil {
			continue
		}
		a := Parse(string(page), base)
		ours := words(visibleWords(a.Markdown))
		r, p := share(words(theirs.String()), ours), share(ours, words(theirs.String()))
		recall, precision = append(recall, r), append(precision, p)
		whole = append(whole, share(words(Fragment(string(page), base)), words(theirs.String())))
		if r < 0.6 || p < 0.3 {
			t.Logf("%s: has %.2f of the words, %.2f of its own are among them", filepath.Base(filepath.Dir(file)), r, p)
		}
	}
	slices.Sort(recall)
	t.Logf("%d pages: mean recall %.3f, a tenth is under %.3f; mean precision %.3f (without looking for the main text %.3f)",
		len(recall), mean(recall), recall[len(recall)/10], mean(precision), mean(whole))
	if mean(recall) < 0.95 || mean(precision) < 0.75 {
		t.Error("the main text is not found well enough")
	}
}

// visibleWords is Markdown without the addresses of links.
func visibleWords(md string) string {
	var b strings.Builder
	for {
		i := strings.Index(md, "](")
		if i < 0 {
			return b.String() + md
		}
		b.WriteString(md[:i] + " ")
		_, md, _ = strings.Cut(md[i:], ")")
	}
}

// html-to-markdown's words are all in ours, for what both take for visible.
func TestTheMarkdownHasTheWordsOfTheLibrarys(t *testing.T) {
	if testing.Short() {
		t.Skip("30 pages")
	}
	base, _ := url.Parse("http://fakehost/test/page.html")
	var recall []float64
	for i, file := range pages(t) {
		if i%4 > 0 {
			continue
		}
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		judged, err := readability.FromReader(bytes.NewReader(page), base)
		if err != nil || judged.Node == nil {
			continue
		}
		var clean bytes.Buffer
		if err := judged.RenderHTML(&clean); err != nil {
			continue
		}
		theirs, err := htmltomarkdown.ConvertString(clean.String())
		if err != nil {
			continue
		}
		ours := Fragment(clean.String(), base)
		recall = append(recall, share(words(visibleWords(theirs)), words(visibleWords(ours))))
		if r := recall[len(recall)-1]; r < 0.9 {
			t.Logf("%s: %.3f", filepath.Base(filepath.Dir(file)), r)
		}
	}
	t.Logf("%d pages: mean %.4f", len(recall), mean(recall))
	if mean(recall) < 0.98 {
		t.Error("words are missing")
	}
}
