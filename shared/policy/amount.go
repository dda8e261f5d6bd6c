package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// numbers are the amounts of the message.
func (s *scan) numbers() (list []number) {
	text := s.w.lower
	for i := 0; i < len(s.w.tokens); i++ {
		t := s.w.tokens[i]
		if s.used[i] || t.text[0] < '0' || t.text[0] > '9' || s.inAddress(t.span) {
			continue
		}
		// The digits with their separators: 1,000.50
		from, to, j := t.from, t.to, i
		for j+1 < len(s.w.tokens) && !s.used[j+1] && (s.gap(j) == "." || s.gap(j) == ",") && digits(s.tok(j)) && s.tok(j + 1)[0] >= '0' && s.tok(j + 1)[0] <= '9' {
			j++
			to = s.w.tokens[j].to
		}
		end := to
		tail := strings.TrimLeft(text[from:to], "0123456789.,")
		to -= len(tail)
		first := i
		i = j
		if !standalone(text, from, end) {
			continue
		}
		value, ok := decimal(text[from:to])
		if !ok || s.idOrPercent(first, end) {
			continue
		}
		n := number{span: span{from, end}, value: value}
		before, size := utf8.DecodeLastRuneInString(text[:from])
		n.currency = symbol(before)
		if n.currency == "" && size > 0 && before == ' ' && first > 0 {
			n.currency = currency(s.tok(first - 1))
		}
		if n.currency == "" {
			after := strings.TrimLeft(text[end:], " ")
			r, _ := utf8.DecodeRuneInString(after)
			switch {
			case tail != "":
				if n.currency = currency(tail); n.currency == "" {
					continue // 5k, 2nd, 12b: not a number of something
				}
			case symbol(r) != "":
				n.currency = symbol(r)
			case near(s.gap(j)):
				n.currency = currency(s.tok(j + 1))
			}
		}
		list = append(list, n)
	}
	return list
}

// standalone reports whether text[from:to] is not a part of a longer code.
func standalone(text string, from, to int) bool {
	if from > 0 && strings.IndexByte("-_/#@.:+", text[from-1]) >= 0 {
		return false
	}
	return to == len(text) || strings.IndexByte("-_/@%:", text[to]) < 0
}

// idOrPercent reports whether the number at word i is a percentage or the
// number of something: "10 %", "10 percent", "ID 13".
func (s *scan) idOrPercent(i, end int) bool {
	after := strings.TrimLeft(s.w.lower[end:], " ")
	switch s.tok(i - 1) {
	case "id", "ids", "number", "nr", "no", "room", "version", "step", "task":
		return true
	}
	return strings.HasPrefix(after, "%") || strings.HasPrefix(after, "percent")
}

func (s *scan) inAddress(p span) bool {
	for _, a := range s.w.typed {
		if a.has(p.from) && (a.kind != AccountNumber || p.to-p.from < a.to-a.from || !digits(s.w.lower[a.from:a.to])) &&
			(a.kind != Phone || !digits(s.w.lower[a.from:a.to])) {
			return true
		}
	}
	return false
}

// decimal reads a number with a point for the fraction and commas between
// thousands; a comma before one or two last digits is a point. Anything but
// digits, save a minus before them, is no number.
func decimal(s string) (string, bool) {
	if i := strings.LastIndexByte(s, ','); i >= 0 {
		switch last := len(s) - i - 1; {
		case strings.Contains(s[i:], "."), last == 3:
			s = strings.ReplaceAll(s, ",", "")
		case last <= 2 && strings.Count(s, ",") == 1:
			s = strings.ReplaceAll(s[:i], ".", "") + "." + s[i+1:]
		default:
			return "", false
		}
	}
	if strings.Count(s, ".") > 1 || len(s) > 20 || strings.Trim(strings.TrimPrefix(s, "-"), "0123456789.") != "" || !hasDigit(s) {
		return "", false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	return whole, true
}

// amountOf is the normal form of an argument that is an amount: a number, or a
// text that is one with or without a currency.
func amountOf(v leaf) (value, cur string, ok bool) {
	s := strings.TrimSpace(v.folded)
	if v.number {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 0 || f > 1e15 {
			return "", "", false
		}
		value, ok = decimal(strconv.FormatFloat(f, 'f', -1, 64))
		return value, "", ok
	}
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if symbol(r) == "" {
			break
		}
		cur, s = symbol(r), strings.TrimSpace(s[n:])
	}
	head := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ€£$¥円 ")
	if rest := strings.TrimSpace(s[len(head):]); rest != "" {
		c := currency(strings.ToLower(rest))
		if r, n := utf8.DecodeRuneInString(rest); c == "" && n == len(rest) {
			c = symbol(r)
		}
		if c == "" || cur != "" && cur != c {
			return "", "", false
		}
		cur = c
	}
	if strings.Trim(head, "0123456789.,") != "" {
		return "", "", false
	}
	value, ok = decimal(head)
	return value, cur, ok
}

func symbol(r rune) string {
	switch r {
	case '$':
		return "USD"
	case '€':
		return "EUR"
	case '£':
		return "GBP"
	case '¥', '円':
		return "JPY"
	case '₿':
		return "BTC"
	}
	return ""
}

// currency is the code for a word in lower case, "" when it names none.
func currency(s string) string {
	switch s {
	case "dollar", "dollars", "bucks":
		return "USD"
	case "euro", "euros":
		return "EUR"
	case "pound", "pounds", "quid":
		return "GBP"
	case "yen":
		return "JPY"
	case "franc", "francs":
		return "CHF"
	case "bitcoin", "bitcoins":
		return "BTC"
	case "usd", "eur", "gbp", "jpy", "chf", "cad", "aud", "sek", "nok", "dkk", "pln", "czk", "inr", "cny", "krw", "brl", "mxn", "sgd", "hkd", "nzd", "btc", "eth":
		return strings.ToUpper(s)
	}
	return ""
}
