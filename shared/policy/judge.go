package policy

import (
	"fmt"
	"slices"
	"strings"

	"instar/shared/chat"
	"instar/shared/label"
)

// Outcome is what becomes of a call.
type Outcome string

const (
	Allow    Outcome = "allow"     // it runs
	Ask      Outcome = "ask"       // it waits for the owner's answer
	AskTwice Outcome = "ask_twice" // the owner has to confirm that something secret leaves
	Deny     Outcome = "deny"      // it does not run, and the model is told why
)

// Invocation is one tool call that is to be decided about.
type Invocation struct {
	Tool     string
	Input    []byte    // the arguments, a JSON object, exactly as they will run
	Manifest *Manifest // nil: the tool has none
}

// Request is all that a decision depends on.
type Request struct {
	Window *Window // nil: as if anything were in it
	Call   Invocation
	Role   Role      // who set the turn off
	Kind   chat.Kind // where the answer will be seen
	Nobody bool      // a job fired: nobody is there
	// Granted are the destinations that the owner always allows this tool, as
	// Verdict.Destinations gave them.
	Granted []string
	off     rule // rules that a test switches off
}

// Verdict is the gate's decision.
type Verdict struct {
	Outcome Outcome
	Effect  Effect // what the call would do with these arguments
	// Reason is for a person and for the model: what is missing, in words. It
	// is a clause without a full stop, "" with Allow.
	Reason    string
	Arguments []Argument // one for each value, in order
	// Destinations are what "always" would allow, with Ask: where the call
	// goes, in normal form. None where the table says never, where nobody is
	// there, and where the call does more than go there.
	Destinations []string
}

// maxValue is how many bytes of a value a verdict holds.
const maxValue = 4096

// Argument is where one value of the arguments came from.
type Argument struct {
	Path     string // "recipients[0]"
	Role     ArgRole
	Value    string // as it will run, at most maxValue bytes of it
	Grounded bool
	Why      string // where it was found, or why it counts as anybody's
}

// check is the work of one decision.
type check struct {
	in     Request
	m      *Manifest
	effect Effect
	args   map[string][]leaf
	leaves []leaf
	found  []grounding // for each leaf
	asked  asked
	why    string // why asked is not wasAsked
}

func (c *check) off(r rule) bool { return c.in.off&r != 0 }

// Judge is the gate: every tool call, message out, memory write and change of
// a job passes it before it runs. It changes nothing and asks nobody; the same
// request always has the same verdict. What it does not know, it does not
// allow.
func Judge(in Request) Verdict {
	if in.Window == nil {
		in.Window = NewWindow(label.Worst(), nil)
	}
	c := &check{in: in, m: in.Call.Manifest}
	var err error
	if c.args, c.leaves, err = parseArgs(in.Call.Input); err != nil {
		return Verdict{Outcome: Deny, Effect: Worst, Reason: "its arguments cannot be read: " + err.Error()}
	}
	c.effect = c.m.effect(c.args)
	v := Verdict{Effect: c.effect}
	if v.Reason = c.place(); v.Reason != "" {
		v.Outcome = Deny
		return v
	}
	c.ground()
	v.Outcome, v.Reason = c.decide()
	if v.Outcome == Ask {
		v.Destinations = c.destinations()
		if c.granted(v.Destinations) {
			v.Outcome, v.Reason = Allow, ""
		}
	}
	v.Arguments = c.arguments()
	return v
}

// place says why a call is not for this person or this place.
func (c *check) place() string {
	private := c.in.Kind == chat.Private
	if c.off(rulePlace) {
		return ""
	}
	switch c.effect {
	case ReadOwn, WriteOwn, MakeJob, SendSelf:
		if c.m.NotifiesThirdParties {
			break
		}
		return Decide(Call{Tool: c.in.Call.Tool, Effect: c.effect, Role: c.in.Role, Kind: c.in.Kind}).Reason
	}
	switch {
	case c.in.Role != Owner:
		return "only the owner can have this done"
	case !private && c.effect == Read && c.m.OutputConfidentiality > label.Public:
		return "this is only looked up in private conversations, because everyone here would see the answer"
	}
	return ""
}

func (c *check) decide() (Outcome, string) {
	tainted := c.in.Window.label.Tainted() && !c.off(ruleTaint)
	outcome, reason := Allow, ""
	switch {
	case c.m == nil && !c.off(ruleManifest):
		outcome, reason = c.stranger(tainted)
	case tainted:
		outcome, reason = c.table()
	default:
		outcome, reason = c.setting()
	}
	if outcome == Deny {
		return outcome, reason
	}
	if secret := c.secret(); secret != "" {
		return AskTwice, secret
	}
	if outcome == Allow && c.in.Nobody && (!c.effect.stays() || c.notifies()) && !c.off(ruleNobody) {
		return Ask, "nobody is there to see it, and it would not stay with you"
	}
	return outcome, reason
}

// setting decides in a turn that nobody else's text is in.
func (c *check) setting() (Outcome, string) {
	if c.m == nil {
		return Allow, "" // reached by a test only
	}
	switch c.m.Setting {
	case Allow:
		return Allow, ""
	case Ask, AskTwice:
		return c.m.Setting, "this tool is set to ask you each time"
	case Deny:
		return Deny, "this tool is switched off"
	case "":
		if c.effect.never() && c.effect != MakeJob {
			return Ask, c.effect.asksAlways()
		}
		return Allow, ""
	}
	return Ask, fmt.Sprintf("the setting %q of this tool is not known", string(c.m.Setting))
}

// stranger decides about a tool that has no manifest: it is never allowed, and
// in a tainted turn the owner is asked only for what they spoke of.
func (c *check) stranger(tainted bool) (Outcome, string) {
	const reason = "nobody has said what this tool does, so it could do anything"
	if !tainted {
		return Ask, reason
	}
	name := nameWords(c.in.Call.Tool)
	var verb []string
	for _, n := range name {
		if isVerb(n) {
			verb = append(verb, n)
		}
	}
	var is asked
	if len(verb) > 0 {
		is, _ = c.askingFor([][]string{verb})
	} else {
		for _, w := range c.in.Window.said {
			switch {
			case w.earlier:
			case w.lang == unknown && len(w.tokens) > 0:
				is = max(is, unclear)
			case slices.ContainsFunc(kindWords(name), func(k string) bool { return w.speaksOf([]string{k}) }):
				is = wasAsked
			}
		}
	}
	if is == notAsked && !c.off(ruleVerb) {
		return Deny, "you did not ask " + Worst.does() + " (" + c.in.Call.Tool + "), and nobody has said what that is"
	}
	return Ask, reason
}

// secret says what secret would leave the owner, "" when nothing would.
func (c *check) secret() string {
	if !c.effect.outgoing() && !c.notifies() || c.off(ruleSecret) {
		return ""
	}
	for i, l := range c.leaves {
		if !l.empty() && c.found[i].confidentiality >= label.Secret {
			if c.found[i].ok {
				return fmt.Sprintf("%s is secret, and would leave you", l.path)
			}
			return fmt.Sprintf("something secret could leave with %s: it is not in your words, and secret text was read in this conversation", l.path)
		}
	}
	return ""
}

func (c *check) notifies() bool { return c.m != nil && c.m.NotifiesThirdParties }

// arguments reports where each value came from.
func (c *check) arguments() []Argument {
	list := make([]Argument, 0, len(c.leaves))
	for i, l := range c.leaves {
		if l.null {
			continue
		}
		value := l.raw
		if len(value) > maxValue {
			value = strings.ToValidUTF8(value[:maxValue-3], "") + "..."
		}
		list = append(list, Argument{Path: l.path, Role: c.role(l), Value: value, Grounded: c.found[i].ok, Why: c.found[i].why})
	}
	return list
}

func (e Effect) asksAlways() string {
	switch e {
	case RunCode:
		return "a program that can reach the network is only run when you agree to this one"
	case Install:
		return "something is only installed when you agree to exactly this"
	case SetPolicy:
		return "the rules are only changed when you agree to exactly this"
	case MakeJob:
		return "text of others is in this conversation, so a job is only made when you agree to exactly this one"
	case TrustMemory:
		return "a memory only becomes your own word when you agree to exactly this text"
	}
	return "nobody has said what this does, so it could do anything"
}
