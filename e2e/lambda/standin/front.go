package standin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	maxPayload = 6 << 20 // bytes
	integrated = "application/vnd.awslambda.http-integration-response"
)

func (c *Cloud) route(w http.ResponseWriter, r *http.Request) {
	f := c.Functions["console"]
	if strings.HasPrefix(r.URL.Path, "/hooks/") {
		f = c.Functions["webhook"]
	}
	f.URL(w, r)
}

// URL answers a request as the Function URL with the invoke mode RESPONSE_STREAM
// does (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
func (f *Function) URL(w http.ResponseWriter, r *http.Request) {
	payload, err := Request(r)
	if err != nil || len(payload) > maxPayload {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	// The function goes on when its caller has left.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	i, err := f.Invoke(ctx, payload)
	if err != nil {
		http.Error(w, "Internal Server Error", http.StatusBadGateway)
		return
	}
	<-i.Began
	body, err := head(w, i)
	if err != nil {
		http.Error(w, "Internal Server Error", http.StatusBadGateway)
		return
	}
	w.(http.Flusher).Flush()
	buffer := make([]byte, 16<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, gone := w.Write(buffer[:n]); gone != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			return
		}
	}
}

// head sends what stands before an answer's body, and returns the body.
func head(w http.ResponseWriter, i *Invocation) (io.Reader, error) {
	if i.ContentType != integrated {
		return nil, errors.New("not an HTTP answer")
	}
	var prelude []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(prelude, make([]byte, 8)) {
		if _, err := io.ReadFull(i.Body, one); err != nil {
			return nil, err
		}
		prelude = append(prelude, one[0])
	}
	var h struct {
		StatusCode int
		Headers    map[string]string
		Cookies    []string
	}
	if err := json.Unmarshal(prelude[:len(prelude)-8], &h); err != nil {
		return nil, err
	}
	for name, value := range h.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range h.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(h.StatusCode)
	return i.Body, nil
}

// Request is the event of an HTTP request, with payload 2.0.
func Request(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		return nil, err
	}
	in := events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host, "x-forwarded-proto": "http"},
	}
	for name, values := range r.Header {
		if name = strings.ToLower(name); name == "cookie" {
			for _, value := range values {
				in.Cookies = append(in.Cookies, strings.Split(value, "; ")...)
			}
		} else if name != "x-forwarded-proto" {
			in.Headers[name] = strings.Join(values, ",")
		}
	}
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	in.RequestContext = events.LambdaFunctionURLRequestContext{
		AccountID: "anonymous", APIID: "abcdefghij", RequestID: "00000000-0000-4000-8000-000000000000", DomainName: r.Host, DomainPrefix: "abcdefghij",
		Time: time.Now().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: time.Now().UnixMilli(),
		HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{
			Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
		},
	}
	kind := r.Header.Get("Content-Type")
	if text := strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json") || kind == ""; text {
		in.Body = string(body)
	} else {
		in.Body, in.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return json.Marshal(in)
}
