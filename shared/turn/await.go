package turn

import (
	"context"
	"errors"
	"slices"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/session"
)

// lookBack is how many turns before the current one are searched for a
// message's own.
const lookBack = 20

// Await waits until the turn of a message that another worker answers, or will
// answer, has ended, and returns it. A message that nobody answers is an error
// at once.
func (e *Engine) Await(ctx context.Context, m *chat.Message, deadline time.Time) (*session.Turn, error) {
	id := session.ID(m, m.Channel == Web || e.Owners.Has(m.Person()))
	id, err := e.sessions().Where(ctx, id, m)
	if err != nil {
		return nil, err
	}
	for wait := 50 * time.Millisecond; time.Now().Before(deadline); wait = min(2*wait, time.Second) {
		t, known, err := e.find(ctx, id, m.ID)
		if err != nil {
			return nil, err
		}
		if t == nil && !known {
			return nil, errors.New("the message has no turn")
		}
		if t != nil && t.State != session.Running {
			return t, nil
		}
		if !pause(ctx, wait) {
			return nil, ctx.Err()
		}
	}
	return nil, errors.New("the turn did not end in time")
}

// find returns the turn of a message among the session's last, or nil. known
// says that it will have one: it is the session's current message, of which
// nothing is recorded yet, or it waits.
func (e *Engine) find(ctx context.Context, id, message string) (t *session.Turn, known bool, err error) {
	head, _, err := e.sessions().Head(ctx, id)
	if err != nil {
		return nil, false, err
	}
	named := func(r session.Ref) bool { return r.ID == message }
	known = head.Turn.Message == message || slices.ContainsFunc(head.Turn.Waiting, named)
	for seq := head.Turn.Seq; seq > max(0, head.Turn.Seq-lookBack); seq-- {
		t, _, err := e.sessions().Turn(ctx, id, seq)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return nil, false, err
		}
		if err == nil && t.Answers(message) {
			return t, true, nil
		}
		waits := func(a session.Arrival) bool { return a.Message.ID == message }
		if err == nil && seq == head.Turn.Seq && slices.ContainsFunc(t.Waiting(), waits) {
			known = true
		}
		if known {
			return nil, true, nil
		}
	}
	return nil, false, nil
}
