//go:build !js

package lambda

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"instar/shared/native"
)

// answer is the http.ResponseWriter of an event. Each write goes out by itself.
type answer struct {
	pipe         *io.PipeWriter
	head         bool // the request is HEAD: the body is not sent
	header, sent http.Header
	status       int
	once         sync.Once
	begun        chan struct{} // closed when status and sent are there
}

func (w *answer) Header() http.Header { return w.header }

// WriteHeader panics for a status that is none, as net/http does. Informational
// ones (1xx) cannot be sent; they are ignored.
func (w *answer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %d", status))
	}
	if status >= 200 {
		w.begin(status, nil)
	}
}

func (w *answer) begin(status int, body []byte) {
	w.once.Do(func() {
		if _, ok := w.header["Content-Type"]; !ok && len(body) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(body))
		}
		w.status, w.sent = status, http.Header{}
		for name, values := range w.header {
			switch name {
			case "Content-Length", "Connection", "Transfer-Encoding":
				continue // of the connection, which is the service's
			}
			for _, value := range values {
				// What RFC 9110 allows in no value could only be an attempt at injection.
				if !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
					w.sent.Add(name, value)
				}
			}
		}
		close(w.begun)
	})
}

func (w *answer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK, p)
	switch {
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.head || len(p) == 0:
		return len(p), nil
	}
	return w.pipe.Write(p)
}

// Flush has nothing to do but to begin: a write goes out at once.
func (w *answer) Flush() { w.begin(http.StatusOK, nil) }

// finish ends the answer. A handler that panicked is a 500 with the id that is
// in the log, or, when the answer had begun, a broken stream.
func (w *answer) finish(err error) {
	if err == nil {
		w.begin(http.StatusOK, nil)
		w.pipe.Close()
		return
	}
	select {
	case <-w.begun:
	default:
		w.header = http.Header{"Content-Type": {"application/json"}}
		w.begin(http.StatusInternalServerError, nil)
		w.Write(native.Failure(err))
		err = nil
	}
	w.pipe.CloseWithError(err) // EOF where it is nil
}
