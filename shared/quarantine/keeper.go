package quarantine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"instar/shared/bucket"
)

// Keeper holds the strings that were read, for one conversation. The main model
// knows their handles only.
type Keeper interface {
	// Keep stores a text of at most MaxString bytes under a handle. When one is
	// kept there already, that one stays and nil is returned.
	Keep(ctx context.Context, handle, text string) error
	// Text returns the text, or an error that wraps ErrHandle when nothing is
	// kept under the handle.
	Text(ctx context.Context, handle string) (string, error)
}

// Texts is a Keeper in a bucket, one object a string. What is stored is as
// untrusted and as private as the text that was read, so Bucket is a sealed one.
type Texts struct {
	Bucket bucket.Bucket
	Prefix string // of its keys, with the slash at the end: "main/sessions/<id>/texts/"
}

var _ Keeper = (*Texts)(nil)

// head begins every object: its version.
const head = "{\"v\":1}\n"

// Keep implements Keeper. Costs one conditional write.
func (t *Texts) Keep(ctx context.Context, handle, text string) error {
	if !IsHandle(handle) || len(text) > MaxString {
		return errors.New("keep string: not a handle, or too long a text")
	}
	_, err := t.Bucket.PutIfAbsent(ctx, t.key(handle), []byte(head+text))
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("keep string: %w", err)
	}
	return nil
}

// Text implements Keeper. Costs one read.
func (t *Texts) Text(ctx context.Context, handle string) (string, error) {
	if !IsHandle(handle) {
		return "", ErrHandle
	}
	o, err := t.Bucket.Get(ctx, t.key(handle))
	if errors.Is(err, bucket.ErrNotFound) {
		return "", ErrHandle
	}
	if err != nil {
		return "", fmt.Errorf("read kept string: %w", err)
	}
	text, ok := bytes.CutPrefix(o.Data, []byte(head))
	if !ok {
		return "", errors.New("read kept string: not of version 1")
	}
	return strings.ToValidUTF8(string(text), "\ufffd"), nil
}

// key has no character that a handle leaves to choose but those of a name.
func (t *Texts) key(handle string) string {
	return t.Prefix + strings.ReplaceAll(strings.TrimPrefix(handle, handlePrefix), ":", "-")
}
