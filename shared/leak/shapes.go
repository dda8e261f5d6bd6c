package leak

import "strings"

const (
	maxKey = 512     // bytes of a key after its prefix; what follows is left
	maxJWT = 8 << 10 // bytes
	maxPEM = 16 << 10
)

// shapes appends the secrets that can be told by how they look. Text is read
// once; everything but the start of a word, "-", ":" and "=" is passed over.
func shapes(text string, found []Finding) []Finding {
	word := false // the byte before is a letter or digit
	for i := 0; i < len(text); i++ {
		c := text[i]
		if fold(c) != 0 {
			if !word {
				if f, ok := wordAt(text, i); ok {
					found, i = append(found, f), f.End-1
				}
			}
			word = fold(text[i]) != 0
			continue
		}
		word = false
		switch c {
		case ':', '%':
			if f, ok := botToken(text, i); ok {
				found = append(found, f)
			} else if f, ok := assigned(text, i); c == ':' && ok {
				found = append(found, f)
			}
		case '=':
			if f, ok := assigned(text, i); ok {
				found = append(found, f)
			}
		case '-':
			if f, _, ok := pem(text, i); ok {
				found, i = append(found, f), f.End-1
			}
		}
	}
	return found
}

// wordAt looks for a secret that begins at text[i], the first letter of a word.
func wordAt(text string, i int) (Finding, bool) {
	switch text[i] {
	case 'e':
		return jwt(text, i)
	case 'B', 'b':
		return bearer(text, i)
	}
	if i+2 > len(text) {
		return Finding{}, false
	}
	switch text[i : i+2] { // with which the prefixes begin
	case "sk", "rk", "xo", "xa", "gh", "gi", "gl", "AK", "AS", "AI", "GO", "ya", "gs", "pp", "hf", "r8", "np", "do", "wh", "SG", "AG":
		return key(text, i)
	}
	return Finding{}, false
}

// keys are the prefixes of providers' keys, and how many characters follow at least.
var keys = [...]struct {
	prefix string
	least  int
}{
	{"sk-ant-", 20}, {"sk-", 20}, {"sk_live_", 16}, {"sk_test_", 16}, {"rk_live_", 16}, // Anthropic, OpenAI, Stripe
	{"xoxb-", 16}, {"xoxp-", 16}, {"xoxa-", 16}, {"xoxe-", 16}, {"xoxe.", 16}, {"xoxr-", 16}, {"xoxs-", 16}, {"xoxc-", 16}, {"xoxd-", 16}, {"xapp-", 16}, // Slack
	{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 30}, {"glpat-", 20},
	{"AKIA", 16}, {"ASIA", 16}, // access key ids of a cloud
	{"AIza", 30}, {"GOCSPX-", 20}, {"ya29.", 20}, // Google
	{"gsk_", 20}, {"xai-", 20}, {"pplx-", 20}, {"hf_", 30}, {"r8_", 30}, // Groq, xAI, Perplexity, Hugging Face, Replicate
	{"npm_", 30}, {"dop_v1_", 32}, {"whsec_", 20}, {"SG.", 20}, {"AGE-SECRET-KEY-1", 30},
}

// key looks for a key with one of these prefixes: as many characters as it
// has at least, among them a digit and a letter, and no words.
func key(text string, i int) (Finding, bool) {
	for _, k := range keys {
		if !strings.HasPrefix(text[i:], k.prefix) {
			continue
		}
		from := i + len(k.prefix)
		to := from + run(text[from:], maxKey)
		if to-from < k.least || !random(text[from:to]) {
			continue
		}
		if k.prefix[1] == 'K' || k.prefix[1] == 'S' { // an access key id: capitals and digits, exactly 16
			if to-from != k.least || strings.ToUpper(text[from:to]) != text[from:to] {
				continue
			}
		}
		for to < len(text) && to-from < maxKey && text[to] == '.' { // SG.a.b
			more := run(text[to+1:], maxKey-(to-from))
			if more < 16 {
				break
			}
			to += 1 + more
		}
		return Finding{Key, k.prefix, i, to}, true
	}
	return Finding{}, false
}

// run is how many characters of a key text begins with, at most limit.
func run(text string, limit int) int {
	n := 0
	for n < len(text) && n < limit && (fold(text[n]) != 0 || text[n] == '_' || text[n] == '-') {
		n++
	}
	return n
}

// random reports whether a text looks drawn rather than written: letters and
// digits, at least 8 different ones, and a piece of 10 without "-" and "_" that
// has a digit or mixed case in it.
func random(text string) bool {
	letters, digits := 0, 0
	var seen [2]uint64
	different, mixed := 0, false
	piece, lower, upper, number := 0, false, false, false
	for i := range len(text) {
		c := text[i]
		switch {
		case c-'0' <= 9:
			digits, number = digits+1, true
		case c-'a' <= 25:
			letters, lower = letters+1, true
		case c-'A' <= 25:
			letters, upper = letters+1, true
		default:
			piece, lower, upper, number = 0, false, false, false
			continue
		}
		if piece++; piece >= 10 && (number || lower && upper) {
			mixed = true
		}
		if seen[c>>6&1]&(1<<(c&63)) == 0 {
			seen[c>>6&1] |= 1 << (c & 63)
			different++
		}
	}
	return letters > 1 && digits > 0 && different >= 8 && mixed
}

// botToken looks for a Telegram bot's token around its colon, plain or escaped.
func botToken(text string, i int) (Finding, bool) {
	from := i + 1
	if text[i] == '%' {
		if !strings.HasPrefix(text[i:], "%3A") && !strings.HasPrefix(text[i:], "%3a") {
			return Finding{}, false
		}
		from = i + 3
	}
	start := i
	for start > 0 && i-start < 16 && text[start-1]-'0' <= 9 {
		start--
	}
	if i-start < 6 {
		return Finding{}, false
	}
	to := from + run(text[from:], maxKey)
	if to-from < 35 || !random(text[from:to]) {
		return Finding{}, false
	}
	return Finding{BotToken, "", start, to}, true
}

// jwt looks for a JSON web token: a header and a claims set, both of which
// begin with `{"` in base64url, or any two parts and a signature.
func jwt(text string, i int) (Finding, bool) {
	if !strings.HasPrefix(text[i:], "eyJ") {
		return Finding{}, false
	}
	header := run(text[i:], maxJWT)
	claims, signature := part(text, i, i+header), 0
	if header < 10 || claims < 10 {
		return Finding{}, false
	}
	end := i + header + 1 + claims
	if signature = part(text, i, end); signature > 0 {
		end += 1 + signature
	}
	if signature < 10 && !strings.HasPrefix(text[i+header+1:], "eyJ") {
		return Finding{}, false
	}
	return Finding{JWT, "", i, end}, true
}

// part is the length of a token's part that begins with a dot at text[at].
func part(text string, start, at int) int {
	if at >= len(text) || text[at] != '.' || at-start >= maxJWT {
		return 0
	}
	return run(text[at+1:], maxJWT-(at-start))
}

// pem looks for a private key that begins at text[i]. It ends where it says so,
// or else where no key can go on; closed reports that it does not depend on
// what may follow.
func pem(text string, i int) (f Finding, closed, ok bool) {
	const begin, end = "-----BEGIN ", "-----END "
	if !strings.HasPrefix(text[i:], begin) {
		return f, false, false
	}
	rest := text[i:min(len(text), i+maxPEM)]
	label, _, whole := strings.Cut(rest[len(begin):min(len(rest), len(begin)+48)], "-----")
	if !whole || !strings.Contains(label, "PRIVATE KEY") {
		return f, false, false
	}
	from := len(begin) + len(label) + 5
	body := rest[from:]
	inner, _, more := strings.Cut(body, "-----") // up to its end, or to the next key
	if more && strings.HasPrefix(body[len(inner):], end) {
		to := len(rest)
		at := len(inner) + len(end)
		stop := strings.Index(body[at:min(len(body), at+48)], "-----")
		if stop >= 0 {
			to, closed = from+at+stop+5, true
		} else if at+48 <= len(body) {
			to, closed = from+at, true
		}
		return Finding{PrivateKey, "", i, i + to}, closed, true
	}
	body = inner
	n, longest, line := 0, 0, 0
	for ; n < len(body); n++ {
		c := body[n]
		switch {
		case fold(c) != 0 || c == '+' || c == '/':
			line++
			longest = max(longest, line)
			continue
		case c == '=' || c == '\\' || c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ':' || c == '-' || c == ',' || c == '>':
			line = 0
			continue
		}
		break
	}
	return Finding{PrivateKey, "", i, i + from + n}, n < len(body) || more || len(rest) == maxPEM, longest >= 32
}
