//go:build !js

package lambda

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"instar/shared/aws/lambda/httpevent"
	"instar/shared/native"
	"instar/shared/platform"
)

// http answers an HTTP request; unready is what keeps the function from it. An
// answer that streams outlives this call: cancel ends ctx when it has ended.
func (h *host) http(ctx context.Context, cancel context.CancelFunc, e *env, in *events.APIGatewayV2HTTPRequest, unready error) any {
	w := httpevent.NewAnswer()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		err := platform.Guard(func() error {
			r, err := httpevent.Request(ctx, in)
			switch {
			case err != nil:
				http.Error(w, "bad request", http.StatusBadRequest)
			case unready != nil:
				platform.Misconfigured(unready).ServeHTTP(w, r)
			default:
				w.Head = r.Method == http.MethodHead
				h.function.Fetch(e).ServeHTTP(w, r)
			}
			return nil
		})
		finish(w, err)
	}()
	streamed := w.Response(func() { cancel(); <-done; e.rest.Wait() })
	if h.getenv("INVOKE_MODE") == "BUFFERED" {
		return buffered(streamed)
	}
	return streamed
}

// finish ends an answer. A handler that panicked is a 500 with the id that is in the
// log, or, when the answer had begun, a broken stream.
func finish(w *httpevent.Answer, err error) {
	if _, begun := w.Begun(); err != nil && !begun {
		clear(w.Header())
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(native.Failure(err))
		err = nil
	}
	w.Close(err)
}

// buffered waits for the end of an answer. One that breaks off is a 500.
func buffered(s *events.LambdaFunctionURLStreamingResponse) *events.APIGatewayV2HTTPResponse {
	data, err := io.ReadAll(s.Body)
	s.Body.(io.Closer).Close()
	out := &events.APIGatewayV2HTTPResponse{StatusCode: s.StatusCode, Headers: s.Headers, Cookies: s.Cookies, Body: string(data)}
	if err != nil {
		out.StatusCode, out.Headers, out.Cookies = http.StatusInternalServerError, map[string]string{"Content-Type": "application/json"}, nil
		out.Body = string(native.Failure(err))
	}
	if !utf8.ValidString(out.Body) {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(data), true
	}
	return out
}
