package policy

import (
	"net/url"
	"strings"
)

// Type is what a value must be to be compared.
type Type string

const (
	Email         Type = "email"
	Phone         Type = "phone"
	AccountNumber Type = "account" // IBAN or another account number
	URL           Type = "url"
	Amount        Type = "amount"
	Time          Type = "time" // a date, a time of the day, or both
	Name          Type = "name" // of a person, place or thing; what other types are read as
)

// typed is an address in a text, in its normal form.
type typed struct {
	span
	kind  Type
	value string
}

// parseType reads a folded value as the whole of one of a type and returns its
// normal form. Values of the types that name a place outside are ASCII.
func parseType(t Type, s string) (string, bool) {
	s = strings.TrimSpace(s)
	switch t {
	case Email:
		return parseEmail(s)
	case Phone:
		return parsePhone(s)
	case AccountNumber:
		return parseAccount(s)
	case URL:
		return parseURL(s)
	}
	return "", false
}

// addressOf finds the type of a value that is an address as a whole.
func addressOf(s string) (Type, string, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "mailto:")
	if v, ok := parseEmail(s); ok {
		return Email, v, true
	}
	if host, _, _ := strings.Cut(s, "/"); strings.Contains(s, "://") || hostname(host) && (!fileName(host) || len(host) < len(s)) {
		if v, ok := parseURL(s); ok {
			return URL, v, true
		}
	}
	if iban(compact(s)) {
		return AccountNumber, strings.ToUpper(compact(s)), true
	}
	if strings.HasPrefix(s, "+") {
		if v, ok := parsePhone(s); ok {
			return Phone, v, true
		}
	}
	return "", "", false
}

// parseEmail reads an address (RFC 5321, without quoted local parts and
// address literals). Hosts are the same in either case; local parts are taken
// to be.
func parseEmail(s string) (string, bool) {
	local, host, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(s) > 254 || !ascii(s) || strings.ContainsAny(local, `"(),:;<>[\]`+"`|{}'") ||
		strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || !hostname(host) {
		return "", false
	}
	return strings.ToLower(s), true
}

// hostname accepts a DNS name with at least one dot (RFC 1123).
func hostname(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && class(rune(c)) != 1 {
				return false
			}
		}
	}
	top := s[strings.LastIndexByte(s, '.')+1:]
	return len(top) > 1 && !digits(top)
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// parsePhone reads a number of 7 to 15 digits (ITU-T E.164); a leading 00 is
// the same as +.
func parsePhone(s string) (string, bool) {
	plus := strings.HasPrefix(s, "+")
	var d []byte
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			d = append(d, c)
		case c == '+' && i == 0, c == ' ', c == '-', c == '(', c == ')', c == '.', c == '/':
		default:
			return "", false
		}
	}
	n := string(d)
	if !plus && strings.HasPrefix(n, "00") {
		n, plus = n[2:], true
	}
	if len(n) < 7 || len(n) > 15 {
		return "", false
	}
	if plus {
		n = "+" + n
	}
	return n, true
}

func compact(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, s)
}

// iban reports whether s has the form of an IBAN (ISO 13616): two letters and
// 13 to 32 letters and digits, mostly digits. Check digits are not verified: a
// wrong one only fails at the bank.
func iban(s string) bool {
	if len(s) < 15 || len(s) > 34 || !ascii(s) {
		return false
	}
	count := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if i < 2 {
				return false
			}
			count++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			if i == 2 || i == 3 {
				return false
			}
		default:
			return false
		}
	}
	return count*2 >= len(s)
}

// parseAccount reads an account: an IBAN, or 4 to 34 letters, digits and
// hyphens with at least three digits.
func parseAccount(s string) (string, bool) {
	if c := compact(s); iban(c) {
		return strings.ToUpper(c), true
	}
	count := 0
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' {
			count++
		} else if c != '-' && c != '_' && class(rune(c)) != 1 {
			return "", false
		}
	}
	return strings.ToUpper(s), count >= 3 && len(s) >= 4 && len(s) <= 34
}

// parseURL brings a web address to one form (RFC 3986, section 6.2.2): scheme
// and host in lower case, no default port, "/" for no path.
// User information, other schemes and hosts that are not ASCII are refused.
// Without a scheme it is https. A host "www.x" stays another than "x".
func parseURL(s string) (string, bool) {
	if !ascii(s) || len(s) > 4096 || strings.ContainsAny(s, "\\\"<>^`{|}") {
		return "", false
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Opaque != "" || !hostname(u.Hostname()) {
		return "", false
	}
	port := u.Port()
	switch u.Scheme {
	case "https":
		if port == "443" {
			port = ""
		}
	case "http":
		if port == "80" {
			port = ""
		}
	default:
		return "", false
	}
	if port != "" {
		port = ":" + port
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	query := ""
	if u.RawQuery != "" || u.ForceQuery {
		query = "?" + u.RawQuery
	}
	fragment := ""
	if u.Fragment != "" {
		fragment = "#" + u.EscapedFragment()
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + port + path + query + fragment, true
}

// sameURL compares normal forms. A page that was named with http, or with a
// place in it, is the same over https and as a whole.
func sameURL(said, value string) bool {
	if !strings.Contains(value, "#") {
		said, _, _ = strings.Cut(said, "#")
	}
	return said == value || strings.HasPrefix(said, "http://") && "https"+said[4:] == value
}
