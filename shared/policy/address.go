package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanTyped finds the addresses that stand in a folded text as wholes.
func scanTyped(s string) (list []typed) {
	for from := 0; from < len(s); {
		to := from
		for to < len(s) && s[to] > ' ' && s[to] < 0x7f && !strings.ContainsRune("\"<>()[]{}|`,;!", rune(s[to])) {
			to++
		}
		if to == from {
			from++
			continue
		}
		word := span{from, to}
		for word.to > word.from && strings.IndexByte(".:?'", s[word.to-1]) >= 0 {
			word.to--
		}
		for word.from < word.to && strings.IndexByte("'", s[word.from]) >= 0 {
			word.from++
		}
		if word.to-2 > word.from && s[word.to-2:word.to] == "'s" {
			word.to -= 2
		}
		if !touched(s, word) {
			list = appendTyped(list, s, word)
		}
		from = to
	}
	return list
}

// touched reports whether a letter of another alphabet, or a character that
// does not show, stands right beside a word: then it is a part of something
// else. Japanese is written without spaces.
func touched(s string, w span) bool {
	before, n := utf8.DecodeLastRuneInString(s[:w.from])
	after, m := utf8.DecodeRuneInString(s[w.to:])
	odd := func(r rune) bool {
		return r >= utf8.RuneSelf && (unicode.IsLetter(r) && scriptOf(r) != east || unicode.In(r, unicode.Cf, unicode.M))
	}
	return n > 0 && odd(before) || m > 0 && odd(after)
}

// fileName reports whether a name without a scheme or path rather is a file.
func fileName(s string) bool {
	switch strings.ToLower(s[strings.LastIndexByte(s, '.')+1:]) {
	case "txt", "md", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv", "json", "zip", "py", "sh", "rs", "go", "js", "ts", "html", "png", "jpg", "mp3", "mp4", "mov", "log", "xml", "yaml", "yml":
		return !strings.HasPrefix(s, "www.")
	}
	return false
}

// appendTyped adds what a word between spaces is. The word may be the first
// of a number that is written in groups.
func appendTyped(list []typed, s string, w span) []typed {
	word := s[w.from:w.to]
	add := func(t Type, value string, to int) { list = append(list, typed{span{w.from, to}, t, value}) }
	if v, ok := parseEmail(strings.TrimPrefix(word, "mailto:")); ok {
		add(Email, v, w.to)
		return list
	}
	if strings.Contains(word, ".") && (strings.Contains(word, "/") || hostname(word) && !fileName(word)) {
		if v, ok := parseURL(word); ok {
			add(URL, v, w.to)
			return list
		}
	}
	if v, ok := parseAccount(word); ok && !dateLike(word) {
		add(AccountNumber, v, w.to)
	}
	// Groups of an IBAN or a phone number: the longest that parses.
	end, groups := w.to, 1
	for to := w.to; groups < 9 && to < len(s) && s[to] == ' '; groups++ {
		next := to + 1
		for next < len(s) && (class(rune(s[next])) == 1 || s[next] == '-' || s[next] == '(' || s[next] == ')') {
			next++
		}
		if next == to+1 || !hasDigit(s[to+1:next]) {
			break
		}
		to = next
		end = to
		if c := compact(s[w.from:end]); iban(c) {
			add(AccountNumber, strings.ToUpper(c), end)
		}
	}
	for _, e := range []int{w.to, end} {
		if v, ok := parsePhone(s[w.from:e]); ok && !dateLike(s[w.from:e]) && (e == w.to || end != w.to) {
			add(Phone, v, e)
		}
	}
	return list
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// dateLike keeps 2024-05-15 from being a phone number or an account.
func dateLike(s string) bool {
	return len(s) >= 8 && len(s) <= 10 && (s[4] == '-' || s[2] == '.' || s[2] == '/' || s[2] == '-' && s[5] == '-')
}
