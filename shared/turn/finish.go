package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"instar/shared/budget"
	"instar/shared/model"
	"instar/shared/quarantine"
	"instar/shared/session"
)

// last is the end of a turn whose model has said its last word. Text from
// before a tool call belongs to the answer: the person has seen it.
func (p *progress) last(step *session.Step, reply model.Reply) ending {
	text := paragraphs(p.said(), reply.Text)
	switch {
	case reply.Stop == model.StopRefusal && text == "":
		text = "The model declined to answer this."
	case reply.Stop == model.StopRefusal:
		text = paragraphs(text, "(The model declined to say more.)")
	case reply.Stop == model.StopLength:
		text = paragraphs(text, "(The answer was cut: it reached the model's longest. Say “go on” for more.)")
	case text == "" && len(p.cards) > 0:
		text = "I need your word for this:"
	case text == "":
		text = "The model gave an empty answer. Please say it again, perhaps in other words."
	}
	if first := p.router.Models[0]; reply.Model != first {
		text = paragraphs(text, fmt.Sprintf("(Answered by %s, because %s did not.)", reply.Model, first))
	}
	return ending{state: session.Done, step: step, reply: text, model: reply.Model}
}

// said is everything the recorded steps have told the person.
func (p *progress) said() string {
	var parts []string
	for _, s := range p.held.Turn.Steps {
		if s.Role == model.Assistant {
			parts = append(parts, s.Text)
		}
	}
	return paragraphs(parts...)
}

func paragraphs(parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n\n")
}

// cutOff is the end of a turn in the middle of its reply. What the person has
// seen of it stays, for them and for the model.
func (p *progress) cutOff(state session.State, note string) ending {
	shown := strings.TrimSpace(p.shown.String())
	end := ending{state: state, reply: paragraphs(shown, note)}
	if unrecorded := strings.TrimSpace(strings.TrimPrefix(shown, p.said())); unrecorded != "" {
		end.step = &session.Step{At: p.engine.Now(), Label: p.label(), Message: model.Message{Role: model.Assistant, Text: paragraphs(unrecorded, note)}}
	}
	return end
}

// modelFailed is the end of a turn that got no answer: the person is told what
// happened and what to do.
func (p *progress) modelFailed(ctx context.Context, err error) ending {
	if cause := context.Cause(ctx); cause != nil {
		return ending{err: cause}
	}
	if p.broken != nil { // the bucket's trouble, not the model's: the queue comes again
		return ending{err: p.broken}
	}
	var spent *budget.Spent
	if errors.As(err, &spent) {
		return ending{state: session.Failed, reply: paragraphs(p.said(), "I can't answer now: "+spent.Error()+".")}
	}
	slog.Error("no model answered", "session", p.held.Turn.Session, "turn", p.held.Turn.Seq, "error", err.Error())
	reason := strings.TrimPrefix(err.Error(), "no model answered. ")
	return ending{state: session.Failed, reply: paragraphs(p.said(), "I could not get an answer from the model. "+reason)}
}

// text shows what the model writes, as far as no secret can be in it.
func (p *progress) text(delta string) { p.write(p.stream.Write(delta)) }

func (p *progress) write(delta string) {
	if p.gap && delta != "" {
		p.gap, delta = false, "\n\n"+delta
	}
	p.show(delta)
}

func (p *progress) show(delta string) {
	if delta == "" {
		return
	}
	p.shown.WriteString(delta)
	if p.writer != nil {
		p.writer.Text(delta)
	}
	if p.live.Text != nil {
		p.live.Text(delta)
	}
}

// reset takes back what a broken reply has shown, and nothing from before it.
func (p *progress) reset() {
	p.shown.Reset()
	p.stream = p.engine.Guard.Stream()
	if p.writer != nil {
		p.writer.Reset()
	}
	if p.live.Reset != nil {
		p.live.Reset()
	}
	p.show(p.said())
	p.gap = p.shown.Len() > 0
}

// finish records the turn's end together with the reply, before any of it is
// brought to the platform.
func (p *progress) finish(ctx context.Context, end ending) error {
	sender := p.engine.Senders[p.held.Turn.Message.Channel]
	if p.held.Turn.Message.Job != nil {
		p.announce(&end)
	}
	var questions []session.Part
	if len(p.cards) > 0 && end.state != session.Stopped {
		var err error
		if questions, err = p.questions(ctx); err != nil {
			return err
		}
		end.quiet = false
	}
	if end.state == session.Done && end.step != nil {
		// The person may read what the model may not.
		reply, err := quarantine.Reveal(ctx, end.reply, p.engine.texts(p.who.session))
		if err != nil {
			return err
		}
		end.reply = reply
	}
	end.reply = p.engine.Guard.Redact(end.reply)
	before := *p.held.Turn
	err := p.update(ctx, func(t *session.Turn) {
		if end.state == session.Stopped && p.drop(t) > 0 {
			end.reply = paragraphs(end.reply, "(What you wrote meanwhile is not acted on.)")
		}
		if end.step != nil {
			t.Steps = append(t.Steps, *end.step)
		}
		t.State, t.Reply, t.Ended, t.Label = end.state, end.reply, p.engine.Now(), p.label()
		t.SetModel, t.SetQueue, t.Reset = end.setModel, end.setQueue, end.reset
		if end.model != "" {
			t.Model = end.model
		}
		t.Run, t.Failure, t.Seen = end.run, end.failure, p.seen
		if sender == nil || end.quiet {
			return
		}
		t.Out = slices.Clone(t.Out) // before keeps its own
		for i, text := range sender.Split(end.reply) {
			if i < len(t.Out) {
				t.Out[i].Text = text
			} else {
				t.Out = append(t.Out, session.Part{Text: text, Begun: t.Message.Job != nil})
			}
		}
		for _, f := range t.Files {
			t.Out = append(t.Out, session.Part{File: &f})
		}
		t.Out = append(t.Out, questions...)
	})
	if errors.Is(err, session.ErrArrived) && end.state == session.Done {
		// So soon that it belongs to what is being answered here: begin anew.
		after := *p.held.Turn
		p.held.Reopen(before)
		if p.joinSeries() {
			return errJoined
		}
		p.held.Reopen(after)
	}
	for errors.Is(err, session.ErrArrived) || errors.Is(err, session.ErrStop) {
		// What arrived waits for the next turn. What was stopped in the very
		// last moment is answered, so it stands.
		err = p.update(ctx, func(*session.Turn) {})
	}
	if err != nil {
		return fmt.Errorf("record reply: %w", err)
	}
	t := p.held.Turn
	slog.Info("turn", "session", t.Session, "turn", t.Seq, "state", string(t.State), "model", t.Model,
		"steps", len(t.Steps), "input", t.Usage.Input, "output", t.Usage.Output, "cache_read", t.Usage.CacheRead, "cost_usd", t.Cost)
	return nil
}
