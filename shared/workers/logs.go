//go:build js && wasm

package workers

import (
	"log/slog"
	"sync"

	"instar/shared/leak"
)

var hidden sync.Once

// HideInLogs has no log of the instance show the values of some variables, nor
// what looks like a key. The first event's values count. It costs nothing until
// something is logged.
func (e *Env) HideInLogs(names ...string) {
	hidden.Do(func() {
		secrets := map[string]string{}
		for _, name := range names {
			secrets[name] = e.Var(name)
		}
		slog.SetDefault(slog.New(leak.Handler(secrets, slog.Default().Handler())))
	})
}
