//go:build !js

package httpevent

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
)

// Answer is the http.ResponseWriter of an event. Each write goes out by itself.
type Answer struct {
	// Head: the request is HEAD, and the body is not sent.
	Head bool
	// Sized, where there is one, is asked when the answer begins whether its
	// Content-Length is kept, for a caller that reads no further.
	Sized func() bool

	body         *io.PipeReader
	pipe         *io.PipeWriter
	header, sent http.Header
	status       int
	once         sync.Once
	begun        chan struct{} // closed when status and sent are there
}

// NewAnswer returns one that has not begun.
func NewAnswer() *Answer {
	w := &Answer{header: http.Header{}, begun: make(chan struct{})}
	w.body, w.pipe = io.Pipe()
	return w
}

// Header is what is sent when the answer begins.
func (w *Answer) Header() http.Header { return w.header }

// WriteHeader panics for a status that is none, as net/http does. Informational
// ones (1xx) cannot be sent; they are ignored.
func (w *Answer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %d", status))
	}
	if status >= 200 {
		w.begin(status, nil)
	}
}

func (w *Answer) begin(status int, body []byte) {
	w.once.Do(func() {
		if _, ok := w.header["Content-Type"]; !ok && len(body) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(body))
		}
		w.status, w.sent = status, http.Header{}
		for name, values := range w.header {
			switch name {
			case "Connection", "Transfer-Encoding":
				continue // of the connection, which is the service's
			case "Content-Length":
				if w.Sized == nil || !w.Sized() {
					continue
				}
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

func (w *Answer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK, p)
	switch {
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.Head || len(p) == 0:
		return len(p), nil
	}
	return w.pipe.Write(p)
}

// Flush has nothing to do but to begin: a write goes out at once.
func (w *Answer) Flush() { w.begin(http.StatusOK, nil) }

// Begun reports whether the answer has, and with which status.
func (w *Answer) Begun() (status int, ok bool) {
	select {
	case <-w.begun:
		return w.status, true
	default:
		return 0, false
	}
}

// Close ends the answer, with an error as one that breaks off.
func (w *Answer) Close(err error) {
	w.begin(http.StatusOK, nil)
	w.pipe.CloseWithError(err) // EOF where it is nil
}

// Response waits for the answer to begin, and is what the runtime's client sends.
// ended is called when the caller has got it, or has gone away; until it returns,
// the event goes on.
func (w *Answer) Response(ended func()) *events.LambdaFunctionURLStreamingResponse {
	<-w.begun
	response := &events.LambdaFunctionURLStreamingResponse{
		StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent["Set-Cookie"], Body: &remains{w.body, ended},
	}
	for name, values := range w.sent {
		if name != "Set-Cookie" {
			response.Headers[name] = strings.Join(values, ", ")
		}
	}
	return response
}

// remains is the body of an answer. After it is closed the handler's writes fail;
// the handler may go on.
type remains struct {
	*io.PipeReader
	ended func()
}

func (b *remains) Close() error {
	b.PipeReader.Close()
	b.ended()
	return nil
}
