package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/model"
)

const (
	// Lease is how long a holder owns a turn after each write. It renews when
	// half is gone.
	Lease = 30 * time.Second
	// recent is how many message ids a head remembers.
	recent = 256
	// historyHigh bounds the history in bytes of JSON. When it is passed the
	// oldest turns are dropped until historyLow is left: seldom and much at
	// once, because each drop makes the provider's cache of the prefix worthless.
	historyHigh = 48 << 10
	historyLow  = 24 << 10
)

var (
	// ErrTaken: the message has been, or is being, answered by another turn
	// holder. The delivery that found this out has nothing to do.
	ErrTaken = errors.New("message already has a turn")
	// ErrLost: another worker took the turn over; this one must do nothing more.
	ErrLost = errors.New("turn is no longer ours")
	// ErrStop: somebody asked for the turn to end.
	ErrStop = errors.New("turn was stopped")
)

// Busy: the session's current turn is held by somebody until Until.
type Busy struct {
	Seq   int
	Until time.Time
}

func (b *Busy) Error() string { return "session is busy" }

// Store reads and writes one agent's sessions.
type Store struct {
	Bucket bucket.Bucket
	Agent  string
	Now    func() time.Time
	// Fold makes the text of a person's message as the model is shown it.
	Fold func(m *chat.Message) string
}

func (s *Store) folder(id string) string { return s.Agent + "/sessions/" + id + "/" }

func (s *Store) turnKey(id string, seq int) string {
	return fmt.Sprintf("%sturns/%08d", s.folder(id), seq)
}

// Held is a turn this worker owns. Its Turn is read by the worker and changed
// through Update only.
type Held struct {
	Head *Head // as it was claimed, with the history before this turn
	Turn *Turn
	// Orphan: this is not the turn that was asked for but the session's last
	// one, whose holder died. Finish it, then claim again.
	Orphan bool

	store *Store
	mu    sync.Mutex
	etag  string // of the turn object as this holder wrote it; "" before the first write
}

// Claim makes the message's turn the session's current one and returns it
// held: two reads and a write. Errors: *Busy, ErrTaken, or the bucket's.
// redelivery says that the queue delivers this message again, so its first
// delivery may have died: then a lapsed turn of the same message is taken over
// and a finished one is returned as it is, to be delivered again.
func (s *Store) Claim(ctx context.Context, id, key string, m *chat.Message, redelivery bool) (*Held, error) {
	for range 5 {
		head, etag, err := s.Head(ctx, id)
		if err != nil {
			return nil, err
		}
		if slices.Contains(head.Recent, m.ID) && (head.Turn.Message != m.ID || !redelivery) {
			return nil, ErrTaken
		}
		if head.Turn.Seq > 0 {
			last, lastETag, err := s.Turn(ctx, id, head.Turn.Seq)
			if err != nil && !errors.Is(err, bucket.ErrNotFound) {
				return nil, err
			}
			if err != nil || last.State == Running || head.Turn.Message == m.ID {
				return s.takeOver(ctx, id, head, m, last, lastETag)
			}
			head.fold(last, s.Fold(last.Message))
		}
		head.Turn = Claim{Seq: head.Turn.Seq + 1, Message: m.ID, Key: key, Until: s.Now().Add(Lease)}
		head.Recent = append(head.Recent, m.ID)
		head.Recent = head.Recent[max(0, len(head.Recent)-recent):]
		if err := s.putHead(ctx, id, head, etag); errors.Is(err, bucket.ErrPrecondition) {
			continue // somebody else claimed; look again
		} else if err != nil {
			return nil, err
		}
		return s.hold(id, head, m), nil
	}
	return nil, &Busy{0, s.Now().Add(time.Second)}
}

func (s *Store) hold(id string, head *Head, m *chat.Message) *Held {
	return &Held{Head: head, store: s, Turn: &Turn{
		V: 1, Seq: head.Turn.Seq, Session: id, Message: m, Started: s.Now(),
		State: Running, Fence: 1, Holder: rand.Text(), Until: head.Turn.Until,
	}}
}

// takeOver decides about the session's current turn t (nil: claimed, nothing
// recorded): still held by somebody, to be taken from a dead holder, or, when
// it is m's own, finished and perhaps not delivered.
func (s *Store) takeOver(ctx context.Context, id string, head *Head, m *chat.Message, t *Turn, etag string) (*Held, error) {
	until := head.Turn.Until
	if t != nil {
		until = t.Until
	}
	if (t == nil || t.State == Running) && s.Now().Before(until) {
		return nil, &Busy{head.Turn.Seq, until}
	}
	var h *Held
	if t == nil {
		message, err := s.message(ctx, head.Turn.Key)
		if err != nil {
			return nil, err
		}
		h = s.hold(id, head, message)
	} else {
		h = &Held{Head: head, Turn: t, store: s, etag: etag}
		t.Holder = rand.Text()
	}
	h.Orphan = head.Turn.Message != m.ID
	if h.Turn.State != Running {
		return h, nil
	}
	// This write decides who the new holder is, and makes every later write of
	// the old one fail.
	err := h.Update(ctx, func(t *Turn) { t.Fence++ })
	if errors.Is(err, ErrStop) { // asked for at this moment: ours to carry out
		err = h.Update(ctx, func(*Turn) {})
	}
	if errors.Is(err, ErrLost) { // somebody else took it, or the old holder lives
		return nil, &Busy{head.Turn.Seq, s.Now().Add(Lease)}
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// Update changes the turn and records it: a step before it is acted on, the
// id of a message that was sent, the end; and it renews the lease. It fails
// with ErrLost when the turn is another holder's, and with ErrStop when
// somebody asked for it to end; then the change is made but not recorded yet,
// Turn.Stop is set, and the next Update records both. So it is after any other
// error too.
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
// request (which leaves the holder as it was, or none), another holder, or
// this one's own earlier write whose answer was lost. nil says that the write
// can be repeated.
func (h *Held) contested(ctx context.Context) error {
	t, etag, err := h.store.Turn(ctx, h.Turn.Session, h.Turn.Seq)
	if err != nil {
		return err
	}
	if t.Holder != h.Turn.Holder && t.Holder != "" {
		return ErrLost
	}
	h.etag = etag
	if t.Stop && !h.Turn.Stop {
		h.Turn.Stop = true
		return ErrStop
	}
	return nil
}

// Check looks whether the turn is still ours and whether somebody asked for it
// to end (ErrLost, ErrStop), and renews the lease when half of it is gone.
// One read, seldom a write.
func (h *Held) Check(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Turn.Stop {
		return ErrStop
	}
	if h.etag == "" || h.Turn.Until.Sub(h.store.Now()) < Lease/2 {
		return h.write(ctx)
	}
	t, etag, err := h.store.Turn(ctx, h.Turn.Session, h.Turn.Seq)
	if err != nil {
		return err
	}
	if t.Holder != h.Turn.Holder {
		return ErrLost
	}
	if t.Stop {
		h.etag, h.Turn.Stop = etag, true
		return ErrStop
	}
	return nil
}

// RequestStop asks the session's running turn to end, if it began before the
// given time. It reports whether there was one. A turn whose holder died counts:
// whoever takes it over ends it.
func (s *Store) RequestStop(ctx context.Context, id string, before time.Time) (bool, error) {
	for range 5 {
		head, _, err := s.Head(ctx, id)
		if err != nil || head.Turn.Seq == 0 {
			return false, err
		}
		t, etag, err := s.Turn(ctx, id, head.Turn.Seq)
		switch {
		case errors.Is(err, bucket.ErrNotFound):
			// Claimed, nothing recorded yet: the holder will meet this object
			// when it creates its own.
			t = &Turn{V: 1, Seq: head.Turn.Seq, Session: id, State: Running, Until: head.Turn.Until}
			t.Started = head.Turn.Until.Add(-Lease) // the claim
			if t.Message, err = s.message(ctx, head.Turn.Key); err != nil {
				return false, err
			}
		case err != nil:
			return false, err
		case t.State != Running:
			return false, nil
		}
		if t.Started.After(before) {
			return false, nil
		}
		t.Stop = true
		data, err := json.Marshal(t)
		if err != nil {
			return false, fmt.Errorf("encode turn: %w", err)
		}
		key := s.turnKey(id, t.Seq)
		if etag == "" {
			_, err = s.Bucket.PutIfAbsent(ctx, key, data)
		} else {
			_, err = s.Bucket.PutIfMatch(ctx, key, etag, data)
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err == nil, err
		}
	}
	return false, errors.New("stop turn: too many concurrent changes, try again")
}

func (s *Store) message(ctx context.Context, key string) (*chat.Message, error) {
	o, err := s.Bucket.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read inbox entry: %w", err)
	}
	m := new(chat.Message)
	return m, json.Unmarshal(o.Data, m)
}

// Turn reads one turn. A missing one wraps bucket.ErrNotFound.
func (s *Store) Turn(ctx context.Context, id string, seq int) (*Turn, string, error) {
	o, err := s.Bucket.Get(ctx, s.turnKey(id, seq))
	if err != nil {
		return nil, "", fmt.Errorf("read turn: %w", err)
	}
	t := new(Turn)
	if err := json.Unmarshal(o.Data, t); err != nil {
		return nil, "", fmt.Errorf("read turn: %w", err)
	}
	if t.V != 1 || t.Message == nil {
		return nil, "", fmt.Errorf("read turn: version %d is not readable by this program", t.V)
	}
	return t, o.ETag, nil
}

// Head reads a session's head; a session that does not exist yet has an empty one.
func (s *Store) Head(ctx context.Context, id string) (*Head, string, error) {
	o, err := s.Bucket.Get(ctx, s.folder(id)+"head")
	if errors.Is(err, bucket.ErrNotFound) {
		return &Head{V: 1}, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read session: %w", err)
	}
	h, err := decodeHead(o.Data)
	return h, o.ETag, err
}

// A head object is a line of JSON and then a line for each turn of history.
func decodeHead(data []byte) (*Head, error) {
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	h := new(Head)
	if err := json.Unmarshal(first, h); err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	if h.V != 1 || h.Turn.Seq < 0 {
		return nil, fmt.Errorf("read session: version %d, turn %d is not readable by this program", h.V, h.Turn.Seq)
	}
	for line := range bytes.Lines(rest) {
		var turn []model.Message
		if err := json.Unmarshal(line, &turn); err != nil {
			return nil, fmt.Errorf("read session history: %w", err)
		}
		h.History = append(h.History, turn)
	}
	return h, nil
}

func encodeHead(h *Head) ([]byte, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	lines, total := make([][]byte, len(h.History)), 0
	for i, turn := range h.History {
		if lines[i], err = json.Marshal(turn); err != nil {
			return nil, err
		}
		total += len(lines[i])
	}
	if total > historyHigh {
		drop := 0
		for drop < len(lines)-1 && total > historyLow {
			total -= len(lines[drop])
			drop++
		}
		lines, h.History = lines[drop:], h.History[drop:]
	}
	for _, line := range lines {
		data = append(append(data, '\n'), line...)
	}
	return data, nil
}

func (s *Store) putHead(ctx context.Context, id string, h *Head, etag string) error {
	data, err := encodeHead(h)
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	key := s.folder(id) + "head"
	if etag == "" {
		_, err = s.Bucket.PutIfAbsent(ctx, key, data)
	} else {
		_, err = s.Bucket.PutIfMatch(ctx, key, etag, data)
	}
	if err != nil {
		return fmt.Errorf("claim turn: %w", err)
	}
	return nil
}

// fold adds a finished turn to the head.
func (h *Head) fold(t *Turn, user string) {
	if t.Reset {
		h.History = nil
	} else if messages := t.Messages(user); len(t.Steps) > 0 {
		h.History = append(h.History, messages)
	}
	if t.SetModel != nil {
		h.Model = *t.SetModel
	}
	if t.Grant != nil {
		h.Grant = *t.Grant
	}
}
