package turn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/queue"
	"instar/shared/session"
)

// gather is how many turns' entries go into the audit log at once: its two
// writes are an eighth of one a turn.
const gather = 16

// idle is how long fewer of them wait: the longest that a queue delays. With
// three turns or more in that time it still is under a write a turn.
const idle = queue.MaxDelay

// gatherIn says when the entries of so many turns go into the audit log, if this
// is the time to decide.
func gatherIn(turns int) (wait time.Duration, due bool) {
	switch {
	case turns >= gather:
		return 0, true
	case turns == 1:
		return idle, true
	}
	return 0, false
}

// audit notes an event. It is recorded with the next change of the turn's log.
func (p *progress) audit(ev audit.Event) {
	ev.At, ev.Session, ev.Turn = p.engine.Now(), p.held.Turn.Session, p.held.Turn.Seq
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries = append(p.entries, audit.NewEntry(ev))
}

// decision is the gate's word for how a call ended.
func decision(state string) string {
	switch state {
	case "refused":
		return "deny"
	case "asked":
		return "ask"
	}
	return "allow"
}

// Gather puts the entries of a session's turns that have ended into the audit
// log. Done again it adds nothing.
func (e *Engine) Gather(ctx context.Context, id string) error {
	head, _, err := e.sessions().Head(ctx, id)
	if err != nil || e.Audit == nil {
		return err
	}
	var entries []audit.Entry
	through := head.Audited
	for seq := head.Audited + 1; seq <= head.Turn.Seq; seq++ {
		t, _, err := e.sessions().Turn(ctx, id, seq)
		if errors.Is(err, bucket.ErrNotFound) && seq == head.Turn.Seq || err == nil && t.State == session.Running {
			break
		}
		if err != nil {
			return err
		}
		entries = append(append(entries, t.Audit...), implied(t)...)
		through = seq
	}
	if len(entries) == 0 {
		return nil
	}
	log, err := e.Audit(ctx)
	if err != nil {
		return err
	}
	if err := log.Append(ctx, entries); err != nil {
		var broken *audit.Broken
		if errors.As(err, &broken) {
			e.tellOwner(ctx, "The audit log does not fit together any more; somebody may have changed it. `instar audit verify` says where. Nothing is added to it until then.")
		}
		return fmt.Errorf("append to the audit log: %w", err)
	}
	return e.sessions().Audited(ctx, id, through)
}

// implied are the events that a turn's record tells of by itself. Their ids are
// made of the turn, so that they are the same each time.
func implied(t *session.Turn) (entries []audit.Entry) {
	id := func(what string) string { return fmt.Sprintf("%s.%s.%d", what, t.Session, t.Seq) }
	var sent []string
	for _, part := range t.Out {
		if part.ID != "" {
			sent = append(sent, part.ID)
		}
	}
	if len(sent) > 0 {
		entries = append(entries, audit.Entry{ID: id("send"), Event: audit.Event{At: t.Ended, Kind: audit.Send, Session: t.Session, Turn: t.Seq,
			Outcome: "sent", Detail: map[string]string{"channel": t.Message.Channel, "chat": t.Message.Chat, "messages": strings.Join(sent, ",")}}})
	}
	if provider, _, ok := strings.Cut(t.Model, "/"); ok {
		entries = append(entries, audit.Entry{ID: id("key"), Event: audit.Event{At: t.Ended, Kind: audit.SecretUse, Session: t.Session, Turn: t.Seq,
			Outcome: "used", Detail: map[string]string{"secret": provider}}})
	}
	return entries
}
