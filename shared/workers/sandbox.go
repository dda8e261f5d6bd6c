//go:build js && wasm

package workers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall/js"

	"instar/shared/sandbox"
)

// ErrNoSandbox is the error of Env.Sandbox where no sandbox is bound.
var ErrNoSandbox = errors.New("the sandbox is off here")

// ErrAsleep is the error of a quiet call to a sandbox that is not running.
var ErrAsleep = errors.New("the sandbox is asleep")

// What build/worker/sandbox.mjs reads and does not hand on, and what it says of
// an answer that is not the daemon's.
const (
	keyHeader     = sandbox.HeaderKey
	sessionHeader = sandbox.HeaderSession
	errorHeader   = sandbox.HeaderError
)

// wholeRequest is up to how many bytes a body is sent in one piece.
const wholeRequest = 64 << 10

// Sandbox are the containers of all sessions, each reached by its session's name.
type Sandbox struct{ namespace js.Value }

// Sandbox returns what is bound as name, or ErrNoSandbox.
func (e *Env) Sandbox(name string) (Sandbox, error) {
	v, err := e.binding(name)
	if err != nil {
		return Sandbox{}, ErrNoSandbox
	}
	return Sandbox{v}, nil
}

// Do sends r to the daemon in the session's container, which is started if it
// does not run, and again if it was given another public key (base64). Only the
// path and the query of r's URL count. Bodies are streamed in both directions:
// close the response's body, or read it to its end. An error that is not the
// context's says that there was no daemon to ask.
func (s Sandbox) Do(session, publicKey string, r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(keyHeader, publicKey)
	r.Header.Set(sessionHeader, session)
	body, upload, err := outgoing(r)
	if err != nil {
		return nil, err
	}
	response, err := exchange(r, body, func(args ...any) (js.Value, error) {
		return call(r.Context(), "sandbox", append([]any{s.namespace, session}, args...)...)
	})
	if err == nil {
		err = refused(response)
	}
	if err != nil {
		upload.stop()
		return nil, err
	}
	response.Body = &answer{response.Body, upload}
	return response, nil
}

// refused is the error of an answer that is not the daemon's.
func refused(r *http.Response) error {
	kind := r.Header.Get(errorHeader)
	if kind == "" {
		return nil
	}
	defer r.Body.Close()
	var said struct{ Error string }
	json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&said)
	switch kind {
	case sandbox.NotAwake:
		return ErrAsleep
	case "off":
		return ErrNoSandbox
	}
	return fmt.Errorf("sandbox: %s", strings.TrimSpace(said.Error))
}

// upload is a request's body on its way, nil when it went in one piece.
type upload struct {
	body   io.ReadCloser
	writer js.Value
}

// outgoing is a body as the platform takes it. A long one, or one of unknown
// length, is copied by a goroutine that ends with the body, when nobody takes it
// any more, or on stop.
func outgoing(r *http.Request) (js.Value, *upload, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength > 0 && r.ContentLength <= wholeRequest {
		body, err := whole(r)
		return body, nil, err
	}
	length := r.ContentLength
	if length <= 0 {
		length = -1 // nothing is known of a body that is there
	}
	ends := bridge.Call("pipe", length)
	u := &upload{r.Body, ends.Index(1)}
	go func() {
		defer u.body.Close()
		buffer := make([]byte, wholeRequest)
		for {
			n, err := u.body.Read(buffer)
			if n > 0 {
				if _, failed := method(r.Context(), u.writer, "write", copyOut(buffer[:n])); failed != nil {
					u.abort()
					return
				}
			}
			if err == io.EOF {
				method(r.Context(), u.writer, "close")
				return
			}
			if err != nil {
				u.abort()
				return
			}
		}
	}()
	return ends.Index(0), u, nil
}

// stop gives the body up. A Read of it that waits must end when it is closed, as
// with every client of net/http.
func (u *upload) stop() {
	if u != nil {
		u.abort()
		u.body.Close()
	}
}

func (u *upload) abort() { bridge.Call("drop", u.writer) }

// answer is a response's body, with which the request's ends as well.
type answer struct {
	io.ReadCloser
	upload *upload
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil {
		a.upload.stop()
	}
	return n, err
}

func (a *answer) Close() error {
	a.upload.stop()
	return a.ReadCloser.Close()
}
