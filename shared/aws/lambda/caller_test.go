//go:build !js

package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"instar/shared/aws/api"
	"instar/shared/aws/sqs"
)

// frames are events of a stream, one after the other: pairs of type and payload.
func frames(pairs ...string) []byte {
	var all bytes.Buffer
	for i := 0; i < len(pairs); i += 2 {
		m := eventstream.Message{Payload: []byte(pairs[i+1])}
		m.Headers.Set(":message-type", eventstream.StringValue("event"))
		m.Headers.Set(":event-type", eventstream.StringValue(pairs[i]))
		eventstream.NewEncoder().Encode(&all, m)
	}
	return all.Bytes()
}

const prelude = `{"statusCode":200,"headers":{"Content-Type":"text/event-stream"}}` + "\x00\x00\x00\x00\x00\x00\x00\x00"

func newCaller(t *testing.T, serve http.HandlerFunc) caller {
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return caller{&api.Client{Region: "us-east-1", Endpoint: func(string) string { return server.URL }, Do: http.DefaultClient.Do}, "instar-agent"}
}

func (c caller) ask(ctx context.Context) (status int, body string, err error) {
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/turns?a=b", strings.NewReader(`{"v":1}`))
	response, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), err
}

func TestAFunctionIsCalledByItsName(t *testing.T) {
	var got events.LambdaFunctionURLRequest
	c := newCaller(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/2021-11-15/functions/instar-agent/response-streaming-invocations" || json.NewDecoder(r.Body).Decode(&got) != nil {
			t.Errorf("called %s", r.URL)
		}
		// What comes before the body may come in pieces.
		w.Write(frames("PayloadChunk", prelude[:9], "PayloadChunk", prelude[9:]+"one ", "PayloadChunk", "two", "InvokeComplete", "{}"))
	})
	if status, body, err := c.ask(t.Context()); status != 200 || body != "one two" || err != nil {
		t.Errorf("%d %q, %v", status, body, err)
	}
	if got.RawPath != "/turns" || got.RawQueryString != "a=b" || got.RequestContext.HTTP.Method != http.MethodPost || got.Version != "2.0" {
		t.Errorf("the event is %+v", got)
	}
}

func TestACallThatFailsIsAnError(t *testing.T) {
	for name, answer := range map[string][]byte{
		"it broke off":            frames("PayloadChunk", prelude+"one"),
		"it failed":               frames("PayloadChunk", prelude+"one", "InvokeComplete", `{"ErrorCode":"Unhandled","ErrorDetails":"secrets"}`),
		"it failed at once":       frames("InvokeComplete", `{"ErrorCode":"Runtime.ExitError"}`),
		"no answer to a request":  frames("PayloadChunk", `{"batchItemFailures":[]}`, "InvokeComplete", "{}"),
		"no end of what is first": frames("PayloadChunk", strings.Repeat("x", maxPrelude+10)),
		"nothing":                 nil,
		"no event stream":         []byte(strings.Repeat("x", 100)),
		"something else":          frames("PayloadChunk", prelude, "Surprise", ""),
	} {
		c := newCaller(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(answer) })
		if status, body, err := c.ask(t.Context()); err == nil || strings.Contains(err.Error(), "secrets") {
			t.Errorf("%s: %d %q, %v", name, status, body, err)
		}
	}
	c := newCaller(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException:http://internal.amazon.com/")
		w.WriteHeader(http.StatusForbidden)
	})
	_, _, err := c.ask(t.Context())
	if said, ok := errors.AsType[*api.Error](err); !ok || said.Code != "AccessDeniedException" || !strings.Contains(err.Error(), "lambda:InvokeFunction") {
		t.Errorf("refused: %v", err)
	}
	slow := newCaller(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(frames("PayloadChunk", prelude))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := slow.ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up: %v", err)
	}
}

func FuzzAnswersOfFunctions(f *testing.F) {
	f.Add(frames("PayloadChunk", prelude+"one", "InvokeComplete", "{}"))
	f.Add(frames("InvokeComplete", `{"ErrorCode":1}`))
	f.Add([]byte("\x00\x00\x00\x10\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := caller{&api.Client{Region: "r", Endpoint: func(string) string { return "http://x" }, Do: func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(data)), Header: http.Header{}}, nil
		}}, "f"}
		if status, _, err := c.ask(t.Context()); err == nil && status == 0 {
			t.Error("an answer without a status")
		}
	})
}

func FuzzQueueMessages(f *testing.F) {
	f.Add("=aGVsbG8=", "base64", "1772366400000", "2", "1772366399000")
	f.Add("{}", "", "soon", "-1", "")
	f.Fuzz(func(t *testing.T, body, encoding, due, count, first string) {
		r := &events.SQSMessage{MessageId: "1", Body: body, Attributes: map[string]string{"ApproximateReceiveCount": count, "ApproximateFirstReceiveTimestamp": first},
			MessageAttributes: map[string]events.SQSMessageAttribute{"Due": {StringValue: &due}}}
		if encoding != "" {
			r.MessageAttributes["Encoding"] = events.SQSMessageAttribute{StringValue: &encoding}
		}
		m, early, err := sqs.Read(r, time.UnixMilli(1772366400000))
		if err == nil && (m.Attempts < 1 || early < 0) {
			t.Errorf("attempt %d, %v early", m.Attempts, early)
		}
	})
}
