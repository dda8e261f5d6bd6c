package model_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/model"
	"instar/shared/model/anthropic"
)

// slowServer answers after before, then sends one piece after every pause.
// With deaf it ignores the request's context and waits for Close.
type slowServer struct {
	before, pause time.Duration
	pieces        []string
	deaf          bool
}

func (s *slowServer) Do(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	select {
	case <-time.After(s.before):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	pr, pw := io.Pipe()
	go func() {
		for _, p := range s.pieces {
			time.Sleep(s.pause)
			if _, err := io.WriteString(pw, p); err != nil {
				return
			}
		}
		if !s.deaf {
			<-ctx.Done()
			pw.CloseWithError(ctx.Err())
		}
	}()
	return &http.Response{StatusCode: 200, Body: pr}, nil
}

var pieces = []string{
	"data: {\"type\":\"message_start\"}\n\n",
	"data: {\"type\":\"ping\"}\n\n",
	"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n",
	"data: {\"type\":\"message_stop\"}\n\n",
}

func ask(do model.Doer, onText func(string)) (model.Reply, error) {
	p, err := anthropic.New(anthropic.Options{APIKey: "k", Do: model.WithIdle(do, 0)})
	if err != nil {
		return model.Reply{}, err
	}
	return p.Stream(context.Background(), model.Request{}, onText)
}

func TestAProviderThatSendsNothingForAMinuteIsHung(t *testing.T) {
	for name, server := range map[string]*slowServer{
		"no response":    {before: time.Hour},
		"no body":        {},
		"stops half way": {pieces: pieces[:2]},
		"deaf":           {pieces: pieces[:2], deaf: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := ask(server, nil)
				var e *model.Error
				if !errors.As(err, &e) || !e.Temporary || !errors.Is(err, model.ErrIdle) || time.Since(start) != model.IdleTimeout {
					t.Errorf("%#v after %v", err, time.Since(start))
				}
			})
		})
	}
}

func TestASlowProviderIsNotHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{before: 59 * time.Second, pause: 59 * time.Second, pieces: pieces}
		if reply, err := ask(server, nil); err != nil || reply.Text != "hi" {
			t.Errorf("%+v, %v", reply, err)
		}
	})
}

func TestTimeTheCallerTakesDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{pieces: pieces}
		if _, err := ask(server, func(string) { time.Sleep(time.Hour) }); err != nil {
			t.Error(err)
		}
	})
}

func TestARouterRetriesAHungProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := anthropic.New(anthropic.Options{APIKey: "k", Do: model.WithIdle(&slowServer{before: time.Hour}, time.Second)})
		r := model.Router{Models: []string{"anthropic/m"}, Open: func(string) (model.Provider, error) { return p, nil }}
		start := time.Now()
		_, err := r.Stream(context.Background(), model.Request{}, model.Sink{})
		if took := time.Since(start); err == nil || took < 3*time.Second || took > 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestAnHonestErrorIsNotCalledIdle(t *testing.T) {
	refusing := doerFunc(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	if _, err := model.WithIdle(refusing, 0).Do(newRequest()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	body := doerFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: io.NopCloser(strings.NewReader("all"))}, nil
	})
	resp, err := model.WithIdle(body, 0).Do(newRequest())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); string(b) != "all" || err != nil || resp.Body.Close() != nil {
		t.Errorf("%q, %v", b, err)
	}
}

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func newRequest() *http.Request {
	r, _ := http.NewRequest("POST", "http://127.0.0.1/", nil)
	return r
}
