package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"instar/shared/bucket"
)

// Held is a turn this worker owns. Its Turn is read by the worker and changed
// through Update only.
type Held struct {
	Head *Head // as it was claimed, with the history before this turn
	Turn *Turn
	// Other: this is not the turn that was asked for but one that comes before
	// it: the session's last, whose holder died, or that of a message that has
	// waited for longer. Run it, then claim again.
	Other bool

	store *Store
	mu    sync.Mutex
	etag  string // of the turn object as this holder wrote it; "" before the first write
}

// Update changes the turn and records it: a step before it is acted on, the
// id of a message that was sent, the end; and it renews the lease. It fails
// with ErrLost when the turn is another holder's, and with ErrStop when
// somebody asked for it to end; then the change is made but not recorded yet,
// Turn.Stop is set, and the next Update records both. So it is after any other
// error too, and with ErrArrived, which only an Update that ends the turn
// returns: the messages are among Turn.Arrived then.
func (h *Held) Update(ctx context.Context, change func(t *Turn)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h.Turn)
	return h.write(ctx)
}

func (h *Held) write(ctx context.Context) error {
	until := h.Turn.Until
	var err error
	for range 5 {
		h.Turn.Until = h.store.Now().Add(Lease)
		if err = h.put(ctx); err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			break
		}
		if contested := h.contested(ctx); contested != nil {
			err = contested
			break
		}
	}
	// Not renewed, as far as we know; so that the next Check tries again.
	h.Turn.Until = until
	return fmt.Errorf("save turn: %w", err)
}

func (h *Held) put(ctx context.Context) error {
	data, err := json.Marshal(h.Turn)
	if err != nil {
		return err
	}
	key := h.store.turnKey(h.Turn.Session, h.Turn.Seq)
	var etag string
	if h.etag == "" {
		etag, err = h.store.Bucket.PutIfAbsent(ctx, key, data)
	} else {
		etag, err = h.store.Bucket.PutIfMatch(ctx, key, h.etag, data)
	}
	if err == nil {
		h.etag = etag
	}
	return err
}

// contested finds out who wrote the turn object instead of this holder: a stop
// request or a message that arrived (which leave the holder as it was, or
// none), another holder, or this one's own earlier write whose answer was lost.
// nil says that the write can be repeated.
func (h *Held) contested(ctx context.Context) error {
	t, etag, err := h.store.Turn(ctx, h.Turn.Session, h.Turn.Seq)
	if err != nil {
		return err
	}
	return h.adopt(t, etag)
}

// adopt takes over what others have written into the turn object.
func (h *Held) adopt(t *Turn, etag string) error {
	if t.Holder != h.Turn.Holder && t.Holder != "" {
		return ErrLost
	}
	h.etag = etag
	fresh := false
	for _, a := range t.Arrived {
		if !h.Turn.arrived(a.Message.ID) {
			h.Turn.Arrived, fresh = append(h.Turn.Arrived, a), true
		}
	}
	if t.Stop && !h.Turn.Stop {
		h.Turn.Stop = true
		return ErrStop
	}
	if fresh && h.Turn.State != Running {
		return ErrArrived
	}
	return nil
}

// Check looks whether the turn is still ours and whether somebody asked for it
// to end (ErrLost, ErrStop), takes note of messages that arrived, and renews
// the lease when half of it is gone. One read, seldom a write.
func (h *Held) Check(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Turn.Stop {
		return ErrStop
	}
	if h.etag == "" || h.Turn.Until.Sub(h.store.Now()) < Lease/2 {
		return h.write(ctx)
	}
	return h.contested(ctx)
}

// Look is Check without any write: nothing may be recorded yet.
func (h *Held) Look(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Turn.Stop {
		return ErrStop
	}
	err := h.contested(ctx)
	if h.etag == "" && errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}

// Said is what the person said to set the turn off, as the model is shown it.
func (h *Held) Said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Turn.Said(h.store.Fold)
}

// Arrived are the messages that came meanwhile, as far as is known here.
func (h *Held) Arrived() []Arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.Turn.Arrived)
}

// Join has messages that wait, from the oldest on as long as may says so, read
// as one with the turn's own. The next Update records it.
func (h *Held) Join(may func(Arrival) bool) []Arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Turn.Take(Joined, may)
}

// Reopen takes back the end of a turn that Update did not record because of
// ErrArrived: before is the turn as it was.
func (h *Held) Reopen(before Turn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before.Arrived, before.Until, before.Stop = h.Turn.Arrived, h.Turn.Until, h.Turn.Stop
	*h.Turn = before
}
