//go:build js && wasm

package workers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall/js"
	"unsafe"

	"instar/shared/platform"
)

// wholeResponse is how many bytes of a response are held back so that a short
// answer goes out in one piece, with its length. Flush or a longer body starts
// streaming.
const wholeResponse = 64 << 10

func (e *event) serveFetch(handler func() http.Handler) {
	w := &responseWriter{event: e, header: http.Header{}}
	err := e.guard(func() error {
		r, err := e.request()
		if err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			w.finish()
			return nil
		}
		w.head = r.Method == http.MethodHead
		handler().ServeHTTP(w, r)
		w.finish()
		return nil
	})
	if err != nil {
		w.fail(err)
	}
}

// request converts the platform's request. Its head is the method, the URL,
// "stream" when the body is to be read from a stream reader, and the headers.
func (e *event) request() (*http.Request, error) {
	method, address, form := e.line(), e.line(), e.line()
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: method,
		URL:    u,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        parseHeader(e.lines),
		Host:          u.Host,
		RequestURI:    u.RequestURI(),
		Body:          http.NoBody,
		ContentLength: int64(len(e.body)),
	}
	r.RemoteAddr = r.Header.Get("Cf-Connecting-Ip")
	switch {
	case form == "stream":
		r.Body, r.ContentLength = &stream{ctx: e.ctx, reader: e.run().Get("reader")}, -1
		if n, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			r.ContentLength = n
		}
	case len(e.body) > 0:
		r.Body = io.NopCloser(bytes.NewReader(e.body))
	}
	return r.WithContext(e.ctx), nil
}

func parseHeader(block string) http.Header {
	h := make(http.Header, 16)
	for line := range strings.SplitSeq(block, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(name, value)
		}
	}
	return h
}

// formatHeader is parseHeader's inverse. What RFC 9110 allows in no name or no
// value is dropped: a line break could only be an attempt at header injection.
func formatHeader(h http.Header) string {
	var b strings.Builder
	for name, values := range h {
		if name == "" || strings.ContainsFunc(name, notToken) {
			continue
		}
		for _, value := range values {
			if strings.ContainsFunc(value, control) {
				continue
			}
			b.WriteString(name)
			b.WriteByte(':')
			b.WriteString(value)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// notToken reports what a header's name may not hold (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// control reports what a header's value may not hold (RFC 9110, section 5.5).
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// stream reads a ReadableStreamDefaultReader; each chunk is copied once,
// straight into the caller's buffer.
type stream struct {
	ctx    context.Context
	reader js.Value
	chunk  js.Value // the rest of the last chunk
	left   int
	err    error
	closed bool
}

func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for s.left == 0 {
		if s.err != nil {
			return 0, s.err
		}
		chunk, err := call(s.ctx, "read", s.reader)
		switch {
		case err != nil:
			s.err = err
		case chunk.IsNull():
			s.err = io.EOF
		default:
			s.chunk, s.left = chunk, chunk.Get("byteLength").Int()
		}
	}
	n := js.CopyBytesToGo(p, s.chunk)
	if s.left -= n; s.left > 0 {
		s.chunk = s.chunk.Call("subarray", n)
	}
	return n, nil
}

// Close gives the rest of the stream up, so that whoever writes it finds out.
func (s *stream) Close() error {
	if !s.closed && s.err != io.EOF {
		// Cancelling settles with the stream; its outcome is of no interest.
		// The bridge still counts the promise.
		invoke("method", []any{0, s.reader, "cancel"})
	}
	s.closed, s.left, s.err = true, 0, errClosed
	return nil
}

var errClosed = errors.New("read after close")

// responseWriter is the http.ResponseWriter of one request.
type responseWriter struct {
	event   *event
	head    bool // the request is HEAD: the body is not sent
	header  http.Header
	status  int
	held    []byte
	writer  js.Value // of the streaming body, once it has begun
	started bool
	err     error
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader panics for a status that is none, as net/http does. Informational
// ones (1xx) cannot be sent; they are ignored.
func (w *responseWriter) WriteHeader(status int) {
	if status < 100 || status > 599 {
		panic(fmt.Sprintf("invalid WriteHeader code %d", status))
	}
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// wordless reports whether an answer of this status has no body.
func wordless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if wordless(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.err != nil {
		return 0, w.err
	}
	w.held = append(w.held, p...)
	if w.started || len(w.held) > wholeResponse {
		w.flush()
	}
	return len(p), w.err
}

// Flush sends what was written so far; from then on the body streams, and
// Write waits while the client is slower than the handler.
func (w *responseWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	w.flush()
}

func (w *responseWriter) flush() {
	if w.head || wordless(w.status) { // the answer is its head, sent at the end
		w.sniff()
		w.held = w.held[:0]
		return
	}
	if !w.started {
		w.started = true
		w.sniff()
		w.writer = bridge.Call("stream", w.event.id, w.status, formatHeader(w.header))
	}
	if len(w.held) > 0 && w.err == nil {
		chunk := copyOut(w.held)
		w.held = w.held[:0]
		_, w.err = method(w.event.ctx, w.writer, "write", chunk)
	}
}

func (w *responseWriter) sniff() {
	if w.header.Get("Content-Type") == "" && len(w.held) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.held))
	}
}

func (w *responseWriter) finish() {
	w.WriteHeader(http.StatusOK)
	if w.started {
		w.flush()
		method(w.event.ctx, w.writer, "close")
		return
	}
	w.sniff()
	w.event.respond(w.status, formatHeader(w.header), w.held)
}

// respond sends a whole answer.
func (e *event) respond(status int, header string, body []byte) {
	head := append([]byte(header), 0) // never empty: its address is taken
	data := append(body, 0)
	respond(int32(e.id), int32(status), unsafe.Pointer(&head[0]), int32(len(header)), unsafe.Pointer(&data[0]), int32(len(body)))
}

// fail ends the response of a handler that panicked: 500 with the id that is
// in the log, or a broken stream when the answer had begun.
func (w *responseWriter) fail(err error) {
	if w.started {
		method(w.event.ctx, w.writer, "abort", "internal error")
		return
	}
	id := ""
	var p *platform.Panicked
	if errors.As(err, &p) {
		id = p.ID
	}
	w.event.respond(http.StatusInternalServerError, "Content-Type:application/json\n", []byte(`{"error":"internal error","id":"`+id+`"}`))
}
