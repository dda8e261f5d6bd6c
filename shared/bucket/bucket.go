// Package bucket is the port to the object store that holds everything Instar
// knows. The bucket is the truth: there is no unconditional write, so a writer
// always says which state it believes it is changing.
//
// Implementations: Memory and Folder here, others in packages of platforms. All of them
// pass buckettest.Run. Faults, metering and sealing are wrappers around the
// same interface, not options of an implementation.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

var (
	// ErrNotFound is returned by Get for a key that does not exist.
	ErrNotFound = errors.New("object not found")
	// ErrPrecondition is returned by a conditional write whose condition does
	// not hold: the object exists (PutIfAbsent), or it is missing or has
	// another etag (PutIfMatch). Nothing was written by this call; a call before
	// it whose answer was lost may have been.
	ErrPrecondition = errors.New("object is not in the expected state")
	// ErrKey is returned, wrapped with the reason, for a key CheckKey refuses.
	ErrKey = errors.New("invalid object key")
)

// MaxKey is the longest key in bytes, as the object stores behind this port have it.
const MaxKey = 1024

// MaxList is the largest number of entries one List call returns, as theirs do.
const MaxList = 1000

// Object is one stored object. ETag is opaque, changes with every write of
// different bytes, and is only meaningful to PutIfMatch on the same key. Equal
// bytes have equal etags in every implementation so far (they hash the content),
// so an object that goes back to earlier bytes matches the earlier etag again: a
// record that fences others (a lease) carries a counter or nonce.
type Object struct {
	Key  string
	ETag string
	Data []byte
}

// Entry is one line of a listing.
type Entry struct {
	Key  string
	ETag string
	Size int64 // bytes
}

// Page is one answer of List, in ascending byte order of keys.
type Page struct {
	Entries []Entry
	// Next is the After of the following call, or "" when this page is the last.
	Next string
}

// ListOptions select what List returns.
type ListOptions struct {
	Prefix string // "" lists everything
	After  string // only keys strictly greater than this; "" starts at the beginning
	Limit  int    // at most this many entries; 0 or more than MaxList means MaxList
}

// Bucket is a strongly consistent object store: a read sees every write that
// returned before it began. All methods are safe for concurrent use, honour
// ctx, and return an error wrapping ErrKey for a key that CheckKey refuses.
type Bucket interface {
	// Get returns the object, or an error wrapping ErrNotFound.
	Get(ctx context.Context, key string) (Object, error)
	// PutIfAbsent creates the object and returns its etag, or returns an error
	// wrapping ErrPrecondition when it exists. Of several concurrent callers
	// exactly one succeeds.
	PutIfAbsent(ctx context.Context, key string, data []byte) (etag string, err error)
	// PutIfMatch replaces the object and returns its new etag, or returns an
	// error wrapping ErrPrecondition when the object is missing or its etag
	// differs. Of several concurrent callers with one etag exactly one succeeds.
	PutIfMatch(ctx context.Context, key, etag string, data []byte) (newETag string, err error)
	// Delete removes the object; a missing one is not an error.
	Delete(ctx context.Context, key string) error
	// List returns one page of keys.
	List(ctx context.Context, o ListOptions) (Page, error)
}

// CheckKey reports why a key is not acceptable to every implementation: it
// must be 1 to MaxKey bytes of UTF-8 without control characters or
// backslashes, made of segments separated by single slashes, none of them
// empty, "." or "..". The returned error wraps ErrKey and does not repeat the key.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: empty", ErrKey)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrKey, len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: not UTF-8", ErrKey)
	}
	for _, r := range key {
		if r < 0x20 || r == 0x7f || r == '\\' {
			return fmt.Errorf("%w: control character or backslash", ErrKey)
		}
	}
	for rest, more := key, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%w: empty or relative segment", ErrKey)
		}
	}
	return nil
}
