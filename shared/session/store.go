package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
)

const (
	// Lease is how long a holder owns a turn after each write. It renews when
	// half is gone.
	Lease = 30 * time.Second
	// recent is how many message ids a head remembers.
	recent = 256
	// maxArrived is how many messages may wait in a turn; more wait on the queue.
	maxArrived = 50
)

var (
	// ErrTaken: the message has been, or is being, answered by another turn
	// holder. The delivery that found this out has nothing to do.
	ErrTaken = errors.New("message already has a turn")
	// ErrLost: another worker took the turn over; this one must do nothing more.
	ErrLost = errors.New("turn is no longer ours")
	// ErrStop: somebody asked for the turn to end.
	ErrStop = errors.New("turn was stopped")
	// ErrArrived: messages arrived before the turn's end could be recorded.
	ErrArrived = errors.New("messages arrived meanwhile")
)

// Busy: the session's current turn is held by somebody until Until.
type Busy struct {
	Seq     int
	Message string // the one it answers
	Until   time.Time
}

func (b *Busy) Error() string { return "session is busy" }

// Store reads and writes one agent's sessions.
type Store struct {
	Bucket bucket.Bucket
	Agent  string
	Now    func() time.Time
	// Fold makes the text of a person's message as the model is shown it.
	Fold func(m *chat.Message) string
	// Own reports whether what set a turn off is its person's own words; nil:
	// nobody knows.
	Own func(t *Turn) bool
	// Shorten makes a tool's result as later turns are shown it; nil leaves it
	// as it is.
	Shorten func(text string) string
}

func (s *Store) folder(id string) string { return s.Agent + "/sessions/" + id + "/" }

func (s *Store) turnKey(id string, seq int) string {
	return fmt.Sprintf("%sturns/%08d", s.folder(id), seq)
}

// Claim makes the message's turn the session's current one and returns it
// held: two reads and a write. Messages that the turn before has left over come
// first, and those that come after the claimed one are its arrivals. Errors:
// *Busy, *Moved, ErrTaken, or the bucket's. redelivery says that the queue delivers
// this message again, so its first delivery may have died: then a lapsed turn
// of the same message is taken over and a finished one is returned as it is,
// to be delivered again.
func (s *Store) Claim(ctx context.Context, id, key string, m *chat.Message, redelivery bool) (*Held, error) {
	for range 5 {
		head, etag, err := s.Head(ctx, id)
		if err != nil {
			return nil, err
		}
		if to := head.sentOn(m); to != "" {
			if err = s.route(ctx, id, head, etag, m.ID, to); errors.Is(err, bucket.ErrPrecondition) {
				continue
			}
			return nil, err
		}
		if slices.Contains(head.Recent, m.ID) && (head.Turn.Message != m.ID || !redelivery) {
			return nil, ErrTaken
		}
		var line []Arrival
		if head.Turn.Seq > 0 {
			last, lastETag, err := s.Turn(ctx, id, head.Turn.Seq)
			if err != nil && !errors.Is(err, bucket.ErrNotFound) {
				return nil, err
			}
			if err != nil || last.State == Running || last.Answers(m.ID) && redelivery {
				return s.takeOver(ctx, id, head, m, last, lastETag)
			}
			if last.Answers(m.ID) {
				return nil, ErrTaken
			}
			s.fold(head, last)
			line = last.Waiting()
		}
		if !slices.ContainsFunc(line, func(a Arrival) bool { return a.Message.ID == m.ID }) {
			line = append(line, Arrival{Key: key, At: s.Now(), Message: m})
		}
		first, rest := line[0], line[1:]
		head.Turn = Claim{Seq: head.Turn.Seq + 1, Message: first.Message.ID, Key: first.Key, Until: s.Now().Add(Lease)}
		for _, a := range rest {
			head.Turn.Waiting = append(head.Turn.Waiting, Ref{ID: a.Message.ID, Key: a.Key, At: a.At})
		}
		head.remember(first.Message.ID)
		if err := s.putHead(ctx, id, head, etag); errors.Is(err, bucket.ErrPrecondition) {
			continue // somebody else claimed; look again
		} else if err != nil {
			return nil, err
		}
		h := s.hold(id, head, first.Message)
		h.Turn.Arrived, h.Other = slices.Clone(rest), first.Message.ID != m.ID
		return h, nil
	}
	return nil, &Busy{Until: s.Now().Add(time.Second)}
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
		return nil, &Busy{head.Turn.Seq, head.Turn.Message, until}
	}
	var h *Held
	if t == nil {
		message, err := s.message(ctx, head.Turn.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			// Somebody removed it by hand: the session must not stand still for it.
			message = &chat.Message{V: 1, ID: head.Turn.Message}
		} else if err != nil {
			return nil, err
		}
		h = s.hold(id, head, message)
	} else {
		h = &Held{Head: head, Turn: t, store: s, etag: etag}
		t.Holder = rand.Text()
	}
	h.Other = !h.Turn.Answers(m.ID)
	if h.Turn.State != Running {
		return h, nil
	}
	if err := s.recall(ctx, h); err != nil {
		return nil, err
	}
	// This write decides who the new holder is, and makes every later write of
	// the old one fail.
	err := h.Update(ctx, func(t *Turn) { t.Fence++ })
	if errors.Is(err, ErrStop) { // asked for at this moment: ours to carry out
		err = h.Update(ctx, func(*Turn) {})
	}
	if errors.Is(err, ErrLost) { // somebody else took it, or the old holder lives
		return nil, &Busy{head.Turn.Seq, head.Turn.Message, s.Now().Add(Lease)}
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// recall puts the messages that waited when a turn was claimed among its
// arrivals, where they are not: its holder died before it could.
func (s *Store) recall(ctx context.Context, h *Held) error {
	var line []Arrival
	for _, ref := range h.Head.Turn.Waiting {
		if h.Turn.arrived(ref.ID) {
			continue
		}
		m, err := s.message(ctx, ref.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue // settled in another way
		}
		if err != nil {
			return err
		}
		line = append(line, Arrival{Key: ref.Key, At: ref.At, Message: m})
	}
	h.Turn.Arrived = append(line, h.Turn.Arrived...)
	return nil
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
	lost := func(a Arrival) bool { return a.Message == nil }
	if t.V != 1 || t.Message == nil || slices.ContainsFunc(t.Arrived, lost) {
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
