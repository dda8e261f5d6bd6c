package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"instar/functions/agent"
	"instar/shared/bucket"
	"instar/shared/model"
	"instar/shared/turn"
)

// stream is a ResponseWriter that notes when what was written.
type stream struct {
	mu     sync.Mutex
	header http.Header
	status int
	text   bytes.Buffer
	at     []time.Time
	gone   bool // the caller has left
}

func newStream() *stream { return &stream{header: http.Header{}} }

func (s *stream) Header() http.Header { return s.header }
func (s *stream) WriteHeader(n int)   { s.status = n }
func (s *stream) Flush()              {}
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0, errors.New("broken pipe")
	}
	s.at = append(s.at, time.Now())
	return s.text.Write(p)
}

// events are the events of a stream as "name data".
func (s *stream) events() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for block := range strings.SplitSeq(s.text.String(), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: ")
		if ok {
			list = append(list, name+" "+data)
		}
	}
	return list
}

func call(ctx context.Context, e *turn.Engine, s http.ResponseWriter, body []byte) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/turns", bytes.NewReader(body))
	agent.Turns(e).ServeHTTP(s, r)
}

func TestATurnIsStreamedAsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		e, _ := setup(t, func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			if n++; n == 1 {
				return model.Reply{Stop: model.StopTools, Calls: []model.ToolCall{{ID: "a", Name: "memory_write", Input: json.RawMessage(`{"text":"x"}`)}}}, nil
			}
			return says("Noted.")(ctx, r, onText)
		})
		s := newStream()
		call(t.Context(), e, s, wake(put(t, e, "trip", "remember x")))
		got := s.events()
		want := []string{
			`turn {"session":"trip","turn":"1"}`,
			`tool {"id":"a","name":"memory_write","state":"running","summary":""}`,
			`tool {"id":"a","name":"memory_write","state":"done","summary":"Remembered in MEMORY.md."}`,
			`text {"delta":"Noted."}`,
			`done {"model":"anthropic/claude-sonnet-4-5","reply":"Noted.","session":"trip","state":"done","turn":"1","usage":{"cache_read":0,"cache_write":0,"cost_usd":0.000105,"input":10,"output":5}}`,
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if s.header.Get("Content-Type") != "text/event-stream" || s.header.Get("Cache-Control") != "no-store" {
			t.Errorf("header %v", s.header)
		}
	})
}

func TestASilentTurnSaysThatItIsAliveEveryFifteenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, after(70*time.Second, "Done."))
		s := newStream()
		began := time.Now()
		call(t.Context(), e, s, wake(put(t, e, "main", "think")))
		if n := strings.Count(s.text.String(), ": keep-alive\n\n"); n != 4 {
			t.Errorf("%d comments in 70 s", n)
		}
		last := began
		for _, at := range s.at {
			if gap := at.Sub(last); gap > 15*time.Second+100*time.Millisecond {
				t.Errorf("silent for %v", gap)
			}
			last = at
		}
	})
}

func TestATurnThatTalksNeedsNoComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
			for range 10 {
				time.Sleep(8 * time.Second)
				onText("word ")
			}
			return model.Reply{Text: "words", Stop: model.StopEnd}, nil
		})
		s := newStream()
		call(t.Context(), e, s, wake(put(t, e, "main", "talk")))
		if strings.Contains(s.text.String(), "keep-alive") {
			t.Errorf("the stream is\n%s", s.text.String())
		}
	})
}

// The bubble fails the test when a goroutine is left; what is written after the
// handler's end would panic in a real server.
func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, says("Done."))
		s := newStream()
		call(t.Context(), e, s, wake(put(t, e, "main", "hi")))
		n := len(s.at)
		time.Sleep(time.Hour)
		if len(s.at) != n || !strings.HasPrefix(s.events()[len(s.events())-1], "done ") {
			t.Errorf("%d writes after the end; events %q", len(s.at)-n, s.events())
		}
	})
}

func TestATurnGoesOnWhenItsCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, after(20*time.Second, "Done."))
		key := put(t, e, "main", "hi")
		sent := stored(t, e, key)
		ctx, leave := context.WithCancel(t.Context())
		s := newStream()
		go func() {
			time.Sleep(5 * time.Second)
			s.mu.Lock()
			s.gone = true
			s.mu.Unlock()
			leave()
		}()
		call(ctx, e, s, wake(key))
		if done, err := e.Await(t.Context(), sent, time.Now().Add(time.Second)); err != nil || done.Reply != "Done." {
			t.Errorf("turn %+v, error %v", done, err)
		}
	})
}

func TestASecondCallerWaitsForTheSameTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, after(20*time.Second, "Done."))
		key := put(t, e, "main", "hi")
		first, second := newStream(), newStream()
		go call(t.Context(), e, first, wake(key))
		synctest.Wait()
		call(t.Context(), e, second, wake(key))
		synctest.Wait()
		for _, s := range []*stream{first, second} {
			if got := s.events(); len(got) == 0 || !strings.Contains(got[len(got)-1], `"reply":"Done."`) {
				t.Errorf("events %q", got)
			}
		}
	})
}

func TestADirectCallWaitsForABusySession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, after(40*time.Second, "Done."))
		first, second := put(t, e, "main", "one"), put(t, e, "main", "two")
		go call(t.Context(), e, newStream(), wake(first))
		synctest.Wait()
		s := newStream()
		call(t.Context(), e, s, wake(second))
		if got := s.events(); !strings.HasPrefix(got[len(got)-1], "done ") {
			t.Errorf("events %q", got)
		}
		if !strings.Contains(s.text.String(), "keep-alive") {
			t.Error("the wait was silent")
		}
	})
}

func TestFailuresAreToldWithoutDetails(t *testing.T) {
	e, b := setup(t, says("hi"))
	key := put(t, e, "main", "hi")
	b.Before = func(bucket.Op, string) error { return errors.New("no access with key hunter2") }
	s := newStream()
	call(t.Context(), e, s, wake(key))
	if got := s.events(); len(got) != 1 || !strings.HasPrefix(got[0], `error {"error":"the turn could not be finished now`) || strings.Contains(got[0], "hunter2") {
		t.Errorf("events %q", got)
	}
}

func TestAMalformedCallIsRefused(t *testing.T) {
	e, _ := setup(t, says("hi"))
	for _, body := range []string{"", "{", "[]", `{"v":2,"key":"x"}`, `{"v":1}`, strings.Repeat(" ", 1<<17) + `{"v":1,"key":"x"}`} {
		s := httptest.NewRecorder()
		call(t.Context(), e, s, []byte(body))
		if s.Code != http.StatusBadRequest {
			t.Errorf("%.20q: status %d", body, s.Code)
		}
	}
}

// A /stop that the queue has brought already has no turn to wait for.
func TestAStopThatIsTakenEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := setup(t, says("hi"))
		key := put(t, e, "main", "/stop")
		call(t.Context(), e, newStream(), wake(key))
		began := time.Now()
		call(t.Context(), e, newStream(), wake(key))
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}
