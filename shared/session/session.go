// Package session keeps conversations in the bucket and makes turns durable.
//
// A session is a head object and one object a turn:
//
//	<agent>/sessions/<id>/head            which turn is the current one, and the recent history
//	<agent>/sessions/<id>/turns/00000042  everything that turn did, step by step
//
// A turn costs the bucket three writes: the head is replaced to claim the turn
// (folding the turn before into the history), the turn object is created when
// the placeholder of its reply has been sent, and replaced when its reply is
// complete. Tool calls add two each. The claim is the lease: whoever replaced
// the head by compare-and-swap owns the turn until the time written there;
// from then on the turn object itself carries the lease, and every write of it
// is a compare-and-swap on what its holder wrote last, so a holder that lost
// its turn finds out at its next write.
package session

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"instar/shared/budget"
	"instar/shared/chat"
	"instar/shared/model"
)

// Main is the session that all of the owner's private chats share.
const Main = "main"

// ID names the session a message belongs to. The owner's private chats are one
// conversation; every other person, group, thread and named web chat has its own.
func ID(m *chat.Message, owner bool) string {
	if m.Kind == chat.Private && owner {
		if m.Session == "" || m.Session == Main {
			return Main
		}
		return "web-" + url.PathEscape(m.Session)
	}
	parts := []string{m.Channel, m.Chat}
	if m.Thread != "" {
		parts = append(parts, m.Thread)
	}
	for i, part := range parts {
		// "." and "-" separate, so neither may stand inside a part.
		parts[i] = strings.NewReplacer("-", "%2D", ".", "%2E").Replace(url.PathEscape(part))
	}
	return strings.Join(parts, "-")
}

// Head is the state of a session between turns.
type Head struct {
	V    int   `json:"v"` // 1
	Turn Claim `json:"turn"`
	// Recent are the ids of the messages taken last, newest last: the guard
	// against an event that is delivered again after its turn.
	Recent []string     `json:"recent,omitempty"`
	Model  string       `json:"model,omitempty"` // chosen with /model; "" is the configured one
	Grant  budget.Grant `json:"grant"`

	// History is the conversation the model is shown, one entry a turn, oldest
	// first. It is bounded; the turn objects keep everything.
	History [][]model.Message `json:"-"`
}

// Claim names the current or last turn.
type Claim struct {
	Seq     int       `json:"seq"` // 0: there has been no turn
	Message string    `json:"message"`
	Key     string    `json:"key"`   // of the inbox entry
	Until   time.Time `json:"until"` // the claim lapses then, unless the turn object exists
}

// State is how far a turn is.
type State string

const (
	Running State = "running"
	Done    State = "done"    // answered
	Stopped State = "stopped" // ended by /stop
	Failed  State = "failed"  // ended with an error the person was told
)

// Turn is the log of one turn.
type Turn struct {
	V       int           `json:"v"` // 1
	Seq     int           `json:"seq"`
	Session string        `json:"session"`
	Message *chat.Message `json:"message"`
	Started time.Time     `json:"started"`
	Ended   time.Time     `json:"ended,omitzero"`
	State   State         `json:"state"`
	// Holder is the present holder's random name, Until when its lease lapses;
	// Fence counts how often the turn was taken over from a dead one.
	Holder string    `json:"holder,omitempty"`
	Until  time.Time `json:"until"`
	Fence  int       `json:"fence"`
	Stop   bool      `json:"stop,omitempty"` // somebody asked for the turn to end
	Steps  []Step    `json:"steps,omitempty"`
	// Out is the reply as it stands, or shall stand, on the platform.
	Out   []Part      `json:"out,omitempty"`
	Reply string      `json:"reply,omitempty"`
	Model string      `json:"model,omitempty"` // "provider/model" of the last answer
	Usage model.Usage `json:"usage"`
	Cost  float64     `json:"cost_usd"`
	// Head fields a command changed; applied when the turn is folded.
	SetModel *string       `json:"set_model,omitempty"`
	Reset    bool          `json:"reset,omitempty"` // forget the history before this turn
	Grant    *budget.Grant `json:"grant,omitempty"`
}

// Step is one durable entry: what the model said, or what its tools answered.
type Step struct {
	At time.Time `json:"at"`
	model.Message
	Unknown bool `json:"unknown,omitempty"` // results put in after a crash: the tools may have run
}

// Part is one message of the reply on a platform.
type Part struct {
	ID   string `json:"id,omitempty"` // the platform's; "" until it was sent
	Text string `json:"text,omitempty"`
}

// Messages is what the turn adds to the conversation: the person's message,
// the model's replies and the tools' results. A tool call without a recorded
// result gets one that says so, since no provider accepts a history where it
// is missing.
func (t *Turn) Messages(user string) []model.Message {
	messages := []model.Message{{Role: model.User, Text: user}}
	var open []model.ToolCall
	closeCalls := func() {
		if results := complete(open, nil); len(results) > 0 {
			messages = append(messages, model.Message{Role: model.User, Results: results})
		}
		open = nil
	}
	for _, s := range t.Steps {
		message := s.Message
		if len(s.Results) > 0 {
			message.Results, open = complete(open, s.Results), nil
		} else {
			closeCalls()
			open = s.Calls
		}
		messages = append(messages, message)
	}
	closeCalls()
	last := messages[len(messages)-1]
	if t.State != Running && t.Reply != "" && last.Role != model.Assistant {
		messages = append(messages, model.Message{Role: model.Assistant, Text: t.Reply})
	}
	return messages
}

// complete adds to the results those that the calls lack.
func complete(calls []model.ToolCall, results []model.ToolResult) []model.ToolResult {
	results = slices.Clip(results)
	for _, c := range calls {
		if !slices.ContainsFunc(results, func(r model.ToolResult) bool { return r.ID == c.ID }) {
			results = append(results, model.ToolResult{ID: c.ID, Text: "No result was recorded.", Error: true})
		}
	}
	return results
}
