package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"instar/functions/webhook"
	"instar/shared/bucket"
	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/chat"
	"instar/shared/inbox"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// receiver is a channel whose body is the texts of its messages, one a line.
type receiver struct{}

func (receiver) Receive(header http.Header, body []byte, _ time.Time) (channel.Event, error) {
	switch {
	case header.Get("Secret") != "right":
		return channel.Event{}, fmt.Errorf("hunter2: %w", channel.ErrUnauthorized)
	case len(body) == 0:
		return channel.Event{}, fmt.Errorf("hunter2: %w", channel.ErrMalformed)
	}
	var e channel.Event
	for line := range strings.SplitSeq(strings.Trim(string(body), "\n"), "\n") {
		e.Messages = append(e.Messages, chat.Message{ID: "test:" + line, Time: noon, Address: chat.Address{Channel: "test", Chat: "1"}, Kind: chat.Private, Text: line})
	}
	return e, nil
}

// place is the handler with what it touches.
type place struct {
	handler *webhook.Handler
	store   *bucket.Memory
	faults  *bucket.Faulty
	queue   *line
	direct  []string // keys of the direct calls
}

// line is a queue.
type line struct {
	bodies []string
	err    error
}

func (l *line) Send(_ context.Context, body []byte, _ time.Duration) error {
	if l.err != nil {
		return l.err
	}
	l.bodies = append(l.bodies, string(body))
	return nil
}

// Do is the agent function.
func (p *place) Do(r *http.Request) (*http.Response, error) {
	var w inbox.Wake
	if err := json.NewDecoder(r.Body).Decode(&w); err != nil || r.Method != http.MethodPost || r.URL.Path != "/turns" || w.V != 1 {
		return nil, errors.New("not the call that the agent function takes")
	}
	p.direct = append(p.direct, w.Key)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("event: done\ndata: {}\n\n"))}, nil
}

func newPlace() *place {
	p := &place{store: bucket.NewMemory(), queue: &line{}}
	p.faults = &bucket.Faulty{Bucket: p.store}
	p.handler = &webhook.Handler{
		Agent: "main", Bucket: p.faults, Queue: p.queue, Turns: p, Now: func() time.Time { return noon },
		After: func(f func(context.Context)) { f(context.Background()) },
		Receivers: map[string]func() (channel.Receiver, error){
			"test":    func() (channel.Receiver, error) { return receiver{}, nil },
			"missing": func() (channel.Receiver, error) { return nil, &channel.Missing{Variable: "TEST_SECRET"} },
			"broken":  func() (channel.Receiver, error) { return nil, errors.New("hunter2") },
			"slack":   func() (channel.Receiver, error) { return slack.NewReceiver("slack-secret") },
		},
	}
	return p
}

func (p *place) post(path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if header != nil {
		r.Header = header
	}
	return p.serve(r)
}

func (p *place) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

var signed = http.Header{"Secret": {"right"}}

func (p *place) stored(t *testing.T) (keys []string) {
	page, err := p.store.List(t.Context(), bucket.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entries {
		keys = append(keys, e.Key)
	}
	return keys
}

// undeclared hides a body's length.
type undeclared struct{ io.Reader }

// torn is a body whose connection breaks.
type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRefusalsStoreNothingAndSayWhatIsWrong(t *testing.T) {
	large := strings.Repeat("x", channel.MaxBody+1)
	request := func(method, path string, body io.Reader) *http.Request {
		r := httptest.NewRequest(method, path, body)
		r.Header = signed
		return r
	}
	unsigned := httptest.NewRequest(http.MethodPost, "/hooks/test", strings.NewReader("hi"))
	lying := request(http.MethodPost, "/hooks/test", strings.NewReader("hi"))
	lying.ContentLength = channel.MaxBody + 1
	for name, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"unknown channel":        {request(http.MethodPost, "/hooks/other", strings.NewReader("hi")), 404},
		"no channel":             {request(http.MethodPost, "/hooks/", strings.NewReader("hi")), 404},
		"deeper":                 {request(http.MethodPost, "/hooks/test/x", strings.NewReader("hi")), 404},
		"not POST":               {request(http.MethodGet, "/hooks/test", nil), 405},
		"PUT":                    {request(http.MethodPut, "/hooks/test", strings.NewReader("hi")), 405},
		"too large, declared":    {lying, 413},
		"too large, undeclared":  {request(http.MethodPost, "/hooks/test", undeclared{strings.NewReader(large)}), 413},
		"torn":                   {request(http.MethodPost, "/hooks/test", torn{}), 400},
		"unsigned":               {unsigned, 401},
		"malformed":              {request(http.MethodPost, "/hooks/test", strings.NewReader("")), 400},
		"not configured":         {request(http.MethodPost, "/hooks/missing", strings.NewReader("hi")), 503},
		"wrongly configured":     {request(http.MethodPost, "/hooks/broken", strings.NewReader("hi")), 503},
		"not configured, not it": {request(http.MethodPost, "/hooks/Test", strings.NewReader("hi")), 404},
	} {
		p := newPlace()
		w := p.serve(c.request)
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, c.status)
		}
		var answer struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Error == "" || strings.Contains(answer.Error, "hunter2") {
			t.Errorf("%s: body %s", name, w.Body)
		}
		if w.Header().Get("Content-Type") != "application/json" || c.status == 405 && w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: header %v", name, w.Header())
		}
		if keys := p.stored(t); len(keys)+len(p.queue.bodies)+len(p.direct) != 0 {
			t.Errorf("%s: stored %q, queued %q, called %q", name, keys, p.queue.bodies, p.direct)
		}
	}
}

func TestAnUnconfiguredChannelNamesItsVariable(t *testing.T) {
	w := newPlace().post("/hooks/missing", "hi", signed)
	if got := strings.TrimSpace(w.Body.String()); w.Code != 503 || got != `{"error":"TEST_SECRET is not set","missing":["TEST_SECRET"]}` {
		t.Errorf("%d %s", w.Code, got)
	}
}

func TestTheLargestBodyIsTaken(t *testing.T) {
	p := newPlace()
	if w := p.post("/hooks/test", strings.Repeat("x", channel.MaxBody), signed); w.Code != 200 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestAMessageIsStoredAndQueuedBeforeItIsAcknowledged(t *testing.T) {
	p := newPlace()
	w := p.post("/hooks/test", "hello", signed)
	keys := p.stored(t)
	if w.Code != 200 || w.Body.Len() != 0 || len(keys) != 1 || len(p.queue.bodies) != 1 || len(p.direct) != 0 {
		t.Fatalf("status %d, stored %q, queued %q, called %q", w.Code, keys, p.queue.bodies, p.direct)
	}
	m, err := inbox.Get(t.Context(), p.store, keys[0])
	if err != nil || m.Text != "hello" || m.ID != "test:hello" {
		t.Errorf("stored %+v, %v", m, err)
	}
	if want := fmt.Sprintf(`{"v":1,"key":%q}`, keys[0]); p.queue.bodies[0] != want {
		t.Errorf("queued %s, want %s", p.queue.bodies[0], want)
	}
}

func TestADuplicateIsAcknowledgedAndStoredOnce(t *testing.T) {
	p := newPlace()
	for range 5 {
		if w := p.post("/hooks/test", "hello", signed); w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	}
	if keys := p.stored(t); len(keys) != 1 {
		t.Errorf("stored %q", keys)
	}
}

func TestWhatCannotBeStoredOrQueuedIsNotAcknowledged(t *testing.T) {
	fault := errors.New("hunter2")
	for name, breakIt := range map[string]func(*place){
		"storage":            func(p *place) { p.faults.Before = func(bucket.Op, string) error { return fault } },
		"storage, in doubt":  func(p *place) { p.faults.After = func(bucket.Op, string) error { return fault } },
		"queue":              func(p *place) { p.queue.err = fault },
		"storage, of second": func(p *place) { p.faults.Before = failSecond(fault) },
	} {
		p := newPlace()
		breakIt(p)
		w := p.post("/hooks/test", "one\ntwo", signed)
		if w.Code != 503 || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		// The platform tries again when all is well.
		p.faults.Before, p.faults.After, p.queue.err, p.queue.bodies = nil, nil, nil, nil
		if w := p.post("/hooks/test", "one\ntwo", signed); w.Code != 200 || len(p.stored(t)) != 2 || len(p.queue.bodies) != 2 {
			t.Errorf("%s: then %d, stored %q, queued %q", name, w.Code, p.stored(t), p.queue.bodies)
		}
	}
}

func failSecond(err error) func(bucket.Op, string) error {
	n := 0
	return func(bucket.Op, string) error {
		if n++; n == 2 {
			return err
		}
		return nil
	}
}

func TestSlacksChallengeIsEchoed(t *testing.T) {
	p := newPlace()
	p.handler.Now = time.Now
	body := `{"type":"url_verification","challenge":"3eZbrw1a","token":"x"}`
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte("slack-secret"))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set("X-Slack-Request-Timestamp", stamp)
	header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	w := p.post("/hooks/slack", body, header)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "3eZbrw1a") || w.Header().Get("Content-Type") == "" || len(p.stored(t)) != 0 {
		t.Errorf("%d %s, header %v", w.Code, w.Body, w.Header())
	}
	if w := p.post("/hooks/slack", body, http.Header{"Content-Type": {"application/json"}}); w.Code != 401 {
		t.Errorf("unsigned: %d", w.Code)
	}
}

func TestAStopDoesNotWaitInTheQueue(t *testing.T) {
	for text, direct := range map[string]bool{
		"/stop": true, " /STOP ": true, "/stop@instar_bot": true, "/stop now": true, "/stop\tnow": true,
		"/stopwatch": false, "stop": false, "please /stop": false, "@": false, "/ stop": false,
	} {
		p := newPlace()
		w := p.post("/hooks/test", text, signed)
		if w.Code != 200 || len(p.queue.bodies) != 1 || (len(p.direct) == 1) != direct {
			t.Errorf("%q: status %d, queued %q, called %q", text, w.Code, p.queue.bodies, p.direct)
		}
		if direct && p.direct[0] != p.stored(t)[0] {
			t.Errorf("%q: called for %q", text, p.direct[0])
		}
	}
}

func TestAStopWithoutTheAgentFunctionIsStillQueued(t *testing.T) {
	p := newPlace()
	p.handler.Turns = nil
	if w := p.post("/hooks/test", "/stop", signed); w.Code != 200 || len(p.queue.bodies) != 1 {
		t.Errorf("status %d, queued %q", w.Code, p.queue.bodies)
	}
}
