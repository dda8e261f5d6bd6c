package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// japanese adds the places where a stem is followed by a form that asks.
func (w *words) japanese(list []mention, stem string) []mention {
	if w.lang != japanese {
		return list
	}
	for from := 0; ; {
		i := strings.Index(w.lower[from:], stem)
		if i < 0 {
			return list
		}
		i += from
		from = i + len(stem)
		if w.quoted(i) {
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(stem)
		switch asksJapanese(w.lower[from:], !hiragana(last)) {
		case 1:
			list = append(list, mention{-1, stem, false})
		case -1:
			list = append(list, mention{-1, stem, true})
		}
	}
}

// asksJapanese reads what follows a stem up to the end of the clause: 1 for a
// request, -1 for one that it be not done, 0 for neither. A stem that is a
// noun asks only as a verb, with する, or with お願い and the like.
func asksJapanese(rest string, noun bool) int {
	end, n := 0, 0
	for i, r := range rest {
		if strings.ContainsRune("。、！？!?\n,.「『", r) || n == 14 {
			break
		}
		end, n = i+utf8.RuneLen(r), n+1
	}
	rest = rest[:end]
	if rest == "" || strings.HasPrefix(rest, "た") && !strings.HasPrefix(rest, "たい") || strings.HasPrefix(rest, "だ") {
		return 0
	}
	if noun {
		start := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(rest, "を"), "は"), "も")
		if !hasPrefix(start, "し", "する", "すれ", "せよ", "お願い", "おねがい", "頼", "ください", "下さい", "っ", "い", "やめ", "不要", "禁止") {
			return 0
		}
	}
	for _, no := range [...]string{"ない", "なく", "ません", "ずに", "るな", "うな", "くな", "不要", "やめ", "禁止", "必要は"} {
		if i := strings.Index(rest, no); i >= 0 && !strings.Contains(rest[:i], "忘れ") {
			return -1
		}
	}
	for _, past := range [...]string{"た人", "た時", "ました", "ったか", "てきた", "ている", "ていた", "てある", "てくる", "られた", "された"} {
		if strings.Contains(rest, past) {
			return 0
		}
	}
	for _, yes := range [...]string{"て", "で", "たい", "お願い", "おねがい", "頼", "ましょう", "しろ", "せよ", "ください", "下さい", "ほしい", "欲しい"} {
		if strings.Contains(rest, yes) {
			return 1
		}
	}
	return 0
}

func hasPrefix(s string, list ...string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return strings.HasPrefix(s, p) })
}
