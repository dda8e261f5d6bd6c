// Package settings is the port to small read-mostly values: which model a
// person chose, what a platform said about the bot's own identity. They may be
// stale for a minute, so nothing that must not be lost or doubled belongs here;
// that goes to the bucket.
package settings

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits every implementation enforces: the tightest of all.
const (
	MaxKey   = 512       // bytes
	MaxValue = 64 * 1024 // bytes
)

// ErrInvalid is returned, wrapped with the reason, for a key or value that is
// empty, too long or not UTF-8, and for the keys "." and "..", which some refuse.
var ErrInvalid = errors.New("invalid setting")

// Store reads and writes settings. An absent key and an empty value are
// different: Put refuses an empty value, Get reports absence with ok == false.
type Store interface {
	Get(ctx context.Context, key string) (value string, ok bool, err error)
	Put(ctx context.Context, key, value string) error
	// Delete removes the key; a missing one is not an error.
	Delete(ctx context.Context, key string) error
}

// CheckKey returns an error wrapping ErrInvalid for a key that no
// implementation accepts. It does not repeat the key.
func CheckKey(key string) error {
	if key == "." || key == ".." {
		return fmt.Errorf("%w: the key is a relative path", ErrInvalid)
	}
	return check("key", key, MaxKey)
}

// CheckValue is CheckKey for values.
func CheckValue(value string) error {
	return check("value", value, MaxValue)
}

func check(what, s string, most int) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: the %s is empty", ErrInvalid, what)
	case len(s) > most:
		return fmt.Errorf("%w: the %s has %d bytes, at most %d", ErrInvalid, what, len(s), most)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: the %s is not UTF-8", ErrInvalid, what)
	}
	return nil
}
