package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Memory is a Bucket that lives as long as the process: for tests.
type Memory struct {
	mu      sync.RWMutex
	objects map[string]Object
}

var _ Bucket = (*Memory)(nil)

// NewMemory returns an empty bucket.
func NewMemory() *Memory {
	return &Memory{objects: make(map[string]Object)}
}

func (m *Memory) Get(ctx context.Context, key string) (Object, error) {
	if err := begin(ctx, key); err != nil {
		return Object{}, fmt.Errorf("get object: %w", err)
	}
	m.mu.RLock()
	o, ok := m.objects[key]
	m.mu.RUnlock()
	if !ok {
		return Object{}, fmt.Errorf("get %q: %w", key, ErrNotFound)
	}
	o.Data = bytes.Clone(o.Data)
	return o, nil
}

func (m *Memory) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	return m.put(ctx, key, data, func(_ Object, exists bool) bool { return !exists })
}

func (m *Memory) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	return m.put(ctx, key, data, func(o Object, exists bool) bool { return exists && o.ETag == etag })
}

func (m *Memory) put(ctx context.Context, key string, data []byte, holds func(Object, bool) bool) (string, error) {
	if err := begin(ctx, key); err != nil {
		return "", fmt.Errorf("put object: %w", err)
	}
	next := Object{Key: key, ETag: contentETag(data), Data: bytes.Clone(data)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, exists := m.objects[key]; !holds(old, exists) {
		return "", fmt.Errorf("put %q: %w", key, ErrPrecondition)
	}
	m.objects[key] = next
	return next.ETag, nil
}

func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := begin(ctx, key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *Memory) List(ctx context.Context, o ListOptions) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, fmt.Errorf("list objects: %w", err)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var keys []string
	for key := range m.objects {
		if o.selects(key) {
			keys = append(keys, key)
		}
	}
	var page Page
	keys, page.Next = o.firstPage(keys)
	for _, key := range keys {
		object := m.objects[key]
		page.Entries = append(page.Entries, Entry{Key: key, ETag: object.ETag, Size: int64(len(object.Data))})
	}
	return page, nil
}

// begin holds what every call on a key starts with.
func begin(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}

// contentETag hashes the content as the object stores do, so that code which relies on
// an etag never coming back fails its tests here too.
func contentETag(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// selects reports whether a listing contains the key, limit aside.
func (o ListOptions) selects(key string) bool {
	return key > o.After && strings.HasPrefix(key, o.Prefix)
}

// firstPage sorts the selected keys and cuts them at the limit.
func (o ListOptions) firstPage(keys []string) (page []string, next string) {
	limit := o.Limit
	if limit <= 0 || limit > MaxList {
		limit = MaxList
	}
	slices.Sort(keys)
	if len(keys) <= limit {
		return keys, ""
	}
	return keys[:limit], keys[limit-1]
}
