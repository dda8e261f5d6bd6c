//go:build js && wasm

// Command probe is a function that calls the sandbox for the tests: what comes to
// /probe/box/... goes to the container of ?session, with the key and the way to
// call that the query says.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"instar/shared/sandbox/client"
	"instar/shared/workers"
)

func main() {
	workers.Run(workers.Function{Fetch: func(env *workers.Env) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("/probe/box/", func(w http.ResponseWriter, r *http.Request) { relay(w, r, env) })
		return mux
	}})
}

func relay(w http.ResponseWriter, r *http.Request, env *workers.Env) {
	q := r.URL.Query()
	binding := "SANDBOX"
	if q.Has("unbound") {
		binding = "UNBOUND"
	}
	box, err := env.Sandbox(binding)
	if err != nil {
		fail(w, err)
		return
	}
	ask := r.Clone(r.Context())
	ask.URL = &url.URL{Scheme: "http", Host: "ignored.example", Path: strings.TrimPrefix(r.URL.Path, "/probe/box"), RawQuery: r.URL.RawQuery}
	if q.Has("quiet") {
		ask.Header.Set(client.QuietHeader, "1")
	}
	if size := q.Get("made"); size != "" { // a body that is made here, of a length that is not known
		var n int64
		fmt.Sscan(size, &n)
		ask.Body, ask.ContentLength = io.NopCloser(io.LimitReader(zeros{}, n)), -1
	}
	began := time.Now()
	answer, err := box.Do(q.Get("session"), q.Get("key"), ask)
	if err != nil {
		fail(w, err)
		return
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Took-Us", fmt.Sprint(time.Since(began).Microseconds()))
	w.WriteHeader(answer.StatusCode)
	if q.Has("close") {
		return // with the rest of both bodies unread
	}
	for b := make([]byte, 32<<10); ; {
		n, err := answer.Body.Read(b)
		w.Write(b[:n])
		w.(http.Flusher).Flush()
		if err != nil {
			return
		}
	}
}

func fail(w http.ResponseWriter, err error) {
	kind := "other"
	switch {
	case errors.Is(err, workers.ErrNoSandbox):
		kind = "off"
	case errors.Is(err, workers.ErrAsleep):
		kind = "asleep"
	}
	w.Header().Set("X-Kind", kind)
	http.Error(w, err.Error(), http.StatusBadGateway)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
