// Package policy decides what a tool call may do. The decision is code outside
// the model: nothing a model, a web page or a remembered note says changes it.
package policy

import "instar/shared/chat"

// Effect is what a tool would change, and for whom. Every tool declares one.
type Effect string

const (
	ReadOwn  Effect = "read_own"  // reads what the person keeps
	WriteOwn Effect = "write_own" // changes what the person keeps; stays with them
	SendSelf Effect = "send_self" // sends to the same person on another of their channels
	MakeJob  Effect = "make_job"  // has something done later, or not any more
)

// Role is who set the turn off.
type Role string

const (
	Owner Role = "owner"
	Guest Role = "guest" // paired, or let in by an open policy
)

// Call is what is decided about.
type Call struct {
	Tool   string
	Effect Effect
	Role   Role
	Kind   chat.Kind // where the answer will be seen
}

// Decision is the gate's answer. Reason is for the model and the person, and
// says what would be needed instead.
type Decision struct {
	Allow  bool
	Reason string
}

// Decide is the one gate: every tool call passes it before it runs, and what
// it does not know it refuses.
func Decide(c Call) Decision {
	switch c.Effect {
	case ReadOwn, WriteOwn:
		if c.Kind != chat.Private {
			return Decision{Reason: "memory is only used in private conversations, because everyone here would see the answer"}
		}
		return Decision{Allow: true}
	case MakeJob:
		if c.Role != Owner || c.Kind != chat.Private {
			return Decision{Reason: "only the owner, in a private conversation, can make and cancel jobs"}
		}
		return Decision{Allow: true}
	case SendSelf:
		if c.Role != Owner || c.Kind != chat.Private {
			return Decision{Reason: "only the owner, in a private conversation, can have messages sent to another channel"}
		}
		return Decision{Allow: true}
	}
	return Decision{Reason: "this tool's effect is unknown, so it is not run"}
}
