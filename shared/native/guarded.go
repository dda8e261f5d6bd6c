package native

import (
	"errors"
	"fmt"
	"net/http"

	"instar/shared/platform"
)

// Guarded answers 500 with the id that is in the log when h panics, and breaks
// the connection when the answer had begun.
func Guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &watched{ResponseWriter: w}
		err := platform.Guard(func() error { h.ServeHTTP(watched, r); return nil })
		if err == nil {
			return
		}
		if watched.begun {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(Failure(err))
	})
}

// Failure is the body of the answer of a handler that panicked.
func Failure(err error) []byte {
	p, ok := errors.AsType[*platform.Panicked](err)
	if !ok {
		p = &platform.Panicked{}
	}
	return fmt.Appendf(nil, `{"error":"internal error","id":%q}`, p.ID)
}

// watched knows whether the answer has begun.
type watched struct {
	http.ResponseWriter
	begun bool
}

func (w *watched) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

func (w *watched) Flush() {
	w.begun = true
	http.NewResponseController(w.ResponseWriter).Flush()
}
