// Package article turns a web page into the Markdown of what a person would
// read on it: its main text, without navigation and advertising, and without
// what the page hides from sight.
//
// Nothing is executed and nothing is fetched. Text is what stands in the
// markup: of a page that is drawn by scripts there is next to nothing, and
// what a style sheet hides (rather than the element itself) is shown.
//
// The main text is found as Mozilla's Readability does it, in a thin form:
// paragraphs score for what contains them, links count against it. Where no
// part holds most of the text, as in a list of things, all of the page is
// given, because what is missing is worse than what is too much. The library
// codeberg.org/readeck/go-readability is the judge in the tests.
package article

import (
	"net/url"
	"strings"

	"instar/shared/web/visible"
)

// Bounds of a page.
const (
	maxNodes  = 150_000 // elements and texts that are kept; about 16 MB
	maxDepth  = 512     // what is nested deeper is taken as flat
	maxOutput = 2 << 20 // bytes of Markdown
	maxTitle  = 300     // bytes
	maxLink   = 2048    // bytes of an address; a longer one is left out
)

// Article is a page as text. All of it is the page's word for it.
type Article struct {
	Title     string // one line, at most 300 bytes
	Canonical string // the address the page gives for itself, http or https, or ""
	Markdown  string
	Truncated bool // a bound was reached
}

// Parse reads a page, valid UTF-8 or not. base is where it was found, for its
// links to be absolute. It never fails; of what is no HTML the text remains.
func Parse(page string, base *url.URL) Article {
	t := build(page, base)
	w := &writer{tree: t}
	w.node(t.scope())
	a := Article{Title: t.title, Canonical: t.canonical, Markdown: w.String(), Truncated: t.cut || w.full}
	if a.Title == "" {
		a.Title = visible.Line(t.heading(), maxTitle)
	}
	return a
}

// Fragment is a piece of HTML, as in a feed, as Markdown: all of it but what
// is hidden.
func Fragment(piece string, base *url.URL) string {
	w := &writer{tree: build(piece, base)}
	w.node(root)
	return w.String()
}

// Words is a piece of HTML as plain text on one line, at most most bytes.
func Words(piece string, most int) string {
	if !strings.ContainsAny(piece, "<&") {
		return visible.Line(piece, most)
	}
	t := build(piece, &url.URL{})
	var b []byte
	for i := range t.nodes {
		if n := &t.nodes[i]; n.tag == textNode {
			b = append(b, n.text...)
		} else if n.tag.block() || n.tag == lineBreak {
			b = append(b, ' ')
		}
		if len(b) > 8*most {
			break
		}
	}
	return visible.Line(string(b), most)
}
