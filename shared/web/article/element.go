package article

import (
	"net/url"
	"strings"

	"instar/shared/web/markup"
	"instar/shared/web/visible"
)

// about reads what the head says about the page.
func (t *tree) about(k *markup.Token) {
	switch k.Name {
	case "base":
		if href, ok := k.Get("href"); ok {
			if u := resolve(t.base, href); u != nil {
				t.base = u
			}
		}
	case "link":
		rel, _ := k.Get("rel")
		if href, ok := k.Get("href"); ok && t.canonical == "" && strings.EqualFold(strings.TrimSpace(rel), "canonical") {
			if u := resolve(t.base, href); u != nil {
				t.canonical = address(u)
			}
		}
	case "meta":
		if property, _ := k.Get("property"); t.og == "" && property == "og:title" {
			content, _ := k.Get("content")
			t.og = visible.Line(content, maxTitle)
		}
	}
}

// element is the node of a start tag.
func (t *tree) element(k *markup.Token, g tag) node {
	n := node{tag: g, header: k.Name == "th"}
	switch g {
	case link:
		if href, ok := k.Get("href"); ok {
			if u := resolve(t.base, href); u != nil && !strings.HasPrefix(strings.TrimSpace(href), "#") {
				n.text = address(u)
			}
		}
	case image:
		alt, _ := k.Get("alt")
		n.text = visible.Line(alt, maxTitle)
	}
	for _, a := range k.Attr {
		if a.Name != "class" && a.Name != "id" && a.Name != "itemprop" || len(a.Value) > maxLink {
			continue
		}
		value := strings.ToLower(a.Value)
		if g == pre || g == code {
			n.text = language(value, n.text)
			continue
		}
		switch {
		case mentions(value, "article", "body", "content", "entry", "hentry", "h-entry", "main", "page", "post", "text", "blog", "story"):
			n.weight += 25
		case mentions(value, "hidden", "banner", "combx", "comment", "com-", "contact", "footer", "gdpr", "masthead", "meta", "outbrain", "promo", "related", "share", "shoutbox", "sidebar", "skyscraper", "sponsor", "shopping", "tags", "widget"):
			n.weight -= 25
		}
		n.weight = max(min(n.weight, 25), -25)
		if mentions(value, "-ad-", "ai2html", "banner", "breadcrumb", "combx", "comment", "community", "cover-wrap", "disqus", "extra", "footer", "gdpr", "legends", "menu", "navbar", "navigation", "related", "remark", "replies", "rss", "shoutbox", "sidebar", "skyscraper", "social", "sponsor", "supplemental", "ad-break", "agegate", "pagination", "pager", "popup", "yom-remote", "cookie", "newsletter", "subscribe") &&
			!mentions(value, "article", "body", "column", "content", "main", "shadow") {
			n.unlikely = g.block()
		}
	}
	return n
}

func mentions(s string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}

// language is what a class says that code is written in, or otherwise.
func language(class, otherwise string) string {
	for word := range strings.FieldsSeq(class) {
		for _, prefix := range [...]string{"language-", "lang-", "highlight-source-"} {
			if name, ok := strings.CutPrefix(word, prefix); ok && len(name) < 20 && !strings.ContainsFunc(name, notName) {
				return name
			}
		}
	}
	return otherwise
}

func notName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '#'
}

// resolve is an absolute http, https or mail address, or nil.
func resolve(base *url.URL, href string) *url.URL {
	href = strings.Map(func(r rune) rune { // as the URL standard has it
		if r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, strings.TrimFunc(visible.Cut(href, maxLink+1), func(r rune) bool { return r <= ' ' }))
	if len(href) > maxLink {
		return nil
	}
	u, err := base.Parse(strings.ReplaceAll(href, `\`, "/"))
	if err != nil || u.User != nil {
		return nil
	}
	if (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" || u.Scheme == "mailto" && u.Opaque != "" {
		return u
	}
	return nil
}

// address writes a URL so that it ends nothing in Markdown, or is "".
func address(u *url.URL) string {
	s := visible.Text(u.String())
	s = strings.NewReplacer(" ", "%20", "(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "\n", "", "\t", "").Replace(s)
	if len(s) > maxLink {
		return ""
	}
	return s
}
