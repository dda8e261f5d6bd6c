//go:build js && wasm

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// answers adds handlers that show how requests and answers cross.
func (p *probe) answers(mux *http.ServeMux) {
	mux.HandleFunc("/{f}/served", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, p.served) })
	mux.HandleFunc("/{f}/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", strconv.FormatInt(r.ContentLength, 10))
		w.Header().Add("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
		w.Header().Add("Set-Cookie", "b=2")
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/{f}/seen", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %q %q", r.Method, r.RequestURI, r.Header.Values("X-Ask"), r.Header.Get("Cookie"))
	})
	mux.HandleFunc("/{f}/ignore", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "not read") })
	mux.HandleFunc("/{f}/drip", drip)
	mux.HandleFunc("/{f}/pour", pour)
	mux.HandleFunc("/{f}/status", status)
	mux.HandleFunc("/{f}/header", func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.URL.Query() {
			w.Header()[name] = values
		}
		fmt.Fprint(w, "answered")
	})
	mux.HandleFunc("/{f}/hold", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now().UnixMilli()
		milliseconds, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		select {
		case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		case <-r.Context().Done():
			fmt.Fprintln(os.Stderr, "hold: cancelled", r.URL.Query().Get("name"))
		}
		fmt.Fprint(w, began)
	})
}

// drip streams a line every 50 ms until the caller goes away, then notes in
// the log that its context was cancelled.
func drip(w http.ResponseWriter, r *http.Request) {
	for i := 0; i < 100; i++ {
		fmt.Fprintf(w, "line %d\n", i)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			fmt.Fprintln(os.Stderr, "drip: cancelled")
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// pour streams megabytes as fast as they are taken, and notes in the log each
// one that is gone.
func pour(w http.ResponseWriter, r *http.Request) {
	megabytes, _ := strconv.Atoi(r.URL.Query().Get("mb"))
	for i := range megabytes {
		for j := range 16 {
			if _, err := w.Write(bytes.Repeat([]byte{byte(i*16 + j)}, 64<<10)); err != nil {
				fmt.Fprintln(os.Stderr, "pour: stopped")
				return
			}
		}
		fmt.Fprintf(os.Stderr, "pour: %d MB\n", i+1)
	}
}

// status answers with ?code, then ?bytes of body, flushed in between with ?flush.
func status(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code, _ := strconv.Atoi(q.Get("code"))
	size, _ := strconv.Atoi(q.Get("bytes"))
	w.Header().Set("ETag", `"e"`)
	w.WriteHeader(code)
	if q.Has("flush") {
		fmt.Fprint(w, "!")
		w.(http.Flusher).Flush()
	}
	w.Write(bytes.Repeat([]byte("x"), size))
}
