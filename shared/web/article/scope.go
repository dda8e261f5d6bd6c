package article

import "unicode/utf8"

// scope is the part of the page that is worth reading. What it holds of
// clutter is marked as dropped.
func (t *tree) scope() int32 {
	t.measure()
	t.declutter()
	whole := t.nodes[root].size - t.nodes[root].linked
	if at := t.named(mainTag); at != root && t.prose(at)*10 >= whole*3 {
		if inner := t.only(articleTag, at); inner != root && t.prose(inner)*10 >= t.prose(at)*6 {
			return inner
		}
		return at
	}
	if at := t.only(articleTag, root); at != root && t.prose(at)*10 >= whole*4 {
		return at
	}
	if at := t.best(); at != root && t.prose(at)*10 >= whole*6 {
		return at
	}
	return root
}

// prose is how many characters of a node's text are outside links.
func (t *tree) prose(at int32) int32 { return t.nodes[at].size - t.nodes[at].linked }

// measure counts the text of each node.
func (t *tree) measure() {
	for i := range t.nodes {
		t.nodes[i].size, t.nodes[i].linked = 0, 0
	}
	for i := len(t.nodes) - 1; i > 0; i-- {
		n := &t.nodes[i]
		switch n.tag {
		case textNode:
			n.size = int32(letters(n.text))
		case link:
			n.linked = n.size
		case dropped:
			continue
		}
		p := &t.nodes[n.parent]
		p.size += n.size
		p.linked += n.linked
	}
}

// letters counts the characters of a text, a run of spaces as one.
func letters(s string) int {
	n, space := utf8.RuneCountInString(s), true
	for i := range len(s) {
		now := s[i] == ' ' || s[i] == '\n' || s[i] == '\t'
		if now && space {
			n--
		}
		space = now
	}
	return n
}

// declutter drops what is beside the matter: by its element, or by its class
// unless it holds much of the page. It measures what remains.
func (t *tree) declutter() {
	whole := t.nodes[root].size
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		most := int32(0) // in percent of the page
		switch {
		case n.tag == clutter:
			most = 60
		case n.tag == headerTag && !t.within(n.parent):
			most = 40
		case n.unlikely:
			most = 30
		default:
			continue
		}
		if int64(n.size)*100 > int64(whole)*int64(most) {
			n.tag = block
			continue
		}
		n.tag, n.first, n.last = dropped, 0, 0
	}
	t.orphans()
	t.measure()
}

// orphans drops what lies in something dropped, so that it counts nowhere.
func (t *tree) orphans() {
	for i := 1; i < len(t.nodes); i++ {
		if n := &t.nodes[i]; t.nodes[n.parent].tag == dropped {
			n.tag = dropped
		}
	}
}

// within reports whether a node lies in an article or the main part.
func (t *tree) within(at int32) bool {
	for ; at != root; at = t.nodes[at].parent {
		if g := t.nodes[at].tag; g == mainTag || g == articleTag {
			return true
		}
	}
	return false
}

// named is the largest node of a tag, or the root.
func (t *tree) named(g tag) int32 {
	best := root
	for i := range t.nodes {
		if at := int32(i); t.nodes[at].tag == g && (best == root || t.nodes[at].size > t.nodes[best].size) {
			best = at
		}
	}
	return best
}

// only is the outermost node of a tag within another one when the largest of
// them holds nearly all the text that they have, or the root.
func (t *tree) only(g tag, outer int32) int32 {
	best, sum := root, int32(0)
	for i := int(outer) + 1; i < len(t.nodes); i++ {
		at := int32(i)
		if t.nodes[at].tag != g || !t.inside(at, outer, g) {
			continue
		}
		sum += t.nodes[at].size
		if best == root || t.nodes[at].size > t.nodes[best].size {
			best = at
		}
	}
	if best != root && int64(t.nodes[best].size)*10 >= int64(sum)*8 {
		return best
	}
	return root
}

// inside reports whether a node lies within another, and in none of a tag on
// the way.
func (t *tree) inside(at, outer int32, not tag) bool {
	for at = t.nodes[at].parent; at > outer; at = t.nodes[at].parent {
		if t.nodes[at].tag == not {
			return false
		}
	}
	return at == outer
}

// best is the node that Readability would call the top candidate: each
// paragraph of 25 characters and more gives points to what it lies in.
func (t *tree) best() int32 {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.tag != paragraph && n.tag != pre && n.tag != cell && n.tag != item && !(n.tag == block && t.loose(int32(i))) || n.size < 25 {
			continue
		}
		points := 100 + min(n.size, 300) + 100*t.commas(int32(i))
		for at, level := n.parent, int32(0); level < 6; at, level = t.nodes[at].parent, level+1 {
			p := &t.nodes[at]
			if p.score == 0 {
				p.score = 100 * int32(p.weight)
			}
			p.score += points / max(1, level*[...]int32{1, 2, 3, 3, 3, 3}[level])
			if at == root {
				break
			}
		}
	}
	best, most := root, int64(0)
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		if n.size == 0 || n.tag == dropped {
			continue
		}
		if score := int64(n.score) * int64(n.size-n.linked) / int64(n.size); score > most {
			best, most = int32(i), score
		}
	}
	// Its parent, when that is little more than its parts together.
	for best != root {
		p := t.nodes[best].parent
		if p == root || int64(t.nodes[p].score)*4 < most*3 {
			break
		}
		best = p
	}
	return best
}

// loose reports whether a block has text of its own and no block in it: pages
// that use div for p.
func (t *tree) loose(at int32) bool {
	for c := t.nodes[at].first; c != 0; c = t.nodes[c].next {
		if t.nodes[c].tag.block() {
			return false
		}
	}
	return true
}

// commas counts the commas of a node's own text, of any script that has them.
func (t *tree) commas(at int32) int32 {
	n := int32(0)
	for c := t.nodes[at].first; c != 0 && n < 50; c = t.nodes[c].next {
		if t.nodes[c].tag == textNode {
			for _, r := range t.nodes[c].text {
				switch r {
				case ',', '、', '，', '،', '﹐', '︐', '⸁':
					n++
				}
			}
		}
	}
	return min(n, 50)
}

// heading is the text of the first heading of the first level, or "".
func (t *tree) heading() string {
	for i := range t.nodes {
		if t.nodes[i].tag == heading1 {
			w := &writer{tree: t}
			label, _ := w.label(int32(i))
			return label
		}
	}
	return ""
}
