//go:build js && wasm

package workers

import (
	"context"
	"errors"
	"sync"
	"syscall/js"
)

// bridge is the object that the JavaScript half (build/worker/instance.mjs)
// puts into this program's global scope.
var bridge = js.Global().Get("instar")

// calls are the platform promises a goroutine is waiting for. One callback
// serves all of them: a js.Func for each would have to be allocated, and leaks
// when its promise never settles.
var calls = struct {
	sync.Mutex
	next    int
	waiting map[int]chan outcome
}{waiting: map[int]chan outcome{}}

type outcome struct {
	value js.Value
	err   error
}

// call starts a bridge method that settles under the id it is given first and
// waits for the outcome or for ctx. On ctx the platform's work is aborted
// where it can be; its late outcome is dropped.
func call(ctx context.Context, method string, args ...any) (js.Value, error) {
	if err := ctx.Err(); err != nil {
		return js.Undefined(), err
	}
	done := make(chan outcome, 1)
	calls.Lock()
	calls.next++
	id := calls.next
	calls.waiting[id] = done
	calls.Unlock()

	if err := invoke(method, append([]any{id}, args...)); err != nil {
		forget(id)
		return js.Undefined(), err
	}
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		forget(id)
		bridge.Call("abort", id)
		return js.Undefined(), ctx.Err()
	}
}

// method calls a method of a platform object, which returns a promise, and
// waits for it as call does.
func method(ctx context.Context, object js.Value, name string, args ...any) (js.Value, error) {
	return call(ctx, "method", append([]any{object, name}, args...)...)
}

// invoke calls a bridge method; what JavaScript throws comes back as an error.
func invoke(method string, args []any) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			jsErr, ok := thrown.(js.Error)
			if !ok {
				panic(thrown)
			}
			err = errors.New(method + ": " + jsErr.Value.Get("message").String())
		}
	}()
	bridge.Call(method, args...)
	return nil
}

func forget(id int) {
	calls.Lock()
	delete(calls.waiting, id)
	calls.Unlock()
}

// settled is the one callback: (id, ok, value or message). It reports whether a
// goroutine took the outcome.
func settled(_ js.Value, args []js.Value) any {
	id := args[0].Int()
	calls.Lock()
	done := calls.waiting[id]
	delete(calls.waiting, id)
	calls.Unlock()
	if done == nil {
		return false
	}
	if args[1].Bool() {
		done <- outcome{value: args[2]}
	} else {
		done <- outcome{err: errors.New(args[2].String())}
	}
	return true
}

// copyIn copies a Uint8Array into Go memory.
func copyIn(array js.Value) []byte {
	data := make([]byte, array.Get("byteLength").Int())
	js.CopyBytesToGo(data, array)
	return data
}

var uint8Array = js.Global().Get("Uint8Array")

// copyOut copies Go bytes into a new Uint8Array.
func copyOut(data []byte) js.Value {
	array := uint8Array.New(len(data))
	js.CopyBytesToJS(array, data)
	return array
}
