package turn

import (
	"context"
	"errors"
	"time"

	"instar/shared/bucket"
	"instar/shared/inbox"
	"instar/shared/session"
)

// lookBack is how many turns before the current one are searched for a
// message's own.
const lookBack = 20

// Await waits until the turn of a stored message, run by another worker, has
// ended, and returns it. A message without a turn is an error at once.
func (e *Engine) Await(ctx context.Context, key string, deadline time.Time) (*session.Turn, error) {
	m, err := inbox.Get(ctx, e.Bucket, key)
	if err != nil {
		return nil, err
	}
	id := session.ID(m, m.Channel == Web || e.Owners.Has(m.Person()))
	for wait := 50 * time.Millisecond; time.Now().Before(deadline); wait = min(2*wait, time.Second) {
		t, claimed, err := e.find(ctx, id, m.ID)
		if err != nil {
			return nil, err
		}
		if t == nil && !claimed {
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

// find returns the turn of a message among the session's last, or nil. claimed
// says that it is the session's current one, of which nothing is recorded yet.
func (e *Engine) find(ctx context.Context, id, message string) (t *session.Turn, claimed bool, err error) {
	head, _, err := e.sessions().Head(ctx, id)
	if err != nil {
		return nil, false, err
	}
	for seq := head.Turn.Seq; seq > max(0, head.Turn.Seq-lookBack); seq-- {
		t, _, err := e.sessions().Turn(ctx, id, seq)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return nil, false, err
		}
		if err == nil && t.Message.ID == message {
			return t, false, nil
		}
		if head.Turn.Message == message {
			return nil, true, nil
		}
	}
	return nil, false, nil
}
