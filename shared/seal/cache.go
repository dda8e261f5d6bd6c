package seal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"instar/shared/bucket"
)

// Cache keeps the keys of one bucket's ring, unwrapped, between the events of
// an instance. It holds them for one SEAL_KEY at a time, known by its id: with
// another one the ring is read again. Keep one for each bucket; the zero value
// is empty. It is safe for concurrent use, and holds nothing of an event.
//
// A cache that outlives a rotation elsewhere goes on to open and seal with the
// keys it has, which stay in the ring; it learns of a new data key when it meets
// an object that was sealed under it.
type Cache struct {
	mu      sync.Mutex // held for moments only, never while the bucket is asked
	sealKey keyID
	held    *keys
	loading chan struct{} // closed when the read that is under way has ended
}

// source is where a ring comes from.
type source struct {
	below   bucket.Bucket
	sealKey Key
	id      keyID // of sealKey
}

// What to do where there is no ring.
const (
	existing = iota // it is an error: sealed objects without a ring
	create          // make one
)

// keys returns the ring's keys. It reads the ring when the cache does not have
// it, or has only what the caller knows already (nil: nothing), and only once
// however many goroutines ask.
func (c *Cache) keys(ctx context.Context, from source, known *keys, absent int) (*keys, error) {
	if from.sealKey.isZero() {
		return nil, ErrSealKey
	}
	for {
		c.mu.Lock()
		if c.held != nil && c.held != known && c.sealKey == from.id {
			defer c.mu.Unlock()
			return c.held, nil
		}
		if c.loading == nil {
			break
		}
		loading := c.loading
		c.mu.Unlock()
		select {
		case <-loading:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	loading := make(chan struct{})
	c.loading = loading
	c.mu.Unlock()

	var k *keys
	var err error
	defer func() { // also when the bucket below panics
		c.mu.Lock()
		defer c.mu.Unlock()
		if k != nil {
			c.held, c.sealKey = k, from.id
		}
		c.loading = nil
		close(loading)
	}()
	k, err = load(ctx, from, absent)
	return k, err
}

// load reads the ring. Of several writers that find none, one makes it and the
// others read that one.
func load(ctx context.Context, from source, absent int) (*keys, error) {
	k, err := read(ctx, from)
	if !errors.Is(err, bucket.ErrNotFound) {
		return k, err
	}
	if absent != create {
		return nil, ErrRing
	}
	k = newKeys(NewKey(), NewKey())
	switch _, err := from.below.PutIfAbsent(ctx, RingKey, wrap(k, from.sealKey)); {
	case errors.Is(err, bucket.ErrPrecondition):
		return read(ctx, from)
	case err != nil:
		// It may be there now, or come to be: whoever tries next finds out.
		return nil, fmt.Errorf("make the key ring: %w", err)
	}
	return k, nil
}

func read(ctx context.Context, from source) (*keys, error) {
	o, err := from.below.Get(ctx, RingKey)
	if err != nil {
		return nil, fmt.Errorf("read the key ring: %w", err)
	}
	r, err := parseRing(o.Data)
	if err != nil {
		return nil, err
	}
	return r.open(from.sealKey)
}
