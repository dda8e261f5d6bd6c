// Package platform is the port to whatever runs the functions: what an event
// brings, and what a function is given for it. Each platform has a package of its
// own that implements it; the functions and all else in shared know none of them.
package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"instar/shared/bucket"
	"instar/shared/queue"
	"instar/shared/sandbox/client"
	"instar/shared/settings"
)

// Function is what one function serves. A nil handler refuses its kind of event.
// The handlers may be called for many events, one after the other or, where the
// platform has threads, at once.
type Function struct {
	// Fetch answers an HTTP request.
	Fetch func(env Env) http.Handler
	// Queue handles one delivery of the queue.
	Queue func(env Env) queue.Handler
	// Scheduled is the clock's look that was due at the given time, each minute.
	Scheduled func(ctx context.Context, env Env, at time.Time) error
}

// Doer sends one HTTP request, like *http.Client, but follows no redirect.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Env is what the platform gives one event: only what the function may have. It
// and everything got from it ends with the event. An error says what of the
// deployment to mend.
type Env interface {
	// Var returns a variable or secret, or "" when it is not set or not this
	// function's.
	Var(name string) string
	// Present reports whether a variable is set, also one whose value this
	// function may not see, or, of "SANDBOX", whether there is a sandbox.
	Present(name string) bool
	// HideInLogs has no log show the values of these variables, nor what looks
	// like a key.
	HideInLogs(names ...string)
	// Bucket is where everything is kept, as it is: not sealed.
	Bucket() (bucket.Bucket, error)
	// Queue wakes the agent function.
	Queue() (queue.Sender, error)
	// Settings may be kept in the bucket given.
	Settings(b bucket.Bucket) settings.Store
	// Agent calls the agent function directly; the URL's host is ignored.
	Agent() (Doer, error)
	// Sandbox reaches the containers of the sessions; the zero value: there is no
	// sandbox.
	Sandbox() Sandbox
	// Fetch sends requests to the services that the deployment is configured
	// with. It may be kept, like Web; nothing else may.
	Fetch() Doer
	// Web sends requests to addresses that nobody vouches for; none that is not
	// of the internet at large is reached.
	Web() Doer
	// After runs f when the answer has been sent; the platform lets it end.
	After(f func(ctx context.Context))
}

// Sandbox is how the containers are reached.
type Sandbox struct {
	Do client.Do
	// Report is where a daemon says that a job has ended, by POST; "" where it
	// cannot reach us.
	Report string
	// Longest is how long a command may take; 0: as long as anywhere.
	Longest time.Duration
	// Closed: nothing leaves a container, whichever hosts the owner opens.
	Closed bool
	// Forgets: a container goes away without the agent being told.
	Forgets bool
	// MaxBody is how many bytes a request to a container may have; 0: any number.
	MaxBody int64
}

// Misconfigured answers every request with 503 and says what to mend.
func Misconfigured(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
	})
}
