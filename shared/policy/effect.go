package policy

// Effects that the table of the gate knows, beside those of gate.go. An
// effect that is not among them is Worst.
const (
	Read        Effect = "read"         // reads, and tells nobody outside
	Fetch       Effect = "fetch"        // a request to an address: the address itself says something
	OwnWrite    Effect = "own_write"    // makes something that stays with the owner
	OwnModify   Effect = "own_modify"   // changes something of the owner's
	Send        Effect = "send"         // sends, invites, shares, publishes
	Money       Effect = "money"        // pays, orders, moves money
	Delete      Effect = "delete"       // takes something away
	Account     Effect = "account"      // accounts, credentials, the profile
	RunCode     Effect = "run_code"     // runs code that has a network
	Install     Effect = "install"      // adds a skill or a server of tools
	SetPolicy   Effect = "set_policy"   // changes what this package decides
	TrustMemory Effect = "trust_memory" // makes a memory the owner's own
	Worst       Effect = "unknown"      // could be anything
)

// normal brings the names that effects go by to the table's.
func (e Effect) normal() Effect {
	switch e {
	case Read, Fetch, OwnWrite, OwnModify, Send, Money, Delete, Account, RunCode, Install, SetPolicy, TrustMemory,
		ReadOwn, WriteOwn, SendSelf, MakeJob:
		return e
	case "none", "read_only":
		return Read
	case "network", "fetch_url", "browse":
		return Fetch
	case "invite", "share", "publish", "post", "message":
		return Send
	case "destructive":
		return Delete
	case "payment", "purchase":
		return Money
	case "credential", "credentials", "profile":
		return Account
	case "code", "execute":
		return RunCode
	}
	return Worst
}

// stays reports whether the effect stays with the person: what may run when
// nobody is there.
func (e Effect) stays() bool {
	switch e {
	case Read, Fetch, ReadOwn, OwnWrite, WriteOwn, OwnModify, SendSelf:
		return true
	}
	return false
}

// outgoing reports whether the effect tells somebody outside something.
func (e Effect) outgoing() bool {
	return e == Send || e == Money || e == Fetch || e == Worst || e == RunCode
}

// never reports whether the table's row for the effect says so: asked each
// time, one by one.
func (e Effect) never() bool {
	switch e {
	case RunCode, Install, SetPolicy, MakeJob, TrustMemory, Worst:
		return true
	}
	return false
}

// reads reports whether the effect changes nothing.
func (e Effect) reads() bool { return e == Read || e == ReadOwn || e == Fetch }

// severity orders effects for "the worse of two".
func (e Effect) severity() int {
	for i, f := range [...]Effect{ReadOwn, Read, SendSelf, WriteOwn, OwnWrite, OwnModify, Fetch, Delete, Send, Account, Money} {
		if e == f {
			return i
		}
	}
	return 100
}

func worse(a, b Effect) Effect {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// does says in words what the effect does, to follow "you did not ask".
func (e Effect) does() string {
	switch e {
	case Read, ReadOwn:
		return "for this to be read"
	case Fetch:
		return "for a page of the web to be opened"
	case OwnWrite, WriteOwn:
		return "for this to be written down"
	case OwnModify:
		return "for this to be changed"
	case Send:
		return "for anything to be sent or shared with this"
	case Money:
		return "for a payment like this"
	case Delete:
		return "for anything to be deleted or cancelled with this"
	case Account:
		return "for account data or a password to be changed"
	case RunCode:
		return "for a program to be run"
	case Install:
		return "for anything to be installed"
	case SetPolicy:
		return "for the rules to be changed"
	case MakeJob:
		return "for anything to be done at a later time"
	case TrustMemory:
		return "for a memory to be trusted"
	}
	return "for what this tool does"
}
