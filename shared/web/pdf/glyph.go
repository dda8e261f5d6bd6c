package pdf

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// winAnsi is a byte of Windows-1252.
func winAnsi(c byte) rune {
	const high = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
	if c < 0x80 || c > 0x9f {
		return rune(c)
	}
	return pick(high, int(c-0x80))
}

// macRoman is a byte of Mac OS Roman.
func macRoman(c byte) rune {
	const high = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ"
	if c < 0x80 {
		return rune(c)
	}
	return pick(high, int(c-0x80))
}

func pick(s string, n int) rune {
	for _, r := range s {
		if n == 0 {
			return r
		}
		n--
	}
	return utf8.RuneError
}

// standard is a byte of StandardEncoding (ISO 32000-1, annex D.2) where that
// is not ASCII, and of Windows-1252 where it has none.
func standard(c byte) string {
	switch c {
	case '\'':
		return "’"
	case '`':
		return "‘"
	case 0xa4:
		return "⁄"
	case 0xa6:
		return "ƒ"
	case 0xa8:
		return "¤"
	case 0xa9:
		return "'"
	case 0xaa:
		return "“"
	case 0xac:
		return "‹"
	case 0xad:
		return "›"
	case 0xae:
		return "fi"
	case 0xaf:
		return "fl"
	case 0xb1:
		return "–"
	case 0xb2:
		return "†"
	case 0xb3:
		return "‡"
	case 0xb4:
		return "·"
	case 0xb7:
		return "•"
	case 0xb8:
		return "‚"
	case 0xb9:
		return "„"
	case 0xba:
		return "”"
	case 0xbc:
		return "…"
	case 0xbd:
		return "‰"
	case 0xd0:
		return "—"
	case 0xe1:
		return "Æ"
	case 0xf1:
		return "æ"
	case 0xf5:
		return "ı"
	case 0xf8:
		return "ł"
	case 0xf9:
		return "ø"
	case 0xfa:
		return "œ"
	case 0xfb:
		return "ß"
	}
	return string(winAnsi(c))
}

// glyph is the text of a glyph's name (Adobe Glyph List): the names of the
// list are those of HTML's entities but for the ones below.
func glyph(s string) string {
	s, _, _ = strings.Cut(s, ".")
	if len(s) == 1 {
		return s
	}
	for _, prefix := range [...]string{"uni", "u"} {
		if hex, ok := strings.CutPrefix(s, prefix); ok && len(hex) >= 4 {
			if n, err := strconv.ParseUint(hex[:min(len(hex), 6)], 16, 32); err == nil && utf8.ValidRune(rune(n)) {
				return string(rune(n))
			}
			if n, err := strconv.ParseUint(hex[:4], 16, 32); err == nil && prefix == "uni" && utf8.ValidRune(rune(n)) {
				return string(rune(n))
			}
		}
	}
	if t := sign(s); t != "" {
		return t
	}
	for _, e := range [...][2]string{{"dieresis", "uml"}, {"circumflex", "circ"}, {"ogonek", "ogon"}, {"macron", "macr"}, {"dotaccent", "dot"}, {"hungarumlaut", "dblac"}, {"commaaccent", "cedil"}} {
		if base, ok := strings.CutSuffix(s, e[0]); ok && len(base) == 1 {
			s = base + e[1]
		}
	}
	if len(s) > 20 {
		return ""
	}
	if t := html.UnescapeString("&" + s + ";"); !strings.HasPrefix(t, "&") || s == "ampersand" {
		return t
	}
	return ""
}

// sign is the text of the names that HTML has none for, or another.
func sign(s string) string {
	const digits = "zero one two three four five six seven eight nine"
	i := 0
	for d := range strings.FieldsSeq(digits) {
		if d == s {
			return string(rune('0' + i))
		}
		i++
	}
	for pair := range strings.FieldsSeq(`exclam=! quotedbl=" numbersign=# dollar=$ percent=% ampersand=& quotesingle=' quoteright=’ quoteleft=‘
		parenleft=( parenright=) asterisk=* plus=+ comma=, hyphen=- minus=− period=. slash=/ colon=: semicolon=; less=< equal== greater=>
		question=? at=@ bracketleft=[ backslash=\ bracketright=] asciicircum=^ underscore=_ grave=` + "`" + ` braceleft={ bar=| braceright=} asciitilde=~
		quotedblleft=“ quotedblright=” quotesinglbase=‚ quotedblbase=„ guillemotleft=« guillemotright=» guilsinglleft=‹ guilsinglright=›
		endash=– emdash=— bullet=• ellipsis=… fi=fi fl=fl ff=ff ffi=ffi ffl=ffl germandbls=ß ae=æ AE=Æ oe=œ OE=Œ dotlessi=ı Euro=€ trademark=™
		registered=® copyright=© degree=° mu=µ multiply=× divide=÷ plusminus=± sterling=£ florin=ƒ section=§ paragraph=¶ dagger=† daggerdbl=‡
		exclamdown=¡ questiondown=¿ periodcentered=· fraction=⁄ perthousand=‰ notequal=≠ lessequal=≤ greaterequal=≥ infinity=∞ radical=√
		summation=∑ product=∏ integral=∫ partialdiff=∂ approxequal=≈ arrowright=→ arrowleft=← lozenge=◊ onesuperior=¹ twosuperior=² threesuperior=³
		onehalf=½ onequarter=¼ threequarters=¾ ordfeminine=ª ordmasculine=º Lslash=Ł lslash=ł`) {
		if name, value, _ := strings.Cut(pair, "="); name == s {
			return value
		}
	}
	if s == "space" || s == "nbspace" || s == "nonbreakingspace" {
		return " "
	}
	return ""
}
