package policy

import (
	"fmt"
	"slices"
	"strings"
)

// amount grounds how much: it stands in the owner's words in the sentence that
// names the payee or the order, or it is that of an attested record of the
// payee.
func (c *check) amount(l leaf) grounding {
	value, cur, ok := amountOf(l)
	if !ok {
		return c.rate(grounding{why: "is no amount"})
	}
	for _, w := range c.in.Window.said {
		if w.earlier {
			continue
		}
		for _, n := range w.numbers {
			if n.value != value || cur != "" && n.currency != "" && n.currency != cur {
				continue
			}
			if c.beside(w, n.span) {
				return c.rate(grounding{ok: true, value: n.currency, why: yours + ", beside whom it is for", in: w, at: []span{n.span}})
			}
		}
	}
	for i, other := range c.leaves {
		g := c.found[i]
		if r := c.role(other); r != Dest && r != Object || !g.ok || other.empty() {
			continue
		}
		if g.record != nil && has(g.record, Amount, value) {
			return c.rate(grounding{ok: true, record: g.record, why: "is the amount of " + quote(g.record)})
		}
		if g.value == "" {
			continue
		}
		for _, r := range c.in.Window.byValue[g.value] {
			if has(r, Amount, value) && hasValue(r, g.value) && !r.Written {
				return c.rate(grounding{ok: true, record: r, why: fmt.Sprintf("is the amount of %s (%s), with the same payee", quote(r), r.Source)})
			}
		}
	}
	return c.rate(grounding{why: "is not beside the payee in your words, and no record of that payee has it"})
}

// unit grounds a currency: the one that stands beside the amount.
func (c *check) unit(l leaf) grounding {
	code := strings.ToUpper(strings.TrimSpace(l.folded))
	if u := currency(strings.ToLower(code)); u != "" {
		code = u
	}
	for i, other := range c.leaves {
		if c.role(other) == Sum && c.found[i].ok && c.found[i].value != "" {
			if c.found[i].value == code {
				return c.rate(grounding{ok: true, why: yours})
			}
			return c.rate(grounding{why: "is another than you wrote"})
		}
	}
	return c.rate(grounding{})
}

// beside reports whether an amount stands in a sentence with the payee or the
// order of this call.
func (c *check) beside(w *words, p span) bool {
	if c.off(ruleSentence) {
		return true
	}
	for i, l := range c.leaves {
		if r := c.role(l); r != Dest && r != Object || l.empty() || !c.found[i].ok || c.found[i].in != w {
			continue
		}
		if slices.ContainsFunc(c.found[i].at, func(q span) bool { return w.sentence(q.from) == w.sentence(p.from) }) {
			return true
		}
	}
	return false
}

func has(r *Record, t Type, value string) bool {
	return slices.ContainsFunc(r.Fields, func(f Attested) bool { return f.Type == t && f.Value == value })
}

func hasValue(r *Record, value string) bool {
	return slices.ContainsFunc(r.Fields, func(f Attested) bool {
		return (f.Type == AccountNumber || f.Type == Email || f.Type == Phone) && f.Value == value
	})
}

// giveBack grounds the payee of a refund whom the owner did not name: who sent
// the one payment of the amount that the owner wants to give back. Whoever
// that is, they get no more than they brought.
func (c *check) giveBack(payee string) grounding {
	sum := ""
	for _, l := range c.leaves {
		if c.role(l) == Sum {
			if sum != "" {
				return grounding{}
			}
			sum, _, _ = amountOf(l)
		}
	}
	if sum == "" {
		return grounding{}
	}
	for _, w := range c.in.Window.said {
		if w.earlier {
			continue
		}
		for _, n := range w.numbers {
			if n.value != sum || !w.givesBack(w.sentence(n.from)) {
				continue
			}
			if r := c.onlyPayment(sum); r != nil && sentBy(r, payee) {
				return grounding{ok: true, value: payee, record: r, in: w, at: []span{n.span},
					why: fmt.Sprintf("is who sent the one payment of %s that you want to give back (%s)", sum, r.Source)}
			}
		}
	}
	return grounding{}
}

func (w *words) givesBack(sentence int) bool {
	for _, v := range [...]string{"refund", "reimburse", "return", "pay_back", "give_back", "send_back"} {
		first, _, _ := strings.Cut(v, "_")
		for _, m := range w.asks[first] {
			if m.token >= 0 && !m.negated && w.sentence(w.tokens[m.token].from) == sentence && w.same(m, v) {
				return true
			}
		}
	}
	for _, m := range w.asks["返金"] {
		if !m.negated {
			return true
		}
	}
	return false
}

// onlyPayment is the one record with an amount, nil when there are more.
func (c *check) onlyPayment(sum string) (only *Record) {
	if c.in.Window.full {
		return nil
	}
	for _, r := range c.in.Window.byValue[sum] {
		if !has(r, Amount, sum) {
			continue
		}
		if only != nil && (r.ID == "" || r.ID != only.ID || r.Source != only.Source) {
			return nil
		}
		only = r
	}
	return only
}

func sentBy(r *Record, payee string) bool {
	return slices.ContainsFunc(r.Fields, func(f Attested) bool {
		switch strings.Trim(f.Name, "_") {
		case "sender", "from", "payer", "debtor":
			return f.Value == payee
		}
		return false
	})
}
