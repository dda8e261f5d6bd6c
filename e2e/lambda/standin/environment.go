package standin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// environment is one execution environment of a function: its process, and the
// Runtime API that it speaks to (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
// Between two invocations the process is stopped, as a frozen one is.
type environment struct {
	function *Function
	server   *http.Server
	command  *exec.Cmd
	exited   chan struct{}
	next     chan *Invocation // to GET next
	idle     chan struct{}    // one each time the process has asked for the next

	mu      sync.Mutex
	current *Invocation // what it works on
}

// Invocation is one run of a function.
type Invocation struct {
	ID      string
	Payload []byte
	// Began is closed when the answer begins or it has failed; then ContentType
	// and Body are there. Body ends with an error when the function failed.
	Began       chan struct{}
	ContentType string
	Body        io.Reader
	// Done is closed when the process has asked for the next invocation, or has
	// ended: Err then is a failure, as Lambda reports it.
	Done chan struct{}
	Err  error

	pipe  *io.PipeWriter
	begin sync.Once
}

var errCrashed = errors.New("Runtime.ExitError: the process ended")

// start starts a process; it is used when it has asked for its first invocation.
func (f *Function) start() (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &environment{function: f, exited: make(chan struct{}), next: make(chan *Invocation), idle: make(chan struct{}, 1)}
	e.server = &http.Server{Handler: http.HandlerFunc(e.serve)}
	go e.server.Serve(listener)
	e.command = exec.Command(filepath.Join(f.Folder, "bootstrap"))
	e.command.Dir = f.Folder
	e.command.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=" + f.Name, "_HANDLER=bootstrap",
		"LAMBDA_TASK_ROOT=" + f.Folder, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "TZ=:UTC", "PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
	}, f.Env...)
	e.command.Stdout, e.command.Stderr = f.Log, f.Log
	if err := e.command.Start(); err != nil {
		e.server.Close()
		return nil, err
	}
	f.starts.Add(1)
	go func() {
		e.command.Wait()
		if f.User > 0 { // its machine ends with it
			exec.Command("setpriv", "--reuid", fmt.Sprint(f.User), "--clear-groups", "sh", "-c", "kill -9 -1").Run()
		}
		e.server.Close()
		e.end(errCrashed)
		close(e.exited)
	}()
	select {
	case <-e.idle:
		return e, nil
	case <-e.exited:
		return nil, fmt.Errorf("the bootstrap of %s ended before its first event", f.Name)
	case <-time.After(10 * time.Second):
		e.kill()
		return nil, fmt.Errorf("the bootstrap of %s did not ask for an event within 10 s", f.Name)
	}
}

func (e *environment) kill()  { e.command.Process.Kill(); <-e.exited }
func (e *environment) pause() { e.command.Process.Signal(syscall.SIGSTOP) }
func (e *environment) thaw()  { e.command.Process.Signal(syscall.SIGCONT) }

// end ends the current invocation.
func (e *environment) end(err error) {
	e.mu.Lock()
	i := e.current
	e.current = nil
	e.mu.Unlock()
	if i == nil {
		return
	}
	if i.Err == nil {
		i.Err = err
	}
	i.answer("", i.Err)
	close(i.Done)
}

// answer begins the answer; with an error it is one that fails.
func (i *Invocation) answer(contentType string, err error) {
	i.begin.Do(func() {
		i.ContentType = contentType
		close(i.Began)
	})
	if err != nil {
		i.pipe.CloseWithError(err)
	}
}

func (e *environment) serve(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/")
	id, what, _ := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
	switch {
	case !ok:
		http.NotFound(w, r)
	case path == "invocation/next" && r.Method == http.MethodGet:
		e.give(w, r)
	case r.Method == http.MethodPost && (what == "response" || what == "error"):
		e.mu.Lock()
		i := e.current
		e.mu.Unlock()
		if i == nil || i.ID != id {
			http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
			return
		}
		e.take(i, what, r)
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, r)
	}
}

// give answers GET next, which is also what ends the invocation before.
func (e *environment) give(w http.ResponseWriter, r *http.Request) {
	e.end(nil)
	e.idle <- struct{}{}
	select {
	case <-r.Context().Done():
	case i := <-e.next:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", i.ID)
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(e.function.Timeout).UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+Region+":"+Account+":function:"+e.function.Name)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		h.Set("Content-Type", "application/json")
		w.Write(i.Payload)
	}
}

// take reads an answer to its end.
func (e *environment) take(i *Invocation, what string, r *http.Request) {
	if what == "error" {
		data, _ := io.ReadAll(r.Body)
		i.Err = fmt.Errorf("function error Unhandled: %s", data)
		i.answer("", i.Err)
		return
	}
	i.answer(r.Header.Get("Content-Type"), nil)
	if e.function.Cut > 0 { // a caller whom the service no longer reaches
		io.CopyN(i.pipe, r.Body, e.function.Cut)
		panic(http.ErrAbortHandler)
	}
	io.Copy(flushed{i.pipe}, r.Body)
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		text, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		i.Err = fmt.Errorf("%s: %s", kind, text)
		i.pipe.CloseWithError(i.Err)
		return
	}
	i.pipe.Close()
}

// flushed goes on when the reader has gone: the function is not disturbed.
type flushed struct{ w io.Writer }

func (f flushed) Write(p []byte) (int, error) {
	f.w.Write(p)
	return len(p), nil
}

// Function is a function with its environments.
type Function struct {
	Name    string
	Folder  string // where its zip was unpacked
	Env     []string
	Log     io.Writer
	Timeout time.Duration
	// Limit is how many environments there may be at once; 0 is 8.
	Limit int
	// Reserved: there may be one at once, and an invocation that finds it taken is
	// refused, not put off.
	Reserved bool
	// User is whose its processes are; 0: nobody's in particular.
	User int
	// Cut, if set, has the connection of an answer break after so many bytes.
	Cut int64

	starts atomic.Int64 // processes, ever
	serial atomic.Int64
	mu     sync.Mutex
	warm   []*environment // frozen, to be used again
	all    map[*environment]bool
	slots  chan struct{}
}

// Starts is how many processes were started.
func (f *Function) Starts() int { return int(f.starts.Load()) }

// Invoke runs the function in an environment that is free, or a new one. The
// answer must be read, or given up by ending ctx.
func (f *Function) Invoke(ctx context.Context, payload []byte) (*Invocation, error) {
	f.mu.Lock()
	if f.slots == nil {
		limit := cmp.Or(f.Limit, 8)
		if f.Reserved {
			limit = 1
		}
		f.slots, f.all = make(chan struct{}, limit), map[*environment]bool{}
	}
	slots := f.slots
	f.mu.Unlock()
	select {
	case slots <- struct{}{}:
	default:
		if f.Reserved {
			return nil, errThrottled
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	e, err := f.environment()
	if err != nil {
		<-slots
		return nil, err
	}
	body, pipe := io.Pipe()
	i := &Invocation{
		ID: fmt.Sprintf("%08x-0000-4000-8000-000000000000", f.serial.Add(1)), Payload: bytes.Clone(payload),
		Began: make(chan struct{}), Body: body, Done: make(chan struct{}), pipe: pipe,
	}
	context.AfterFunc(ctx, func() { body.CloseWithError(ctx.Err()) })
	e.mu.Lock()
	e.current = i
	e.mu.Unlock()
	go f.watch(e, i, slots)
	select {
	case e.next <- i:
	case <-e.exited:
		e.end(errCrashed)
	}
	return i, nil
}

// environment is a warm one, thawed, or a new one.
func (f *Function) environment() (*environment, error) {
	f.mu.Lock()
	for len(f.warm) > 0 {
		e := f.warm[len(f.warm)-1]
		f.warm = f.warm[:len(f.warm)-1]
		select {
		case <-e.exited:
			continue
		default:
		}
		f.mu.Unlock()
		e.thaw()
		return e, nil
	}
	f.mu.Unlock()
	e, err := f.start()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.all[e] = true
	f.mu.Unlock()
	return e, nil
}

// watch waits for the end of an invocation and freezes the process, or kills it
// when its time is up.
func (f *Function) watch(e *environment, i *Invocation, slots chan struct{}) {
	defer func() { <-slots }()
	timer := time.NewTimer(f.Timeout)
	defer timer.Stop()
	select {
	case <-i.Done:
	case <-timer.C:
		e.end(fmt.Errorf("task timed out after %.2f seconds", f.Timeout.Seconds()))
		e.kill()
	}
	select {
	case <-e.exited:
		f.forget(e)
	case <-e.idle:
		e.pause()
		f.mu.Lock()
		f.warm = append(f.warm, e)
		f.mu.Unlock()
	}
}

func (f *Function) forget(e *environment) {
	f.mu.Lock()
	delete(f.all, e)
	f.mu.Unlock()
}

// Kill ends every process of the function at once.
func (f *Function) Kill() {
	f.mu.Lock()
	all := f.all
	f.all, f.warm = map[*environment]bool{}, nil
	f.mu.Unlock()
	for e := range all {
		e.kill()
	}
}

// RSS is the resident memory of the function's processes, in bytes.
func (f *Function) RSS() (sizes []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range f.all {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", e.command.Process.Pid))
		var total, resident int64
		if _, scanErr := fmt.Sscan(string(data), &total, &resident); err == nil && scanErr == nil {
			sizes = append(sizes, resident*int64(os.Getpagesize()))
		}
	}
	return sizes
}
