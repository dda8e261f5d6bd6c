//go:build !js

package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"instar/shared/platform"
	"instar/shared/queue"
)

// aws answers every call with 200 and {}, and keeps the calls to SQS.
type aws struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
}

func newAWS(t *testing.T) *aws {
	a := &aws{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.calls = append(a.calls, r.Header.Get("X-Amz-Target")+" "+string(body))
		a.mu.Unlock()
		io.WriteString(w, "{}")
	}))
	t.Cleanup(a.Close)
	return a
}

func newHost(t *testing.T, f platform.Function, more ...string) (*host, *aws) {
	a := newAWS(t)
	env := map[string]string{
		"BUCKET": "s3://instar", "QUEUE": "https://sqs.example/1/instar.fifo", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": a.URL,
	}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return &host{function: f, listing: platform.Listing{Name: "f", Bindings: []string{"BUCKET", "QUEUE"}}, getenv: func(name string) string { return env[name] }}, a
}

func handle(t *testing.T, h *host, payload string) (any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return h.handle(ctx, json.RawMessage(payload))
}

func fetch(serve http.HandlerFunc) platform.Function {
	return platform.Function{Fetch: func(platform.Env) http.Handler { return serve }}
}

// urlEvent is the example of AWS's documentation of Function URLs, shortened.
const urlEvent = `{"version":"2.0","routeKey":"$default","rawPath":"/my%20path/x","rawQueryString":"p=a&p=b%20c","cookies":["cookie1=a","cookie2=b"],
"headers":{"header1":"value1,value2","host":"abc.lambda-url.eu-west-1.on.aws","x-forwarded-proto":"https"},
"requestContext":{"accountId":"123456789012","apiId":"abc","domainName":"abc.lambda-url.eu-west-1.on.aws","http":{"method":"POST","path":"/my path/x","protocol":"HTTP/1.1","sourceIp":"203.0.113.9","userAgent":"agent"},"stage":"$default","time":"12/Mar/2020:19:03:58 +0000","timeEpoch":1583348638390},
"body":"AAH/","isBase64Encoded":true}`

func TestAFunctionURLsEventIsARequest(t *testing.T) {
	var got *http.Request
	var body []byte
	h, _ := newHost(t, fetch(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Cookie")
		w.Header().Set("X-Bad", "a\r\nSet-Cookie: x=y")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	}))
	answer, err := handle(t, h, urlEvent)
	if err != nil {
		t.Fatal(err)
	}
	s := answer.(*events.LambdaFunctionURLStreamingResponse)
	data, err := io.ReadAll(s)
	prelude, text, _ := strings.Cut(string(data), "\x00\x00\x00\x00\x00\x00\x00\x00")
	var head struct {
		StatusCode int
		Headers    map[string]string
		Cookies    []string
	}
	if err != nil || json.Unmarshal([]byte(prelude), &head) != nil || text != "short and stout" {
		t.Fatalf("%q, %v", data, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if head.StatusCode != http.StatusTeapot || strings.Join(head.Cookies, ";") != "a=1;b=2" || head.Headers["Vary"] != "Accept, Cookie" || head.Headers["X-Bad"] != "" {
		t.Errorf("answered %+v", head)
	}
	if got.Method != "POST" || got.URL.Path != "/my path/x" || got.RequestURI != "/my%20path/x?p=a&p=b%20c" || got.FormValue("p") != "a" ||
		got.Host != "abc.lambda-url.eu-west-1.on.aws" || got.URL.Scheme != "https" || got.RemoteAddr != "203.0.113.9" ||
		got.Header.Get("Header1") != "value1,value2" || string(body) != "\x00\x01\xff" || got.ContentLength != 3 {
		t.Errorf("the request is %+v with the body %q", got, body)
	}
	if c, err := got.Cookie("cookie2"); err != nil || c.Value != "b" {
		t.Errorf("cookies: %v", got.Cookies())
	}
}

func TestBehindAnHTTPAPITheAnswerIsWhole(t *testing.T) {
	for body, encoded := range map[string]bool{"text": false, "\xff\x00": true} {
		h, _ := newHost(t, fetch(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }), "INVOKE_MODE", "BUFFERED")
		answer, err := handle(t, h, urlEvent)
		if err != nil {
			t.Fatal(err)
		}
		out := answer.(*events.APIGatewayV2HTTPResponse)
		got := []byte(out.Body)
		if out.IsBase64Encoded {
			got, _ = base64.StdEncoding.DecodeString(out.Body)
		}
		if out.StatusCode != 200 || string(got) != body || out.IsBase64Encoded != encoded || out.Headers["Content-Type"] == "" {
			t.Errorf("%q: %+v", body, out)
		}
	}
}

func TestAPanicIs500AndABrokenStreamOnceItHasBegun(t *testing.T) {
	h, _ := newHost(t, fetch(func(http.ResponseWriter, *http.Request) { panic("private words") }))
	answer, err := handle(t, h, urlEvent)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(answer.(io.Reader))
	if err != nil || !strings.Contains(string(data), `"statusCode":500`) || !strings.Contains(string(data), `"id":"`) || strings.Contains(string(data), "private") {
		t.Errorf("%q, %v", data, err)
	}
	h, _ = newHost(t, fetch(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		panic("private words")
	}))
	answer, _ = handle(t, h, urlEvent)
	if data, err := io.ReadAll(answer.(io.Reader)); err == nil || !strings.HasSuffix(string(data), "half") || strings.Contains(err.Error(), "private") {
		t.Errorf("%q, %v: it looks whole", data, err)
	}
}

func TestTheEventLastsAsLongAsWhatWasPutOff(t *testing.T) {
	ended := false
	f := platform.Function{Fetch: func(env platform.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			env.After(func(ctx context.Context) {
				time.Sleep(50 * time.Millisecond)
				ended = ctx.Err() == nil
			})
		})
	}}
	h, _ := newHost(t, f)
	answer, err := handle(t, h, urlEvent)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.(io.Reader))
	answer.(io.Closer).Close() // which the runtime's client does when the caller has its answer
	if !ended {
		t.Error("the event ended before what was put off")
	}
}

func TestAHandlerGoesOnWhenItsCallerLeaves(t *testing.T) {
	done := make(chan error, 1)
	h, _ := newHost(t, fetch(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		var err error
		for range 100 {
			if _, err = io.WriteString(w, "x"); err != nil {
				break
			}
		}
		done <- err
	}))
	answer, _ := handle(t, h, urlEvent)
	answer.(io.Closer).Close()
	if err := <-done; err == nil {
		t.Error("nobody reads, and it is not told")
	}
}

func TestWhatIsNoEventOfOursIsAnError(t *testing.T) {
	h, _ := newHost(t, platform.Function{})
	for _, payload := range []string{"", "[]", "{}", "null", `{"version":"1.0"}`, urlEvent, `{"Records":[{}]}`, `{"scheduled":"2026-03-01T12:00:00Z"}`} {
		if answer, err := handle(t, h, payload); err == nil {
			t.Errorf("%.30s: answered %v", payload, answer)
		}
	}
}

func TestTheClockIsGivenItsTime(t *testing.T) {
	var at time.Time
	h, _ := newHost(t, platform.Function{Scheduled: func(_ context.Context, _ platform.Env, due time.Time) error {
		at = due
		if due.Minute() == 1 {
			return errors.New("secret reasons")
		}
		return nil
	}})
	if _, err := handle(t, h, `{"scheduled":"2026-03-01T12:00:00Z"}`); err != nil || at.Unix() != 1772366400 {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := handle(t, h, `{"scheduled":"2026-03-01T12:01:00Z"}`); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func record(id, group, body string) string {
	return `{"messageId":"` + id + `","receiptHandle":"receipt-` + id + `","body":"` + body + `","attributes":{"ApproximateReceiveCount":"2","MessageGroupId":"` + group + `"},"eventSource":"aws:sqs"}`
}

func TestAFailedMessageComesAgainWithTheRestOfItsGroup(t *testing.T) {
	var handled []string
	h, a := newHost(t, platform.Function{Queue: func(platform.Env) queue.Handler {
		return func(_ context.Context, m queue.Message) error {
			handled = append(handled, string(m.Body))
			switch string(m.Body) {
			case "later":
				return &queue.Retry{After: 90 * time.Second}
			case "panic":
				panic("x")
			}
			if m.Attempts != 2 {
				t.Errorf("attempt %d", m.Attempts)
			}
			return nil
		}
	}})
	answer, err := handle(t, h, `{"Records":[`+strings.Join([]string{
		record("1", "a", "fine"), record("2", "b", "later"), record("3", "b", "behind"), record("4", "a", "fine too"), record("5", "c", "panic"),
	}, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(answer)
	if string(data) != `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"},{"itemIdentifier":"5"}]}` {
		t.Errorf("answered %s", data)
	}
	if got := strings.Join(handled, ","); got != "fine,later,fine too,panic" {
		t.Errorf("handled %s", got)
	}
	want := []string{`"receipt-2","VisibilityTimeout":90}`, `"receipt-3","VisibilityTimeout":90}`, `"receipt-5","VisibilityTimeout":5}`}
	for i, call := range a.calls {
		if i >= len(want) || !strings.HasSuffix(call, want[i]) || !strings.HasPrefix(call, "AmazonSQS.ChangeMessageVisibility ") {
			t.Errorf("call %d: %s", i, call)
		}
	}
	if len(a.calls) != len(want) {
		t.Errorf("%d calls", len(a.calls))
	}
}

func TestABrokenDeploymentSaysWhatToSet(t *testing.T) {
	h, _ := newHost(t, fetch(func(http.ResponseWriter, *http.Request) {}), "QUEUE", "")
	answer, err := handle(t, h, urlEvent)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := io.ReadAll(answer.(io.Reader)); !strings.Contains(string(data), `"statusCode":503`) || !strings.Contains(string(data), "QUEUE is not set") {
		t.Errorf("%s", data)
	}
	if _, err := handle(t, h, `{"Records":[`+record("1", "a", "x")+`]}`); err == nil {
		t.Error("the batch was taken")
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(urlEvent))
	f.Add([]byte(`{"Records":[` + record("1", "a", "x") + `]}`))
	f.Add([]byte(`{"version":"2.0","rawPath":"%zz","requestContext":{"http":{"method":"\n"}}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		h := &host{
			function: fetch(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }), listing: platform.Listing{Name: "f"},
			getenv: func(name string) string {
				return map[string]string{"BUCKET": "s3://instar", "QUEUE": "q", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"}[name]
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if answer, err := h.handle(ctx, payload); err == nil {
			if r, ok := answer.(io.ReadCloser); ok {
				io.Copy(io.Discard, r)
				r.Close()
			}
		}
	})
}
