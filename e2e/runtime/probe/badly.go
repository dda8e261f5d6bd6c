//go:build js && wasm

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"
)

// badly adds handlers that break a rule of package workers, and some that only
// look as if they did.
func (p *probe) badly(mux *http.ServeMux) {
	mux.HandleFunc("/{f}/panic", func(http.ResponseWriter, *http.Request) { panic("the person's words") })
	mux.HandleFunc("/{f}/nil", func(http.ResponseWriter, *http.Request) {
		var m map[string]int
		m["a"] = 1 //lint:ignore SA5000 this is what the test is about
	})
	mux.HandleFunc("/{f}/exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	mux.HandleFunc("/{f}/goexit", func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	mux.HandleFunc("/{f}/gopanic", func(http.ResponseWriter, *http.Request) {
		go func() { panic("the person's words") }()
		time.Sleep(time.Second)
	})
	mux.HandleFunc("/{f}/midway", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the first half")
		w.(http.Flusher).Flush()
		if r.URL.Query().Get("how") == "exit" {
			os.Exit(3)
		}
		panic("the person's words")
	})
	mux.HandleFunc("/{f}/leak", func(w http.ResponseWriter, r *http.Request) {
		go func() { select {} }()
	})
	mux.HandleFunc("/{f}/timer", func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(time.Hour, func() {})
	})
	mux.HandleFunc("/{f}/stopped", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
		time.Sleep(time.Millisecond) // lets the runtime ask the platform for the hour
		cancel()
		<-ctx.Done()
	})
	mux.HandleFunc("/{f}/grow", func(w http.ResponseWriter, r *http.Request) {
		megabytes, _ := strconv.Atoi(r.URL.Query().Get("mb"))
		ballast := make([]byte, megabytes<<20)
		for i := 0; i < len(ballast); i += 4096 {
			ballast[i] = 1
		}
		fmt.Fprint(w, len(ballast))
	})
}
