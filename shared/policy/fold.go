package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Folding brings the ways in which one text is typed to one form, so that two
// texts can be compared. It is the part of NFKC (Unicode Standard Annex 15)
// that keyboards and input methods produce: full-width ASCII, half-width
// katakana, spaces, and accents or sound marks typed after their letter. What
// it leaves alone stays different from everything else, which is the safe side.

// pairs are the letters that a mark is typed after, and what each becomes.
func pairs(mark rune) (bare, marked string) {
	switch mark {
	case '\u0300':
		return "aeiounAEIOUN", "àèìòùǹÀÈÌÒÙǸ"
	case '\u0301':
		return "aeiouyncszlrAEIOUYNCSZLR", "áéíóúýńćśźĺŕÁÉÍÓÚÝŃĆŚŹĹŔ"
	case '\u0302':
		return "aeioucghjswyAEIOUCGHJSWY", "âêîôûĉĝĥĵŝŵŷÂÊÎÔÛĈĜĤĴŜŴŶ"
	case '\u0303':
		return "anouieANOUIE", "ãñõũĩẽÃÑÕŨĨẼ"
	case '\u0304':
		return "aeiouAEIOU", "āēīōūĀĒĪŌŪ"
	case '\u0306':
		return "aegiouAEGIOU", "ăĕğĭŏŭĂĔĞĬŎŬ"
	case '\u0308':
		return "aeiouyAEIOUY", "äëïöüÿÄËÏÖÜŸ"
	case '\u030a':
		return "auAU", "åůÅŮ"
	case '\u030b':
		return "ouOU", "őűŐŰ"
	case '\u030c':
		return "cdenrstzCDENRSTZ", "čďěňřšťžČĎĚŇŘŠŤŽ"
	case '\u0327':
		return "cstCST", "çşţÇŞŢ"
	case '\u0328':
		return "aeAE", "ąęĄĘ"
	case '\u3099':
		return "かきくけこさしすせそたちつてとはひふへほうカキクケコサシスセソタチツテトハヒフヘホウ",
			"がぎぐげござじずぜぞだぢづでどばびぶべぼゔガギグゲゴザジズゼゾダヂヅデドバビブベボヴ"
	case '\u309a':
		return "はひふへほハヒフヘホ", "ぱぴぷぺぽパピプペポ"
	}
	return "", ""
}

// halfwidth are the katakana of U+FF66 to U+FF9D in their full width.
const halfwidth = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"

// fold returns the text in its compared form: folded, with each run of spaces
// as one and line ends kept as one "\n".
func fold(s string) string {
	b := make([]byte, 0, len(s)+8)
	var last rune // the rune written last, 0 at the start
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
			r = foldRune(r)
		}
		i += n
		switch {
		case r == '\t' || r == '\r' || r == ' ':
			if last == ' ' || last == '\n' || last == 0 {
				continue
			}
			r = ' '
		case r == '\n':
			if last == '\n' || last == 0 {
				continue
			}
		case r >= 0x300:
			if c := combine(r, last); c != 0 {
				b = b[:len(b)-utf8.RuneLen(last)]
				r = c
			}
		}
		b = utf8.AppendRune(b, r)
		last = r
	}
	return strings.TrimRight(string(b), " \n")
}

func foldRune(r rune) rune {
	switch {
	case r >= 0xff01 && r <= 0xff5e:
		return r - 0xfee0
	case r >= 0xff66 && r <= 0xff9d:
		return []rune(halfwidth)[r-0xff66]
	case r == 0xff9e:
		return '\u3099'
	case r == 0xff9f:
		return '\u309a'
	case r == '\u2028' || r == '\u2029' || r == '\u0085':
		return '\n'
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	return r
}

// combine is the letter that base and the mark after it make, 0 for none.
func combine(mark, base rune) rune {
	bare, marked := pairs(mark)
	if bare == "" {
		return 0
	}
	with := []rune(marked)
	for i, r := range []rune(bare) {
		if r == base {
			return with[i]
		}
	}
	return 0
}

// lower maps each letter to its lower case where that has the same length in
// bytes, so that offsets hold for both texts.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if l := unicode.ToLower(r); utf8.RuneLen(l) == utf8.RuneLen(r) {
			return l
		}
		return r
	}, s)
}

// disguised reports whether a text could be read by a person as another one:
// it has characters that do not show or that turn the direction around, marks
// that fold does not join to a letter, or a word whose letters are of scripts
// that are not written together (Unicode Technical Standard 39, section 5.2,
// "Highly Restrictive"). Such a text is never grounded.
func disguised(s string) bool {
	var word scripts
	for _, r := range s {
		if r < utf8.RuneSelf {
			switch {
			case r < ' ' && r != '\n' && r != '\t' && r != '\r', r == 0x7f:
				return true
			case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
				word |= latin
			case r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' || r == '@':
			default:
				word = 0
			}
		} else {
			switch {
			case r == utf8.RuneError, unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Mn, unicode.Me, unicode.Variation_Selector):
				return true
			case r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x2800: // fillers and the empty Braille cell
				return true
			case !unicode.IsLetter(r):
				if !unicode.IsNumber(r) {
					word = 0
				} else if !unicode.Is(unicode.Han, r) {
					return true // digits that are not 0 to 9
				}
			default:
				word |= scriptOf(r)
			}
		}
		if word.mixed() {
			return true
		}
	}
	return false
}

// scripts is a set of scripts.
type scripts uint8

const (
	latin scripts = 1 << iota
	east          // Han, kana, Hangul, Bopomofo: written together with Latin
	cyrillic
	greek
	other
)

func scriptOf(r rune) scripts {
	switch {
	case unicode.Is(unicode.Latin, r):
		return latin
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo), r == 'ー', r == '々':
		return east
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic
	case unicode.Is(unicode.Greek, r):
		return greek
	}
	return other
}

func (s scripts) mixed() bool {
	rest := s &^ (latin | east)
	return rest&(rest-1) != 0 || rest != 0 && s != rest
}

// ascii reports whether a folded text is printable ASCII without spaces: all
// that an address, an account or a URL may be made of.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}
