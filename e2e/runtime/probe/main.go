//go:build js && wasm

// Command probe is a function made for the runtime's tests: each path does one
// thing that a real function might do, well or badly.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"instar/shared/queue"
	"instar/shared/workers"
)

func main() {
	served := 0 // kept between events on purpose: it shows which instance answered
	workers.Run(workers.Function{
		Fetch: func(env *workers.Env) http.Handler {
			served++
			return routes(env, served)
		},
		Queue: func(env *workers.Env) queue.Handler {
			return func(ctx context.Context, m queue.Message) error {
				b, err := env.Bucket("BUCKET")
				if err != nil {
					return err
				}
				if m.Attempts == 1 {
					return &queue.Retry{After: time.Second, Err: errors.New("first delivery")}
				}
				_, err = b.PutIfAbsent(ctx, "probe/queue/"+string(m.Body), fmt.Appendf(nil, "%d", m.Attempts))
				return err
			}
		},
		Scheduled: func(ctx context.Context, env *workers.Env, at time.Time) error {
			b, err := env.Bucket("BUCKET")
			if err != nil {
				return err
			}
			_, err = b.PutIfAbsent(ctx, "probe/scheduled", []byte(at.UTC().Format(time.RFC3339)))
			return err
		},
	})
}

func routes(env *workers.Env, served int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/probe/served", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, served) })
	mux.HandleFunc("/probe/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", strconv.FormatInt(r.ContentLength, 10))
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/probe/panic", func(http.ResponseWriter, *http.Request) { panic("the person's words") })
	mux.HandleFunc("/probe/nil", func(w http.ResponseWriter, r *http.Request) {
		var m map[string]int
		m["a"] = 1
	})
	mux.HandleFunc("/probe/exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	mux.HandleFunc("/probe/gopanic", func(w http.ResponseWriter, r *http.Request) {
		go func() { panic("the person's words") }()
		time.Sleep(time.Second)
	})
	mux.HandleFunc("/probe/leak", func(w http.ResponseWriter, r *http.Request) {
		go func() { select {} }()
		fmt.Fprint(w, served)
	})
	mux.HandleFunc("/probe/timer", func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(time.Hour, func() {})
		fmt.Fprint(w, served)
	})
	mux.HandleFunc("/probe/drip", drip)
	mux.HandleFunc("/probe/io", func(w http.ResponseWriter, r *http.Request) { readAndWrite(env, w, r) })
	mux.HandleFunc("/probe/env", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "GIVEN=%s SECRET=%s present=%v absent=%v",
			env.Var("GIVEN"), env.Var("SECRET"), env.Present("SECRET"), env.Present("OTHER"))
	})
	mux.HandleFunc("/probe/after", func(w http.ResponseWriter, r *http.Request) {
		key := "probe/after/" + r.URL.Query().Get("key")
		env.WaitUntil(func(ctx context.Context) {
			time.Sleep(50 * time.Millisecond)
			if b, err := env.Bucket("BUCKET"); err == nil {
				b.PutIfAbsent(ctx, key, []byte("done"))
			}
		})
		fmt.Fprint(w, "answered")
	})
	mux.HandleFunc("/probe/get", func(w http.ResponseWriter, r *http.Request) {
		b, err := env.Bucket("BUCKET")
		if err == nil {
			o, getErr := b.Get(r.Context(), r.URL.Query().Get("key"))
			w.Write(o.Data)
			err = getErr
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	})
	mux.HandleFunc("/probe/send", func(w http.ResponseWriter, r *http.Request) {
		q, err := env.Queue("QUEUE")
		if err == nil {
			err = q.Send(r.Context(), []byte(r.URL.Query().Get("body")), 0)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

// drip streams a line every 50 ms until the caller goes away, then notes in
// the bucket that its context was cancelled.
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

func readAndWrite(env *workers.Env, w http.ResponseWriter, r *http.Request) {
	key := "probe/io/" + r.URL.Query().Get("key")
	b, err := env.Bucket("BUCKET")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	etag, err := b.PutIfAbsent(r.Context(), key, []byte(key))
	if err == nil {
		_, err = b.PutIfMatch(r.Context(), key, etag, []byte(key+"!"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	o, err := b.Get(r.Context(), key)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(o.Data)
}
