package quarantine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Bounds of Expand. A call beyond them is refused rather than cut.
const (
	MaxHandles  = 32        // different ones in one call: each is a read
	MaxExpanded = 256 << 10 // bytes: as policy.MaxArgs
)

// Expand puts the kept text in the place of each string of a tool call's input
// that is a handle and nothing else. Names of members stay, as do strings that
// only contain a handle, and every other byte. Used reports whether anything was
// replaced: then the call's arguments hold somebody else's words. The caller
// judges the expanded input in a window that is joined with label.Untrusted,
// runs the call with that label, and shows the main model neither the expanded
// input nor a reason that quotes it.
//
// An error names the handle that it is about. It wraps ErrHandle when nothing is
// kept under it.
func Expand(ctx context.Context, input json.RawMessage, k Keeper) (expanded json.RawMessage, used bool, err error) {
	if !json.Valid(input) {
		return input, false, nil // the tool says what is wrong with it
	}
	known := map[string]string{}
	out, copied := []byte(nil), 0
	for i := 0; i < len(input); {
		if input[i] != '"' {
			i++
			continue
		}
		end := closing(input, i)
		h, ok := text(input[i:end])
		if !ok || !IsHandle(h) || named(input[end:]) {
			i = end
			continue
		}
		if _, ok := known[h]; !ok {
			if len(known) == MaxHandles {
				return nil, false, fmt.Errorf("%s: more than %d handles in one call", h, MaxHandles)
			}
			s, err := k.Text(ctx, h)
			switch {
			case errors.Is(err, ErrHandle):
				return nil, false, fmt.Errorf("%s: %w", h, ErrHandle)
			case err != nil && ctx.Err() != nil:
				return nil, false, ctx.Err()
			case err != nil:
				return nil, false, fmt.Errorf("%s: the text could not be read just now; try again", h)
			}
			known[h] = quote(s)
		}
		out = append(append(out, input[copied:i]...), known[h]...)
		i, copied = end, end
		if len(out)+len(input)-copied > MaxExpanded {
			return nil, false, fmt.Errorf("%s: the texts are too long for one call", h)
		}
	}
	if copied == 0 {
		return input, false, nil
	}
	return append(out, input[copied:]...), true, nil
}

// closing is where the JSON string that begins at i ends.
func closing(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// named reports whether the string before rest is the name of a member: in valid
// JSON only that is followed by a colon.
func named(rest []byte) bool {
	for _, c := range rest {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == ':'
		}
	}
	return false
}
