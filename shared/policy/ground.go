package policy

import (
	"fmt"
	"slices"
	"strings"

	"instar/shared/label"
)

// grounding is where one value of a call was found. It is the only way in
// which a value counts for more than the window it was written in.
type grounding struct {
	ok              bool
	why             string
	confidentiality label.Confidentiality
	value           string  // the normal form, for a typed destination
	record          *Record // the record it names or was found in
	in              *words  // the message it stands in
	at              []span
}

// ground finds where each value came from.
func (c *check) ground() {
	c.found = make([]grounding, len(c.leaves))
	for i, l := range c.leaves {
		if r := c.role(l); l.empty() {
			c.found[i] = grounding{ok: true, why: "is left out", confidentiality: label.Public}
		} else if r != When && r != Sum && l.key != "currency" {
			c.found[i] = c.one(l, r)
		}
	}
	// Amounts and times are judged beside what they belong to.
	for i, l := range c.leaves {
		if !l.empty() && c.role(l) == Sum {
			c.found[i] = c.amount(l)
		}
	}
	for i, l := range c.leaves {
		if !l.empty() && l.key == "currency" {
			c.found[i] = c.unit(l)
		}
	}
	c.times()
}

// role is what a value is for: as declared, else by its declared type.
func (c *check) role(l leaf) ArgRole {
	if c.m == nil {
		return ""
	}
	r := c.m.role(l.arg)
	t := Type(c.m.argType(l.arg))
	switch {
	case r == "url" || t == URL && c.effect == Fetch:
		return Dest
	case r != "":
		return r
	case t == Email || t == Phone || t == AccountNumber || t == URL:
		return Dest
	case t == Time:
		return When
	case t == Amount:
		return Sum
	}
	if _, _, address := addressOf(l.folded); address && !c.effect.reads() {
		return Dest
	} else if kind, _, _ := addressOf(l.folded); kind == URL {
		return Dest
	}
	return ""
}

func (c *check) one(l leaf, role ArgRole) grounding {
	var g grounding
	switch role {
	case Dest:
		g = c.dest(l)
	case Object:
		g = c.object(l)
	case Flag:
		g = c.flag(l)
	case Password:
		g = c.credential(l)
	case Profile:
		g = c.phrase(l, 1)
	default:
		g = c.text(l)
	}
	return c.rate(g)
}

// rate sets the confidentiality of a value by where it was found.
func (c *check) rate(g grounding) grounding {
	switch {
	case !g.ok:
		g.confidentiality = c.in.Window.label.Confidentiality
		if g.why == "" {
			g.why = "is not in your words"
		}
	case g.record != nil:
		g.confidentiality = g.record.Label.Confidentiality
	default:
		g.confidentiality = label.Private
	}
	return g
}

const yours = "stands in your words"

// dest grounds where something goes.
func (c *check) dest(l leaf) grounding {
	if disguised(l.folded) && !c.off(ruleDisguise) {
		return grounding{why: "has characters that look like others or do not show"}
	}
	t, value := Type(c.m.argType(l.arg)), ""
	switch t {
	case Email, Phone, AccountNumber, URL:
		v, ok := parseType(t, l.folded)
		if !ok {
			return grounding{why: "is no " + t.noun()}
		}
		value = v
	default:
		kind, v, ok := addressOf(l.folded)
		if !ok {
			return c.name(l)
		}
		t, value = kind, v
	}
	g := grounding{value: value}
	if slices.Contains(c.in.Window.self, value) || slices.Contains(c.in.Window.self, strings.ToLower(value)) {
		g.ok, g.why = true, "is your own"
		return g
	}
	for _, w := range c.in.Window.said {
		for _, a := range w.typed {
			same := a.kind == t && (a.value == value || t == URL && sameURL(a.value, value))
			if c.off(ruleTyped) {
				same = same || strings.HasPrefix(value, a.value)
			}
			if same {
				g.ok, g.why, g.in = true, yours, w
				g.at = append(g.at, a.span)
			}
		}
		if g.ok {
			return g
		}
	}
	if t == URL {
		return g
	}
	seen := ""
	for _, r := range c.in.Window.byValue[value] {
		for _, f := range r.Fields {
			if f.Value != value || f.Type != t {
				continue
			}
			seen = r.Source
			if w, at := c.in.Window.named(r, c.in.off); w != nil && (r.Person && onePerson(r, t) || c.relation(w, at, f.Name)) {
				return grounding{ok: true, value: value, record: r, in: w, at: at, why: fmt.Sprintf("is the %s of %s, which you named (%s)", words1(f.Name), quote(r), r.Source)}
			}
		}
	}
	if c.effect == Money {
		if back := c.giveBack(value); back.ok {
			return back
		}
	}
	if seen != "" {
		g.why = fmt.Sprintf("is not in your words; it stands in a result of %s, of something you did not name", seen)
	}
	return g
}

func words1(field string) string { return strings.ReplaceAll(strings.Trim(field, "_"), "_", " ") }

func (t Type) noun() string {
	switch t {
	case Email:
		return "e-mail address"
	case Phone:
		return "telephone number"
	case AccountNumber:
		return "account number"
	case URL:
		return "web address"
	}
	return string(t)
}

// name grounds a destination that is a name: of a person, a channel, a place.
func (c *check) name(l leaf) grounding {
	value := strings.TrimLeft(l.folded, "#@")
	for _, w := range c.in.Window.said {
		at := w.places(value, false)
		if common(lower(value)) {
			at = slices.DeleteFunc(at, func(p span) bool { return !w.quotedWhole(p) && (p.from == 0 || w.text[p.from-1] != '#') })
		}
		if len(at) > 0 {
			return grounding{ok: true, why: yours, value: lower(value), in: w, at: at}
		}
	}
	for _, r := range c.in.Window.byID[lower(l.folded)] { // "U0123", the id of somebody in a directory
		if !r.Person {
			continue
		}
		if w, at := c.in.Window.named(r, c.in.off); w != nil {
			return grounding{ok: true, why: fmt.Sprintf("is %s, whom you named (%s)", quote(r), r.Source), value: lower(value), record: r, in: w, at: at}
		}
	}
	return grounding{}
}

// flag grounds a choice. The least of what could be chosen needs no words.
func (c *check) flag(l leaf) grounding {
	word := lower(l.folded)
	if l.flag {
		word = lower(strings.ReplaceAll(l.key, "_", " "))
	}
	switch word {
	case "r", "read", "reader", "view", "viewer", "can_view", "read_only", "readonly", "none", "private", "low", "normal", "default":
		return grounding{ok: true, why: "is the least there is to choose"}
	case "rw", "w", "write", "writer", "edit", "editor", "can_edit":
		for _, w := range c.in.Window.said {
			for _, say := range [...]string{"write", "edit", "editor", "writer", "editing", "writing", "編集", "書き込み"} {
				if at := w.places(say, false); len(at) > 0 {
					return grounding{ok: true, why: yours, in: w, at: at}
				}
			}
		}
		return grounding{why: "gives more than you said"}
	}
	return c.stand(word, 1)
}

// credential grounds a password: letter for letter, and quoted or introduced,
// so that not every word of a message is one.
func (c *check) credential(l leaf) grounding {
	for _, w := range c.in.Window.said {
		for _, p := range w.places(strings.TrimSpace(l.raw), true) {
			before := strings.TrimRight(w.lower[:p.from], " ")
			end := p.to >= len(w.text) || strings.ContainsRune(" \n.,;!?", rune(w.text[p.to]))
			if w.quotedWhole(p) || end && hasSuffix(before, " to", " as", ":", "=", " is") && strings.ContainsAny(l.raw, "0123456789!$%&*+?#_^") && len(l.raw) >= 6 {
				return grounding{ok: true, why: yours, in: w, at: []span{p}}
			}
		}
	}
	return grounding{why: "is not quoted in your words"}
}

func hasSuffix(s string, list ...string) bool {
	return slices.ContainsFunc(list, func(suffix string) bool { return strings.HasSuffix(s, suffix) })
}
