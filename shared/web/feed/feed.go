// Package feed reads RSS (0.9x, 1.0, 2.0) and Atom (RFC 4287) as a list of
// entries. Real feeds are often not well-formed, so they are read as tokens
// (package markup) and never refused for their form; entities that a feed
// declares are not expanded, and nothing is fetched. github.com/mmcdole/gofeed
// is the judge in the tests.
package feed

import (
	"errors"
	"net/url"
	"strings"

	"instar/shared/web/article"
	"instar/shared/web/markup"
	"instar/shared/web/visible"
)

// Bounds of a feed.
const (
	MaxEntries = 200
	maxTitle   = 300     // bytes
	maxSummary = 600     // bytes
	maxField   = 1 << 20 // bytes of one element's text
	maxLink    = 2048    // bytes
)

// ErrFeed: the text is no feed.
var ErrFeed = errors.New("not an RSS or Atom feed")

// Feed is a feed as its first MaxEntries entries.
type Feed struct {
	Title   string
	Link    string // the page it belongs to, http or https, or ""
	Entries []Entry
	Cut     bool // it has more
}

// Entry is one of them. Its texts are one line each.
type Entry struct {
	Title   string
	Link    string // absolute, http or https, or ""
	Date    string // as it stands in the feed, or ""
	Author  string
	Summary string // at most 600 bytes, without markup
}

// Is reports whether a text begins as a feed does.
func Is(text string) bool {
	s := markup.XML(visible.Cut(text, 4096))
	for {
		t, ok := s.Next()
		if !ok {
			return false
		}
		if t.Kind == markup.Open {
			name := local(t.Name)
			return name == "rss" || name == "feed" || name == "rdf"
		}
	}
}

// Parse reads a feed found at base. The only error is ErrFeed.
func Parse(text string, base *url.URL) (Feed, error) {
	if !Is(text) {
		return Feed{}, ErrFeed
	}
	r := reader{scan: markup.XML(text), base: base}
	for r.next() {
	}
	r.finish()
	return r.feed, nil
}

// reader is where the reading stands.
type reader struct {
	scan  *markup.Scanner
	base  *url.URL
	feed  Feed
	entry *Entry // the one that is open
	field string // the element that is open
	depth int    // of elements within it
	nest  int    // of elements, such as an author, that have a title or link of their own
	items int    // how many have begun
	text  strings.Builder
	found map[string]string // the entry's or the feed's fields so far
}

// fields is the elements whose text is kept.
func fields(name string) bool {
	switch name {
	case "title", "link", "pubdate", "published", "updated", "dc:date", "date", "author", "name", "dc:creator",
		"description", "summary", "content", "content:encoded", "guid", "id":
		return true
	}
	return false
}

func (r *reader) next() bool {
	t, ok := r.scan.Next()
	if !ok || r.feed.Cut {
		return false
	}
	switch t.Kind {
	case markup.Text:
		if r.field != "" && (r.field != "author" || r.depth == 0) && r.text.Len()+len(t.Text) <= maxField {
			r.text.WriteString(t.Text)
		}
	case markup.Open:
		r.open(&t)
	case markup.Close:
		r.close(t.Name)
	}
	return true
}

func (r *reader) open(t *markup.Token) {
	name := t.Name
	if r.field == "author" && name == "name" { // of an Atom author
		r.field, r.depth = "", 0
	}
	if r.field != "" && name != "item" && name != "entry" {
		if xhtml(r.field) && r.text.Len() < maxField { // Atom's type="xhtml" has markup as elements
			r.text.WriteString("<" + name + ">")
		}
		if !t.Empty {
			r.depth++
		}
		return
	}
	switch name {
	case "item", "entry":
		r.finish()
		if r.items++; r.items > MaxEntries {
			r.feed.Cut = true
			return
		}
		r.entry = &Entry{}
		return
	case "image", "textinput", "source", "media:group", "itunes:owner":
		if !t.Empty {
			r.nest++
		}
		return
	case "link", "atom:link":
		if href, ok := t.Get("href"); ok {
			rel, _ := t.Get("rel")
			if rel == "" || rel == "alternate" {
				r.keep("link", href)
			}
			return
		}
	}
	if fields(name) && r.nest == 0 && !t.Empty {
		r.field, r.depth = name, 0
		r.text.Reset()
	}
}

func xhtml(field string) bool { return field == "content" || field == "summary" }

func (r *reader) close(name string) {
	switch name {
	case "item", "entry":
		r.finish()
		return
	case "image", "textinput", "source", "media:group", "itunes:owner":
		if r.nest > 0 {
			r.nest--
			return
		}
	}
	if r.field == "" {
		return
	}
	if r.depth > 0 {
		r.depth--
		if xhtml(r.field) {
			if r.text.Len() < maxField {
				r.text.WriteString("</" + name + ">")
			}
		}
		if name == r.field { // what was open within it has no end tag
			r.depth = 0
		} else {
			return
		}
	}
	r.keep(r.field, r.text.String())
	r.field = ""
}

// keep notes the first value of a field.
func (r *reader) keep(name, value string) {
	if r.found == nil {
		r.found = map[string]string{}
	}
	if _, there := r.found[name]; !there && strings.TrimSpace(value) != "" {
		r.found[name] = value
	}
}

// first is the first of these fields that there is.
func (r *reader) first(names ...string) string {
	for _, name := range names {
		if v, ok := r.found[name]; ok {
			return v
		}
	}
	return ""
}

// finish ends what is open: an entry, or what the feed says of itself.
func (r *reader) finish() {
	if r.field != "" {
		r.keep(r.field, r.text.String())
		r.field = ""
	}
	title, link := article.Words(r.first("title"), maxTitle), r.resolve(r.first("link"))
	if e := r.entry; e != nil {
		if link == "" {
			link = r.resolve(r.first("guid", "id"))
		}
		e.Title, e.Link = title, link
		e.Date = visible.Line(r.first("published", "pubdate", "updated", "dc:date", "date"), 60)
		e.Author = article.Words(r.first("dc:creator", "name", "author"), 100)
		e.Summary = article.Words(r.first("summary", "description", "content", "content:encoded"), maxSummary)
		if e.Title != "" || e.Summary != "" || e.Link != "" {
			r.feed.Entries = append(r.feed.Entries, *e)
		}
	} else if r.feed.Title == "" && r.feed.Link == "" {
		r.feed.Title, r.feed.Link = title, link
	}
	r.entry, r.found, r.nest = nil, nil, 0
}

// resolve is an address as absolute, or "" when it is none of http or https.
func (r *reader) resolve(address string) string {
	address = strings.TrimSpace(address)
	if address == "" || len(address) > maxLink || strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' }) {
		return ""
	}
	u, err := r.base.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return visible.Line(u.String(), maxLink)
}

// local is a name without its prefix.
func local(name string) string {
	if _, after, ok := strings.Cut(name, ":"); ok {
		return after
	}
	return name
}

// Markdown is the feed as a list.
func (f Feed) Markdown() string {
	var b strings.Builder
	for _, e := range f.Entries {
		title := strings.NewReplacer("[", "(", "]", ")").Replace(e.Title)
		if title == "" {
			title = "(no title)"
		}
		b.WriteString("- ")
		if e.Link != "" {
			b.WriteString("[" + title + "](" + strings.NewReplacer("(", "%28", ")", "%29").Replace(e.Link) + ")")
		} else {
			b.WriteString(title)
		}
		for _, more := range []string{e.Date, e.Author} {
			if more != "" {
				b.WriteString(" · " + more)
			}
		}
		if e.Summary != "" && e.Summary != e.Title {
			b.WriteString("\n  " + e.Summary)
		}
		b.WriteByte('\n')
	}
	if f.Cut {
		b.WriteString("- (more entries are left out)\n")
	}
	return b.String()
}
