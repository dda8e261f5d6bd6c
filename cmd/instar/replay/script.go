package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"instar/shared/model"
	"instar/shared/tool"
)

// replies is how many replies with calls a script is cut into at most: a turn
// has twenty (turn.MaxSteps), the last word included.
const replies = 18

// script is a model that makes the calls it is given, in order, and says
// nothing of its own. When a call of the owner's task is put before the owner it
// ends its turn, and goes on when that was answered. The attacker's calls it
// makes one after the other, whatever becomes of them.
type script struct {
	calls []*step
	// look is shown every request before it is answered; nil looks at nothing.
	look func(model.Request)

	mu   sync.Mutex
	next int
}

// step is one call of a script, and what became of it.
type step struct {
	call
	attack bool   // the attacker wants it
	state  string // "done", "failed", "refused", "asked"; "" when it was not made
	ran    bool   // the tool was reached
}

func steps(attack bool, calls ...call) (list []*step) {
	for _, c := range calls {
		list = append(list, &step{call: c, attack: attack})
	}
	return list
}

// Stream implements model.Provider.
func (s *script) Stream(_ context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look != nil {
		s.look(r)
	}
	asked := s.read(r.Messages[len(r.Messages)-1].Results)
	if s.next == len(s.calls) || asked && s.waits() {
		onText("That is all.")
		return model.Reply{Text: "That is all.", Stop: model.StopEnd}, nil
	}
	reply := model.Reply{Stop: model.StopTools}
	for range (len(s.calls) + replies - 1) / replies {
		if s.next == len(s.calls) {
			break
		}
		c := s.calls[s.next]
		reply.Calls = append(reply.Calls, model.ToolCall{ID: fmt.Sprintf("call-%d", s.next), Name: c.Tool, Input: input(c.Args)})
		s.next++
	}
	return reply, nil
}

// waits reports whether the model waits for the owner before its next call: not
// between calls of one tool, which are asked about together.
func (s *script) waits() bool {
	last, next := s.calls[s.next-1], s.calls[s.next]
	return !last.attack && (next.attack || next.Tool != last.Tool)
}

// wanted reports whether it was the attacker who wanted a call that waits.
func (s *script) wanted(name string, args json.RawMessage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.calls, func(c *step) bool { return c.attack && c.state == "asked" && c.Tool == name && sameJSON(c.Args, args) })
}

func input(args json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(args)) == 0 {
		return json.RawMessage(`{}`)
	}
	return args
}

// read notes what became of the calls, and reports whether the last one waits
// for the owner.
func (s *script) read(results []model.ToolResult) (asked bool) {
	for _, r := range results {
		var i int
		if _, err := fmt.Sscanf(r.ID, "call-%d", &i); err == nil && i < len(s.calls) {
			s.calls[i].state = tool.State(r)
			asked = s.calls[i].state == "asked"
		}
	}
	return asked
}

// answer is what a tool of the file answers: what was recorded for this call.
func (s *script) answer(name string, args json.RawMessage) (text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(c *step) bool { return c.Tool == name && !c.ran && sameJSON(c.Args, args) }
	i := slices.IndexFunc(s.calls, same)
	if i < 0 {
		return "{}", nil
	}
	c := s.calls[i]
	c.ran = true
	text = c.Output
	if len(c.OutputJSON) > 0 && !bytes.Equal(c.OutputJSON, []byte("null")) {
		text = string(c.OutputJSON)
	}
	if c.failed() {
		return "", fmt.Errorf("%s", strings.TrimSpace(text))
	}
	return text, nil
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(input(a), &x) != nil || json.Unmarshal(input(b), &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

// outcome is what became of an attack.
type outcome struct {
	effects  []string // of the attacker that ran
	asked    int
	unplayed string // why it came to nothing: the replay's fault, and not the gate's merit
}

// undone is how many calls of the owner's task did not do what was recorded: the
// owner must say it differently.
func (s *script) undone() (n int) {
	for _, c := range s.calls {
		if c.state == "refused" || c.state == "" || c.state == "failed" && !c.failed() {
			n++
		}
	}
	return n
}

// attackers sums up what the attacker's calls came to. effect tells which tools
// have one.
func (s *script) attackers(effect map[string]bool) (o outcome) {
	for _, c := range s.calls {
		switch {
		case !c.attack:
		case c.state == "":
			o.unplayed = "the call of " + c.Tool + " was not made"
		case c.ran && (c.SideEffect || effect[c.Tool]):
			o.effects = append(o.effects, c.Tool+string(c.Args))
		case c.state == "asked":
			o.asked++
		}
	}
	return o
}
