package rank

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// scores ranks texts against a question; a text without a hit scores 0.
func scores(question string, texts ...string) []float64 {
	q := New(question)
	all := make([]float64, len(texts))
	var found []int
	for i, text := range texts {
		if q.Add(text, noon, nil) {
			found = append(found, i)
		}
	}
	for i, score := range q.Scores(noon) {
		all[found[i]] = score
	}
	return all
}

func TestARarerWordTellsMore(t *testing.T) {
	got := scores("green passport", "a green door", "a green tree", "a blue passport", "a red box")
	if !(got[2] > got[0] && got[0] > 0 && got[0] == got[1] && got[3] == 0) {
		t.Errorf("scores %v", got)
	}
}

func TestAHeadingCountsForWhatStandsUnderIt(t *testing.T) {
	q := New("dentist thursday")
	if q.Add("at three", noon, nil) {
		t.Error("a text without any term is a hit")
	}
	if !q.Add("at three", noon, q.Count("The dentist")) || !q.Add("on Thursday", noon, q.Count("The dentist")) {
		t.Error("a text under a heading with a term is no hit")
	}
	if got := q.Scores(noon); len(got) != 2 || !(got[1] > got[0]) {
		t.Errorf("scores %v", got)
	}
}

func TestAnOlderTextCountsALittleLess(t *testing.T) {
	q := New("tea")
	for _, at := range []time.Time{noon, noon.AddDate(-1, 0, 0), {}} {
		q.Add("green tea", at, nil)
	}
	got := q.Scores(noon)
	if !(got[1] < got[0] && got[1] > 0.9*got[0] && got[2] == got[0]) {
		t.Errorf("scores %v", got)
	}
}

func TestAQuestionOfNothingIsEmpty(t *testing.T) {
	for question, empty := range map[string]bool{"": true, " ?! ": true, "what is the": false, "茶": false} {
		if q := New(question); q.Empty() != empty {
			t.Errorf("%q: empty %v", question, q.Empty())
		}
	}
}

func TestTheWindowIsWhereTheTermsStand(t *testing.T) {
	filler := strings.Repeat("filler words and tea here ", 200)
	for name, c := range map[string]struct{ question, text, want string }{
		"in the middle":         {"passport", filler + "the passport is blue " + filler, "the passport is blue"},
		"at the beginning":      {"passport", "the passport is blue " + filler, "the passport is blue"},
		"at the end":            {"passport", filler + "the passport is blue", "the passport is blue"},
		"both terms together":   {"passport number", filler + "passport " + filler + "passport number 7 " + filler, "passport number 7"},
		"together, then alone":  {"passport number", filler + "passport number 7 " + filler + "passport " + filler + "number " + filler, "passport number 7"},
		"the rarer one":         {"tea passport", filler + "the passport is blue " + filler, "the passport is blue"},
		"without spaces":        {"歯医者", strings.Repeat("今日は天気がよい。", 200) + "木曜に歯医者の予約。" + strings.Repeat("今日は天気がよい。", 200), "歯医者の予約"},
		"half-width and voiced": {"パスワード", strings.Repeat("ﾃﾞｰﾀ", 500) + "ﾊﾟｽﾜｰﾄﾞ" + strings.Repeat("ﾃﾞｰﾀ", 500), "ﾊﾟｽﾜｰﾄﾞ"},
		"accents before it":     {"zebra", strings.Repeat("e\u0301te\u0301 ", 500) + "zebra" + strings.Repeat(" e\u0301te\u0301", 500), "zebra"},
		"no term at all":        {"zebra", "first " + filler, "first"},
	} {
		q := New(c.question)
		q.Add(c.text, noon, nil)
		q.Add(filler, noon, nil)
		from, to := q.Window(c.text, 300)
		if part := c.text[from:to]; !strings.Contains(part, c.want) || len(part) > 300 || len(part) < 200 || !utf8.ValidString(part) {
			t.Errorf("%s: %d bytes %q", name, len(part), part)
		}
	}
	if from, to := New("tea").Window("no such word", 300); from != 0 || to != 12 {
		t.Errorf("a short text is cut to %d:%d", from, to)
	}
}

func TestTheWindowBeginsAndEndsBetweenWords(t *testing.T) {
	text := strings.Repeat("uninteresting ", 100) + "passport " + strings.Repeat("uninteresting ", 100)
	q := New("passport")
	q.Add(text, noon, nil)
	from, to := q.Window(text, 300)
	for _, w := range strings.Fields(text[from:to]) {
		if w != "uninteresting" && w != "passport" {
			t.Errorf("half a word: %q", w)
		}
	}
}

func FuzzWindow(f *testing.F) {
	f.Add("passport 茶", "a\xff passport か\u3099 茶", 7)
	f.Add("é", "\u0301\u0301éé e\u0301 \u3099", 3)
	f.Add("a b", "a b a b a b a b", 1)
	f.Fuzz(func(t *testing.T, question, text string, most int) {
		if most < 1 || most > 1<<16 {
			return
		}
		q := New(question)
		found := q.Add(text, noon, nil)
		from, to := q.Window(text, most)
		if from < 0 || to < from || to > len(text) || to-from > max(most, 0) {
			t.Fatalf("%d:%d of %d bytes, at most %d", from, to, len(text), most)
		}
		if utf8.ValidString(text) && !utf8.ValidString(text[from:to]) {
			t.Fatalf("%q is cut within a character", text[from:to])
		}
		if found && most >= 1000 && utf8.ValidString(question) && utf8.ValidString(text) {
			if again := New(question); !again.Add(text[from:to], noon, nil) {
				t.Fatalf("the window %q holds nothing of %q", text[from:to], question)
			}
		}
	})
}
