package turn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"

	"instar/shared/audit"
	"instar/shared/model"
	"instar/shared/quarantine"
	"instar/shared/session"
	"instar/shared/tool"
)

// repair answers the tool calls that a dead holder left without results: those
// that may be repeated are, of the others the model is told that nobody knows.
func (p *progress) repair(ctx context.Context) error {
	steps := p.held.Turn.Steps
	if len(steps) == 0 || steps[len(steps)-1].Role != model.Assistant || len(steps[len(steps)-1].Calls) == 0 {
		return nil
	}
	calls := steps[len(steps)-1].Calls
	var results []model.ToolResult
	for i, c := range calls {
		t, ok := p.tools.Find(c.Name)
		if ok && !t.Idempotent {
			results = append(results, model.ToolResult{ID: c.ID, Error: true,
				Text: "Outcome unknown: the system restarted while this ran, so it may or may not have happened. Do not repeat it; tell the person."})
			continue
		}
		results = append(results, p.runTool(ctx, calls, i).ToolResult)
	}
	return p.update(ctx, func(t *session.Turn) {
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Unknown: true, Message: model.Message{Role: model.User, Results: results}})
	})
}

func (p *progress) runTools(ctx context.Context, calls []model.ToolCall) error {
	if p.writer != nil {
		p.writer.Nudge()
	}
	results := make([]model.ToolResult, 0, len(calls))
	for i := range calls {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		results = append(results, p.runTool(ctx, calls, i).ToolResult)
	}
	return p.update(ctx, func(t *session.Turn) {
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Message: model.Message{Role: model.User, Results: results}})
		p.steer(t)
	})
}

// runTool runs one of the calls of the last reply and shows it to whoever watches.
func (p *progress) runTool(ctx context.Context, calls []model.ToolCall, i int) tool.Outcome {
	c, t := calls[i], p.held.Turn
	show := func(state, summary string) {
		if p.live.Tool != nil {
			p.live.Tool(c.ID, c.Name, state, oneLine(summary, 300))
		}
	}
	show("running", "")
	var out tool.Outcome
	expanded, used, err := quarantine.Expand(ctx, c.Input, p.engine.texts(p.who.session))
	if err != nil {
		out = tool.Failed(c, err)
	} else if c.Input = expanded; p.repeated(calls[:i+1]) > MaxSame {
		out = tool.Refuse(c, fmt.Sprintf("this exact call was made %d times in this turn already; use its results or do something else", MaxSame))
	} else if found := p.engine.Guard.Check(string(c.Input)); len(found) > 0 {
		out = tool.Refuse(c, "its arguments hold a secret ("+found[0].Kind+"), and secrets leave by no tool")
	} else {
		// The provider's call id is unique within a reply at best, so the key
		// names the turn and the step too.
		sum := sha256.Sum256([]byte(c.ID))
		id := fmt.Sprintf("%s.%d.%d.%s", t.Session, t.Seq, len(t.Steps), hex.EncodeToString(sum[:6]))
		out = p.tools.Run(ctx, c, tool.Call{ID: id, Message: t.Message, Unseen: used, Give: p.giving(id)})
	}
	if out.State != "asked" {
		p.open = ""
	}
	show(out.State, out.Text)
	p.audit(audit.Event{Kind: audit.Decision, Tool: c.Name, Outcome: decision(out.State)})
	slog.Info("tool call", "tool", c.Name, "state", out.State, "session", t.Session, "turn", t.Seq)
	return out
}

// repeated counts how often the last of calls, which are the beginning of the
// last reply's, was asked for in this turn, this time included.
func (p *progress) repeated(calls []model.ToolCall) (n int) {
	c := calls[len(calls)-1]
	count := func(calls []model.ToolCall) {
		for _, one := range calls {
			if one.Name == c.Name && string(one.Input) == string(c.Input) && one.Garbled == c.Garbled {
				n++
			}
		}
	}
	steps := p.held.Turn.Steps
	for _, s := range steps[:len(steps)-1] {
		count(s.Calls)
	}
	count(calls)
	return n
}
