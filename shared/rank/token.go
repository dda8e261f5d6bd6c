package rank

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// class says how much a token tells.
type class uint8

const (
	word   class = iota // a word, or two neighbouring characters of a script without spaces
	weak                // two neighbouring hiragana: mostly grammar
	single              // one character that also stands in a pair; not counted in a length
)

// maxWord is how many bytes of a word count.
const maxWord = 64

// scanner cuts text into tokens, reusing its memory from text to text.
type scanner struct {
	runes []rune
	buf   []byte
	at    int // the rune that the token being emitted starts with
}

// tokens calls emit for each token of text, in order. The bytes are only valid
// during the call. Text in scripts that write words with spaces gives words,
// without English plural and verb endings; text in Chinese, Japanese, Korean
// and the scripts of South-East Asia gives every pair of neighbouring
// characters, which needs no dictionary, and each character by itself.
func (s *scanner) tokens(text string, emit func(token []byte, c class)) {
	s.runes = fold(s.runes[:0], text)
	s.scan(emit)
}

// scan cuts the runes.
func (s *scanner) scan(emit func(token []byte, c class)) {
	for i := 0; i < len(s.runes); {
		end := i + 1
		switch {
		case unspaced(s.runes[i]):
			for end < len(s.runes) && unspaced(s.runes[end]) {
				end++
			}
			s.pairs(i, end, emit)
		case inWord(s.runes[i]):
			for end < len(s.runes) && inWord(s.runes[end]) && !unspaced(s.runes[end]) {
				end++
			}
			s.at = i
			s.word(s.runes[i:end], emit)
		}
		i = end
	}
}

func (s *scanner) pairs(start, end int, emit func([]byte, class)) {
	run := s.runes[start:end]
	for i, r := range run {
		s.at = start + i
		s.buf = utf8.AppendRune(s.buf[:0], kana(r))
		if len(run) == 1 {
			emit(s.buf, word)
			return
		}
		emit(s.buf, single)
		if i+1 == len(run) {
			return
		}
		c := word
		if hiragana(r) && hiragana(run[i+1]) {
			c = weak
		}
		s.buf = utf8.AppendRune(s.buf, kana(run[i+1]))
		emit(s.buf, c)
	}
}

func (s *scanner) word(run []rune, emit func([]byte, class)) {
	s.buf = s.buf[:0]
	ascii := true
	for _, r := range run {
		if len(s.buf)+utf8.RuneLen(r) > maxWord {
			break
		}
		ascii = ascii && r < 0x80
		s.buf = utf8.AppendRune(s.buf, r)
	}
	if ascii {
		s.buf = stem(s.buf)
	}
	emit(s.buf, word)
}

// inWord takes letters of every script, the marks that belong to them, and digits.
func inWord(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

func hiragana(r rune) bool { return r >= 0x3041 && r <= 0x309f }

// unspaced reports whether r belongs to a script that writes no spaces between
// words, or, in Korean, none between a word and its particles.
func unspaced(r rune) bool {
	switch {
	case r < 0xe00:
		return false
	case r <= 0xeff, // Thai, Lao
		r >= 0x1000 && r <= 0x109f,   // Burmese
		r >= 0x1780 && r <= 0x17ff,   // Khmer
		r >= 0x3005 && r <= 0x3007,   // 々〆〇
		r >= 0x3041 && r <= 0x309f,   // hiragana
		r >= 0x30a1 && r <= 0x30fa,   // katakana
		r >= 0x30fc && r <= 0x30ff,   // ー and iteration marks
		r >= 0x3400 && r <= 0x4dbf,   // Han extension A
		r >= 0x4e00 && r <= 0x9fff,   // Han
		r >= 0xac00 && r <= 0xd7a3,   // Hangul
		r >= 0xf900 && r <= 0xfaff,   // Han compatibility
		r >= 0x20000 && r <= 0x3ffff: // Han extensions
		return true
	}
	return false
}

// stem takes English plural and verb endings off a lower-case ASCII word, so
// that "appointments" finds "appointment" and "booked" finds "booking". It
// cuts little, for it runs on notes and questions alike and on every language.
func stem(w []byte) []byte {
	if len(w) < 4 || w[len(w)-1] <= '9' {
		return w
	}
	ends := func(suffix string) bool {
		return len(w) >= len(suffix) && string(w[len(w)-len(suffix):]) == suffix
	}
	switch {
	case ends("sses"), ends("xes"), ends("ches"), ends("shes"):
		w = w[:len(w)-2]
	case ends("ies") && len(w) > 4:
		w = w[:len(w)-1]
	case ends("s") && !ends("ss") && !ends("us") && !ends("is"):
		w = w[:len(w)-1]
	}
	switch {
	case ends("ing") && len(w) >= 7:
		w = undouble(w[:len(w)-3])
	case ends("ed") && !ends("eed") && len(w) >= 6:
		w = undouble(w[:len(w)-2])
	case ends("ed") && !ends("eed") && len(w) >= 4:
		w = w[:len(w)-1]
	}
	switch {
	case ends("ie") && len(w) >= 4:
		w = w[:len(w)-1]
	case ends("e") && len(w) >= 5:
		w = w[:len(w)-1]
	case ends("y") && len(w) >= 4 && !strings.ContainsRune("aeiou", rune(w[len(w)-2])):
		w[len(w)-1] = 'i'
	}
	return w
}

// undouble makes "plann" "plan".
func undouble(w []byte) []byte {
	n := len(w)
	if n > 3 && w[n-1] == w[n-2] && !strings.ContainsRune("aeioulsz", rune(w[n-1])) {
		return w[:n-1]
	}
	return w
}

// common reports whether a word of a question says nothing about what is asked
// for. The words are as stem leaves them.
func common(w string) bool {
	switch w {
	case "a", "an", "and", "any", "are", "at", "be", "can", "did", "do", "doe", "for", "from",
		"had", "has", "have", "how", "i", "in", "is", "it", "me", "my", "of", "on", "or", "our", "s",
		"tell", "that", "the", "ther", "this", "to", "was", "we", "what", "when", "wher", "where", "which",
		"who", "why", "will", "with", "you", "your":
		return true
	}
	return false
}
