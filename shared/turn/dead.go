package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/session"
)

// bury makes a message that was tried in vain a dead letter: cause is why the
// last try failed. The person is told, where they can be reached.
func (e *Engine) bury(ctx context.Context, d Delivery, cause error) error {
	slog.Error("message given up", "channel", d.Message.Channel, "error", cause.Error())
	const text = "I could not answer this after many tries. /retry lets me try again."
	letter := inbox.Letter{At: e.Now(), Reason: "it could not be answered after many tries", Message: d.Message}
	told := false
	if w, err := e.admit(ctx, d.Message, true); err == nil {
		letter.Session = w.session
		h, err := e.sessions().Claim(ctx, w.session, d.Key, d.Message, true)
		var moved *session.Moved
		if errors.As(err, &moved) {
			letter.Session = moved.Session
			h, err = e.sessions().Claim(ctx, moved.Session, d.Key, d.Message, true)
		}
		if err == nil && !h.Other && h.Turn.State == session.Running {
			if err := e.end(ctx, h, session.Failed, text); err != nil {
				return err
			}
			told = e.deliver(ctx, h, false) == nil
		}
	}
	if err := inbox.Bury(ctx, e.Bucket, e.Agent, d.Key, letter); err != nil {
		return err
	}
	if !told {
		e.tellOwner(ctx, fmt.Sprintf("A message on %s could not be answered after many tries. /retry lets me try again.", d.Message.Channel))
	}
	return nil
}

// tellOwner says something to the owner on the first of their channels that
// takes it. That is best effort: what it is about is recorded elsewhere.
func (e *Engine) tellOwner(ctx context.Context, text string) {
	for _, name := range e.reachable() {
		to, _ := e.ownerOn(name)
		if _, err := e.Senders[name].Send(ctx, to, text, ""); err == nil {
			return
		}
	}
	slog.Warn("the owner could not be told")
}

// reachable are the channels on which the owner can be written to, in order.
func (e *Engine) reachable() (names []string) {
	for _, name := range []string{"telegram", "slack"} {
		if _, ok := e.ownerOn(name); ok && e.Senders[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// retry puts a person's dead letters back, the owner's all of them; without
// any, the message before, if its turn failed.
func (p *progress) retry(ctx context.Context) ending {
	e := p.engine
	letters, err := inbox.Letters(ctx, e.Bucket, e.Agent)
	if err != nil {
		return ending{err: err}
	}
	accept := func(ctx context.Context, m *chat.Message) error { return e.accept(ctx, m, 0) }
	n := 0
	for _, l := range letters {
		if !p.who.owner && l.Message.Person() != p.who.person {
			continue
		}
		if err := inbox.Revive(ctx, e.Bucket, l, e.Now(), accept); err != nil {
			return ending{err: err}
		}
		n++
	}
	switch {
	case n == 1:
		return ending{state: session.Done, reply: "I am trying it again."}
	case n > 1:
		return ending{state: session.Done, reply: fmt.Sprintf("I am trying %d messages again.", n)}
	}
	t, _, err := e.sessions().Turn(ctx, p.held.Turn.Session, p.held.Turn.Seq-1)
	if err != nil || t.State != session.Failed || t.Message.Person() != p.who.person {
		return ending{state: session.Done, reply: "There is nothing to try again."}
	}
	if err := accept(ctx, inbox.Again(t.Message, t.Ended, e.Now())); err != nil {
		return ending{err: err}
	}
	return ending{state: session.Done, reply: "I am trying it again."}
}
