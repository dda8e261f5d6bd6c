// Package handler is the small web service that the benchmark builds twice: on
// Instar's instance pool and on stock syumai/workers.
package handler

import (
	"encoding/json"
	"io"
	"net/http"
)

// maxBody is the largest request body in bytes that is read.
const maxBody = 64 << 10

type question struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type answer struct {
	Hello string `json:"hello"`
	Bytes int    `json:"bytes"`
}

// New returns a handler that reads a JSON body and answers with JSON.
func New() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			http.Error(w, "unreadable body", http.StatusBadRequest)
			return
		}
		var q question
		if err := json.Unmarshal(body, &q); err != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer{Hello: q.Name, Bytes: len(q.Text)})
	})
}
