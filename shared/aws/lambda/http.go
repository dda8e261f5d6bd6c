//go:build !js

package lambda

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"instar/shared/native"
	"instar/shared/platform"
)

// http answers an HTTP request; unready is what keeps the function from it. An
// answer that streams outlives this call: cancel ends ctx when it has ended.
func (h *host) http(ctx context.Context, cancel context.CancelFunc, e *env, in *events.APIGatewayV2HTTPRequest, unready error) any {
	body, pipe := io.Pipe()
	w := &answer{pipe: pipe, header: http.Header{}, begun: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		err := platform.Guard(func() error {
			r, err := request(ctx, in)
			switch {
			case err != nil:
				http.Error(w, "bad request", http.StatusBadRequest)
			case unready != nil:
				platform.Misconfigured(unready).ServeHTTP(w, r)
			default:
				w.head = r.Method == http.MethodHead
				h.function.Fetch(e).ServeHTTP(w, r)
			}
			return nil
		})
		w.finish(err)
	}()
	<-w.begun
	streamed := &events.LambdaFunctionURLStreamingResponse{
		StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent["Set-Cookie"],
		Body: &remains{PipeReader: body, ended: func() { cancel(); <-done; e.rest.Wait() }},
	}
	for name, values := range w.sent {
		if name != "Set-Cookie" {
			streamed.Headers[name] = strings.Join(values, ", ")
		}
	}
	if h.getenv("INVOKE_MODE") == "BUFFERED" {
		return buffered(streamed)
	}
	return streamed
}

// remains is the body of an answer that streams. It is closed when the caller
// has got it, or has gone away; until then the event goes on.
type remains struct {
	*io.PipeReader
	ended func()
}

func (b *remains) Close() error {
	b.PipeReader.Close() // the handler's writes fail from here on; it may go on
	b.ended()
	return nil
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

// request converts the event (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html,
// "Request payload format"): names of headers come in small letters, several
// values of one joined by commas, cookies apart.
func request(ctx context.Context, in *events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(in.Body)
	if in.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(in.Body); err != nil {
			return nil, err
		}
	}
	header := http.Header{}
	for name, value := range in.Headers {
		header.Set(name, value)
	}
	if len(in.Cookies) > 0 {
		header.Set("Cookie", strings.Join(in.Cookies, "; "))
	}
	host := cmp.Or(header.Get("Host"), in.RequestContext.DomainName)
	u := &url.URL{Scheme: "https", Host: host, Path: in.RawPath, RawQuery: in.RawQueryString}
	// The service has set it, whatever the client sent.
	if header.Get("X-Forwarded-Proto") == "http" {
		u.Scheme = "http"
	}
	if path, err := url.PathUnescape(in.RawPath); err == nil {
		u.Path, u.RawPath = path, in.RawPath
	}
	if !strings.HasPrefix(u.Path, "/") {
		return nil, errors.New("the path is not absolute")
	}
	r := &http.Request{
		Method: in.RequestContext.HTTP.Method, URL: u,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: host, RequestURI: u.RequestURI(), RemoteAddr: in.RequestContext.HTTP.SourceIP,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	if r.Method == "" {
		return nil, errors.New("there is no method")
	}
	return r.WithContext(ctx), nil
}
