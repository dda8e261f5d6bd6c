package policy

import "strings"

// language is what a message is written in, as far as the gate can read it.
type language uint8

const (
	unknown language = iota
	english
	japanese
)

// mention is a word that stands where a verb asks for something.
type mention struct {
	token   int    // -1: in Japanese
	verb    string // its base form; in Japanese the stem
	negated bool   // "do not send"
}

// language tells by the words that hold sentences together. A message without
// them is of an unknown language.
func (w *words) language() language {
	latin, ours, weak, others := 0, 0, 0, 0
	for _, t := range w.tokens {
		if t.kana {
			return japanese
		}
		if t.east || hasDigit(t.text[:1]) {
			continue
		}
		latin++
		switch t.text {
		case "the", "you", "my", "please", "and", "with", "what", "what's", "when", "how", "this", "that", "from", "it", "can", "could",
			"have", "by", "who", "where", "which", "would", "should", "your", "there", "they", "them", "are", "don't", "to", "i'm", "i'll", "i've",
			"give", "show", "tell", "want", "need", "make", "find", "get", "these", "those", "about", "his", "her", "its", "it's":
			ours++
		case "is", "in", "of", "for", "at", "on", "as", "was", "be", "will", "a", "an", "we", "if", "or", "not", "i", "me", "all", "send", "delete":
			weak++ // other languages have these too
		case "und", "der", "das", "den", "dem", "bitte", "nicht", "ein", "eine", "ich", "mir", "mit", "von", "zu", "ist", "auf", "für", "im", "zum", "zur",
			"que", "los", "las", "por", "para", "el", "una", "un", "con", "se", "su", "al", "lo", "mi", "es", "y", "não", "um", "uma", "da", "na", "per", "di", "non", "che", "il",
			"les", "des", "le", "et", "est", "pas", "je", "vous", "moi", "aux", "avec", "dans", "sur", "pour", "qui", "ce", "cette",
			"het", "een", "niet", "ik", "naar", "og", "och", "ikke", "inte", "til", "att", "jag", "på", "av", "med", "för", "du", "en", "te", "nie", "proszę":
			others++
		}
	}
	if ours > others && (ours >= 2 || latin <= 12) || others == 0 && weak >= 2 || others == 0 && weak >= 1 && isVerb(w.tok(0)) {
		return english
	}
	if latin == 0 && len(w.tokens) > 0 && w.tokens[0].east {
		return japanese // "送信": kanji only; Chinese is read as it too, and finds no verb form
	}
	return unknown
}

// mentions lists the words by which the message asks for something.
func (w *words) mentions() []mention {
	var list []mention
	for i := range w.tokens {
		if t := w.tokens[i]; !t.east {
			list = w.english(list, i)
		}
	}
	for _, row := range verbs() {
		for _, stem := range row.ja {
			list = w.japanese(list, stem)
		}
	}
	return list
}

func (w *words) tok(i int) string {
	if i < 0 || i >= len(w.tokens) {
		return ""
	}
	return w.tokens[i].text
}

// english adds word i if it asks. A word that is quoted, a noun, past, a
// question's, or what somebody else does, does not.
func (w *words) english(list []mention, i int) []mention {
	t := w.tokens[i].text
	if w.quoted(w.tokens[i].from) || t[0] < 'a' || t[0] > 'z' || len(t) > 24 {
		return list
	}
	start := w.clause(i)
	negated := w.negated(i, start)
	if !negated && (w.noun(i) || w.question(i, start) || w.somebodyElse(i, start)) {
		return list
	}
	add := func(verb string) {
		if len(verb) > 1 {
			list = append(list, mention{i, verb, negated})
		}
	}
	add(t)
	if stem, ok := strings.CutSuffix(t, "ing"); ok && len(stem) > 1 {
		add(stem)
		add(stem + "e")
		if n := len(stem); n > 2 && stem[n-1] == stem[n-2] {
			add(stem[:n-1])
		}
	}
	if w.wanted(i, start) { // "I want it deleted"
		if stem, ok := strings.CutSuffix(t, "ed"); ok {
			add(stem)
			add(stem + "e")
			if n := len(stem); n > 2 && stem[n-1] == stem[n-2] {
				add(stem[:n-1])
			}
		}
		switch t {
		case "sent":
			add("send")
		case "paid":
			add("pay")
		}
	}
	return list
}

// clause is the first word of the clause that word i stands in.
func (w *words) clause(i int) int {
	for j := i; j > 0; j-- {
		gap := w.lower[w.tokens[j-1].to:w.tokens[j].from]
		if strings.ContainsAny(gap, ",;:()\n!?—–") || strings.Contains(gap, ". ") || strings.Contains(gap, "- ") {
			return j
		}
		switch w.tok(j - 1) {
		case "but", "then", "so", "and":
			return j
		}
	}
	return 0
}

func isDeterminer(s string) bool {
	switch s {
	case "a", "an", "the", "my", "your", "his", "its", "our", "their", "her", "this", "these", "those", "any", "some", "each", "every", "last",
		"next", "previous", "recent", "of", "same", "new", "another", "no", "latest", "first", "which", "what", "whose", "for", "in", "on", "from", "at", "as", "than":
		return true
	}
	return strings.HasSuffix(s, "'s") && s != "let's"
}

// noun reports whether the word before says that word i is a thing.
func (w *words) noun(i int) bool {
	if prev := w.tok(i - 1); isDeterminer(prev) && w.adjacent(i-1) {
		return !strings.HasSuffix(w.tok(i), "ing") || prev != "for" && prev != "in" && prev != "on" && prev != "from" && prev != "at" && prev != "than"
	}
	return false
}

func (w *words) adjacent(i int) bool {
	return i >= 0 && i+1 < len(w.tokens) && strings.TrimSpace(w.lower[w.tokens[i].to:w.tokens[i+1].from]) == ""
}

// question reports whether the clause asks about something rather than for it.
func (w *words) question(i, start int) bool {
	first, second := w.tok(start), w.tok(start+1)
	if start == i {
		return false
	}
	switch first {
	case "can", "could", "would", "will", "won't", "can't", "couldn't", "wouldn't":
		return second != "you" && second != "we"
	case "how", "what":
		return second != "about"
	case "why":
		return second != "don't" && second != "not"
	case "when", "where", "while", "once", "if":
		return w.asksMark(i) && first != "if"
	case "who", "whom", "whose", "which", "what's", "who's", "where's", "how's", "did", "does", "do", "has", "have", "had", "is", "are", "was", "were", "am", "should", "shall", "may", "might":
		return !(first == "do" && (second == "not" || i == start+1) || first == "have" && w.tok(i-1) == "to")
	}
	return false
}

func (w *words) asksMark(i int) bool {
	s := w.sentences[w.sentence(w.tokens[i].from)]
	return strings.HasSuffix(strings.TrimSpace(w.lower[s.from:min(s.to, len(w.lower))]), "?")
}

// somebodyElse reports whether the word tells what a person does, has done or
// was told to, instead of what the assistant shall do.
func (w *words) somebodyElse(i, start int) bool {
	j := i - 1
	for ; j >= start; j-- {
		switch w.tok(j) {
		case "just", "also", "please", "kindly", "then", "now", "always", "automatically", "quickly", "still", "already", "even":
			continue
		}
		break
	}
	if j < start {
		return false
	}
	switch prev := w.tok(j); prev {
	case "you", "we":
		switch w.tok(j - 1) {
		case "can", "could", "will", "would", "can't", "couldn't", "won't", "wouldn't", "don't", "let", "have":
			return false // "could you send"
		}
		return true
	case "i", "he", "she", "they", "it", "who", "people", "somebody", "someone", "everyone", "anyone", "nobody":
		return j == start || w.tok(j-1) != "let" && w.tok(j-1) != "have"
	case "i'll", "he'll", "she'll", "they'll", "we'll", "it'll", "i'd", "he'd", "she'd", "they'd", "i'm", "he's", "she's", "they're", "i've",
		"is", "are", "was", "were", "been", "be", "am", "being", "might", "may", "did", "didn't", "does", "doesn't", "had", "has", "by", "after", "before":
		return true
	case "will", "would", "should", "could", "can", "must", "shall":
		return j > start && w.tok(j-1) != "you" && w.tok(j-1) != "please" || j == start && w.tok(start+1) != "you"
	case "to":
		switch before := w.tok(j - 1); before {
		case "how", "where", "what", "asked", "told", "forgot", "agreed", "offered", "promised", "used", "wants", "supposed", "tried", "refused", "likes", "needs", "trying", "going", "wanted", "able", "decided", "failed":
			return true
		case "me", "him", "us", "them", "her":
			switch w.tok(j - 2) {
			case "asked", "told", "asks", "tells", "wants", "wanted", "invited", "reminded":
				return true
			}
		}
	}
	return false
}

// wanted reports whether the words before word i want something done.
func (w *words) wanted(i, start int) bool {
	for j := i - 2; j >= start && j >= i-5; j-- {
		switch w.tok(j) {
		case "want", "need", "get", "like", "have":
			return j == start || w.tok(j-1) != "don't" && w.tok(j-1) != "not"
		}
	}
	return false
}

// negated reports whether a word before word i in its clause says that it
// shall not be. "Do not forget to" negates nothing.
func (w *words) negated(i, start int) bool {
	if w.tok(i-1) == "and" && i >= 2 && w.adjacent(i-2) && w.negated(i-2, w.clause(i-2)) {
		return true
	}
	for j := i - 1; j >= start && j >= i-7; j-- {
		switch w.tok(j) {
		case "forget", "hesitate", "fail", "only", "worry", "mind":
			return false
		case "don't", "dont", "not", "never", "without", "cannot", "can't", "cant", "won't", "wont", "shouldn't", "mustn't", "avoid", "stop", "nor", "neither",
			"refrain", "rather", "instead", "isn't", "doesn't", "didn't", "couldn't", "wouldn't":
			if w.tok(j) == "don't" && w.tok(j-1) == "why" || w.tok(j) == "not" && w.tok(j-1) == "why" {
				return false
			}
			if (w.tok(j) == "couldn't" || w.tok(j) == "can't" || w.tok(j) == "won't" || w.tok(j) == "wouldn't") && w.tok(j+1) == "you" {
				return false
			}
			return true
		case "no":
			if w.tok(j+1) == "need" || w.tok(j+1) == "reason" {
				return true
			}
		}
	}
	return false
}
