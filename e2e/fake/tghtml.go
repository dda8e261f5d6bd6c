//go:build !js

package fake

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// tgEntity is a MessageEntity. Offset and Length count UTF-16 code units.
type tgEntity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
}

// utf16Len is the length of s as Telegram counts it.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// parseError has Telegram's own words, which start with a capital letter.
type parseError string

func (e parseError) Error() string { return string(e) }

func parseErrorf(format string, args ...any) error { return parseError(fmt.Sprintf(format, args...)) }

// openTag is a tag that waits for its end.
type openTag struct {
	name   string
	at     int // byte offset of the tag in the source
	entity tgEntity
}

// htmlParser follows https://core.telegram.org/bots/api#html-style.
type htmlParser struct {
	src      string
	pos      int
	out      strings.Builder
	units    int // UTF-16 length of out
	open     []openTag
	entities []tgEntity
}

// parseTgHTML returns the text a person sees and its entities. The error has
// the words that follow "can't parse entities: ".
func parseTgHTML(src string) (string, []tgEntity, error) {
	p := &htmlParser{src: src}
	for p.pos < len(src) {
		var err error
		switch {
		case src[p.pos] == '&':
			p.reference()
		case strings.HasPrefix(src[p.pos:], "</"):
			err = p.endTag()
		case src[p.pos] == '<':
			err = p.startTag()
		default:
			r, size := utf8.DecodeRuneInString(src[p.pos:])
			p.write(string(r))
			p.pos += size
		}
		if err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, parseErrorf("Can't find end tag corresponding to start tag %q", p.open[n-1].name)
	}
	slices.SortStableFunc(p.entities, func(a, b tgEntity) int {
		return cmp.Or(a.Offset-b.Offset, b.Length-a.Length)
	})
	return p.out.String(), p.entities, nil
}

func (p *htmlParser) write(s string) {
	p.out.WriteString(s)
	p.units += utf16Len(s)
}

// reference decodes one character reference. An unknown one is plain text, as
// it is for Telegram.
func (p *htmlParser) reference() {
	name, _, found := strings.Cut(p.src[p.pos+1:], ";")
	if found {
		text := ""
		switch name {
		case "lt":
			text = "<"
		case "gt":
			text = ">"
		case "amp":
			text = "&"
		case "quot":
			text = `"`
		default:
			text = numericReference(name)
		}
		if text != "" {
			p.write(text)
			p.pos += len(name) + 2
			return
		}
	}
	p.write("&")
	p.pos++
}

func numericReference(name string) string {
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return ""
	}
	base := 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || n > 0x10ffff || n >= 0xd800 && n < 0xe000 {
		return ""
	}
	return string(rune(n))
}

func (p *htmlParser) startTag() error {
	at := p.pos
	end := tagEnd(p.src[at:])
	if end < 0 {
		return parseErrorf("Unclosed start tag at byte offset %d", at)
	}
	inside := p.src[at+1 : at+end]
	name, rest, _ := strings.Cut(inside, " ")
	name = strings.ToLower(strings.TrimSpace(name))
	attributes, err := tagAttributes(rest, name, at)
	if err != nil {
		return err
	}
	e, err := p.entityFor(name, attributes, at)
	if err != nil {
		return err
	}
	e.Offset = p.units
	p.open = append(p.open, openTag{name, at, e})
	p.pos = at + end + 1
	return nil
}

// tagEnd returns the index of the ">" that ends the tag at the start of s, not
// counting one inside quotes, or -1.
func tagEnd(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		}
	}
	return -1
}

// tagAttributes reads name="value" pairs; a value may stand without quotes, and
// an attribute without a value.
func tagAttributes(s, tag string, at int) (map[string]string, error) {
	attributes := map[string]string{}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		n := strings.IndexAny(s, "= ")
		if n == 0 {
			return nil, parseErrorf("Empty attribute name in the tag %q at byte offset %d", tag, at)
		}
		if n < 0 || s[n] == ' ' {
			name, rest, _ := strings.Cut(s, " ")
			attributes[strings.ToLower(name)], s = "", rest
			continue
		}
		name, value := strings.ToLower(s[:n]), s[n+1:]
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			end := strings.IndexByte(value[1:], value[0])
			if end < 0 {
				return nil, parseErrorf("Unclosed start tag at byte offset %d", at)
			}
			attributes[name], s = unescapeHTML(value[1:1+end]), value[end+2:]
			continue
		}
		value, s, _ = strings.Cut(value, " ")
		attributes[name] = unescapeHTML(value)
	}
	return attributes, nil
}

func unescapeHTML(s string) string {
	p := &htmlParser{src: s}
	for p.pos < len(s) {
		if s[p.pos] == '&' {
			p.reference()
			continue
		}
		p.out.WriteByte(s[p.pos])
		p.pos++
	}
	return p.out.String()
}

func (p *htmlParser) entityFor(name string, attributes map[string]string, at int) (tgEntity, error) {
	switch name {
	case "b", "strong":
		return tgEntity{Type: "bold"}, nil
	case "i", "em":
		return tgEntity{Type: "italic"}, nil
	case "u", "ins":
		return tgEntity{Type: "underline"}, nil
	case "s", "strike", "del":
		return tgEntity{Type: "strikethrough"}, nil
	case "tg-spoiler":
		return tgEntity{Type: "spoiler"}, nil
	case "pre":
		return tgEntity{Type: "pre"}, nil
	case "code":
		return tgEntity{Type: "code", Language: strings.TrimPrefix(attributes["class"], "language-")}, nil
	case "tg-time":
		return tgEntity{Type: "date_time"}, nil
	case "a":
		return tgEntity{Type: "text_link", URL: attributes["href"]}, nil
	case "blockquote":
		if _, ok := attributes["expandable"]; ok {
			return tgEntity{Type: "expandable_blockquote"}, nil
		}
		return tgEntity{Type: "blockquote"}, nil
	case "tg-emoji":
		if _, err := strconv.ParseUint(attributes["emoji-id"], 10, 64); err != nil {
			return tgEntity{}, parseErrorf("Invalid custom emoji identifier specified")
		}
		return tgEntity{Type: "custom_emoji", CustomEmojiID: attributes["emoji-id"]}, nil
	case "span":
		if attributes["class"] != "tg-spoiler" {
			return tgEntity{}, parseErrorf(`Tag "span" must have class "tg-spoiler" at byte offset %d`, at)
		}
		return tgEntity{Type: "spoiler"}, nil
	}
	return tgEntity{}, parseErrorf("Unsupported start tag %q at byte offset %d", name, at)
}

func (p *htmlParser) endTag() error {
	at := p.pos
	end := strings.IndexByte(p.src[at:], '>')
	if end < 0 {
		return parseErrorf("Unclosed end tag at byte offset %d", at)
	}
	if len(p.open) == 0 {
		return parseErrorf("Unexpected end tag at byte offset %d", at)
	}
	name := strings.ToLower(strings.TrimSpace(p.src[at+2 : at+end]))
	top := p.open[len(p.open)-1]
	if name != "" && name != top.name {
		return parseErrorf(`Unmatched end tag at byte offset %d, expected "</%s>", found "</%s>"`, at, top.name, name)
	}
	p.open = p.open[:len(p.open)-1]
	p.pos = at + end + 1
	p.close(top)
	return nil
}

// close records the entity of an ended tag. Empty ones vanish, a link whose
// address is its text needs no entity, and <pre><code class=...> is one entity.
func (p *htmlParser) close(tag openTag) {
	e := tag.entity
	e.Length = p.units - e.Offset
	if e.Length == 0 || e.Type == "date_time" {
		return
	}
	if e.Type == "text_link" && e.URL == "" {
		e.URL = string(utf16.Decode(utf16.Encode([]rune(p.out.String()))[e.Offset:]))
	}
	if e.Type == "pre" {
		if n := len(p.entities); n > 0 && p.entities[n-1].Type == "code" && p.entities[n-1].Offset == e.Offset && p.entities[n-1].Length == e.Length {
			e.Language = p.entities[n-1].Language
			p.entities = p.entities[:n-1]
		}
	}
	if e.Type == "code" && (len(p.open) == 0 || p.open[len(p.open)-1].name != "pre") {
		e.Language = ""
	}
	p.entities = append(p.entities, e)
}
