// Package tool holds what the model may ask for. A tool declares its effect;
// whether a call runs is decided by package policy, through Set.Run, which is
// the only way to a tool.
package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/policy"
)

// MaxResult is the longest tool result in bytes that goes into the conversation
// whole. Of a longer one that is kept elsewhere the model sees the first keptHead
// and the last keptTail bytes.
const (
	MaxResult = 16 << 10
	keptHead  = 6 << 10
	keptTail  = 2 << 10
)

// Tool is one thing the model may ask for.
type Tool struct {
	model.Tool
	Effect policy.Effect
	// Idempotent: running the same call (by its ID) again changes nothing, so
	// a call whose outcome a crash made unknown may be repeated.
	Idempotent bool
	// Run does it. The text goes to the model; an error's text does too, so it
	// says what to do differently and holds no secret.
	Run func(ctx context.Context, c Call) (string, error)
}

// Call is one call that passed the gate.
type Call struct {
	ID      string // unique over all turns: the idempotency key
	Input   json.RawMessage
	Message *chat.Message // what set the turn off
}

// Set is the tools of one turn.
type Set struct {
	Tools []Tool // in a fixed order: their schemas are part of the cached prefix
	Role  policy.Role
	Kind  chat.Kind
	// Keep stores a result longer than MaxResult and returns the ref by which
	// memory_search reads it; call is the Call's ID. With nil, or when it
	// fails, the result is cut. Leave it nil where memory_search is not among
	// the tools or was given no Results: nobody could read what is kept.
	Keep func(ctx context.Context, call, text string) (ref string, err error)
}

// Schemas is what the model is told.
func (s *Set) Schemas() []model.Tool {
	list := make([]model.Tool, len(s.Tools))
	for i, t := range s.Tools {
		list[i] = t.Tool
	}
	return list
}

// Find returns the tool of a name.
func (s *Set) Find(name string) (Tool, bool) {
	for _, t := range s.Tools {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// Outcome is how a call ended: State is "done", "failed" or "refused".
type Outcome struct {
	model.ToolResult
	State string
}

// refused begins the text of every result of a call that was not allowed to run.
const refused = "Not allowed: "

// Refuse answers a call that does not run.
func Refuse(call model.ToolCall, reason string) Outcome {
	return Outcome{model.ToolResult{ID: call.ID, Text: refused + reason + ".", Error: true}, "refused"}
}

// State tells from a recorded result how its call ended: "done", "failed" or
// "refused".
func State(r model.ToolResult) string {
	switch {
	case !r.Error:
		return "done"
	case strings.HasPrefix(r.Text, refused):
		return "refused"
	}
	return "failed"
}

// Run passes the call through the gate and runs it. It never fails: whatever
// goes wrong is an answer the model can act on.
func (s *Set) Run(ctx context.Context, call model.ToolCall, c Call) Outcome {
	answer := func(state, text string) Outcome {
		return Outcome{model.ToolResult{ID: call.ID, Text: s.fit(ctx, c.ID, text), Error: state != "done"}, state}
	}
	t, ok := s.Find(call.Name)
	if !ok {
		return answer("failed", "There is no tool of that name here.")
	}
	if call.Input == nil {
		return answer("failed", "The input was not a JSON object. Call the tool again with one that fits its schema.")
	}
	decision := policy.Decide(policy.Call{Tool: t.Name, Effect: t.Effect, Role: s.Role, Kind: s.Kind})
	if !decision.Allow {
		return Refuse(call, decision.Reason)
	}
	c.Input = call.Input
	text, err := t.Run(ctx, c)
	if err != nil {
		// Only the gate refuses, whatever a tool says.
		return answer("failed", strings.TrimPrefix(err.Error(), refused))
	}
	return answer("done", text)
}

// fit makes a result valid UTF-8 of a length that the conversation can take.
func (s *Set) fit(ctx context.Context, call, text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= MaxResult {
		return text
	}
	note := fmt.Sprintf("\n[cut: %d bytes in all]", len(text))
	if s.Keep != nil {
		ref, err := s.Keep(ctx, call, text)
		if err == nil {
			return excerpt{text, text, len(text), ref}.show(keptHead, keptTail)
		}
		note = fmt.Sprintf("\n[cut: %d bytes in all; the rest could not be kept]", len(text))
	}
	return strings.ToValidUTF8(text[:MaxResult], "") + note
}

// decode reads a tool's input. Its error tells the model what is wrong.
func decode(input json.RawMessage, into any) error {
	if err := json.Unmarshal(input, into); err != nil {
		return fmt.Errorf("the input does not fit the schema: %w", err)
	}
	return nil
}
