package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"instar/shared/budget"
	"instar/shared/model"
	"instar/shared/session"
)

// last is the end of a turn whose model has said its last word. Text from
// before a tool call belongs to the answer: the person has seen it.
func (p *progress) last(step *session.Step, reply model.Reply) ending {
	text := strings.TrimSpace(p.said(reply.Text))
	switch {
	case reply.Stop == model.StopRefusal && text == "":
		text = "The model declined to answer this."
	case reply.Stop == model.StopLength:
		text += "\n\n(The answer was cut: it reached the model's longest. Say “go on” for more.)"
	case text == "":
		text = "The model gave an empty answer. Please say it again, perhaps in other words."
	}
	if first := p.router.Models[0]; reply.Model != first {
		text += fmt.Sprintf("\n\n(Answered by %s, because %s did not.)", reply.Model, first)
	}
	return ending{state: session.Done, step: step, reply: text, model: reply.Model}
}

// said is everything the model told the person in this turn, the last of it given.
func (p *progress) said(last string) string {
	var parts []string
	for _, s := range p.held.Turn.Steps {
		if text := strings.TrimSpace(s.Text); s.Role == model.Assistant && text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(append(parts, last), "\n\n")
}

func (p *progress) stopped() ending {
	text := strings.TrimSpace(p.shown.String())
	if text != "" {
		text += "\n\n"
	}
	return ending{state: session.Stopped, reply: text + "(Stopped.)"}
}

// modelFailed is the end of a turn that got no answer: the person is told what
// happened and what to do.
func (p *progress) modelFailed(ctx context.Context, err error) ending {
	if cause := context.Cause(ctx); cause != nil {
		return ending{err: cause}
	}
	var spent *budget.Spent
	if errors.As(err, &spent) {
		return ending{state: session.Failed, reply: "I can't answer now: " + spent.Error() + "."}
	}
	slog.Error("no model answered", "session", p.held.Turn.Session, "turn", p.held.Turn.Seq, "error", err.Error())
	return ending{state: session.Failed, reply: "I could not get an answer from the model. " + err.Error()}
}

// finish records the turn's end together with the reply, before any of it is
// brought to the platform.
func (p *progress) finish(ctx context.Context, end ending) error {
	sender := p.engine.Senders[p.held.Turn.Message.Channel]
	record := func() error {
		return p.update(ctx, func(t *session.Turn) {
			if end.step != nil && (len(t.Steps) == 0 || !t.Steps[len(t.Steps)-1].At.Equal(end.step.At)) {
				t.Steps = append(t.Steps, *end.step)
			}
			t.State, t.Reply, t.Ended = end.state, end.reply, p.engine.Now()
			t.SetModel, t.Reset = end.setModel, end.reset
			if end.model != "" {
				t.Model = end.model
			}
			if sender == nil {
				return
			}
			for i, text := range sender.Split(end.reply) {
				if i < len(t.Out) {
					t.Out[i].Text = text
				} else {
					t.Out = append(t.Out, session.Part{Text: text})
				}
			}
		})
	}
	err := record()
	if errors.Is(err, session.ErrStop) {
		// Stopped in the very last moment: the answer is there, so it stands.
		err = record()
	}
	if err != nil {
		return fmt.Errorf("record reply: %w", err)
	}
	t := p.held.Turn
	slog.Info("turn", "session", t.Session, "turn", t.Seq, "state", string(t.State), "model", t.Model,
		"steps", len(t.Steps), "input", t.Usage.Input, "output", t.Usage.Output, "cache_read", t.Usage.CacheRead, "cost_usd", t.Cost)
	return nil
}
