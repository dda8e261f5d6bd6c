//go:build js && wasm

package workers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"instar/shared/queue"
)

// Function is what a program serves. A nil handler refuses its kind of event.
type Function struct {
	// Fetch answers an HTTP request.
	Fetch func(env *Env) http.Handler
	// Queue handles one delivery of the queue.
	Queue func(env *Env) queue.Handler
	// Scheduled handles a cron trigger due at the given time.
	Scheduled func(ctx context.Context, env *Env, at time.Time) error
}

// event is one event being served.
type event struct {
	run    js.Value // the JavaScript half's record of it
	ctx    context.Context
	cancel context.CancelCauseFunc
	rest   sync.WaitGroup // functions given to Env.WaitUntil
	dirty  bool           // a goroutine panicked; the instance must not be used again
}

// errGone is the cause of a context cancelled by the platform.
var errGone = errors.New("the caller is gone")

// Run serves events for as long as the instance lives; it does not return.
func Run(f Function) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	running := map[int]*event{}
	var lock sync.Mutex

	bridge.Set("settled", js.FuncOf(settled))
	bridge.Set("cancel", js.FuncOf(func(_ js.Value, args []js.Value) any {
		lock.Lock()
		defer lock.Unlock()
		if e := running[args[0].Int()]; e != nil {
			e.cancel(errGone)
		}
		return nil
	}))
	baseline := 0
	bridge.Set("idle", js.FuncOf(func(js.Value, []js.Value) any {
		return runtime.NumGoroutine() <= baseline
	}))
	// The Go runtime leaves its last platform timeout behind when the timers it
	// was for are stopped (runtime/lock_js.go schedules anew only for the next
	// timer). A timer that fires at once clears it; timers that are really
	// pending get a new one, by which the JavaScript half knows them.
	bridge.Set("settleTimers", js.FuncOf(func(js.Value, []js.Value) any {
		go time.Sleep(time.Millisecond)
		return nil
	}))
	bridge.Set("handle", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if baseline == 0 {
			baseline = runtime.NumGoroutine()
		}
		e := &event{run: args[0]}
		e.ctx, e.cancel = context.WithCancelCause(context.Background())
		id := e.run.Get("id").Int()
		lock.Lock()
		running[id] = e
		lock.Unlock()
		go func() {
			defer func() { // also when the handler calls runtime.Goexit
				e.rest.Wait()
				e.cancel(nil)
				lock.Lock()
				delete(running, id)
				lock.Unlock()
				bridge.Call("ended", e.run, e.dirty)
			}()
			e.serve(f)
		}()
		return nil
	}))
	select {}
}

func (e *event) serve(f Function) {
	env := &Env{event: e, values: e.run.Get("env")}
	switch kind := e.run.Get("kind").String(); {
	case kind == "fetch" && f.Fetch != nil:
		e.serveFetch(func() http.Handler { return f.Fetch(env) })
	case kind == "queue" && f.Queue != nil:
		e.report(func() error {
			return f.Queue(env)(e.ctx, queue.Message{
				ID:       e.run.Get("messageId").String(),
				Body:     copyIn(e.run.Get("body")),
				Attempts: e.run.Get("attempts").Int(),
			})
		})
	case kind == "scheduled" && f.Scheduled != nil:
		at := time.UnixMilli(int64(e.run.Get("scheduledTime").Float()))
		e.report(func() error { return f.Scheduled(e.ctx, env, at) })
	default:
		e.report(func() error { return fmt.Errorf("this function does not serve %s events", kind) })
	}
}

// report runs a handler without an HTTP answer and tells the platform how it
// ended: an error has the event delivered again.
func (e *event) report(handler func() error) {
	err := e.guard(handler)
	if err == nil {
		bridge.Call("outcome", e.run, "", 0)
		return
	}
	var retry *queue.Retry
	seconds := 0
	if errors.As(err, &retry) {
		seconds = int(queue.RoundDelay(retry.After).Seconds())
	} else {
		slog.Error("event failed", "kind", e.run.Get("kind").String(), "error", err.Error())
	}
	bridge.Call("outcome", e.run, "failed", seconds)
}

// panicked is the error of a handler that panicked; ID is in the log.
type panicked struct{ ID string }

func (p *panicked) Error() string { return "internal error, id " + p.ID }

// guard runs f and turns a panic into a *panicked error. The log gets the id,
// the stack and, when it is the runtime's own, the message: any other panic
// value may hold a person's words.
func (e *event) guard(f func() error) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		e.dirty = true
		id := make([]byte, 8)
		rand.Read(id)
		what := fmt.Sprintf("%T", value)
		if runtimeErr, ok := value.(runtime.Error); ok {
			what = runtimeErr.Error()
		}
		p := &panicked{ID: hex.EncodeToString(id)}
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
