package bucket

import (
	"context"
	"sync/atomic"
)

// Op names a method of Bucket.
type Op string

const (
	OpGet         Op = "get"
	OpPutIfAbsent Op = "put-if-absent"
	OpPutIfMatch  Op = "put-if-match"
	OpDelete      Op = "delete"
	OpList        Op = "list"
)

// Counts are the calls made, failed ones included: they are billed too.
// Writes are both forms of put.
type Counts struct {
	Reads, Writes, Deletes, Lists int
}

// Metered is a Bucket that counts the calls on another.
type Metered struct {
	Bucket
	reads, writes, deletes, lists atomic.Int64
}

// NewMetered starts counting at zero.
func NewMetered(b Bucket) *Metered { return &Metered{Bucket: b} }

// Counts returns the calls so far; safe while calls are running.
func (m *Metered) Counts() Counts {
	return Counts{
		Reads: int(m.reads.Load()), Writes: int(m.writes.Load()),
		Deletes: int(m.deletes.Load()), Lists: int(m.lists.Load()),
	}
}

func (m *Metered) Get(ctx context.Context, key string) (Object, error) {
	m.reads.Add(1)
	return m.Bucket.Get(ctx, key)
}

func (m *Metered) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	m.writes.Add(1)
	return m.Bucket.PutIfAbsent(ctx, key, data)
}

func (m *Metered) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	m.writes.Add(1)
	return m.Bucket.PutIfMatch(ctx, key, etag, data)
}

func (m *Metered) Delete(ctx context.Context, key string) error {
	m.deletes.Add(1)
	return m.Bucket.Delete(ctx, key)
}

func (m *Metered) List(ctx context.Context, o ListOptions) (Page, error) {
	m.lists.Add(1)
	return m.Bucket.List(ctx, o)
}

// Faulty is a Bucket that fails on demand: for tests. The hooks get the
// method and its key (List: the prefix), may be nil, and must be safe for
// concurrent use.
type Faulty struct {
	Bucket Bucket
	// Before is called first; its error is returned and nothing happens.
	Before func(op Op, key string) error
	// After is called when the call has succeeded; its error is returned
	// instead of the result, as when an answer is lost on its way back.
	After func(op Op, key string) error
}

var _ Bucket = (*Faulty)(nil)

func (f *Faulty) Get(ctx context.Context, key string) (Object, error) {
	return faulty(f, OpGet, key, func() (Object, error) { return f.Bucket.Get(ctx, key) })
}

func (f *Faulty) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	return faulty(f, OpPutIfAbsent, key, func() (string, error) { return f.Bucket.PutIfAbsent(ctx, key, data) })
}

func (f *Faulty) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	return faulty(f, OpPutIfMatch, key, func() (string, error) { return f.Bucket.PutIfMatch(ctx, key, etag, data) })
}

func (f *Faulty) Delete(ctx context.Context, key string) error {
	_, err := faulty(f, OpDelete, key, func() (struct{}, error) { return struct{}{}, f.Bucket.Delete(ctx, key) })
	return err
}

func (f *Faulty) List(ctx context.Context, o ListOptions) (Page, error) {
	return faulty(f, OpList, o.Prefix, func() (Page, error) { return f.Bucket.List(ctx, o) })
}

func faulty[T any](f *Faulty, op Op, key string, call func() (T, error)) (result T, err error) {
	var none T
	if f.Before != nil {
		if err := f.Before(op, key); err != nil {
			return none, err
		}
	}
	if result, err = call(); err != nil {
		return none, err
	}
	if f.After != nil {
		if err := f.After(op, key); err != nil {
			return none, err
		}
	}
	return result, nil
}
