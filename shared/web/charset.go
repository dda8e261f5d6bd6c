package web

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// decode is data as UTF-8. What says the encoding, in this order: a byte order
// mark; data that is UTF-8 with more than ASCII in it, whatever is declared,
// which no text in another encoding is but by a rare chance; the header; for
// markup its own declaration; and else Windows-1252, as browsers have it.
func decode(data []byte, declared string, markup bool) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(data[3:]), "\ufffd"), nil
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return recode(data[2:], "utf-16le")
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return recode(data[2:], "utf-16be")
	}
	label := strings.ToLower(strings.TrimSpace(declared))
	if label == "" && markup {
		label = inside(data)
		if strings.HasPrefix(label, "utf-16") {
			label = "utf-8" // or it could not have been read
		}
	}
	valid := utf8.Valid(whole(data))
	if label == "utf-8" || label == "utf8" || valid && (label == "" || bytes.ContainsFunc(data, beyondASCII)) {
		return strings.ToValidUTF8(string(data), "\ufffd"), nil
	}
	if label == "" || len(label) > 40 {
		label = "windows-1252"
	}
	text, err := recode(data, label)
	if errors.Is(err, errCharset) {
		return recode(data, "windows-1252")
	}
	return text, err
}

// errCharset: nobody knows an encoding of that name.
var errCharset = errors.New("unknown character set")

// whole is data without a character that the bound of the body cut off.
func whole(data []byte) []byte {
	if len(data) < maxBody {
		return data
	}
	end := len(data)
	for end > 0 && end > len(data)-utf8.UTFMax && !utf8.RuneStart(data[end-1]) {
		end--
	}
	return data[:max(0, end-1)]
}

func beyondASCII(r rune) bool { return r >= utf8.RuneSelf }

// inside is the encoding that markup declares in its first 1024 bytes: in a
// meta element or an XML declaration (HTML standard, 13.2.3.2).
func inside(data []byte) string {
	head := strings.ToLower(string(data[:min(len(data), 1024)]))
	if declaration, _, ok := strings.Cut(head, "?>"); ok && strings.HasPrefix(strings.TrimSpace(declaration), "<?xml") {
		return value(declaration, "encoding")
	}
	for {
		_, rest, ok := strings.Cut(head, "<meta")
		if !ok {
			return ""
		}
		tag, _, _ := strings.Cut(rest, ">")
		if label := value(tag, "charset"); label != "" {
			return label
		}
		head = rest
	}
}

// value is what follows a name and an equals sign.
func value(s, name string) string {
	_, s, _ = strings.Cut(s, name)
	s = strings.TrimLeft(s, " \t\n\r")
	if !strings.HasPrefix(s, "=") {
		return ""
	}
	s = strings.TrimLeft(s[1:], " \t\n\r\"'")
	if i := strings.IndexAny(s, " \t\n\r\"';/>?"); i >= 0 {
		s = s[:i]
	}
	return s
}
