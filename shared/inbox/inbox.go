// Package inbox is the list of what came in and is not settled yet. A message
// is stored before anything is done about it, create-only, under a key made
// from its own id, so that the same event delivered again finds it there; and
// it is removed when its answer has arrived, or when it needs none. So what is
// in the inbox for longer than a turn takes has got stuck, and one listing
// finds all of it. That an answered message is not answered again is up to the
// session, which remembers the ids of its last messages.
package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/queue"
)

// Prefix is the folder of an agent's inbox.
func Prefix(agent string) string { return agent + "/inbox/" }

// Key is where a message is stored. Keys sort by the platform's time, the
// oldest first; the time is part of the event, so a repeated event has the same
// key.
func Key(agent string, m *chat.Message) string {
	id := url.PathEscape(m.ID)
	if len(id) > 300 {
		sum := sha256.Sum256([]byte(m.ID))
		id = hex.EncodeToString(sum[:])
	}
	return fmt.Sprintf("%s%010d-%s", Prefix(agent), max(m.Time.Unix(), 0), id)
}

// Entry is one line of the inbox.
type Entry struct {
	Key  string
	Time time.Time // when the platform says it was said
	ID   string    // the message's id, escaped; a hash of one that is very long
}

// Open lists what is not settled, the oldest first, at most limit of it (0:
// 1,000). One List call.
func Open(ctx context.Context, b bucket.Bucket, agent string, limit int) ([]Entry, error) {
	page, err := b.List(ctx, bucket.ListOptions{Prefix: Prefix(agent), Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list inbox: %w", err)
	}
	var open []Entry
	for _, e := range page.Entries {
		at, id, _ := strings.Cut(strings.TrimPrefix(e.Key, Prefix(agent)), "-")
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil || len(at) != 10 {
			continue // not an entry
		}
		open = append(open, Entry{Key: e.Key, Time: time.Unix(seconds, 0), ID: id})
	}
	return open, nil
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
	// Sweep: this is a look after a message that has been there for long, and
	// not the last one unless Last is set: when that try fails too, the message
	// becomes a dead letter.
	Sweep bool `json:"sweep,omitempty"`
	Last  bool `json:"last,omitempty"`
	// In place of Key, Compact names a session whose history has grown long, and
	// Audit one whose turns hold entries for the audit log.
	Compact string `json:"compact,omitempty"`
	Audit   string `json:"audit,omitempty"`
	// Task names a task of the sandbox to look after for the Look'th time.
	Task string `json:"task,omitempty"`
	Look int    `json:"look,omitempty"`
}

// Send puts a wake on the queue.
func Send(ctx context.Context, q queue.Sender, w Wake, delay time.Duration) error {
	w.V = 1
	body, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode queue message: %w", err)
	}
	if err := q.Send(ctx, body, delay); err != nil {
		return fmt.Errorf("queue message: %w", err)
	}
	return nil
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
		if now.Sub(m.Time) > stale && m.Job == nil {
			return key, nil
		}
	} else if err != nil {
		return "", fmt.Errorf("store message: %w", err)
	}
	if err := Send(ctx, q, Wake{Key: key, Again: delay > 0}, delay); err != nil {
		return "", err
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
