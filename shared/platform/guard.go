package platform

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
)

// Panicked is the error of a handler that panicked; ID is in the log.
type Panicked struct{ ID string }

func (p *Panicked) Error() string { return "internal error, id " + p.ID }

// Guard runs f and turns a panic into a *Panicked error. The log gets the id,
// the stack and, when it is the runtime's own, the message: any other panic
// value may hold a person's words.
func Guard(f func() error) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		id := make([]byte, 8)
		rand.Read(id)
		what := fmt.Sprintf("%T", value)
		if runtimeErr, ok := value.(runtime.Error); ok {
			what = runtimeErr.Error()
		}
		p := &Panicked{ID: hex.EncodeToString(id)}
		slog.Error("panic", "id", p.ID, "panic", what, "stack", frames(debug.Stack()))
		err = p
	}()
	return f()
}

// frames keeps the function names and lines of a stack and drops arguments.
func frames(stack []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(stack)) {
		if at, ok := strings.CutPrefix(line, "\t"); ok && b.Len() < 2000 {
			at, _, _ = strings.Cut(at, " +0x")
			b.WriteString(strings.TrimSpace(at) + " ")
		}
	}
	return b.String()
}
