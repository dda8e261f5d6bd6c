package policy

import (
	"fmt"
	"slices"
)

// object grounds which thing a call is about.
func (c *check) object(l leaf) grounding {
	if disguised(l.folded) && !c.off(ruleDisguise) {
		return grounding{why: "has characters that look like others or do not show"}
	}
	kinds := c.kinds(l)
	if (l.key == "type" || l.key == "kind") && l.key != l.arg && slices.Contains(kinds, lower(l.folded)) {
		return grounding{ok: true, why: "is the tool's own word"}
	}
	seen := ""
	var any *Record
	for _, r := range c.in.Window.byID[lower(l.folded)] {
		if !related(r.Kinds, kinds) {
			continue
		}
		any, seen = r, r.Source
		if w, at := c.in.Window.named(r, c.in.off); w != nil {
			return grounding{ok: true, why: fmt.Sprintf("is %s, which you named (%s)", quote(r), r.Source), record: r, in: w, at: at}
		}
	}
	for _, w := range c.in.Window.said {
		at := slices.DeleteFunc(w.places(l.folded, len(l.folded) < 8), func(p span) bool { return !c.identifies(w, p, l) })
		if len(at) > 0 {
			g := grounding{ok: true, why: yours, in: w, at: at, record: any}
			if any == nil {
				g.record = c.byName(l.folded, kinds)
			}
			return g
		}
	}
	if any != nil {
		return grounding{why: fmt.Sprintf("is %s of a result of %s, which you did not name, or not that alone", quote(any), seen)}
	}
	return grounding{}
}

// byName is a record that goes by the value, which the owner wrote.
func (c *check) byName(value string, kinds []string) *Record {
	var found *Record
	for _, r := range c.in.Window.byName[lower(value)] {
		if related(r.Kinds, kinds) && (found == nil || r.Written) {
			found = r
		}
	}
	return found
}

// kinds are the kinds of thing that an argument can name.
func (c *check) kinds(l leaf) []string {
	if t := c.m.argType(l.arg); t != "" {
		return kindWords(nameWords(t))
	}
	for _, name := range []string{l.key, l.arg, c.in.Call.Tool} {
		if k := kindWords(nameWords(name)); len(k) > 0 {
			return k
		}
	}
	return nil
}

// identifies reports whether an identifier that stands at p is meant as one.
// Short numbers and common words are, when they are quoted or called so.
func (c *check) identifies(w *words, p span, l leaf) bool {
	if w.quotedWhole(p) {
		return true
	}
	if digits(l.folded) && len(l.folded) < 6 {
		for i, t := range w.tokens {
			if t.from == p.from {
				switch w.tok(i - 1) {
				case "id", "ids", "number", "no", "nr":
					return true
				}
			}
		}
		return p.from > 0 && w.text[p.from-1] == '#'
	}
	return !common(lower(l.folded)) && (len(l.folded) > 2)
}
