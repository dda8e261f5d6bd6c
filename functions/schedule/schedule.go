// Package schedule is the function that cron triggers every minute.
//
// May touch: listings of the inbox, its own marker, the queue. Must never hold:
// any secret at all. It looks once at every message that came in, two minutes
// later, and has the queue deliver it again: one whose turn was run costs three
// reads and an edit that changes nothing (up to twenty reads more when the
// conversation has gone on since), one that was lost on the way gets its turn.
package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"instar/shared/bucket"
	"instar/shared/inbox"
	"instar/shared/queue"
)

const (
	// age is how old a message is when it is looked at.
	age = 2 * time.Minute
	// most is how many messages one run looks at; the rest wait for the next.
	most = 200
)

// Sweeper looks after messages that got lost between the bucket and the queue.
type Sweeper struct {
	Agent  string
	Bucket bucket.Bucket
	Queue  queue.Sender
}

// marker is how far the sweep has come: by channel, the last key looked at.
type marker struct {
	V    int               `json:"v"` // 1
	Done map[string]string `json:"done"`
}

// Sweep does one run, due at the given time, and returns how many messages it
// put on the queue. A failure repeats some of them; that changes nothing.
func (s *Sweeper) Sweep(ctx context.Context, at time.Time) (int, error) {
	key := s.Agent + "/sweep"
	m, etag, err := s.marker(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("read sweep marker: %w", err)
	}
	swept := 0
	for _, channel := range []string{"telegram", "slack", "web"} {
		n, err := s.channel(ctx, channel, at.Add(-age), m)
		swept += n
		if err != nil {
			return swept, err
		}
	}
	if swept == 0 {
		return 0, nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return swept, err
	}
	if etag == "" {
		_, err = s.Bucket.PutIfAbsent(ctx, key, data)
	} else {
		_, err = s.Bucket.PutIfMatch(ctx, key, etag, data)
	}
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) { // another run was faster: as good
		return swept, fmt.Errorf("save sweep marker: %w", err)
	}
	return swept, nil
}

func (s *Sweeper) marker(ctx context.Context, key string) (m *marker, etag string, err error) {
	o, err := s.Bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return &marker{V: 1, Done: map[string]string{}}, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	m = new(marker)
	if err := json.Unmarshal(o.Data, m); err != nil {
		return nil, "", err
	}
	if m.V != 1 {
		return nil, "", fmt.Errorf("version %d is not readable by this program", m.V)
	}
	if m.Done == nil {
		m.Done = map[string]string{}
	}
	return m, o.ETag, nil
}

func (s *Sweeper) channel(ctx context.Context, name string, until time.Time, m *marker) (int, error) {
	folder := inbox.Prefix(s.Agent) + name + "/"
	after := m.Done[name]
	if after == "" {
		// The first run does not dig up the past beyond a day.
		after = fmt.Sprintf("%s%010d", folder, until.Add(-24*time.Hour).Unix())
	}
	page, err := s.Bucket.List(ctx, bucket.ListOptions{Prefix: folder, After: after, Limit: most})
	if err != nil {
		return 0, fmt.Errorf("list inbox: %w", err)
	}
	limit := fmt.Sprintf("%s%010d", folder, until.Unix())
	n := 0
	for _, entry := range page.Entries {
		if entry.Key >= limit {
			break
		}
		body, err := json.Marshal(inbox.Wake{V: 1, Key: entry.Key, Again: true})
		if err != nil {
			return n, err
		}
		if err := s.Queue.Send(ctx, body, 0); err != nil {
			return n, fmt.Errorf("queue swept message: %w", err)
		}
		m.Done[name] = entry.Key
		n++
	}
	return n, nil
}
