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
	// age is how old a message is when it is looked at first; each time it is
	// found again the next look is twice as far away.
	age = 2 * time.Minute
	// longest is how far apart two looks may be.
	longest = 6 * time.Hour
	// maxTries is after how many looks a message becomes a dead letter: that is
	// four hours and a quarter, which outlasts what platforms and models are
	// down for.
	maxTries = 8
	// most is how many messages one run puts on the queue; the rest wait for
	// the next.
	most = 200
)

// Sweeper looks after messages that got stuck.
type Sweeper struct {
	Agent  string
	Bucket bucket.Bucket
	Queue  queue.Sender
}

// record is what the sweep knows of the messages that are stuck, by key.
type record struct {
	V     int            `json:"v"` // 1
	Stuck map[string]try `json:"stuck"`
}

type try struct {
	N    int       `json:"n"`    // looks so far
	Next time.Time `json:"next"` // when it is looked at again
}

// Sweep does one run, due at the given time, and returns how many messages it
// put on the queue: one List call when there is nothing to do, a read and a
// write more when there is. A failure repeats some of them, which changes nothing.
func (s *Sweeper) Sweep(ctx context.Context, at time.Time) (int, error) {
	open, err := inbox.Open(ctx, s.Bucket, s.Agent, 0)
	if err != nil {
		return 0, err
	}
	stuck := open[:0]
	for _, e := range open {
		if e.Time.Add(age).Before(at) {
			stuck = append(stuck, e)
		}
	}
	if len(stuck) == 0 {
		return 0, nil
	}
	key := s.Agent + "/sweep"
	before, etag, err := s.read(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("read record of the sweep: %w", err)
	}
	after := record{V: 1, Stuck: map[string]try{}}
	swept := 0
	var failed error
	for _, e := range stuck {
		t := before.Stuck[e.Key]
		if failed == nil && swept < most && !at.Before(t.Next) {
			t.N++
			t.Next = at.Add(min(age<<min(t.N-1, 10), longest))
			wake := inbox.Wake{Key: e.Key, Again: true, Sweep: true, Last: t.N >= maxTries}
			if failed = inbox.Send(ctx, s.Queue, wake, 0); failed != nil {
				failed = fmt.Errorf("sweep: %w", failed)
				t = before.Stuck[e.Key]
			} else {
				swept++
			}
		}
		if t.N > 0 {
			after.Stuck[e.Key] = t
		}
	}
	if swept == 0 {
		return 0, failed
	}
	return swept, errors.Join(failed, s.write(ctx, key, etag, after))
}

func (s *Sweeper) write(ctx context.Context, key, etag string, r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record of the sweep: %w", err)
	}
	if etag == "" {
		_, err = s.Bucket.PutIfAbsent(ctx, key, data)
	} else {
		_, err = s.Bucket.PutIfMatch(ctx, key, etag, data)
	}
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) { // another run was faster: as good
		return fmt.Errorf("save record of the sweep: %w", err)
	}
	return nil
}

// read returns the record. One that cannot be read is begun anew: all that is
// lost is how often the messages in it were tried.
func (s *Sweeper) read(ctx context.Context, key string) (r record, etag string, err error) {
	o, err := s.Bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return record{}, "", nil
	}
	if err != nil {
		return record{}, "", err
	}
	if err := json.Unmarshal(o.Data, &r); err != nil || r.V != 1 {
		r = record{}
	}
	return r, o.ETag, nil
}
