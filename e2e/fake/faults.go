//go:build !js

package fake

import (
	"sync"
	"time"
)

// fault is one scripted answer to a method.
type fault struct {
	status      int
	description string
	retryAfter  int // seconds
	left        int // calls still to hit; negative: all of them
}

// faults are what Fail, Hang and Drop have set up. The method "*" stands for
// every method.
type faults struct {
	mu    sync.Mutex
	fails map[string][]*fault
	hangs map[string]time.Duration
	drops map[string]int
}

// Fail makes the next calls of method answer with this HTTP status and the
// service's own words, without doing anything else. retryAfter is in seconds,
// 0 for none; times is how many calls fail, negative until Heal. Several
// calls of Fail for one method follow each other. The method "*" means every
// method.
func (f *faults) Fail(method string, status int, description string, retryAfter, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == nil {
		f.fails = map[string][]*fault{}
	}
	if times != 0 {
		f.fails[method] = append(f.fails[method], &fault{status, description, retryAfter, times})
	}
}

// Hang makes every call of method wait for d before it is looked at, until
// Heal or a Hang with d 0. A caller that hangs up meanwhile was not heard: the
// call changes nothing.
func (f *faults) Hang(method string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hangs == nil {
		f.hangs = map[string]time.Duration{}
	}
	f.hangs[method] = d
}

// Drop makes the next calls of method take effect and then cut the connection
// without an answer: the caller cannot know what happened. A negative times
// means until Heal.
func (f *faults) Drop(method string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drops == nil {
		f.drops = map[string]int{}
	}
	f.drops[method] = times
}

// Heal ends all faults.
func (f *faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails, f.hangs, f.drops = nil, nil, nil
}

func (f *faults) failing(method string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range []string{method, "*"} {
		list := f.fails[key]
		if len(list) == 0 {
			continue
		}
		next := *list[0]
		if list[0].left--; list[0].left == 0 {
			f.fails[key] = list[1:]
		}
		return &next
	}
	return nil
}

func (f *faults) hanging(method string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.hangs[method]; d > 0 {
		return d
	}
	return f.hangs["*"]
}

func (f *faults) dropping(method string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range []string{method, "*"} {
		if n := f.drops[key]; n != 0 {
			if n > 0 {
				f.drops[key] = n - 1
			}
			return true
		}
	}
	return false
}
