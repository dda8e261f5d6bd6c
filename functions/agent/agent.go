// Package agent is the function that answers.
//
// Triggered by the queue (one message: one turn) and, within the Worker, by the
// console and the webhook through POST /turns, which streams what happens. May
// touch: the bucket, settings, the models, the chat platforms. It is never
// reachable from outside. Must never hold: a webhook secret, the console's token.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"instar/shared/inbox"
	"instar/shared/queue"
	"instar/shared/session"
	"instar/shared/turn"
)

// Queue handles one delivery of the queue.
func Queue(e *turn.Engine) queue.Handler {
	return func(ctx context.Context, m queue.Message) error {
		var wake inbox.Wake
		if err := json.Unmarshal(m.Body, &wake); err != nil || wake.V != 1 || wake.Key == "" && wake.Compact == "" && wake.Audit == "" && wake.Task == "" {
			slog.Error("queue message not understood", "id", m.ID)
			return nil // delivering it again would not make it any better
		}
		switch {
		case wake.Compact != "":
			return e.Compact(ctx, wake.Compact)
		case wake.Audit != "":
			return e.Gather(ctx, wake.Audit)
		case wake.Task != "":
			return e.Look(ctx, wake.Task, wake.Look)
		}
		_, err := e.Handle(ctx, turn.Delivery{Key: wake.Key, Again: m.Attempts > 1 || wake.Again, Sweep: wake.Sweep, Last: wake.Last}, turn.Live{})
		if turn.Settled(err) {
			return nil
		}
		var retry *queue.Retry
		if errors.As(err, &retry) && m.Attempts > soon {
			retry.After = later
		}
		return err
	}
}

// A message that waits for a busy session comes again within seconds the first
// times, then every half minute: with the queue's limit of deliveries
// (wrangler.toml) that lasts longer than the longest turn.
const (
	soon  = 10
	later = 30 * time.Second
)

// directWait is how long a direct call waits for its turn.
const directWait = 5 * time.Minute

// Handler answers what other functions of the Worker ask: POST /turns, see
// Turns, and POST /sandbox/sleep {"session":...}, by which a container that is
// about to sleep has its workspace kept.
func Handler(e *turn.Engine) http.Handler {
	turns := Turns(e)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sandbox/sleep" {
			turns.ServeHTTP(w, r)
			return
		}
		var in struct {
			Session string `json:"session"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&in); err != nil || !ofOwner(in.Session) {
			http.Error(w, "malformed request", http.StatusBadRequest)
			return
		}
		if err := e.SaveWorkspace(r.Context(), in.Session); err != nil {
			slog.Error("workspace not saved", "session", in.Session, "error", err.Error())
			http.Error(w, "not saved", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// ofOwner reports whether a session is one of the owner's private ones: those
// that have a sandbox.
func ofOwner(id string) bool {
	return id == session.Main || id == session.Named(session.Main, session.Name(id))
}

// Turns answers POST /turns {"v":1,"key":...}: it runs the turn of a stored
// message and streams it as Server-Sent Events (turn, text, reset, tool, then
// done or error). When the caller goes away the turn goes on.
func Turns(e *turn.Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var wake inbox.Wake
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&wake); err != nil || wake.V != 1 || wake.Key == "" {
			http.Error(w, "malformed request", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		s := &events{w: w, last: time.Now()}
		defer s.keepAlive()()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), turn.MaxTime+time.Minute)
		defer cancel()
		t, err := direct(ctx, e, wake.Key, s.live())
		switch {
		case errors.Is(err, turn.ErrIgnored):
			s.send("error", map[string]string{"error": "message was ignored"})
		case err != nil:
			slog.Error("direct turn failed", "error", err.Error())
			s.send("error", map[string]string{"error": "the turn could not be finished now; it will be tried again, so look here in a minute"})
		default:
			cards, err := e.Cards(ctx, t)
			if err != nil {
				slog.Error("questions not read", "error", err.Error())
			}
			s.send("done", Summary(t, cards))
		}
	})
}

// direct runs the turn, or waits for whoever does.
func direct(ctx context.Context, e *turn.Engine, key string, live turn.Live) (*session.Turn, error) {
	deadline := time.Now().Add(directWait)
	m, err := inbox.Get(ctx, e.Bucket, key)
	if err != nil {
		return nil, err
	}
	for {
		t, err := e.Handle(ctx, turn.Delivery{Key: key, Message: m}, live)
		var retry *queue.Retry
		switch {
		case errors.Is(err, session.ErrTaken), errors.Is(err, turn.ErrWaiting):
			return e.Await(ctx, m, deadline)
		case errors.As(err, &retry) && time.Now().Before(deadline):
			continue // Handle has waited for the session itself
		default:
			return t, err
		}
	}
}

// Summary is the JSON form of a finished turn, with the questions it puts and the
// files that came with it.
func Summary(t *session.Turn, cards []turn.Card) map[string]any {
	summary := map[string]any{
		"reply": t.Reply, "session": session.Name(t.Session), "turn": fmt.Sprint(t.Seq), "model": t.Model, "state": t.State,
		"usage": map[string]any{
			"input": t.Usage.Input, "output": t.Usage.Output,
			"cache_read": t.Usage.CacheRead, "cache_write": t.Usage.CacheWrite, "cost_usd": t.Cost,
		},
	}
	if len(cards) > 0 {
		summary["cards"] = cards
	}
	if len(t.Files) > 0 {
		summary["files"] = turn.FilesOf(t)
	}
	return summary
}

// silence is the longest that a stream says nothing: proxies and pages take a
// longer one for a broken connection.
const silence = 15 * time.Second

// events writes Server-Sent Events; a caller that went away is no error.
type events struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	last time.Time // of the last write
}

func (s *events) send(name string, data any) {
	encoded, err := json.Marshal(data)
	if err != nil {
		return
	}
	s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", name, encoded))
}

func (s *events) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	if _, err := io.WriteString(s.w, text); err == nil {
		s.w.(http.Flusher).Flush()
	}
}

func (s *events) quiet() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.last)
}

// keepAlive writes a comment whenever nothing else was written for long. No
// timer and no goroutine of it is left when stop returns.
func (s *events) keepAlive() (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		timer := time.NewTimer(silence)
		defer timer.Stop()
		for {
			select {
			case <-done:
				return
			case <-timer.C:
			}
			if s.quiet() >= silence {
				s.write(": keep-alive\n\n")
			}
			timer.Reset(silence - s.quiet())
		}
	})
	return func() { close(done); ended.Wait() }
}

func (s *events) live() turn.Live {
	return turn.Live{
		Started: func(id string, seq int) {
			s.send("turn", map[string]string{"session": session.Name(id), "turn": fmt.Sprint(seq)})
		},
		Text:  func(delta string) { s.send("text", map[string]string{"delta": delta}) },
		Reset: func() { s.send("reset", struct{}{}) },
		Tool: func(id, name, state, summary string) {
			s.send("tool", map[string]string{"id": id, "name": name, "state": state, "summary": summary})
		},
	}
}
