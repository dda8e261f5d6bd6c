package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/functions/agent"
	"instar/functions/console"
	"instar/shared/access"
	"instar/shared/access/cloudflare"
	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/config"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/model/catalog"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/settings"
	"instar/shared/turn"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

const token = "the-console-token"

// place is a console with what it touches. Its agent function is scripted, or
// the real one with a scripted model.
type place struct {
	t       testing.TB
	handler *console.Handler
	access  *cloudflare.Access // set up by no test but those of it
	store   *bucket.Memory
	faults  *bucket.Faulty
	queue   []queued
	broken  error                          // of the queue
	script  func(key string) (int, string) // the agent's status and stream
	keys    []string                       // the direct calls
	present map[string]bool
	log     *audit.Log
	engine  *turn.Engine // of the real agent function
	backlog backlog      // what that leaves for later
}

type queued struct {
	wake  inbox.Wake
	delay time.Duration
}

func newPlace(t testing.TB) *place {
	p := &place{t: t, store: bucket.NewMemory(), present: map[string]bool{}, access: &cloudflare.Access{}}
	p.faults = &bucket.Faulty{Bucket: p.store}
	rules, err := config.Read(func(name string) string {
		return map[string]string{"OWNER": "telegram:42", "TIMEZONE": "Asia/Tokyo", "BUDGET_DAILY_USD": "2"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	p.handler = &console.Handler{
		Agent: "main", Bucket: p.faults, Queue: p, Turns: p, Rules: rules,
		Door:    &access.Door{Token: token, Provider: p.access, Bucket: p.faults, Prefix: "main/access/", Now: time.Now},
		Models:  catalog.Config{Model: "anthropic/claude-sonnet-4-5", AnthropicKey: "set"},
		Present: func(name string) bool { return p.present[name] }, Now: time.Now,
		Audit: func(context.Context) (*audit.Log, error) { return p.log, nil },
		Note: func(e audit.Event) {
			if err := p.log.Append(context.Background(), []audit.Entry{audit.NewEntry(e)}); err != nil {
				t.Error(err)
			}
		},
	}
	p.log = &audit.Log{Bucket: p.faults, Agent: "main", Key: []byte("a key of the tests"), Now: time.Now}
	return p
}

// Send is the queue.
func (p *place) Send(_ context.Context, body []byte, delay time.Duration) error {
	if p.broken != nil {
		return p.broken
	}
	var q queued
	if err := json.Unmarshal(body, &q.wake); err != nil {
		return err
	}
	q.delay = delay
	p.queue = append(p.queue, q)
	return nil
}

// Do is the agent function.
func (p *place) Do(r *http.Request) (*http.Response, error) {
	var w inbox.Wake
	if err := json.NewDecoder(r.Body).Decode(&w); err != nil || r.Method != http.MethodPost || r.URL.Path != "/turns" || w.V != 1 {
		return nil, errors.New("not the call that the agent function takes")
	}
	p.keys = append(p.keys, w.Key)
	if p.script == nil {
		return nil, errors.New("no agent at hunter2")
	}
	status, stream := p.script(w.Key)
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(stream))}, nil
}

// call sends a request with the token.
func (p *place) call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return p.serve(r)
}

func (p *place) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

func (p *place) decode(w *httptest.ResponseRecorder, into any) {
	p.t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		p.t.Errorf("not JSON: %s", w.Body)
	}
}

// provider is a model that does as it is told.
type provider func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error)

func (p provider) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	return p(ctx, r, onText)
}

// after is a model that thinks before it answers.
func after(d time.Duration, text string) provider {
	return func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
		time.Sleep(d)
		onText(text)
		return model.Reply{Text: text, Stop: model.StopEnd, Usage: model.Usage{Input: 1000, Output: 100}}, nil
	}
}

// employ gives the place a real agent function with a scripted model.
func (p *place) employ(m provider) *turn.Engine {
	e := &turn.Engine{
		Agent: "main", Bucket: p.faults, Queue: &p.backlog, Settings: settings.InBucket(bucket.NewMemory(), "s/"), Owners: p.handler.Rules.Owners,
		Directory: people.NewDirectory(p.faults, "main/people/"), Policy: p.handler.Rules.Policy, Senders: map[string]channel.Sender{},
		Models: func() *model.Router {
			return &model.Router{Models: []string{"anthropic/claude-sonnet-4-5"}, Open: func(string) (model.Provider, error) { return m, nil }}
		},
		Budget: &budget.Ledger{Bucket: p.faults, Agent: "main", Daily: 2, Zone: p.handler.Rules.Zone, Now: time.Now},
		Zone:   p.handler.Rules.Zone, Now: time.Now,
	}
	p.engine, p.handler.Turns = e, direct{agent.Turns(e)}
	return e
}

// backlog is the queue of the agent function.
type backlog struct {
	mu    sync.Mutex
	wakes [][]byte
}

func (b *backlog) Send(_ context.Context, body []byte, _ time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakes = append(b.wakes, body)
	return nil
}

// deliver has the agent function do what it left for later.
func (p *place) deliver() {
	p.t.Helper()
	p.backlog.mu.Lock()
	wakes := p.backlog.wakes
	p.backlog.wakes = nil
	p.backlog.mu.Unlock()
	for _, body := range wakes {
		if err := agent.Queue(p.engine)(p.t.Context(), queue.Message{Body: body, Attempts: 1}); err != nil {
			p.t.Error(err)
		}
	}
}

// direct calls a handler as the Worker calls its other functions.
type direct struct{ handler http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	in, out := io.Pipe()
	go func() {
		d.handler.ServeHTTP(&piped{out, http.Header{}}, r)
		out.Close()
	}()
	return &http.Response{StatusCode: http.StatusOK, Body: in}, nil
}

type piped struct {
	io.Writer
	header http.Header
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) WriteHeader(int)     {}
func (p *piped) Flush()              {}

// page is what GET /api/session answers.
type page struct {
	Session  string
	Busy     bool
	Messages []struct {
		Role, Text, Model string
		Time              time.Time
		Cost              *float64 `json:"cost_usd"`
		Tools             []struct{ Name, State, Summary string }
		Cards             []card
		Approval          string
	}
}

// card is a question as the page is shown it.
type card struct {
	ID, Text, State string
	Buttons         [][]struct{ Label, Data string }
}

// says is what the button of that label says when it is tapped.
func (c card) says(label string) string {
	for _, row := range c.Buttons {
		for _, b := range row {
			if strings.HasPrefix(b.Label, label) {
				return b.Data
			}
		}
	}
	return ""
}

func (p page) texts() string {
	var list []string
	for _, m := range p.Messages {
		list = append(list, m.Role+": "+m.Text)
	}
	return strings.Join(list, "\n")
}

func (p *place) session(name string) (got page) {
	p.t.Helper()
	w := p.call("GET", "/api/session?session="+name, "")
	if w.Code != http.StatusOK {
		p.t.Errorf("session %q: %d %s", name, w.Code, w.Body)
	}
	p.decode(w, &got)
	return got
}

// say posts a message and waits for its answer.
func (p *place) say(session, text string) map[string]any {
	p.t.Helper()
	body, _ := json.Marshal(map[string]string{"text": text, "session": session})
	w := p.call("POST", "/api/chat", string(body))
	var answer map[string]any
	p.decode(w, &answer)
	if w.Code != http.StatusOK {
		p.t.Errorf("chat %q: %d %s", text, w.Code, w.Body)
	}
	return answer
}
