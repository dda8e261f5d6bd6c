//go:build !js

// Package httpevent is HTTP as AWS Lambda speaks it: a request that comes as an event
// with payload 2.0, and an answer that streams.
package httpevent

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

	"github.com/aws/aws-lambda-go/events"
)

// Request converts the event (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html,
// "Request payload format"): names of headers come in small letters, several
// values of one joined by commas, cookies apart.
func Request(ctx context.Context, in *events.APIGatewayV2HTTPRequest) (*http.Request, error) {
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
