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
		if err := json.Unmarshal(m.Body, &wake); err != nil || wake.V != 1 || wake.Key == "" {
			slog.Error("queue message not understood", "id", m.ID)
			return nil // delivering it again would not make it any better
		}
		_, err := e.Handle(ctx, wake.Key, m.Attempts > 1 || wake.Again, turn.Live{})
		if errors.Is(err, turn.ErrIgnored) || errors.Is(err, session.ErrTaken) {
			return nil
		}
		return err
	}
}

// directWait is how long a direct call waits for its turn.
const directWait = 5 * time.Minute

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
		s := &events{w: w}
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
			s.send("done", Summary(t))
		}
	})
}

// direct runs the turn, or waits for whoever does.
func direct(ctx context.Context, e *turn.Engine, key string, live turn.Live) (*session.Turn, error) {
	deadline := time.Now().Add(directWait)
	for {
		t, err := e.Handle(ctx, key, false, live)
		var retry *queue.Retry
		switch {
		case errors.Is(err, session.ErrTaken):
			return e.Await(ctx, key, deadline)
		case errors.As(err, &retry) && time.Now().Before(deadline):
			continue // Handle has waited for the session itself
		default:
			return t, err
		}
	}
}

// Summary is the JSON form of a finished turn.
func Summary(t *session.Turn) map[string]any {
	return map[string]any{
		"reply": t.Reply, "session": t.Session, "turn": fmt.Sprint(t.Seq), "model": t.Model, "state": t.State,
		"usage": map[string]any{
			"input": t.Usage.Input, "output": t.Usage.Output,
			"cache_read": t.Usage.CacheRead, "cache_write": t.Usage.CacheWrite, "cost_usd": t.Cost,
		},
	}
}

// events writes Server-Sent Events; a caller that went away is no error.
type events struct{ w http.ResponseWriter }

func (s *events) send(name string, data any) {
	encoded, err := json.Marshal(data)
	if err != nil {
		return
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, encoded); err == nil {
		s.w.(http.Flusher).Flush()
	}
}

func (s *events) live() turn.Live {
	return turn.Live{
		Started: func(session string, seq int) {
			s.send("turn", map[string]string{"session": session, "turn": fmt.Sprint(seq)})
		},
		Text:  func(delta string) { s.send("text", map[string]string{"delta": delta}) },
		Reset: func() { s.send("reset", struct{}{}) },
		Tool: func(id, name, state, summary string) {
			s.send("tool", map[string]string{"id": id, "name": name, "state": state, "summary": summary})
		},
	}
}
