package transcript

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"instar/shared/bucket"
)

// Bounds of Results in bytes.
const (
	MaxKept = 5 << 20  // a result as it is kept; what is longer is cut and says so
	MaxRead = 12 << 10 // what one Read returns
)

var (
	// ErrRef: there is no result of that name. Its text is for the model.
	ErrRef = errors.New("there is no kept result of that ref; give it exactly as the cut result names it")
	// ErrOffset is wrapped with the bound for an offset outside a result. Its
	// text is for the model.
	ErrOffset = errors.New("offset is outside the result")
)

// Results are tool results that are too long for the conversation, one object
// each. It keeps nothing between calls.
type Results struct {
	Bucket bucket.Bucket
	Prefix string // of its keys, with the slash at the end: "main/sessions/<id>/results/"
}

// Keep stores the result of a call and returns the name it can be read by. The
// name is derived from the call's id, which is unique over all turns: the same
// call again is the same object, and the text that was stored first stays.
func (r *Results) Keep(ctx context.Context, call, text string) (ref string, err error) {
	if call == "" {
		return "", errors.New("keep result: the call has no id")
	}
	sum := sha256.Sum256([]byte(call))
	ref = hex.EncodeToString(sum[:refSize/2])
	data := append(fmt.Appendf(nil, "{\"v\":%d}\n", version), fit(text, MaxKept)...)
	if _, err := r.Bucket.PutIfAbsent(ctx, r.Prefix+ref, data); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return "", fmt.Errorf("keep result: %w", err)
	}
	return ref, nil
}

// Read returns a part of a kept result and how many bytes it has in all: from
// offset on, at most MaxRead bytes, ending between two characters. An offset
// within a character gives the rest of its bytes first. Errors wrap ErrRef,
// ErrOffset, or the bucket's. Costs a Get of the whole object.
func (r *Results) Read(ctx context.Context, ref string, offset int) (text string, total int, err error) {
	if !isRef(ref) {
		return "", 0, ErrRef
	}
	o, err := r.Bucket.Get(ctx, r.Prefix+ref)
	if errors.Is(err, bucket.ErrNotFound) {
		return "", 0, ErrRef
	}
	if err != nil {
		return "", 0, fmt.Errorf("read kept result: %w", err)
	}
	kept, err := openResult(o.Data)
	if err != nil {
		return "", 0, err
	}
	if offset < 0 || offset > 0 && offset >= len(kept) {
		return "", len(kept), fmt.Errorf("%w: it has %d bytes", ErrOffset, len(kept))
	}
	return clip(kept[offset:], MaxRead), len(kept), nil
}

// refSize is the length of a name: 80 bits, for the results of one conversation.
const refSize = 20

// isRef reports whether Keep makes such names. They hold no slash and no dot,
// so that none reaches outside the prefix.
func isRef(ref string) bool {
	return len(ref) == refSize && strings.Trim(ref, "0123456789abcdef") == ""
}

func openResult(data []byte) (string, error) {
	head, text, found := bytes.Cut(data, []byte("\n"))
	var h struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(head, &h); err != nil || !found || h.V != version {
		return "", fmt.Errorf("kept result is not of version %d", version)
	}
	return strings.ToValidUTF8(string(text), "\ufffd"), nil
}
