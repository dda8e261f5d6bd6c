// Package inbox stores what came in before anything is done about it. An entry
// is written once, create-only, under a key made from the message's own id, so
// that the same event delivered again finds it there; and it is kept, so that
// an event delivered again next week does too.
package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/queue"
)

// Prefix is the folder of an agent's inbox.
func Prefix(agent string) string { return agent + "/inbox/" }

// Key is where a message is stored. Keys sort by the platform's time, so that a
// listing from a time on needs no index; the time is part of the event, so a
// repeated event has the same key.
func Key(agent string, m *chat.Message) string {
	id := url.PathEscape(m.ID)
	if len(id) > 300 {
		sum := sha256.Sum256([]byte(m.ID))
		id = hex.EncodeToString(sum[:])
	}
	return fmt.Sprintf("%s%s/%010d-%s", Prefix(agent), m.Channel, max(m.Time.Unix(), 0), id)
}

// stale is how old a repeated event may be to still be put on the queue again:
// as long as Telegram keeps an update, and Slack retries one, that was not
// accepted. So a backlog is not lost when the queue fails on its arrival; an
// older repetition is no platform's retry, and its turn may be forgotten.
const stale = 24 * time.Hour

// Wake is the body of a queue message: there is something in the inbox.
type Wake struct {
	V   int    `json:"v"` // 1
	Key string `json:"key"`
	// Again: somebody has tried already, or may have, and perhaps died of it.
	Again bool `json:"again,omitempty"`
}

// Accept stores m and puts it on the queue. When it returns nil both have
// happened, and the platform may be told that the message has arrived. A
// message that is already stored is put on the queue again, because whoever
// stored it may have failed before it could; turns are claimed by message id,
// so that costs a read and no second answer.
func Accept(ctx context.Context, b bucket.Bucket, q queue.Sender, agent string, m *chat.Message, now time.Time, delay time.Duration) (key string, err error) {
	m.V = 1
	data, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode message: %w", err)
	}
	key = Key(agent, m)
	_, err = b.PutIfAbsent(ctx, key, data)
	if errors.Is(err, bucket.ErrPrecondition) {
		if now.Sub(m.Time) > stale {
			return key, nil
		}
	} else if err != nil {
		return "", fmt.Errorf("store message: %w", err)
	}
	body, err := json.Marshal(Wake{V: 1, Key: key, Again: delay > 0})
	if err != nil {
		return "", fmt.Errorf("encode queue message: %w", err)
	}
	if err := q.Send(ctx, body, delay); err != nil {
		return "", fmt.Errorf("queue message: %w", err)
	}
	return key, nil
}

// Get reads a stored message.
func Get(ctx context.Context, b bucket.Bucket, key string) (*chat.Message, error) {
	o, err := b.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read inbox entry: %w", err)
	}
	m := new(chat.Message)
	if err := json.Unmarshal(o.Data, m); err != nil {
		return nil, fmt.Errorf("read inbox entry: not a message: %w", err)
	}
	if m.V != 1 {
		return nil, fmt.Errorf("read inbox entry: version %d is newer than this program", m.V)
	}
	return m, nil
}
