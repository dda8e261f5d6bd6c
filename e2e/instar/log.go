//go:build e2e

package instar

import (
	"bytes"
	"strings"
	"sync"
)

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Log is what Instar has printed so far, over all its starts.
func (w *World) Log() string { return w.log.String() }

// secrets must not turn up in any log line.
var secrets = []string{TelegramKey, HookSecret, SlackKey, SlackSecret, AnthropicKey, OpenAIKey, ConsoleToken}

// CheckLog fails the test for a log line with a secret or with words of a
// conversation: every text the tests send holds the word "zebra".
func (w *World) CheckLog() {
	for line := range strings.Lines(w.log.String()) {
		if strings.HasPrefix(line, "Console:") {
			continue // the start message prints the console's address on purpose
		}
		for _, s := range secrets {
			if strings.Contains(line, s) {
				w.T.Errorf("a log line holds a secret: %s", strings.ReplaceAll(line, s, "[SECRET]"))
			}
		}
		if strings.Contains(line, "zebra") {
			w.T.Errorf("a log line holds message text: %s", line)
		}
	}
	if w.T.Failed() {
		w.T.Logf("log of Instar:\n%s", w.log.String())
	}
}
