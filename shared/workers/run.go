//go:build js && wasm

package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall/js"
	"time"
	"unsafe"

	"instar/shared/platform"
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

// event is one event being served. What the JavaScript half knows of it came
// as one block of bytes: lines of text that depend on the kind, then the body.
type event struct {
	id     int
	kind   string // "fetch", "queue", "scheduled"
	lines  string // the rest of the head
	body   []byte
	ctx    context.Context
	cancel context.CancelCauseFunc
	rest   sync.WaitGroup // functions given to Env.WaitUntil
	dirty  bool           // a goroutine panicked; the instance must not be used again
}

// The way of an event in and of a short answer out. Both copy bytes between the
// program's memory and the JavaScript half without a js.Value, each of which
// costs a table entry there and a finalizer here.

//go:wasmimport instar take
func take(event int32, into unsafe.Pointer)

//go:wasmimport instar respond
func respond(event, status int32, head unsafe.Pointer, headLen int32, body unsafe.Pointer, bodyLen int32)

//go:wasmimport instar ended
func ended(event int32, flags int32)

const (
	flagDirty = 1 << iota // a goroutine panicked
	flagQuiet             // no goroutine of the event is left
)

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
	// How many goroutines there are when an event begins: while Go code runs,
	// the one that the platform's call came in on is always among them.
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
	// One goroutine serves all events, so that its stack grows once.
	events := make(chan *event, 1)
	go func() {
		for e := range events {
			func() {
				defer func() { // also when the handler calls runtime.Goexit
					e.rest.Wait()
					e.cancel(nil)
					lock.Lock()
					delete(running, e.id)
					lock.Unlock()
					flags := int32(0)
					if e.dirty {
						flags |= flagDirty
					}
					if runtime.NumGoroutine() <= baseline {
						flags |= flagQuiet
					}
					ended(int32(e.id), flags)
				}()
				e.serve(f)
			}()
		}
	}()
	bridge.Set("handle", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if baseline == 0 {
			baseline = runtime.NumGoroutine()
		}
		e := receive(args[0].Int(), args[1].Int(), args[2].Int())
		lock.Lock()
		running[e.id] = e
		lock.Unlock()
		events <- e
		return nil
	}))
	select {}
}

// receive takes an event over: a head of the given length, whose first line is
// the kind, and a body.
func receive(id, head, body int) *event {
	data := make([]byte, head+body+1) // never empty: its address is taken
	take(int32(id), unsafe.Pointer(&data[0]))
	e := &event{id: id, body: data[head : head+body : head+body]}
	e.kind, e.lines, _ = strings.Cut(string(data[:head]), "\n")
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	return e
}

// line cuts the next line off the head.
func (e *event) line() (line string) {
	line, e.lines, _ = strings.Cut(e.lines, "\n")
	return line
}

// run is the JavaScript half's own record of the event.
func (e *event) run() js.Value { return bridge.Call("run", e.id) }

func (e *event) serve(f Function) {
	env := &Env{event: e}
	switch {
	case e.kind == "fetch" && f.Fetch != nil:
		e.serveFetch(func() http.Handler { return f.Fetch(env) })
	case e.kind == "queue" && f.Queue != nil:
		e.report(func() error {
			m := queue.Message{ID: e.line(), Body: e.body}
			m.Attempts, _ = strconv.Atoi(e.line())
			return f.Queue(env)(e.ctx, m)
		})
	case e.kind == "scheduled" && f.Scheduled != nil:
		milliseconds, _ := strconv.ParseInt(e.line(), 10, 64)
		e.report(func() error { return f.Scheduled(e.ctx, env, time.UnixMilli(milliseconds)) })
	default:
		e.report(func() error { return fmt.Errorf("this function does not serve %s events", e.kind) })
	}
}

// report runs a handler without an HTTP answer and tells the platform how it
// ended: an error has the event delivered again.
func (e *event) report(handler func() error) {
	err := e.guard(handler)
	if err == nil {
		bridge.Call("outcome", e.id, "", 0)
		return
	}
	var retry *queue.Retry
	seconds := 0
	if errors.As(err, &retry) {
		seconds = int(queue.RoundDelay(retry.After).Seconds())
	} else {
		slog.Error("event failed", "kind", e.kind, "error", err.Error())
	}
	bridge.Call("outcome", e.id, "failed", seconds)
}

// guard runs f and turns a panic into a *platform.Panicked error.
func (e *event) guard(f func() error) error {
	err := platform.Guard(f)
	var p *platform.Panicked
	if errors.As(err, &p) {
		e.dirty = true
	}
	return err
}
