// Package settings is the port to small read-mostly values: which model a
// person chose, what a platform said about the bot's own identity. They may be
// stale for a minute (Workers KV), so nothing that must not be lost or doubled
// belongs here; that goes to the bucket.
package settings

import (
	"context"
	"errors"
)

// Limits every implementation enforces, the tighter of Workers KV's and the bucket's.
const (
	MaxKey   = 512       // bytes
	MaxValue = 64 * 1024 // bytes
)

// ErrInvalid is returned, wrapped with the reason, for an empty or too long
// key or value.
var ErrInvalid = errors.New("invalid setting")

// Store reads and writes settings. An absent key and an empty value are
// different: Put refuses an empty value, Get reports absence with ok == false.
type Store interface {
	Get(ctx context.Context, key string) (value string, ok bool, err error)
	Put(ctx context.Context, key, value string) error
	// Delete removes the key; a missing one is not an error.
	Delete(ctx context.Context, key string) error
}
