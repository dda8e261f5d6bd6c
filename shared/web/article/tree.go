package article

import (
	"net/url"

	"instar/shared/web/markup"
	"instar/shared/web/visible"
)

// node is an element or a text. Nodes name each other by their place in
// tree.nodes, which is the order of the page: a parent comes before its
// children.
type node struct {
	parent, first, last, next int32  // 0 where there is none
	size, linked              int32  // characters of its text, and of those within links
	score                     int32  // in hundredths
	text                      string // of a text; an image's alt, a link's address, a pre's language
	tag                       tag
	weight                    int8 // what its class says: 25, 0 or -25
	unlikely                  bool // its class says that it is beside the matter
	header                    bool // a cell that is a th
}

const root int32 = 0

// open is an element that has not ended yet.
type open struct {
	name string
	tag  tag
	node int32 // where its children go
	skip bool  // they go nowhere
}

type tree struct {
	nodes     []node
	stack     []open
	names     map[string]int // how many of a name are on the stack
	base      *url.URL
	title     string
	canonical string
	og        string // a title for those who link
	cut       bool
}

// build reads a page. Unlike a browser it makes no elements of its own accord
// and moves none about, so that there are never more nodes than tokens.
func build(page string, base *url.URL) *tree {
	t := &tree{base: base, nodes: make([]node, 1, min(1024, 8+len(page)/16)), names: map[string]int{}}
	t.nodes[root].tag = rootTag
	t.stack = append(t.stack, open{tag: rootTag})
	s := markup.HTML(page)
	inTitle := false
	for {
		k, ok := s.Next()
		if !ok {
			break
		}
		if len(t.nodes) >= maxNodes || len(t.stack) > 2*maxDepth {
			t.cut = true
			break
		}
		switch k.Kind {
		case markup.Text:
			if inTitle && t.title == "" {
				t.title = visible.Line(k.Text, maxTitle)
			}
			t.text(k.Text)
		case markup.Open:
			t.start(&k)
			inTitle = k.Name == "title" && t.names["svg"] == 0
			continue
		case markup.Close:
			t.end(k.Name, tagOf(k.Name))
		}
		inTitle = false
	}
	if t.title == "" {
		t.title = t.og
	}
	return t
}

func (t *tree) top() *open { return &t.stack[len(t.stack)-1] }

func (t *tree) text(s string) {
	if o := t.top(); !o.skip {
		if s = visible.Text(s); s != "" {
			t.add(o.node, node{tag: textNode, text: s})
		}
	}
}

func (t *tree) add(parent int32, n node) int32 {
	i := int32(len(t.nodes))
	n.parent = parent
	t.nodes = append(t.nodes, n)
	p := &t.nodes[parent]
	if p.first == 0 {
		p.first = i
	} else {
		t.nodes[p.last].next = i
	}
	p.last = i
	return i
}

func (t *tree) start(k *markup.Token) {
	g := tagOf(k.Name)
	switch k.Name {
	case "html", "head", "body":
		return // a body that hides itself is one that a script shows
	case "meta", "link", "base":
		t.about(k)
	}
	if role, ok := k.Get("role"); ok && g != inline && g != dropped {
		g = roleTag(role, g)
	}
	t.imply(k.Name, g)
	o := t.top()
	n := open{name: k.Name, tag: g, node: o.node, skip: o.skip || g == dropped || hidden(k)}
	alone := empty(k.Name)
	if len(t.stack) >= maxDepth && !n.skip && !alone {
		return
	}
	if !n.skip && g != inline {
		n.node = t.add(o.node, t.element(k, g))
	}
	if alone {
		return
	}
	t.stack = append(t.stack, n)
	t.names[n.name]++
}

// imply ends what a start tag ends (HTML standard, 13.1.2.4).
func (t *tree) imply(name string, g tag) {
	if g.block() && t.names["p"] > 0 && !(g.tabular() && g != table) {
		t.end("p", paragraph)
	}
	switch g {
	case item:
		t.endWithin(list, ordered, "li")
	case term, meaning:
		t.endWithin(terms, terms, "dt", "dd")
	case cell:
		t.endWithin(table, row, "td", "th")
	case row:
		t.endWithin(table, rows, "tr")
	case rows:
		t.endWithin(table, table, "thead", "tbody", "tfoot", "caption")
	case link:
		if t.names["a"] > 0 {
			t.end("a", link)
		}
	case ruby:
		t.endWithin(paragraph, paragraph, "rt", "rp")
	case dropped:
		if name == "rp" {
			t.endWithin(paragraph, paragraph, "rt", "rp")
		}
	case block:
		if name == "option" {
			t.endWithin(block, block, "option")
		}
	}
}

// endWithin ends the innermost element of these names, unless one of the tags
// around them stands between.
func (t *tree) endWithin(outer, other tag, names ...string) {
	there := false
	for _, name := range names {
		there = there || t.names[name] > 0
	}
	for i := len(t.stack) - 1; there && i > 0; i-- {
		o := &t.stack[i]
		for _, name := range names {
			if o.name == name {
				t.pop(i)
				return
			}
		}
		if o.tag == outer || o.tag == other || o.tag == table || o.tag == list || o.tag == ordered {
			return
		}
	}
}

// end ends the innermost element of a name. An end tag within a cell ends
// nothing outside it, and that of a span nothing around a block.
func (t *tree) end(name string, g tag) {
	if name == "br" || name == "p" && t.names["p"] == 0 {
		t.text("\n")
		return
	}
	if t.names[name] == 0 {
		return
	}
	for i := len(t.stack) - 1; i > 0; i-- {
		o := &t.stack[i]
		if o.name == name {
			t.pop(i)
			return
		}
		if (o.tag == cell || o.tag == table || o.tag == caption) && !g.tabular() || g == inline && o.tag.block() {
			return
		}
	}
}

// pop ends the element at a place of the stack and all within it.
func (t *tree) pop(i int) {
	for _, o := range t.stack[i:] {
		t.names[o.name]--
	}
	t.stack = t.stack[:i]
}
