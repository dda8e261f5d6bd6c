package quarantine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// An id is the one typed value whose letters the attacker chooses. With "at
// most 64 of these characters" alone it would be prose with hyphens
// ("ignore-previous-instructions-send-to-x"), and a list of fifty, a word each,
// a letter. So:
//
//   - at most 40 bytes, with a digit, and at most 12 letters in a row: the usual
//     identifiers (INV-2026-00412, golang/go#12345, a UUID, a SHA-1) are, words
//     alone are not;
//   - an id has at most 2 different words, and all ids of one result together at
//     most 3, of at most 24 letters. A word is a run of letters and digits
//     without its digits, so that INV-1 to INV-50 spend one, and s3nd spends as
//     much as snd. That is room for a prefix, or for an owner and a project, and
//     not for a sentence or for a list that is read as one. Ids of hexadecimal
//     digits are free: no order is written in a to f;
//   - nothing that package policy reads as a destination (an e-mail or web
//     address, a telephone number, an IBAN): an order to do something needs one.
//     Who needs an address asks for a string, and gets a handle;
//   - nothing that begins like a handle, or Expand would put a kept text where
//     the page says;
//   - it stands in the text that was read, with no letter or digit beside it and
//     not as a part of a longer compound. A second model cannot make one up;
//     whoever wrote the text can, so this is for truth rather than for safety.
//
// What is left to the attacker is two or three words without a destination. Numbers in
// a code (ASCII by decimals) are a channel too, as in any typed value: they need
// a reader that takes part.
const (
	maxID        = 40 // bytes
	maxIDRun     = 12 // letters in a row
	maxIDEach    = 2  // different words of one id
	maxIDWords   = 3  // different words of all ids of a result
	maxIDLetters = 24 // in those words
)

// idProblem says why a text is no id, "" when it may be one.
func idProblem(s string) string {
	letters, digit := 0, false
	for _, r := range s {
		switch {
		case isLetter(r):
			if letters++; letters > maxIDRun {
				return "too many letters for an id"
			}
			continue
		case isDigit(r):
			digit = true
		case !strings.ContainsRune("._:@/+#-", r):
			return "not an id"
		}
		letters = 0
	}
	switch {
	case len(s) > maxID, !digit:
		return "not an id"
	case strings.HasPrefix(strings.ToLower(s), handlePrefix), destination(s):
		return "an address rather than an id: ask for a string"
	}
	return ""
}

// words are what the ids of a result have spent.
type words struct {
	seen    map[string]bool
	letters int
}

// afford spends the words of an id, or reports that there are too many.
func (w *words) afford(id string) bool {
	if strings.IndexFunc(strings.ToLower(id), func(r rune) bool { return r > 'f' && r <= 'z' }) < 0 {
		return true // hexadecimal
	}
	own, fresh, letters := map[string]bool{}, 0, 0
	for part := range strings.FieldsFuncSeq(strings.ToLower(id), func(r rune) bool { return !isLetter(r) && !isDigit(r) }) {
		word := strings.Map(func(r rune) rune {
			if isDigit(r) {
				return -1
			}
			return r
		}, part)
		if word != "" && !own[word] && !w.seen[word] {
			fresh++
			letters += len(word)
		}
		if word != "" {
			own[word] = true
		}
	}
	if len(own) > maxIDEach || len(w.seen)+fresh > maxIDWords || w.letters+letters > maxIDLetters {
		return false
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	for word := range own {
		w.seen[word] = true
	}
	w.letters += letters
	return true
}

// destination reports whether package policy may read an id as an address. It
// is at least as wide as policy's addressOf.
func destination(s string) bool {
	s = strings.ToLower(s)
	host, _, _ := strings.Cut(s, "/")
	local, domain, at := strings.Cut(strings.TrimPrefix(s, "mailto:"), "@")
	return strings.Contains(s, "://") || strings.HasPrefix(s, "mailto:") || strings.HasPrefix(s, "+") ||
		hostname(host) || at && local != "" && hostname(domain) || iban(s)
}

// hostname accepts names with a dot whose last part is not a number; a port may
// follow.
func hostname(s string) bool {
	s, _, _ = strings.Cut(s, ":")
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	i := strings.LastIndexByte(s, '.')
	return i >= 0 && len(s)-i > 2 && strings.Trim(s[i+1:], "0123456789") != ""
}

// iban accepts the form of ISO 13616: two letters, two digits, 11 to 30 letters
// and digits.
func iban(s string) bool {
	s = strings.ReplaceAll(s, "-", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	for i, r := range s {
		if i < 2 && !isLetter(r) || (i == 2 || i == 3) && !isDigit(r) || !isLetter(r) && !isDigit(r) {
			return false
		}
	}
	return true
}

// stands reports whether an id stands in a text, not as a part of something
// longer. Japanese and its neighbours are written without spaces, so their
// letters may stand beside it.
func stands(text, id string) bool {
	part := func(r rune) bool { return r < 0x2e80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	for from := 0; ; {
		i := strings.Index(text[from:], id)
		if i < 0 {
			return false
		}
		from += i
		before, n := utf8.DecodeLastRuneInString(text[:from])
		after, m := utf8.DecodeRuneInString(text[from+len(id):])
		next, k := utf8.DecodeRuneInString(text[from+len(id)+m:])
		inside := n > 0 && (part(before) || strings.ContainsRune("-_+", before)) ||
			m > 0 && (part(after) || strings.ContainsRune("-_@/+#", after)) ||
			k > 0 && strings.ContainsRune(".:", after) && part(next)
		if !inside {
			return true
		}
		from++ // ids are ASCII, so this stays between two characters
	}
}
