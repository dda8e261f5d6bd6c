// Package markup cuts HTML and XML into tokens. It is the tokenizer of the
// HTML standard (section 13.2.5) as far as text needs it, and for feeds a
// forgiving reader of XML: no entity but the named and numbered ones of HTML,
// nothing declared, nothing included, nothing that grows.
//
// It is one of our own for what it costs: golang.org/x/net/html builds a map
// of 2,231 entities whenever a program starts, copies each token, and its
// parser makes hundreds of nodes of a few hostile bytes (the reconstruction of
// formatting elements). Tokens here are parts of the text they are cut from,
// in linear time. The tests hold it to that library.
package markup

import (
	"html"
	"strings"
)

// Kind is what a token is.
type Kind uint8

const (
	Text  Kind = iota // words; Token.Text
	Open              // <name attr>; Token.Name, Attr and Empty
	Close             // </name>; Token.Name
	Raw               // what stands in a script, a style or the like; Token.Text
)

// maxAttr is how many attributes of one tag are kept.
const maxAttr = 64

// Attr is one attribute: its name in small letters, its value unescaped.
type Attr struct{ Name, Value string }

// Token is one piece of markup. Its Attr is valid until the next call of Next.
type Token struct {
	Kind  Kind
	Name  string // in small letters
	Text  string // unescaped
	Attr  []Attr // the first of each name
	Empty bool   // written <name/>
}

// Get is the value of an attribute.
func (t *Token) Get(name string) (value string, ok bool) {
	for _, a := range t.Attr {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// Scanner cuts one text. It reads any text to its end and never fails.
type Scanner struct {
	rest string
	raw  string // the element whose raw text comes next
	xml  bool
	attr []Attr
}

// HTML reads s as a browser that runs no script does, but for what only a tree
// can tell (a CDATA section in SVG).
func HTML(s string) *Scanner { return &Scanner{rest: s} }

// XML reads s as XML: CDATA sections are text, no element holds raw text.
func XML(s string) *Scanner { return &Scanner{rest: s, xml: true} }

// Next is the next token; ok is false at the end.
func (s *Scanner) Next() (t Token, ok bool) {
	if s.raw != "" {
		if t, ok := s.rawText(); ok {
			return t, true
		}
	}
	for s.rest != "" {
		if n := s.textLen(); n > 0 {
			t := Token{Kind: Text, Text: unescape(s.rest[:n])}
			s.rest = s.rest[n:]
			return t, true
		}
		switch c := s.rest[1]; { // textLen saw that there is one
		case c == '!' || c == '?':
			if text, ok := s.declaration(); ok {
				return Token{Kind: Text, Text: text}, true
			}
		case c == '/' && !letter(at(s.rest, 2)): // a comment that is none
			s.skipPast(">")
		default:
			if t, ok := s.tag(); ok {
				return t, true
			}
		}
	}
	return Token{}, false
}

// textLen is how many bytes come before the next tag, comment or declaration.
func (s *Scanner) textLen() int {
	for from := 0; ; {
		i := strings.IndexByte(s.rest[from:], '<')
		if i < 0 || from+i+1 == len(s.rest) {
			return len(s.rest)
		}
		from += i
		if c := s.rest[from+1]; letter(c) || c == '!' || c == '?' || c == '/' && from+2 < len(s.rest) {
			return from
		}
		from++
	}
}

// declaration passes over a comment, a declaration or an instruction. The text
// of a CDATA section is returned.
func (s *Scanner) declaration() (text string, ok bool) {
	switch {
	case strings.HasPrefix(s.rest, "<!--"):
		s.comment()
	case s.xml && strings.HasPrefix(s.rest, "<![CDATA["):
		text, s.rest, _ = strings.Cut(s.rest[len("<![CDATA["):], "]]>")
		return text, text != ""
	case s.xml && s.rest[1] == '?':
		s.skipPast("?>")
	default:
		s.skipPast(">")
	}
	return "", false
}

// comment passes over <!-- ... -->, which --!> ends too, and <!--> and <!--->.
func (s *Scanner) comment() {
	body := s.rest[len("<!--"):]
	if !s.xml && strings.HasPrefix(body, ">") {
		s.rest = body[1:]
		return
	}
	if !s.xml && strings.HasPrefix(body, "->") {
		s.rest = body[2:]
		return
	}
	for from := 0; ; from++ {
		i := strings.Index(body[from:], "--")
		if i < 0 {
			s.rest = ""
			return
		}
		from += i
		if end := body[from+2:]; strings.HasPrefix(end, ">") {
			s.rest = end[1:]
			return
		} else if !s.xml && strings.HasPrefix(end, "!>") {
			s.rest = end[2:]
			return
		}
	}
}

func (s *Scanner) skipPast(end string) {
	if _, rest, ok := strings.Cut(s.rest, end); ok {
		s.rest = rest
		return
	}
	s.rest = ""
}

// tag reads a tag. One that does not end before the text does is none.
func (s *Scanner) tag() (Token, bool) {
	t := Token{Kind: Open}
	in := s.rest[1:]
	if in[0] == '/' {
		t.Kind, in = Close, in[1:]
	}
	n := strings.IndexAny(in, " \t\n\r\f/>")
	if n < 0 {
		s.rest = ""
		return t, false
	}
	t.Name, in = lower(in[:n]), in[n:]
	in, t.Empty = s.attributes(in)
	if in == "" {
		s.rest = ""
		return t, false
	}
	s.rest = in[1:] // after the >
	if t.Kind == Open {
		t.Attr = s.attr
		if !s.xml {
			s.raw = rawName(t.Name)
		}
	}
	return t, true
}

// attributes reads up to the > that ends the tag, into s.attr. The rest begins
// with it, and is empty when there is none.
func (s *Scanner) attributes(in string) (rest string, empty bool) {
	s.attr = s.attr[:0]
	for {
		in = strings.TrimLeft(in, " \t\n\r\f")
		switch {
		case in == "", in[0] == '>':
			return in, empty
		case in[0] == '/':
			in, empty = in[1:], strings.HasPrefix(in[1:], ">")
			continue
		}
		n := 1 // a name may begin with "="
		for n < len(in) && !strings.ContainsRune(" \t\n\r\f/>=", rune(in[n])) {
			n++
		}
		name, value := in[:n], ""
		in = strings.TrimLeft(in[n:], " \t\n\r\f")
		if strings.HasPrefix(in, "=") {
			if value, in = attrValue(strings.TrimLeft(in[1:], " \t\n\r\f")); in == "" {
				return "", false
			}
		}
		s.keep(lower(name), value)
	}
}

// attrValue reads a value. The rest is empty when the tag does not end.
func attrValue(in string) (value, rest string) {
	if in == "" {
		return "", ""
	}
	if q := in[0]; q == '"' || q == '\'' {
		value, rest, _ = strings.Cut(in[1:], in[:1])
		return unescape(value), rest
	}
	n := strings.IndexAny(in, " \t\n\r\f>")
	if n < 0 {
		return "", ""
	}
	return unescape(in[:n]), in[n:]
}

func (s *Scanner) keep(name, value string) {
	if len(s.attr) == maxAttr {
		return
	}
	for _, a := range s.attr {
		if a.Name == name {
			return
		}
	}
	s.attr = append(s.attr, Attr{name, value})
}

func unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return html.UnescapeString(s)
}

// lower has the ASCII letters small, and no others.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					r += 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// at is a byte of s, or 0 behind its end.
func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}
