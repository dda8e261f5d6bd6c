//go:build js && wasm

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall/js"
	"time"

	"instar/shared/workers"
)

// outward adds handlers that look or call out of the instance.
func outward(mux *http.ServeMux, env *workers.Env) {
	mux.HandleFunc("/{f}/env", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "GIVEN=%s SECRET=%s present=%v absent=%v\n",
			env.Var("GIVEN"), env.Var("SECRET"), env.Present("SECRET"), env.Present("OTHER"))
		fmt.Fprintln(w, "environ", os.Environ())
		global := js.Global()
		fmt.Fprintln(w, "context", global.Get("context").Get("env").Get("SECRET"))
		fmt.Fprintln(w, "process.env", global.Get("process").Get("env"))
		for _, name := range []string{"caches", "fetch", "globalThis", "self", "WebAssembly"} {
			fmt.Fprintln(w, name, global.Get(name))
		}
	})
	// Does with ?url what ?method says, within ?ms.
	mux.HandleFunc("/{f}/fetch", func(w http.ResponseWriter, r *http.Request) {
		relay(w, r, workers.Fetch{}, r.URL.Query().Get("url"))
	})
	// The same with the function bound as SINGLE.
	mux.HandleFunc("/{f}/call", func(w http.ResponseWriter, r *http.Request) {
		single, err := env.Call("SINGLE")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		relay(w, r, single, "https://single"+r.URL.Query().Get("url"))
	})
	// Answers at once while a goroutine waits ?ms for a call to SINGLE.
	mux.HandleFunc("/{f}/slow", func(w http.ResponseWriter, r *http.Request) {
		single, err := env.Call("SINGLE")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		ask, _ := http.NewRequest(http.MethodGet, "https://single/single/hold?ms="+r.URL.Query().Get("ms"), nil)
		go single.Do(ask)
		fmt.Fprint(w, "answered")
	})
}

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func relay(w http.ResponseWriter, r *http.Request, d doer, url string) {
	ctx := r.Context()
	if limit, err := time.ParseDuration(r.URL.Query().Get("within")); err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	body, _ := io.ReadAll(r.Body)
	ask, err := http.NewRequestWithContext(ctx, r.Method, url, strings.NewReader(string(body)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(body) == 0 {
		ask.Body = nil
	}
	ask.Header.Set("X-Ask", "asked")
	answer, err := d.Do(ask)
	if err != nil {
		http.Error(w, "call: "+err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	w.Header().Set("X-Answer", answer.Header.Get("X-Answer"))
	w.Header().Set("Location", answer.Header.Get("Location"))
	w.WriteHeader(answer.StatusCode)
	for buffer := make([]byte, 32<<10); ; {
		n, err := answer.Body.Read(buffer)
		w.Write(buffer[:n])
		w.(http.Flusher).Flush()
		if err != nil {
			if err != io.EOF {
				fmt.Fprint(w, "read: ", err)
			}
			return
		}
	}
}
