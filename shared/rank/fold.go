package rank

import "unicode"

// fold appends text to out in the form in which words are compared: lower
// case, without Latin accents, full-width letters and digits as ASCII,
// half-width kana as kana, and kana with a separate voicing mark as one
// letter (as macOS writes them). It is what Unicode calls NFKC for the
// characters that people's notes have, without the 300 KB of its tables.
func fold(out []rune, text string) []rune {
	for _, r := range text {
		switch {
		case r < 0x80:
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
		case r >= 0x300 && r <= 0x36f: // combining accents
			continue
		case r >= 0xff01 && r <= 0xff5e:
			r = unicode.ToLower(r - 0xfee0)
		case r == 0x3000:
			r = ' '
		case r >= 0xff61 && r <= 0xff9f:
			r = wideKana(r)
		default:
			r = bare(unicode.ToLower(r))
		}
		if r == 0x3099 || r == 0x309a || r == 0x309b || r == 0x309c {
			if n := len(out); n > 0 {
				out[n-1] = voiced(out[n-1], r == 0x309a || r == 0x309c)
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// bare takes the accent off a lower-case letter of Latin-1 and Latin Extended-A.
func bare(r rune) rune {
	// One byte for each of U+00E0 to U+017F; "." where the letter is no accented one.
	const letters = "aaaaaa.ceeeeiiiidnooooo.ouuuuy.y" +
		"aaaaaa" + "cccccccc" + "dddd" + "eeeeeeeeee" + "gggggggg" + "hhhh" + "iiiiiiiiii" + ".." + "jj" + "kkk" +
		"llllllllll" + "nnnnnnnnn" + "oooooo" + ".." + "rrrrrr" + "ssssssss" + "tttttt" + "uuuuuuuuuuuu" + "ww" + "yyy" + "zzzzzz" + "s"
	if r >= 0xe0 && r <= 0x17f && letters[r-0xe0] != '.' {
		return rune(letters[r-0xe0])
	}
	return r
}

// wideKana maps U+FF61 to U+FF9F, half-width punctuation and kana, to the
// ordinary characters in the order of that block.
func wideKana(r rune) rune {
	const wide = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u3099\u309a"
	const size = 3 // bytes of each in UTF-8
	at := int(r-0xff61) * size
	for _, w := range wide[at : at+size] {
		return w
	}
	return r
}

// voiced puts a voicing mark on a kana: か to が, は to ば or, with the
// half-voiced mark, ぱ. Other characters have no such form and stay.
func voiced(r rune, half bool) rune {
	hiragana := kana(r)
	switch {
	case hiragana >= 'は' && hiragana <= 'ほ' && (hiragana-'は')%3 == 0:
		if half {
			return r + 2
		}
		return r + 1
	case half:
		return r
	case hiragana >= 'か' && hiragana <= 'ぢ' && (hiragana-'か')%2 == 0,
		hiragana == 'つ', hiragana == 'て', hiragana == 'と':
		return r + 1
	case hiragana == 'う':
		return r + ('ゔ' - 'う')
	}
	return r
}

// kana maps katakana to hiragana, so that りんご finds リンゴ.
func kana(r rune) rune {
	if r >= 'ァ' && r <= 'ヶ' {
		return r - ('ァ' - 'ぁ')
	}
	return r
}
