package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	words tokenKind = iota
	codeSpan
	link
	lineBreak
	delimiter // a run of * _ or ~ that may open or close a style
)

type token struct {
	kind tokenKind
	text string // words, code, or a link's label
	url  string
	run  run
}

// scanInline reads one paragraph's text. Without links, a link's brackets are
// dropped and only its label stays: it is a label inside another one.
func scanInline(s string, links bool) []token {
	p := &inlineScanner{s: s, links: links, lastLink: strings.LastIndex(s, "](")}
	for p.i < len(s) {
		if !p.special() {
			_, n := utf8.DecodeRuneInString(s[p.i:])
			p.i += n
		}
	}
	p.flush(p.i)
	return p.tokens
}

type inlineScanner struct {
	s        string
	i        int // where the scanner is
	from     int // start of the words not yet in tokens
	links    bool
	lastLink int // no link ends its label after this
	noTicks  [16]bool
	tokens   []token
}

func (p *inlineScanner) flush(to int) {
	if to > p.from {
		p.tokens = append(p.tokens, token{kind: words, text: p.s[p.from:to]})
	}
}

// take ends the words before the scanner, adds t and goes on after n bytes.
func (p *inlineScanner) take(n int, t token) bool {
	p.flush(p.i)
	p.tokens = append(p.tokens, t)
	p.i += n
	p.from = p.i
	return true
}

// special reads what is not plain words at the scanner, if anything is.
func (p *inlineScanner) special() bool {
	rest := p.s[p.i:]
	switch rest[0] {
	case '\n':
		return p.take(1, token{kind: lineBreak})
	case '\\':
		if len(rest) > 1 && rest[1] == '\n' {
			return p.take(2, token{kind: lineBreak})
		}
		if len(rest) > 1 && isASCIIPunct(rest[1]) {
			return p.take(2, token{kind: words, text: rest[1:2]})
		}
	case '`':
		return p.codeSpan(rest)
	case '*', '_', '~':
		return p.delimiter(rest)
	case '[', '!':
		return p.link(rest)
	case '<':
		return p.angle(rest)
	case '&':
		if text, n := entity(rest); n > 0 {
			return p.take(n, token{kind: words, text: text})
		}
	case 'h', 'H':
		if n := bareURL(p.s, p.i); n > 0 {
			return p.take(n, token{kind: link, text: rest[:n], url: rest[:n]})
		}
	}
	return false
}

func (p *inlineScanner) codeSpan(rest string) bool {
	ticks := runLength(rest)
	known := min(ticks, len(p.noTicks)-1)
	if p.noTicks[known] {
		p.i += ticks
		return true
	}
	for at := ticks; at < len(rest); {
		next := strings.IndexByte(rest[at:], '`')
		if next < 0 {
			break
		}
		at += next
		n := runLength(rest[at:])
		if n == ticks {
			code := strings.ReplaceAll(rest[ticks:at], "\n", " ")
			if len(code) > 2 && code[0] == ' ' && code[len(code)-1] == ' ' && strings.TrimSpace(code) != "" {
				code = code[1 : len(code)-1]
			}
			return p.take(at+n, token{kind: codeSpan, text: code})
		}
		at += n
	}
	// Nothing after here closes such a run, so that no later one looks again.
	p.noTicks[known] = known < len(p.noTicks)-1
	p.i += ticks
	return true
}

func (p *inlineScanner) delimiter(rest string) bool {
	n := runLength(rest)
	before, _ := utf8.DecodeLastRuneInString(p.s[:p.i])
	after, _ := utf8.DecodeRuneInString(rest[n:])
	if p.i == 0 {
		before = ' '
	}
	if n == len(rest) {
		after = ' '
	}
	r := newRun(rest[0], n, before, after)
	return p.take(n, token{kind: delimiter, text: rest[:n], run: r})
}

// maxLabel and maxURL bound how far a link is looked for, so that many
// brackets do not take quadratic time.
const (
	maxLabel = 1000
	maxURL   = 2048
)

func (p *inlineScanner) link(rest string) bool {
	image := 0
	if rest[0] == '!' {
		image = 1
	}
	if p.i > p.lastLink || !strings.HasPrefix(rest[image:], "[") {
		return false
	}
	label, n, ok := bracketed(rest[image:])
	if !ok || !strings.HasPrefix(rest[image+n:], "(") {
		return false
	}
	url, m, ok := destination(rest[image+n:])
	if !ok {
		return false
	}
	t := token{kind: link, text: labelText(label), url: url}
	if !p.links {
		t.url = ""
	}
	return p.take(image+n+m, t)
}

// bracketed reads "[label]" with balanced brackets.
func bracketed(s string) (label string, n int, ok bool) {
	depth := 0
	for i := 0; i < len(s) && i < maxLabel; i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return s[1:i], i + 1, true
			}
		}
	}
	return "", 0, false
}

// destination reads "(url)" or "(url "title")"; the title is dropped.
func destination(s string) (url string, n int, ok bool) {
	i := 1 + len(s[1:]) - len(strings.TrimLeft(s[1:], " \n"))
	start, depth := i, 0
	if i < len(s) && s[i] == '<' {
		end := strings.IndexAny(s[i:min(len(s), i+maxURL)], ">\n")
		if end < 0 || s[i+end] != '>' {
			return "", 0, false
		}
		url, i = s[i+1:i+end], i+end+1
	} else {
		for ; i < len(s) && i-start < maxURL && s[i] > ' '; i++ {
			if s[i] == '(' {
				depth++
			} else if s[i] == ')' {
				if depth == 0 {
					break
				}
				depth--
			}
		}
		url = s[start:i]
	}
	rest := strings.TrimLeft(s[i:min(len(s), i+maxURL)], " \n")
	if rest != "" && strings.IndexByte(`"'(`, rest[0]) >= 0 {
		end := strings.IndexByte(rest[1:], closing(rest[0]))
		if end < 0 {
			return "", 0, false
		}
		title := rest[:end+2]
		i += strings.Index(s[i:], title) + len(title)
		rest = strings.TrimLeft(s[i:min(len(s), i+maxURL)], " \n")
	}
	if !strings.HasPrefix(rest, ")") {
		return "", 0, false
	}
	return url, i + strings.IndexByte(s[i:], ')') + 1, true
}

func closing(quote byte) byte {
	if quote == '(' {
		return ')'
	}
	return quote
}

// angle reads an autolink (<https://example.org>, <me@example.org>) or a line
// break (<br>), which models put in tables.
func (p *inlineScanner) angle(rest string) bool {
	end := strings.IndexAny(rest[:min(len(rest), maxURL)], "> \n")
	if end < 0 {
		return false
	}
	if strings.HasPrefix(rest[end:], " />") {
		end += 2
	}
	inner := rest[1:end]
	switch {
	case rest[end] != '>':
		return false
	case strings.EqualFold(strings.TrimRight(inner, " /"), "br"):
		return p.take(end+1, token{kind: lineBreak})
	case linkable(inner):
		return p.take(end+1, token{kind: link, text: inner, url: inner})
	}
	name, host, ok := strings.Cut(inner, "@")
	if !ok || name == "" || !strings.Contains(host, ".") || strings.ContainsAny(inner, "<:/") {
		return false
	}
	return p.take(end+1, token{kind: link, text: inner, url: "mailto:" + inner})
}

// bareURL is the length of the address that starts at s[i:], or 0. Marks at
// its end belong to the sentence.
func bareURL(s string, i int) int {
	rest := s[i:]
	if head := strings.ToLower(rest[:min(len(rest), 8)]); !strings.HasPrefix(head, "http://") && head != "https://" {
		return 0
	}
	if before, _ := utf8.DecodeLastRuneInString(s[:i]); i > 0 && (unicode.IsLetter(before) || unicode.IsDigit(before)) {
		return 0
	}
	rest = rest[:min(len(rest), maxURL)]
	if end := strings.IndexFunc(rest, endsURL); end >= 0 {
		rest = rest[:end]
	}
	for _, mark := range []string{"**", "~~", "]("} {
		rest, _, _ = strings.Cut(rest, mark)
	}
	for rest != "" {
		last := rest[len(rest)-1]
		balanced := last == ')' && strings.Count(rest, "(") >= strings.Count(rest, ")")
		if strings.IndexByte(".,:;!?*_~'\")]}|\\", last) < 0 || balanced {
			break
		}
		rest = rest[:len(rest)-1]
	}
	if !utf8.ValidString(rest) || len(rest) <= len("https://") {
		return 0
	}
	return len(rest)
}

func endsURL(r rune) bool { return unicode.IsSpace(r) || r == '<' || r == '>' || r == '`' || r == '"' }

// entity reads the few HTML entities that models write in prose.
func entity(s string) (text string, n int) {
	end := strings.IndexByte(s[:min(len(s), 8)], ';')
	if end < 0 {
		return "", 0
	}
	switch s[1:end] {
	case "amp":
		text = "&"
	case "lt":
		text = "<"
	case "gt":
		text = ">"
	case "quot":
		text = "\""
	case "apos", "#39":
		text = "'"
	case "nbsp":
		text = "\u00a0"
	default:
		return "", 0
	}
	return text, end + 1
}

// linkable are the addresses a platform makes a link of.
func linkable(url string) bool {
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok || rest == "" || strings.ContainsAny(url, "\n\t") {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https":
		return len(rest) > 2 && strings.HasPrefix(rest, "//")
	case "mailto", "tel", "tg":
		return true
	}
	return false
}

// labelText is a link's label without its own markup.
func labelText(label string) string {
	p := &plain{}
	w := &writer{d: p}
	w.inline(scanInline(label, false), "", false)
	return strings.TrimSpace(strings.ReplaceAll(p.String(), "\n", " "))
}

// inlineText is inline Markdown as plain words.
func inlineText(md string) string {
	p := &plain{}
	w := &writer{d: p}
	w.inline(scanInline(md, true), "", false)
	return p.String()
}

// runLength counts how often the first byte is repeated.
func runLength(s string) int {
	n := 1
	for n < len(s) && s[n] == s[0] {
		n++
	}
	return n
}

func isASCIIPunct(c byte) bool {
	return c > ' ' && c < 0x7f && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}
