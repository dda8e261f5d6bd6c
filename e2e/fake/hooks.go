//go:build !js

package fake

import (
	"net/http"
	"sync"
)

// Fault is what a hook has happen to one call. The zero value is none.
type Fault struct {
	// Status of 400 and up refuses the call with Description, in the service's
	// form; RetryAfter is in seconds, 0 for none. Not for models: their scripts
	// say what they refuse.
	Status      int
	Description string
	RetryAfter  int
	// Lost cuts the connection and changes nothing, as when the caller dies
	// before the last byte of its call is out.
	Lost bool
	// Dropped lets the call take effect and cuts the connection without an answer.
	Dropped bool
}

// hooks are what a test has called at each call. A method is that of Telegram
// or Slack, or the path of a model's API.
type hooks struct {
	hookMu sync.Mutex
	before func(method string) Fault
	after  func(method string)
}

// Before sets what is called when a well-formed call has arrived and before it
// takes effect; the fault it returns happens. It runs while the caller waits,
// may be called by several goroutines at once, and nil ends it.
func (h *hooks) Before(f func(method string) Fault) {
	h.hookMu.Lock()
	defer h.hookMu.Unlock()
	h.before = f
}

// After sets what is called when the last byte of a call's answer has been
// handed to the network. nil ends it.
func (h *hooks) After(f func(method string)) {
	h.hookMu.Lock()
	defer h.hookMu.Unlock()
	h.after = f
}

// arrived runs the Before hook. A lost call ends here.
func (h *hooks) arrived(method string) Fault {
	h.hookMu.Lock()
	f := h.before
	h.hookMu.Unlock()
	if f == nil {
		return Fault{}
	}
	fault := f(method)
	if fault.Lost {
		cut()
	}
	return fault
}

// answered runs the After hook.
func (h *hooks) answered(w http.ResponseWriter, method string) {
	h.hookMu.Lock()
	f := h.after
	h.hookMu.Unlock()
	if f == nil {
		return
	}
	http.NewResponseController(w).Flush()
	f(method)
}
