package leak

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// forms are the ways in which a value may be written. Base64 comes in the three
// alignments it can have inside of something longer, without the characters
// that depend on what stands before and after.
func forms(value string) []string {
	escaped, _ := json.Marshal(value) // a string always has a JSON form
	all := []string{
		value,
		url.QueryEscape(value),
		url.PathEscape(value),
		strings.Trim(string(escaped), `"`),
		hex.EncodeToString([]byte(value)),
	}
	if ascii := strconv.QuoteToASCII(value); strings.Contains(ascii, `\u`) {
		all = append(all, strings.Trim(ascii, `"`))
	}
	if strings.ContainsAny(value, "&<>\"'\n\r\t") { // HTML, and JSON without \u003c
		for _, pairs := range [...][]string{
			{"&", "&amp;", "<", "&lt;", ">", "&gt;"},
			{"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;"},
			{"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;"},
			{"\n", `\n`, "\r", `\r`, "\t", `\t`},
		} {
			all = append(all, strings.NewReplacer(pairs...).Replace(value))
		}
	}
	for pad := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:pad] + value))
		if (pad+len(value))%3 != 0 {
			text = text[:len(text)-1]
		}
		text = text[[3]int{0, 2, 3}[pad]:]
		all = append(all, text)
		if strings.ContainsAny(text, "+/") {
			inURL := strings.NewReplacer("+", "-", "/", "_").Replace(text) // when it has few letters and digits
			all = append(all, url.QueryEscape(text), inURL)
		}
	}
	return all
}

// fold returns a letter or digit in lower case, and 0 for every other byte.
func fold(c byte) byte {
	if c-'0' <= 9 {
		return c
	}
	if l := c | 0x20; l-'a' <= 'z'-'a' {
		return l
	}
	return 0
}

// folded is the text's letters and digits.
func folded(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if f := fold(text[i]); f != 0 {
			out = append(out, f)
		}
	}
	return string(out)
}

// edge returns what stands before the first and after the last letter or digit.
func edge(text string) (head, tail string) {
	from, to := 0, len(text)
	for from < to && fold(text[from]) == 0 {
		from++
	}
	for to > from && fold(text[to-1]) == 0 {
		to--
	}
	return text[:from], text[to:]
}
