package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences cuts at ends of lines and at the marks that end a sentence. A
// point within a number, an address or after an abbreviation ends none.
func sentences(s string) (list []span) {
	start := 0
	for i, r := range s {
		to := i + utf8.RuneLen(r)
		switch r {
		case '\n', '!', '?', '。', '！', '？', ';':
		case '.':
			next, n := utf8.DecodeRuneInString(s[to:])
			if n > 0 && !unicode.IsSpace(next) && next != '\'' && next != '"' && next != '”' && next != '’' && next != '.' || abbreviation(s[start:i]) {
				continue
			}
		default:
			continue
		}
		list = append(list, span{start, to})
		start = to
	}
	return append(list, span{start, len(s) + 1})
}

func abbreviation(s string) bool {
	word := s[strings.LastIndexAny(s, " (\"'")+1:]
	switch strings.ToLower(word) {
	case "dr", "mr", "mrs", "ms", "prof", "st", "vs", "e.g", "i.e", "approx", "no", "nr", "inc", "ltd", "jr", "sr":
		return true
	}
	return len(word) == 1 && word[0] >= 'A' && word[0] <= 'Z'
}

// quotes finds what stands between quotation marks. A straight single quote
// opens only at the start of a word and closes only at the end of one.
func quotes(s string) (list []span) {
	closes := map[rune]rune{'"': '"', '“': '”', '„': '“', '‘': '’', '「': '」', '『': '』', '«': '»', '`': '`', '\'': '\''}
	var want rune
	from := 0
	prev := ' '
	for i, r := range s {
		switch {
		case want == 0 && closes[r] != 0 && (r != '\'' && r != '`' || !letter(prev)):
			want, from = closes[r], i+utf8.RuneLen(r)
		case want != 0 && r == want && (r != '\'' && r != '’' || !letterAt(s, i+utf8.RuneLen(r))):
			list = append(list, span{from, i})
			want = 0
		case want != 0 && r == '\n':
			want = 0
		}
		prev = r
	}
	return list
}
