package turn_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
)

var errInjected = errors.New("injected fault")

// hooks are asked about every call to the bucket ("put-if-match main/...") and
// the platforms ("telegram send"): before it, and when it had its effect. An
// error is the call's answer.
type hooks struct {
	mu            sync.Mutex
	before, after func(what string) error
}

func (h *hooks) set(before, after func(what string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before, h.after = before, after
}

func (h *hooks) first(what string) error { return h.ask(&h.before, what) }
func (h *hooks) then(what string) error  { return h.ask(&h.after, what) }

func (h *hooks) ask(hook *func(string) error, what string) error {
	h.mu.Lock()
	f := *hook
	h.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(what)
}

// breaks has every call fail whose name holds one of the words, until mend.
func (w *world) breaks(words ...string) {
	w.hooks.set(func(what string) error {
		for _, word := range words {
			if strings.Contains(what, word) {
				return errInjected
			}
		}
		return nil
	}, nil)
}

func (w *world) mend() { w.hooks.set(nil, nil) }

// Logs are not part of what is tested, but for what they must not hold.
var logged syncBuffer

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	code := m.Run()
	// Every secret and private text of these tests holds this word.
	if strings.Contains(logged.b.String(), "hunter2") {
		fmt.Println("FAIL: a log line holds a secret or a message's text")
		code = 1
	}
	os.Exit(code)
}
