// Package tool holds what the model may ask for. A tool declares its effect;
// whether a call runs is decided by package policy, through Set.Run, which is
// the only way to a tool.
package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"instar/shared/chat"
	"instar/shared/label"
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
	// Manifest is what the gate decides by: the effect, what the arguments are
	// for, and whose words the result is. nil is taken for the worst.
	Manifest *policy.Manifest
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
	// Unseen: handles of package quarantine stood in the input, and the texts of
	// others that they stand for are in it now. The model has not seen them.
	Unseen bool
	// Label is that of the window the call was made in, and of what is in the
	// input.
	Label label.Label
	// Taint joins the label of what the result holds, where the manifest cannot
	// say it.
	Taint func(label.Label)
	// Give has a file go to the person with the answer. Given again by the same
	// call it is the same file.
	Give func(ctx context.Context, f File) error
}

// Reason is a verdict's for the model: it quotes nothing the model has not seen.
func (c *Call) Reason(v policy.Verdict) string {
	if c.Unseen {
		return "it holds text of others, and the owner decides about that"
	}
	return v.Reason
}

// window is what the gate judges the call by.
func (c *Call) window(w *policy.Window) *policy.Window {
	if c.Unseen {
		return w.With(label.New(label.Untrusted, label.Private, []string{"handle"}, nil))
	}
	return w
}

func (c *Call) taint(l label.Label) {
	if c.Taint != nil {
		c.Taint(l)
	}
}

// Set is the tools of one turn.
type Set struct {
	Tools []Tool // in a fixed order: their schemas are part of the cached prefix
	Role  policy.Role
	Kind  chat.Kind
	// Window is what the gate knows of the model's context; nil is the worst.
	Window *policy.Window
	// Nobody: a job fired, and nobody is there to see it.
	Nobody bool
	// Ask puts a call before the owner and returns what the model is told; nil
	// refuses what would be asked.
	Ask func(ctx context.Context, call Call, name string, v policy.Verdict) (text string, err error)
	// Granted are the destinations that the owner always allows a tool; nil: none.
	Granted func(ctx context.Context, name string) ([]string, error)
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

// Outcome is how a call ended: State is "done", "failed", "refused" or "asked".
type Outcome struct {
	model.ToolResult
	State string
}

// What the texts of results of calls that did not run begin with.
const (
	refused = "Not allowed: "
	asked   = "Not done yet: "
)

// Refuse answers a call that does not run.
func Refuse(call model.ToolCall, reason string) Outcome {
	return Outcome{model.ToolResult{ID: call.ID, Text: refused + reason + ".", Error: true}, "refused"}
}

// Failed answers a call that could not be made.
func Failed(call model.ToolCall, err error) Outcome {
	return Outcome{model.ToolResult{ID: call.ID, Text: strings.TrimPrefix(strings.TrimPrefix(err.Error(), refused), asked), Error: true}, "failed"}
}

// State tells from a recorded result how its call ended: "done", "failed",
// "refused" or "asked".
func State(r model.ToolResult) string {
	switch {
	case !r.Error:
		return "done"
	case strings.HasPrefix(r.Text, refused):
		return "refused"
	case strings.HasPrefix(r.Text, asked):
		return "asked"
	}
	return "failed"
}

// Run passes the call through the gate and runs it. It never fails: whatever
// goes wrong is an answer the model can act on.
func (s *Set) Run(ctx context.Context, call model.ToolCall, c Call) Outcome {
	t, out, ok := s.find(ctx, call, c)
	if !ok {
		return out
	}
	if s.Window == nil {
		s.Window = policy.NewWindow(label.Worst(), nil)
	}
	v := s.judge(ctx, c.window(s.Window), policy.Invocation{Tool: t.Name, Input: call.Input, Manifest: t.Manifest})
	c.Input = call.Input
	switch v.Outcome {
	case policy.Allow:
		return s.run(ctx, t, call, c)
	case policy.Ask, policy.AskTwice:
		if s.Ask == nil {
			return Refuse(call, c.Reason(v))
		}
		text, err := s.Ask(ctx, c, t.Name, v)
		if err != nil {
			return Refuse(call, "the owner has to be asked, and that failed; try again")
		}
		return Outcome{model.ToolResult{ID: call.ID, Text: asked + text, Error: true}, "asked"}
	}
	return Refuse(call, c.Reason(v))
}

// judge asks the gate, which is told of the owner's grants when they matter.
func (s *Set) judge(ctx context.Context, w *policy.Window, call policy.Invocation) policy.Verdict {
	in := policy.Request{Window: w, Role: s.Role, Kind: s.Kind, Nobody: s.Nobody, Call: call}
	v := policy.Judge(in)
	if len(v.Destinations) == 0 || s.Granted == nil {
		return v
	}
	var err error
	if in.Granted, err = s.Granted(ctx, call.Tool); err != nil {
		slog.Warn("grants not read", "error", err.Error())
		return v // so the owner is asked
	}
	return policy.Judge(in)
}

// RunApproved runs a call that the owner has said yes to: the caller has made
// use of that approval.
func (s *Set) RunApproved(ctx context.Context, call model.ToolCall, c Call) Outcome {
	t, out, ok := s.find(ctx, call, c)
	if !ok {
		return out
	}
	c.Input = call.Input
	return s.run(ctx, t, call, c)
}

func (s *Set) find(ctx context.Context, call model.ToolCall, c Call) (Tool, Outcome, bool) {
	t, ok := s.Find(call.Name)
	switch {
	case !ok:
		return t, s.answer(ctx, call, c, "failed", "There is no tool of that name here."), false
	case call.Input == nil:
		return t, s.answer(ctx, call, c, "failed", "The input was not a JSON object. Call the tool again with one that fits its schema."), false
	}
	return t, Outcome{}, true
}

// run runs a call that may run, and has the window know what came of it.
func (s *Set) run(ctx context.Context, t Tool, call model.ToolCall, c Call) Outcome {
	c.Label, c.Taint = c.window(s.Window).Label(), s.Window.Join
	text, err := t.Run(ctx, c)
	state := "done"
	if err != nil {
		// Only the gate refuses or asks, whatever a tool says.
		state, text = "failed", strings.TrimPrefix(strings.TrimPrefix(err.Error(), refused), asked)
	}
	s.Window.Saw(t.Manifest, t.Name, []byte(text), c.Label)
	return s.answer(ctx, call, c, state, text)
}

func (s *Set) answer(ctx context.Context, call model.ToolCall, c Call, state, text string) Outcome {
	return Outcome{model.ToolResult{ID: call.ID, Text: s.fit(ctx, c.ID, text), Error: state != "done"}, state}
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
