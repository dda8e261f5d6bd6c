package turn

import (
	"context"
	"errors"
	"time"

	"instar/shared/bucket"
	"instar/shared/inbox"
	"instar/shared/session"
)

// lookBack is how many turns before the current one Await searches.
const lookBack = 20

// Await waits until the turn of a stored message, run by another worker, has
// ended, and returns it.
func (e *Engine) Await(ctx context.Context, key string, deadline time.Time) (*session.Turn, error) {
	m, err := inbox.Get(ctx, e.Bucket, key)
	if err != nil {
		return nil, err
	}
	id := session.ID(m, m.Channel == Web || e.Owners.Has(m.Person()))
	for wait := 50 * time.Millisecond; time.Now().Before(deadline); wait = min(2*wait, time.Second) {
		head, _, err := e.sessions().Head(ctx, id)
		if err != nil {
			return nil, err
		}
		for seq := head.Turn.Seq; seq > max(0, head.Turn.Seq-lookBack); seq-- {
			t, _, err := e.sessions().Turn(ctx, id, seq)
			if errors.Is(err, bucket.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if t.Message.ID == m.ID && t.State != session.Running {
				return t, nil
			}
			if t.Message.ID == m.ID || head.Turn.Message == m.ID {
				break
			}
		}
		if !pause(ctx, wait) {
			return nil, ctx.Err()
		}
	}
	return nil, errors.New("the turn did not end in time")
}
