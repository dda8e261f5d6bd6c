package quarantine

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNumber is the longest number in bytes, without its sign: policy compares
// no longer ones.
const maxNumber = 20

// decimal is the plain form of a JSON number: no exponent, no zeros that say
// nothing. It is false for one that is longer than maxNumber. Working on the
// text keeps every digit, which a float64 would not.
func decimal(s string) (string, bool) {
	s, negative := strings.CutPrefix(s, "-")
	shift := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n < -2*maxNumber || n > 2*maxNumber {
			return "", false
		}
		s, shift = s[:i], n
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits, point := whole+fraction, len(whole)+shift
	if digits == "" || len(digits) > 2*maxNumber || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	digits = strings.Repeat("0", max(0, -point)) + digits
	point = max(0, point)
	digits += strings.Repeat("0", max(0, point-len(digits)))
	whole, fraction = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if len(whole) > maxNumber {
		return "", false
	}
	if negative && whole != "0" {
		whole = "-" + whole
	}
	return whole, true
}

// numbersIn are the numbers that a folded text writes, in their plain form: with
// a point or a comma for the fraction; with commas, points, apostrophes or
// spaces between thousands, also in the Indian way; with "million" and the like
// after them; the English words up to twelve. What can be read in more ways than
// one is there in each. A minus counts right before the digits. Not read: other
// words, other digits than 0 to 9 (full-width ones are folded), fractions such
// as ½.
func numbersIn(text string) map[string]bool {
	found := map[string]bool{}
	for i := 0; i < len(text); {
		switch r := rune(text[i]); {
		case isDigit(r):
			i = addNumber(found, text, i)
		case isLetter(r):
			end := i
			for end < len(text) && isLetter(rune(text[end])) {
				end++
			}
			if end-i <= len("twelve") {
				if n, ok := numberWord(strings.ToLower(text[i:end])); ok {
					found[n] = true
				}
			}
			i = end
		default:
			i++
		}
	}
	return found
}

// addNumber adds the readings of the number that begins at from, and returns
// where it ends.
func addNumber(found map[string]bool, text string, from int) int {
	groups, seps, end := groupsAt(text, from)
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	negative := strings.ContainsRune("-−–", before)
	zeros := scale(text[end:])
	add := func(s string, first, last bool) {
		list := []string{s}
		if first && before == '.' {
			list = append(list, "0."+s) // ".5"
		}
		for _, s := range list {
			n, ok := decimal(s)
			if !ok {
				continue
			}
			found[n] = true
			if first && negative {
				found["-"+n] = true
			}
			if last && zeros > 0 {
				if n, ok := decimal(s + "e" + strconv.Itoa(zeros)); ok {
					found[n] = true
				}
			}
		}
	}
	start := 0
	for i := 0; i <= len(seps); i++ {
		if i == len(seps) || seps[i] == " " { // what spaces set apart, alone
			for _, s := range readings(groups[start:i+1], seps[start:i]) {
				add(s, start == 0, i == len(seps))
			}
			if i == len(seps) && start > 0 { // and together
				for _, s := range readings(groups, seps) {
					add(s, true, true)
				}
			}
			start = i + 1
		}
	}
	return end
}

// groupsAt cuts what begins with the digit at i into runs of digits, at most 12,
// and the marks between them. A space is one before exactly three digits.
func groupsAt(text string, i int) (groups, seps []string, end int) {
	run := func(i int) int {
		for i < len(text) && isDigit(rune(text[i])) {
			i++
		}
		return i
	}
	for {
		end = run(i)
		groups = append(groups, text[i:end])
		sep, n := utf8.DecodeRuneInString(text[end:])
		next := run(end + n)
		switch sep {
		case '.', ',':
		case '\'', '’':
			sep = '\''
		case ' ', '\u00a0', '\u2009', '\u202f':
			if next-end-n != 3 {
				return groups, seps, end
			}
			sep = ' '
		default:
			return groups, seps, end
		}
		if next == end+n || len(groups) == 12 {
			return groups, seps, end
		}
		seps, i = append(seps, string(sep)), end+n
	}
}

// readings are the numbers that groups of digits can be: one with thousands, one
// with a fraction, or, when they are neither, each for itself.
func readings(groups, seps []string) (list []string) {
	n := len(seps)
	if n == 0 {
		return groups
	}
	same := func(list []string) bool { return strings.Count(strings.Join(list, ""), list[0]) == len(list) }
	if same(seps) && thousands(groups) {
		list = append(list, strings.Join(groups, ""))
	}
	if mark := seps[n-1]; (mark == "." || mark == ",") && (n == 1 || same(seps[:n-1]) && seps[0] != mark && thousands(groups[:n])) {
		list = append(list, strings.Join(groups[:n], "")+"."+groups[n])
	}
	if list == nil {
		return groups
	}
	return list
}

// thousands reports whether groups of digits are those of one number: 1-234-567
// or 12-34-567.
func thousands(groups []string) bool {
	last := len(groups) - 1
	if len(groups[0]) > 3 || len(groups[last]) != 3 {
		return false
	}
	three, two := true, len(groups[0]) < 3
	for _, g := range groups[1:last] {
		three, two = three && len(g) == 3, two && len(g) == 2
	}
	return three || two
}

// scale is how many zeros the word after a number adds.
func scale(text string) int {
	text = strings.TrimPrefix(text, " ")
	end := 0
	for end < len(text) && end <= len("thousand") && isLetter(rune(text[end])) {
		end++
	}
	switch strings.ToLower(text[:end]) {
	case "k", "thousand":
		return 3
	case "million", "millions", "mio":
		return 6
	case "billion", "billions", "bn":
		return 9
	}
	return 0
}

func numberWord(s string) (string, bool) {
	for i, w := range [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"} {
		if s == w {
			return strconv.Itoa(i), true
		}
	}
	return "", false
}
