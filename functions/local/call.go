//go:build !js

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"instar/shared/platform"
)

// call calls the agent function within the process. What it answers streams.
type call struct{ host *host }

// Do returns when the answer begins. When the caller closes its body, or its
// context ends, the agent's writes fail, and it goes on.
func (c call) Do(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read request body: %w", err)
		}
		in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	} else {
		in.Body = http.NoBody
	}
	body, pipe := io.Pipe()
	context.AfterFunc(r.Context(), func() { body.CloseWithError(r.Context().Err()) })
	w := &answer{pipe: pipe, header: http.Header{}, begun: make(chan struct{})}
	c.host.running.Add(1)
	go func() {
		defer c.host.running.Add(-1)
		err := platform.Guard(func() error {
			c.host.agent.Fetch(env{c.host.agent.Given, c.host}).ServeHTTP(w, in)
			return nil
		})
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			err = errors.New("the agent function failed")
		}
		w.WriteHeader(http.StatusOK)
		pipe.CloseWithError(err) // EOF where it is nil
	}()
	select {
	case <-w.begun:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{
		Status: fmt.Sprint(w.status, " ", http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: -1, Request: r,
	}, nil
}

// answer is the http.ResponseWriter of such a call.
type answer struct {
	pipe         *io.PipeWriter
	header, sent http.Header
	status       int
	once         sync.Once
	begun        chan struct{} // closed when status and sent are there
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

func (w *answer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(p)
}

// Flush has nothing to do: a write is read before it returns.
func (w *answer) Flush() { w.WriteHeader(http.StatusOK) }
