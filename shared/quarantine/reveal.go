package quarantine

import (
	"context"
	"errors"
	"strings"
)

// maxRevealed is how many bytes of a text Reveal shows.
const maxRevealed = 1000

// Reveal puts the kept text, in quotes and on one line, in the place of each
// handle in a text that goes to the person. It is for what a person reads and
// never for a model. A handle under which nothing is kept stays.
func Reveal(ctx context.Context, text string, k Keeper) (string, error) {
	var b strings.Builder
	for n := 0; ; {
		i := strings.Index(text, handlePrefix)
		if i < 0 || n == MaxHandles {
			b.WriteString(text)
			return b.String(), nil
		}
		if i > 0 && isWord(text[i-1]) { // the end of another word
			b.WriteString(text[:i+len(handlePrefix)])
			text = text[i+len(handlePrefix):]
			continue
		}
		end := i + len(handlePrefix)
		for end < len(text) && (isWord(text[end]) || text[end] == ':') {
			end++
		}
		handle := strings.TrimRight(text[i:end], ":")
		b.WriteString(text[:i])
		text = text[i+len(handle):]
		if !IsHandle(handle) {
			b.WriteString(handle)
			continue
		}
		n++
		kept, err := k.Text(ctx, handle)
		switch {
		case errors.Is(err, ErrHandle):
			b.WriteString(handle)
		case err != nil:
			return "", err
		default:
			b.WriteString("“" + strings.Join(strings.Fields(cutBytes(kept, maxRevealed)), " ") + "”")
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
