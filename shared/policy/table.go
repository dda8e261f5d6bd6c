package policy

import (
	"fmt"
	"strings"
)

// rule is a set of the gate's rules. Each has a name so that a test can switch
// it off and show that something then goes wrong; the product never does.
type rule uint32

const (
	ruleTaint rule = 1 << iota
	rulePlace
	ruleManifest
	ruleVerb
	ruleNegation
	ruleNouns
	ruleNobody
	ruleSecret
	ruleNever
	ruleFetch
	ruleWriteName
	ruleModifyObject
	ruleModifyDates
	ruleSendDest
	ruleSendTexts
	rulePayee
	ruleMoneyAmount
	ruleMoneyDates
	ruleDeleteObject
	ruleAccountValue
	ruleThirdParties
	ruleWritten
	ruleUnique
	ruleDisguise
	ruleTyped
	ruleSentence
	ruleRelation
	ruleGrant
	ruleEnd
)

// table decides in a tainted turn: allowed when the owner asked for it and the
// row finds nothing missing, else asked; denied when the owner never asked.
func (c *check) table() (Outcome, string) {
	e := c.effect
	if e == Read || e == ReadOwn || e == SendSelf && !c.notifies() {
		return Allow, ""
	}
	c.asked, c.why = c.asking()
	if e == Fetch {
		missing := c.row()
		if len(missing) == 0 {
			return Allow, ""
		}
		if c.asked = c.askedForWeb(); c.asked == notAsked && !c.off(ruleVerb) {
			return Deny, "you did not ask " + e.does()
		}
		return Ask, strings.Join(missing, "; ")
	}
	if c.asked == notAsked && !c.off(ruleVerb) {
		return Deny, "you did not ask " + e.does()
	}
	missing := c.row()
	if c.asked == unclear && !c.off(ruleVerb) {
		missing = append([]string{c.why}, missing...)
	}
	if len(missing) == 0 {
		return Allow, ""
	}
	const shown = 4
	if len(missing) > shown {
		missing = append(missing[:shown], fmt.Sprintf("and %d more", len(missing)-shown))
	}
	return Ask, strings.Join(missing, "; ")
}

// askedForWeb: opening a page needs no verb of its own, but the owner must
// have spoken of the web at all.
func (c *check) askedForWeb() asked {
	is := notAsked
	for _, w := range c.in.Window.said {
		switch {
		case w.earlier:
		case w.lang == unknown && len(w.tokens) > 0:
			is = max(is, unclear)
		case w.speaksOf([]string{"page"}):
			return wasAsked
		default:
			for _, t := range w.typed {
				if t.kind == URL {
					return wasAsked
				}
			}
		}
	}
	return is
}

// row is what an effect lacks by the table.
func (c *check) row() (missing []string) {
	e := c.effect
	need := func(r rule, roles ...ArgRole) {
		if !c.off(r) {
			missing = append(missing, c.missing(roles...)...)
		}
	}
	switch e {
	case Fetch:
		need(ruleFetch, Dest, Object, Content, Selector, "")
	case WriteOwn:
		// Memory: Remember keeps a tainted text beside a trusted entry.
	case OwnWrite:
		if !c.off(ruleWriteName) {
			missing = append(missing, c.nameless()...)
		}
	case OwnModify:
		need(ruleModifyObject, Object, Selector)
		need(ruleModifyDates, When)
		if len(c.of(Object)) == 0 && !c.off(ruleModifyObject) {
			missing = append(missing, c.nameless()...)
		}
	case Send:
		if len(c.of(Dest)) == 0 && !c.off(ruleSendDest) {
			missing = append(missing, "it names nobody whom you named")
		}
		need(ruleSendDest, Dest, Object)
		need(ruleSendTexts, Content, When, Sum, Flag, Selector, Password, Profile, "")
	case Money:
		if !c.off(rulePayee) {
			missing = append(missing, c.payee()...)
		}
		need(rulePayee, Dest, Object)
		need(ruleMoneyAmount, Sum)
		need(ruleMoneyDates, When)
		need(ruleSendTexts, Content, Flag, Selector, Password, Profile, "")
	case Delete:
		if len(c.of(Object)) == 0 && !c.off(ruleDeleteObject) {
			missing = append(missing, "it names nothing that you named")
		}
		need(ruleDeleteObject, Object, Dest, Selector, "")
	case Account:
		if len(c.leaves) == 0 && !c.off(ruleAccountValue) {
			missing = append(missing, "it says nothing that you quoted")
		}
		need(ruleAccountValue, Password, Profile, Dest, Object, Content, Flag, When, Sum, Selector, "")
	default:
		if !c.off(ruleNever) {
			missing = append(missing, e.asksAlways())
		}
	}
	if c.notifies() && e != Send && e != Money {
		need(ruleThirdParties, Dest, Content, When, "")
	}
	if c.notifies() || e == Send || e == Money {
		missing = append(missing, c.writtenBy()...)
	}
	return dedupe(missing)
}

// of are the numbers of the values of a role that are not empty.
func (c *check) of(roles ...ArgRole) (list []int) {
	for i, l := range c.leaves {
		if l.empty() {
			continue
		}
		for _, r := range roles {
			if c.role(l) == r {
				list = append(list, i)
				break
			}
		}
	}
	return list
}

// missing says which values of the roles are not grounded.
func (c *check) missing(roles ...ArgRole) (list []string) {
	for _, i := range c.of(roles...) {
		if !c.found[i].ok {
			list = append(list, c.say(i))
		}
	}
	return list
}

func (c *check) say(i int) string {
	l := c.leaves[i]
	value := l.raw
	if len(value) > 60 {
		value = strings.ToValidUTF8(value[:57], "") + "..."
	}
	return fmt.Sprintf("%s %q %s", l.path, value, c.found[i].why)
}

// nameless says what of a thing that stays with the owner is not named by
// them: its name, or the thing that is written to.
func (c *check) nameless() (list []string) {
	list = c.missing(Object)
	for i, l := range c.leaves {
		if l.empty() || c.role(l) == Object || c.found[i].ok {
			continue
		}
		switch strings.ToLower(l.arg) {
		case "title", "name", "filename", "file_name", "path", "file", "key", "subject", "label", "heading":
			list = append(list, c.say(i))
		}
	}
	return list
}

// payee says so when a payment goes to nobody: neither a payee of its own nor
// the payee of an order that is changed.
func (c *check) payee() []string {
	if len(c.of(Dest)) == 0 && len(c.of(Object)) == 0 {
		return []string{"it names no payee whom you named"}
	}
	return nil
}

// writtenBy says which of the things that others would get was written while
// text of others was in the conversation.
func (c *check) writtenBy() (list []string) {
	if c.off(ruleWritten) {
		return nil
	}
	for _, i := range c.of(Object) {
		if r := c.found[i].record; r != nil && r.Written {
			list = append(list, fmt.Sprintf("%s was written while text of others was being read, and you have not seen what is in it", quote(r)))
		}
	}
	return list
}

func dedupe(list []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func quote(r *Record) string {
	if r.Name != "" {
		return fmt.Sprintf("%q", r.Name)
	}
	return r.ID
}
