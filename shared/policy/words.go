package policy

import (
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxSaid is how many bytes of one message of the owner are read for what it
// asks and names. What stands after them grounds nothing.
const MaxSaid = 32 << 10

// Said is one message in the owner's own words. Only what the authenticated
// owner typed belongs into Text: not what was forwarded, quoted from a reply,
// or attached.
type Said struct {
	Text string
	At   time.Time // when it was said, in the owner's time zone: "tomorrow" counts from it
	// Earlier: said in an earlier turn. It still grounds names, addresses and
	// texts, but what it asked for has been dealt with.
	Earlier bool
}

// words is a message of the owner's, read once for all calls of a turn.
type words struct {
	text  string // folded
	lower string // the same in lower case, byte for byte
	at    time.Time
	sentences,
	quotes []span // in order; quotes are without their marks
	tokens  []token
	asks    map[string][]mention // by their verb
	said    map[string]bool      // every word, in the singular
	starts  map[string][]int     // where each word begins, as it stands and without a possessive 's
	lang    language
	when    times
	numbers []number
	typed   []typed // addresses, accounts and URLs
	earlier bool
}

// span is a part of a text, from its first byte to the one after its last.
type span struct{ from, to int }

func (s span) has(i int) bool { return s.from <= i && i < s.to }

// token is a word: letters and digits of one kind of script.
type token struct {
	span
	text string // in lower case
	kana bool   // hiragana: grammar rather than a name
	east bool   // Han or kana: words are not set apart by spaces
}

func read(s Said) *words {
	text := s.Text
	if len(text) > MaxSaid {
		text = strings.ToValidUTF8(text[:MaxSaid], "")
	}
	w := &words{at: s.At, earlier: s.Earlier}
	w.text = fold(text)
	w.lower = lower(w.text)
	w.sentences = sentences(w.text)
	w.quotes = quotes(w.text)
	w.tokens = tokens(w.lower)
	w.starts = make(map[string][]int, len(w.tokens))
	for _, t := range w.tokens {
		w.starts[t.text] = append(w.starts[t.text], t.from)
		if bare, ok := strings.CutSuffix(t.text, "'s"); ok {
			w.starts[bare] = append(w.starts[bare], t.from)
		}
	}
	w.lang = w.language()
	w.typed = scanTyped(w.text)
	w.when, w.numbers = scanTimes(w)
	if !w.earlier {
		w.asks = map[string][]mention{}
		for _, m := range w.mentions() {
			w.asks[m.verb] = append(w.asks[m.verb], m)
		}
		w.said = make(map[string]bool, len(w.tokens))
		for _, t := range w.tokens {
			w.said[singular(t.text)] = true
		}
	}
	return w
}

// sentence is the number of the sentence that has byte i.
func (w *words) sentence(i int) int {
	return sort.Search(len(w.sentences), func(n int) bool { return w.sentences[n].to > i })
}

// quoted reports whether byte i stands between quotation marks.
func (w *words) quoted(i int) bool {
	n := sort.Search(len(w.quotes), func(n int) bool { return w.quotes[n].to > i })
	return n < len(w.quotes) && w.quotes[n].has(i)
}

// places are where a folded value stands in the text with a boundary on both
// sides, at most 8. Unless exact, letters of both cases are the same.
func (w *words) places(value string, exact bool) (at []span) {
	text := w.lower
	if exact {
		text = w.text
	} else {
		value = lower(value)
	}
	if value == "" {
		return nil
	}
	if word := firstWord(value); word != "" {
		for _, i := range w.starts[lower(word)] {
			if strings.HasPrefix(text[i:], value) && bounded(text, i, i+len(value)) && len(at) < 8 {
				at = append(at, span{i, i + len(value)})
			}
		}
		return at
	}
	for from := 0; len(at) < 8; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return at
		}
		i += from
		if bounded(text, i, i+len(value)) {
			at = append(at, span{i, i + len(value)})
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		from = i + n
	}
	return at
}

// firstWord is the word that a value begins with, "" when it begins with
// something else, or when the word could be a part of one in a text.
func firstWord(s string) string {
	for i, r := range s {
		switch c := class(r); {
		case c == 1 && r < utf8.RuneSelf:
		case c != 0 || r == '\'' || r == '’' || r >= utf8.RuneSelf && i == 0:
			return ""
		default:
			return s[:i]
		}
	}
	return s
}

// bounded reports whether text[from:to] is not a part of something longer: a
// word, a compound with hyphens, a file name, an address. A possessive 's may
// follow; Japanese particles and suffixes may, since no space does.
func bounded(text string, from, to int) bool {
	first, _ := utf8.DecodeRuneInString(text[from:])
	last, _ := utf8.DecodeLastRuneInString(text[:to])
	before, n := utf8.DecodeLastRuneInString(text[:from])
	if n > 0 {
		if joins(before, first) || strings.ContainsRune("/\\~=%.", before) {
			return false
		}
		if prior, n := utf8.DecodeLastRuneInString(text[:from-n]); strings.ContainsRune("-_@&+#", before) && n > 0 &&
			!unicode.IsSpace(prior) && !strings.ContainsRune("(\"'“‘「『`:,", prior) {
			return false
		}
	}
	rest := text[to:]
	after, n := utf8.DecodeRuneInString(rest)
	if n == 0 {
		return true
	}
	if joins(last, after) {
		return hiragana(last) && suffix(rest)
	}
	if strings.ContainsRune("-_@/\\&+=%", after) {
		return false
	}
	if after == '.' || after == '\'' || after == '’' || after == ':' {
		next, _ := utf8.DecodeRuneInString(rest[n:])
		if after == '\'' || after == '’' {
			return next != 't' && (!letter(next) || next == 's' && !letterAt(rest, n+1))
		}
		return !letter(next)
	}
	return true
}

func letter(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == 'ー')
}

func letterAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[min(i, len(s)):])
	return letter(r)
}

func hiragana(r rune) bool { return r >= 0x3041 && r <= 0x309f }

// class is the kind of script that words are cut by.
func class(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return 1
		}
		return 0
	case hiragana(r):
		return 2
	case unicode.Is(unicode.Katakana, r) || r == 'ー':
		return 3
	case unicode.Is(unicode.Han, r) || r == '々':
		return 4
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		return 1
	}
	return 0
}

// joins reports whether two runes next to each other are parts of one word.
func joins(a, b rune) bool {
	x, y := class(a), class(b)
	return x != 0 && y != 0 && (x == y || x == 1 && b == 'ー')
}

// suffix reports whether a text begins with what follows a name in Japanese.
func suffix(s string) bool {
	for _, p := range [...]string{"さん", "ちゃん", "くん", "さま", "に", "へ", "を", "と", "の", "が", "は", "も", "から", "まで", "で", "や", "って", "という"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// tokens cuts a text in lower case into words. Apostrophes within a word
// belong to it: "don't" is one.
func tokens(s string) (list []token) {
	start, kind := -1, 0
	end := func(i int) {
		if start >= 0 {
			list = append(list, token{span: span{start, i}, text: strings.ReplaceAll(s[start:i], "’", "'"), kana: kind == 2, east: kind >= 2})
		}
		start, kind = -1, 0
	}
	for i, r := range s {
		c := class(r)
		if c == 0 && (r == '\'' || r == '’') && kind == 1 && letterAt(s, i+utf8.RuneLen(r)) {
			continue
		}
		if c != kind && !(kind == 3 && r == 'ー') {
			end(i)
			if c != 0 {
				start, kind = i, c
			}
		}
	}
	end(len(s))
	return list
}
