//go:build js && wasm

package workers

import (
	"bytes"
	"fmt"
	"net/http"
	"syscall/js"
)

// Fetch sends requests with the platform's fetch. Unlike net/http's client it
// brings no TLS stack into the module. Redirects are not followed: the caller
// sees the 3xx. Close the response's body, or read it to its end: six
// connections may be open at once.
type Fetch struct{}

// Do sends r under its context.
func (Fetch) Do(r *http.Request) (*http.Response, error) {
	return send(r, func(args ...any) (js.Value, error) { return call(r.Context(), "fetch", args...) })
}

// callee is another function of the same Worker, called without the network.
type callee struct{ binding js.Value }

// Call returns the function bound as name (calls in functions.mjs). Its Do
// has the same form as Fetch's; the URL's host is ignored.
func (e *Env) Call(name string) (interface {
	Do(*http.Request) (*http.Response, error)
}, error) {
	v, err := e.binding(name)
	if err != nil {
		return nil, err
	}
	return callee{v}, nil
}

func (c callee) Do(r *http.Request) (*http.Response, error) {
	return send(r, func(args ...any) (js.Value, error) {
		return call(r.Context(), "call", append([]any{c.binding}, args...)...)
	})
}

func send(r *http.Request, start func(args ...any) (js.Value, error)) (*http.Response, error) {
	body, err := whole(r)
	if err != nil {
		return nil, err
	}
	return exchange(r, body, start)
}

// whole is a request's body in one piece.
func whole(r *http.Request) (js.Value, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return js.Undefined(), nil
	}
	data := bytes.NewBuffer(make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead)) // a file's memory is not grown step by step
	_, err := data.ReadFrom(r.Body)
	r.Body.Close()
	if err != nil {
		return js.Undefined(), fmt.Errorf("read request body: %w", err)
	}
	return copyOut(data.Bytes()), nil
}

// exchange starts a call with a body that the platform takes, and turns its
// answer into a response.
func exchange(r *http.Request, body js.Value, start func(args ...any) (js.Value, error)) (*http.Response, error) {
	answer, err := start(r.Method, r.URL.String(), formatHeader(r.Header), body)
	if err != nil {
		// The platform's message may repeat the URL, which may hold a token.
		if ctxErr := r.Context().Err(); ctxErr != nil {
			return nil, ctxErr
		}
		return nil, fmt.Errorf("connection to %s failed", r.URL.Host)
	}
	status := answer.Index(0).Int()
	response := &http.Response{
		Status: http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: parseHeader(answer.Index(1).String()),
		Body:   http.NoBody, ContentLength: -1, Request: r,
	}
	if reader := answer.Index(2); !reader.IsNull() {
		response.Body = &stream{ctx: r.Context(), reader: reader}
	}
	return response, nil
}
