//go:build !js

package fake

import (
	"sync"
	"time"
)

// rateLimit allows n calls per chat in any span of time.
type rateLimit struct {
	mu   sync.Mutex
	n    int
	per  time.Duration
	past map[string][]time.Time
}

func (l *rateLimit) set(n int, per time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n, l.per, l.past = n, per, map[string][]time.Time{}
}

// take counts one call, or returns in how many seconds the next is allowed.
func (l *rateLimit) take(chat string, at time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == 0 {
		return 0
	}
	past := l.past[chat]
	for len(past) > 0 && at.Sub(past[0]) >= l.per {
		past = past[1:]
	}
	if len(past) >= l.n {
		l.past[chat] = past
		return int((l.per-at.Sub(past[0]))/time.Second) + 1
	}
	l.past[chat] = append(past, at)
	return 0
}
