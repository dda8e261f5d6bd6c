//go:build !js

package lambda

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"instar/shared/aws/api"
)

// caller calls another function, which has no address, by its name
// (lambda:InvokeFunction): with the event that a Function URL would bring, and it
// answers as one whose answers stream.
type caller struct {
	api  *api.Client
	name string
}

const maxPrelude = 64 << 10 // bytes

// errFailed is the error of a call when the function did not get to its end.
var errFailed = errors.New("the function failed")

// Do returns when the answer begins. When the caller goes away the function goes on.
func (c caller) Do(r *http.Request) (*http.Response, error) {
	payload, err := invocation(r)
	if err != nil {
		return nil, err
	}
	return c.send(r, payload)
}

func (c caller) send(r *http.Request, payload []byte) (*http.Response, error) {
	// InvokeWithResponseStream in the API reference of Lambda.
	path := "/2021-11-15/functions/" + url.PathEscape(c.name) + "/response-streaming-invocations"
	ctx := r.Context()
	answer, err := c.api.Send(ctx, "lambda", "lambda:InvokeFunction", path, http.Header{"Content-Type": {"application/json"}}, payload)
	if err != nil {
		return nil, err
	}
	body := bufio.NewReaderSize(&chunks{ctx: ctx, body: bufio.NewReader(answer.Body), decoder: eventstream.NewDecoder()}, maxPrelude)
	response, err := begin(body)
	if err != nil {
		answer.Body.Close()
		return nil, fmt.Errorf("call function %s: %w", c.name, err)
	}
	response.Body, response.Request = struct {
		io.Reader
		io.Closer
	}{sized(body, response.ContentLength), answer.Body}, r
	return response, nil
}

func invocation(r *http.Request) ([]byte, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read request body: %w", err)
		}
	}
	in := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{},
		Body: base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true,
	}
	in.RequestContext.HTTP.Method = r.Method
	for name, values := range r.Header {
		in.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return json.Marshal(in)
}

// begin reads what stands before the body: JSON and eight zero bytes.
func begin(body *bufio.Reader) (*http.Response, error) {
	var prelude []byte
	for !bytes.HasSuffix(prelude, make([]byte, 8)) {
		b, err := body.ReadByte()
		if errors.Is(err, io.EOF) || len(prelude) > maxPrelude {
			return nil, errors.New("it did not answer a request")
		}
		if err != nil {
			return nil, err
		}
		prelude = append(prelude, b)
	}
	var head struct {
		StatusCode int
		Headers    map[string]string
	}
	if err := json.Unmarshal(prelude[:len(prelude)-8], &head); err != nil || head.StatusCode < 200 || head.StatusCode > 599 {
		return nil, errors.New("it did not answer a request")
	}
	response := &http.Response{
		Status: fmt.Sprint(head.StatusCode, " ", http.StatusText(head.StatusCode)), StatusCode: head.StatusCode,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, ContentLength: -1,
	}
	for name, value := range head.Headers {
		response.Header.Set(name, value)
	}
	if n, err := strconv.ParseInt(response.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		response.ContentLength = n
	}
	return response, nil
}

// sized ends a body after so many bytes, if that is known: the function may go on.
func sized(body io.Reader, length int64) io.Reader {
	if length < 0 {
		return body
	}
	return &exactly{body, length}
}

type exactly struct {
	body io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.body.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// chunks is what a function's answer is cut out of: an event stream
// (docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html).
type chunks struct {
	ctx     context.Context
	body    io.Reader
	decoder *eventstream.Decoder
	left    []byte
	err     error
}

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.left) == 0 && c.err == nil {
		c.left, c.err = c.next()
	}
	if len(c.left) == 0 {
		return 0, c.err
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *chunks) next() ([]byte, error) {
	m, err := c.decoder.Decode(c.body, nil)
	if err != nil {
		if cause := c.ctx.Err(); cause != nil {
			return nil, cause
		}
		return nil, fmt.Errorf("%w: its answer broke off: %w", errFailed, io.ErrUnexpectedEOF)
	}
	kind := ""
	if v := m.Headers.Get(":event-type"); v != nil { // an exception has another header
		kind = v.String()
	}
	switch kind {
	case "PayloadChunk":
		return m.Payload, nil
	case "InvokeComplete":
		var end struct{ ErrorCode string }
		if err := json.Unmarshal(m.Payload, &end); err == nil && end.ErrorCode == "" {
			return nil, io.EOF
		}
	}
	return nil, errFailed
}
