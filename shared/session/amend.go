package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
)

// Arrive adds a message to the running turn seq of its session: two reads and
// a write. It reports false when that turn has ended, so that a claim will do.
// A message that the turn knows already changes nothing. The error is *Busy
// when too many wait already.
func (s *Store) Arrive(ctx context.Context, id string, seq int, key string, m *chat.Message) (bool, error) {
	full := &Busy{Seq: seq, Until: s.Now().Add(Lease)}
	return s.amend(ctx, id, seq, func(t *Turn) (bool, error) {
		switch {
		case t.Message.ID == m.ID || t.arrived(m.ID):
			return false, nil
		case len(t.Arrived) >= maxArrived:
			return false, full
		}
		t.Arrived = append(t.Arrived, Arrival{Key: key, At: s.Now(), Message: m})
		return true, nil
	})
}

// RequestStop asks the session's running turn to end, if it began before the
// given time. It reports whether there was one. A turn whose holder died counts:
// whoever takes it over ends it.
func (s *Store) RequestStop(ctx context.Context, id string, before time.Time) (bool, error) {
	head, _, err := s.Head(ctx, id)
	if err != nil || head.Turn.Seq == 0 {
		return false, err
	}
	late := errors.New("it began later")
	running, err := s.amend(ctx, id, head.Turn.Seq, func(t *Turn) (bool, error) {
		if t.Started.After(before) {
			return false, late
		}
		t.Stop = true
		return true, nil
	})
	if errors.Is(err, late) {
		return false, nil
	}
	return running, err
}

// amend changes a running turn that somebody else holds. It reports false when
// the turn has ended. change says whether there is anything to write.
func (s *Store) amend(ctx context.Context, id string, seq int, change func(t *Turn) (bool, error)) (bool, error) {
	for range 8 {
		t, etag, err := s.Turn(ctx, id, seq)
		if errors.Is(err, bucket.ErrNotFound) {
			t, err = s.unrecorded(ctx, id, seq)
		}
		if err != nil {
			return false, err
		}
		if t == nil || t.State != Running {
			return false, nil
		}
		if write, err := change(t); err != nil || !write {
			return err == nil, err
		}
		data, err := json.Marshal(t)
		if err != nil {
			return false, fmt.Errorf("encode turn: %w", err)
		}
		if etag == "" {
			_, err = s.Bucket.PutIfAbsent(ctx, s.turnKey(id, seq), data)
		} else {
			_, err = s.Bucket.PutIfMatch(ctx, s.turnKey(id, seq), etag, data)
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err == nil, err
		}
	}
	return false, errors.New("change running turn: too many concurrent changes, try again")
}

// unrecorded is the session's current turn of which only the claim is recorded:
// its holder meets the object made of it when it creates its own. nil says that
// the session has gone on.
func (s *Store) unrecorded(ctx context.Context, id string, seq int) (*Turn, error) {
	head, _, err := s.Head(ctx, id)
	if err != nil || head.Turn.Seq != seq {
		return nil, err
	}
	m, err := s.message(ctx, head.Turn.Key)
	if err != nil {
		return nil, err
	}
	return &Turn{V: 1, Seq: seq, Session: id, Message: m, State: Running, Fence: 1,
		Started: head.Turn.Until.Add(-Lease), Until: head.Turn.Until}, nil
}
