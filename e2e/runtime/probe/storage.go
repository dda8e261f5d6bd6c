//go:build js && wasm

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/queue"
	"instar/shared/workers"
)

// storage adds handlers that use the bindings.
func storage(mux *http.ServeMux, env *workers.Env) {
	mux.HandleFunc("/{f}/io", failing(func(w http.ResponseWriter, r *http.Request) error { return readAndWrite(env, w, r) }))
	mux.HandleFunc("/{f}/after", func(w http.ResponseWriter, r *http.Request) {
		key := "probe/after/" + r.URL.Query().Get("key")
		env.WaitUntil(func(ctx context.Context) {
			time.Sleep(300 * time.Millisecond)
			if b, err := env.Bucket("BUCKET"); err == nil {
				b.PutIfAbsent(ctx, key, []byte("done"))
			}
		})
		fmt.Fprint(w, "answered")
	})
	mux.HandleFunc("/{f}/get", failing(func(w http.ResponseWriter, r *http.Request) error {
		b, err := env.Bucket("BUCKET")
		if err != nil {
			return err
		}
		o, err := b.Get(r.Context(), r.URL.Query().Get("key"))
		if errors.Is(err, bucket.ErrNotFound) {
			http.NotFound(w, r)
			return nil
		}
		w.Write(o.Data)
		return err
	}))
	mux.HandleFunc("/{f}/deliveries", failing(func(w http.ResponseWriter, r *http.Request) error {
		return listDeliveries(env, w, r)
	}))
	mux.HandleFunc("/{f}/send", failing(func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		delay, _ := time.ParseDuration(r.URL.Query().Get("delay"))
		q, err := env.Queue(r.URL.Query().Get("queue"))
		if err != nil {
			return err
		}
		err = q.Send(r.Context(), body, delay)
		if errors.Is(err, queue.ErrTooLarge) {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return nil
		}
		return err
	}))
	mux.HandleFunc("/{f}/sendlines", failing(func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		q, err := env.Queue("BATCH")
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			if err == nil {
				err = q.Send(r.Context(), line, 0)
			}
		}
		return err
	}))
}

func failing(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// readAndWrite creates and reads one object.
func readAndWrite(env *workers.Env, w http.ResponseWriter, r *http.Request) error {
	key := "probe/io/" + r.URL.Query().Get("key")
	b, err := env.Bucket("BUCKET")
	if err != nil {
		return err
	}
	if _, err := b.PutIfAbsent(r.Context(), key, []byte(key+"!")); err != nil {
		return err
	}
	o, err := b.Get(r.Context(), key)
	w.Write(o.Data)
	return err
}

// Delivery is what the bucket keeps of one delivery.
type Delivery struct {
	ID       string
	Attempts int
	At       int64 // milliseconds of Unix time
	Bytes    int
}

// deliveries is the prefix under which the deliveries of a body are kept.
func deliveries(body []byte) string { return fmt.Sprintf("probe/queue/%x/", sha256.Sum256(body)) }

// deliver notes the delivery in the bucket, then does what the body's first
// word says.
func deliver(ctx context.Context, env *workers.Env, m queue.Message) error {
	b, err := env.Bucket("BUCKET")
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	note, _ := json.Marshal(Delivery{m.ID, m.Attempts, now, len(m.Body)})
	if _, err := b.PutIfAbsent(ctx, fmt.Sprintf("%s%02d-%d", deliveries(m.Body), m.Attempts, now), note); err != nil {
		return err
	}
	word, _, _ := strings.Cut(string(m.Body), " ")
	switch {
	case word == "twice" && m.Attempts < 3:
		return errors.New("not yet")
	case word == "later" && m.Attempts < 2:
		return fmt.Errorf("busy: %w", &queue.Retry{After: 1500 * time.Millisecond})
	case word == "exit" && m.Attempts < 2:
		os.Exit(3)
	case word == "panic" && m.Attempts < 2:
		panic("the person's words")
	}
	return nil
}

// listDeliveries answers with the deliveries of the body it is sent, in order.
func listDeliveries(env *workers.Env, w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	b, err := env.Bucket("BUCKET")
	if err != nil {
		return err
	}
	page, err := b.List(r.Context(), bucket.ListOptions{Prefix: deliveries(body)})
	if err != nil {
		return err
	}
	notes := make([]json.RawMessage, len(page.Entries))
	for i, entry := range page.Entries {
		o, err := b.Get(r.Context(), entry.Key)
		if err != nil {
			return err
		}
		notes[i] = o.Data
	}
	return json.NewEncoder(w).Encode(notes)
}
