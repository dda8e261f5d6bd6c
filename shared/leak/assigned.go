package leak

import "strings"

// secretNames end the names of things whose value is a secret; compared without
// "_" and "-". The longest has 13 letters.
var secretNames = [...]string{
	"password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "secretkey",
	"privatekey", "authkey", "signingkey", "sealkey", "encryptionkey", "authorization",
}

// assigned looks for a value given to a secret's name around text[i], "=" or
// ":". The finding is the value.
func assigned(text string, i int) (Finding, bool) {
	name, ok := nameBefore(text, i)
	if !ok {
		return Finding{}, false
	}
	from := i + 1
	for from < len(text) && from-i < 8 && strings.IndexByte(" \t\"'`=>\\", text[from]) >= 0 {
		from++
	}
	for _, scheme := range [...]string{"Bearer ", "bearer ", "Basic "} {
		if strings.HasPrefix(text[from:], scheme) {
			from += len(scheme)
		}
	}
	to := valueEnd(text, from)
	if to == from {
		return Finding{}, false
	}
	return Finding{Assigned, name, from, to}, true
}

// bearer looks for a token after that word.
func bearer(text string, i int) (Finding, bool) {
	const scheme = "earer "
	if !strings.HasPrefix(text[i+1:], scheme) {
		return Finding{}, false
	}
	from := i + 1 + len(scheme)
	to := valueEnd(text, from)
	if to-from < 16 {
		return Finding{}, false
	}
	return Finding{Assigned, "bearer", from, to}, true
}

// nameBefore returns which of the secret names ends before text[i], apart from
// spaces, quotes and the colon of ":=".
func nameBefore(text string, i int) (string, bool) {
	end := i
	for end > 0 && i-end < 4 && strings.IndexByte(" \"'`:\\*", text[end-1]) >= 0 {
		end--
	}
	var letters [16]byte // the name's last ones, from the end of the array on
	n := len(letters)
	for at := end; at > 0 && n > 0 && end-at < 24; at-- {
		c := text[at-1]
		if c == '_' || c == '-' {
			continue
		}
		f := fold(c)
		if f == 0 {
			break
		}
		n--
		letters[n] = f
	}
	last := string(letters[n:])
	for _, name := range secretNames {
		if strings.HasSuffix(last, name) {
			return name, true
		}
	}
	return "", false
}

// valueEnd returns where the secret value ends that begins at text[from]; from
// when it is none.
func valueEnd(text string, from int) int {
	to := from
	for to < len(text) && to-from < maxKey && valueByte(text[to]) {
		// What does not look like a secret by now will not: with many names in
		// a text, reading to the end each time would take long.
		if to++; to-from == 96 && !assignable(text[from:to]) {
			return from
		}
	}
	for to > from && strings.IndexByte(".!?:", text[to-1]) >= 0 { // of the sentence
		to--
	}
	if !assignable(text[from:to]) {
		return from
	}
	return to
}

func valueByte(c byte) bool {
	const none uint64 = 1<<'"' | 1<<'\'' | 1<<'(' | 1<<')' | 1<<',' | 1<<';' | 1<<'<' | 1<<'>' | 1<<'&'
	const high uint64 = 1<<('`'-64) | 1<<('['-64) | 1<<(']'-64) | 1<<('{'-64) | 1<<('}'-64) | 1<<('|'-64) | 1<<('\\'-64)
	if c < 64 {
		return c > ' ' && none>>c&1 == 0
	}
	return c < 0x7f && high>>(c-64)&1 == 0
}

// assignable reports whether a value looks like a secret: 10 characters or
// more, letters and digits, 8 different ones, and neither a variable, a path,
// a URL, a UUID nor a name in a program.
func assignable(v string) bool {
	if len(v) < 10 || strings.IndexByte("$%/.*~-", v[0]) >= 0 || strings.Contains(v, "://") || uuid(v) {
		return false
	}
	letters, numbers, dots, different := 0, 0, 0, 0
	var seen [2]uint64
	digit := false // the byte before
	for i := range len(v) {
		c := v[i]
		isDigit := c-'0' <= 9
		switch {
		case isDigit && !digit:
			numbers++
		case fold(c) != 0 && !isDigit:
			letters++
		case c == '.':
			dots++
		}
		digit = isDigit
		if seen[c>>6&1]&(1<<(c&63)) == 0 {
			seen[c>>6&1] |= 1 << (c & 63)
			different++
		}
	}
	return letters > 1 && numbers > 0 && different >= 8 && (dots == 0 || numbers >= 3)
}

func uuid(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		c := v[i]
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') {
			return false
		} else if !dash && c-'0' > 9 && (c|0x20)-'a' > 'f'-'a' {
			return false
		}
	}
	return true
}
