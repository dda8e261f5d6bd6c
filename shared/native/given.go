package native

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"instar/shared/leak"
	"instar/shared/platform"
)

// Given is a deployment's variables, cut down to what one function is listed for.
type Given struct {
	platform.Listing
	// Lookup returns a variable of the deployment, or "".
	Lookup func(name string) string
	// Hidden is done when the function's secrets are hidden in the logs.
	Hidden *sync.Once
}

// Var returns a variable that the function may read, or "".
func (g Given) Var(name string) string {
	if !slices.Contains(g.Vars, name) && !slices.Contains(g.Native, name) {
		return ""
	}
	return g.Lookup(name)
}

// Present reports whether a variable is set of which the function may know that.
// It knows nothing of those whose value it may read.
func (g Given) Present(name string) bool {
	return slices.Contains(g.Listing.Present, name) && g.Lookup(name) != ""
}

// Need returns an error where the function is not listed for a binding.
func (g Given) Need(binding string) error {
	if !g.Bound(binding) {
		return fmt.Errorf("binding %s is not the %s function's", binding, g.Name)
	}
	return nil
}

var logs sync.Mutex // one function after the other puts its guard before the log

// HideInLogs has no log of the process show the values of some variables, nor
// what looks like a key. The first call's values count.
func (g Given) HideInLogs(names ...string) {
	g.Hidden.Do(func() {
		secrets := map[string]string{}
		for _, name := range names {
			secrets[name] = g.Var(name)
		}
		logs.Lock()
		defer logs.Unlock()
		slog.SetDefault(slog.New(leak.Handler(secrets, slog.Default().Handler())))
	})
}
