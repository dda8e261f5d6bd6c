package article

// tag is an element as far as it matters here.
type tag uint8

const (
	textNode tag = iota
	inline       // drawn like the text around it; makes no node
	dropped      // its content is not for reading
	rootTag
	block // any that stands for itself
	mainTag
	articleTag
	clutter // navigation and the like
	headerTag
	paragraph
	heading1
	heading2
	heading3
	heading4
	heading5
	heading6
	quote
	pre
	list
	ordered
	item
	terms
	term
	meaning
	table
	rows // thead, tbody, tfoot
	row
	cell
	caption
	rule
	lineBreak
	link
	image
	strong
	emphasis
	strike
	code
	ruby // rt: how to read what stands before
)

// tagOf names no element that a page needs to be understood: what is unknown
// is drawn in line.
func tagOf(name string) tag {
	switch name {
	case "script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "svg", "canvas", "audio",
		"video", "map", "button", "input", "select", "textarea", "datalist", "progress", "meter", "noembed", "noframes",
		"frameset", "head", "title", "meta", "link", "base", "rp", "annotation", "annotation-xml", "source", "track", "param":
		return dropped
	case "html", "body":
		return inline
	case "div", "section", "address", "fieldset", "form", "center", "figure", "figcaption", "details", "summary",
		"dialog", "hgroup", "search", "optgroup", "option", "legend":
		return block
	case "main":
		return mainTag
	case "article":
		return articleTag
	case "nav", "aside", "footer", "menu":
		return clutter
	case "header":
		return headerTag
	case "p":
		return paragraph
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return heading1 + tag(name[1]-'1')
	case "blockquote":
		return quote
	case "pre", "listing", "xmp", "plaintext":
		return pre
	case "ul", "dir":
		return list
	case "ol":
		return ordered
	case "li":
		return item
	case "dl":
		return terms
	case "dt":
		return term
	case "dd":
		return meaning
	case "table":
		return table
	case "thead", "tbody", "tfoot":
		return rows
	case "tr":
		return row
	case "td", "th":
		return cell
	case "caption":
		return caption
	case "hr":
		return rule
	case "br":
		return lineBreak
	case "a":
		return link
	case "img", "image":
		return image
	case "b", "strong":
		return strong
	case "i", "em", "cite", "dfn", "var":
		return emphasis
	case "s", "del", "strike":
		return strike
	case "code", "kbd", "samp", "tt":
		return code
	case "rt":
		return ruby
	}
	return inline
}

// empty reports elements without content or end tag (HTML standard, 13.1.2).
func empty(name string) bool {
	switch name {
	case "area", "base", "br", "col", "embed", "hr", "img", "image", "input", "link", "meta", "param", "source", "track", "wbr", "basefont", "bgsound", "frame", "keygen":
		return true
	}
	return false
}

func (t tag) heading() int { // its level, or 0
	if t >= heading1 && t <= heading6 {
		return int(t-heading1) + 1
	}
	return 0
}

// block reports what begins on a line of its own.
func (t tag) block() bool { return t >= rootTag && t <= rule }

// tabular reports the parts of a table.
func (t tag) tabular() bool { return t >= table && t <= caption }

// roleTag is what an ARIA role makes of an element.
func roleTag(role string, t tag) tag {
	switch role {
	case "main":
		return mainTag
	case "article":
		return articleTag
	case "navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar":
		return clutter
	case "presentation", "none":
		if t == table {
			return block
		}
	}
	return t
}
