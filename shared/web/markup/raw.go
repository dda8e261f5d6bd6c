package markup

import "strings"

// rawName is the name of an element whose content is no markup, or "".
func rawName(name string) string {
	switch name {
	case "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext":
		return name
	}
	return ""
}

// rawText reads up to the end tag of the element that was opened last. Of a
// title, a textarea, an xmp and plaintext it is Text, of the others Raw.
func (s *Scanner) rawText() (Token, bool) {
	name := s.raw
	s.raw = ""
	n := len(s.rest)
	switch name {
	case "plaintext": // never ends
	case "script":
		n = scriptEnd(s.rest)
	default:
		n = endTag(s.rest, 0, name)
	}
	t := Token{Kind: Raw, Text: s.rest[:n]}
	s.rest = s.rest[n:]
	switch name {
	case "title", "textarea":
		t.Kind, t.Text = Text, unescape(t.Text)
	case "xmp", "plaintext":
		t.Kind = Text
	}
	return t, n > 0
}

// endTag is where the next end tag of an element stands, from an index on, or
// the end.
func endTag(in string, from int, name string) int {
	for {
		i := strings.Index(in[from:], "</")
		if i < 0 {
			return len(in)
		}
		from += i
		if named(in[from+2:], name) {
			return from
		}
		from += 2
	}
}

// named reports whether a tag's text begins with this name.
func named(in, name string) bool {
	if len(in) <= len(name) || lower(in[:len(name)]) != name {
		return false
	}
	return strings.IndexByte(" \t\n\r\f/>", in[len(name)]) >= 0
}

// scriptEnd is where the end tag of a script stands. Within <!-- --> a nested
// <script> makes the next </script> part of the text (HTML standard, 13.2.5.20
// to 13.2.5.31, the double escaped state).
func scriptEnd(in string) int {
	escaped, double := false, false
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case c == '-' && escaped && strings.HasPrefix(in[i:], "-->"):
			escaped, double = false, false
			i += 2
		case c != '<':
		case !escaped && strings.HasPrefix(in[i:], "<!--"):
			escaped = true
			i++ // its dashes may end it: <!-->
		case escaped && !double && named(in[i+1:], "script"):
			double = true
		case strings.HasPrefix(in[i:], "</") && named(in[i+2:], "script"):
			if !double {
				return i
			}
			double = false
		}
	}
	return len(in)
}
