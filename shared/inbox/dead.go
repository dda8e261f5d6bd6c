package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
)

// Letter is a dead letter: a message that was given up after many tries. It
// waits for somebody to put it back.
type Letter struct {
	V       int           `json:"v"` // 1
	Key     string        `json:"-"` // where it is stored
	At      time.Time     `json:"at"`
	Reason  string        `json:"reason"` // for the person
	Session string        `json:"session,omitempty"`
	Message *chat.Message `json:"message"`
}

// maxLetters is how many dead letters one call looks at.
const maxLetters = 100

func deadPrefix(agent string) string { return agent + "/dead/" }

// Bury makes the message stored under key a dead letter and takes it off the
// inbox. The same message buried twice is one letter.
func Bury(ctx context.Context, b bucket.Bucket, agent, key string, l Letter) error {
	l.V = 1
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode dead letter: %w", err)
	}
	at := deadPrefix(agent) + strings.TrimPrefix(key, Prefix(agent))
	if _, err := b.PutIfAbsent(ctx, at, data); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("store dead letter: %w", err)
	}
	if err := b.Delete(ctx, key); err != nil {
		return fmt.Errorf("take dead letter off the inbox: %w", err)
	}
	return nil
}

// Letters lists the dead letters, the oldest first, at most 100: a listing and
// a read each.
func Letters(ctx context.Context, b bucket.Bucket, agent string) ([]Letter, error) {
	page, err := b.List(ctx, bucket.ListOptions{Prefix: deadPrefix(agent), Limit: maxLetters})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	var letters []Letter
	for _, e := range page.Entries {
		o, err := b.Get(ctx, e.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue // put back meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read dead letter: %w", err)
		}
		l := Letter{Key: e.Key}
		if err := json.Unmarshal(o.Data, &l); err != nil || l.V != 1 || l.Message == nil {
			return nil, fmt.Errorf("read dead letter: version %d is not readable by this program", l.V)
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// Again is a message as one that has just come in, with an id of its own, since
// its session has seen the old one: the same for the same at.
func Again(m *chat.Message, at, now time.Time) *chat.Message {
	again := *m
	again.ID = fmt.Sprintf("%s~%d", m.ID, at.Unix())
	again.Time = now
	return &again
}

// Revive puts the message of a dead letter back, with a new id. accept stores
// and queues it. Done twice for one letter it is still one message.
func Revive(ctx context.Context, b bucket.Bucket, l Letter, now time.Time, accept func(ctx context.Context, m *chat.Message) error) error {
	if err := accept(ctx, Again(l.Message, l.At, now)); err != nil {
		return err
	}
	if err := b.Delete(ctx, l.Key); err != nil {
		return fmt.Errorf("remove dead letter: %w", err)
	}
	return nil
}
