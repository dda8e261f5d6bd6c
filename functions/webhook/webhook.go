// Package webhook is the function that chat platforms call.
//
// Triggered by POST /hooks/<channel>, and /hooks/sandbox by a container. May
// touch: the inbox (create-only), the queue, the sandbox's tasks (to read), and
// the agent function to pass a /stop on at once. Must never hold: a
// model key, a chat token, anything that can send or run a turn. It holds
// SEAL_KEY, since what it stores is sealed.
// It verifies, stores, enqueues and answers.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/queue"
)

// Handler answers webhooks.
type Handler struct {
	Agent  string
	Bucket bucket.Bucket
	Queue  queue.Sender
	// Receivers open the channels by the last part of the path. An error that
	// wraps *channel.Missing is answered with 503 and the variable's name.
	Receivers map[string]func() (channel.Receiver, error)
	// TaskKey is the key of the tokens with which a container reports; nil where
	// there is no sandbox.
	TaskKey func(ctx context.Context) ([]byte, error)
	// Turns is the agent function: POST /turns {"key":...}. May be nil.
	Turns channel.Doer
	// After runs f when the answer has been sent.
	After func(f func(ctx context.Context))
	Now   func() time.Time
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/hooks/")
	if name == "sandbox" && h.TaskKey != nil {
		h.report(w, r)
		return
	}
	open, ok := h.Receivers[name]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "no such channel")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "webhooks are sent with POST")
		return
	}
	receiver, err := open()
	if err != nil {
		unavailable(w, err)
		return
	}
	if r.ContentLength > channel.MaxBody {
		refuse(w, http.StatusRequestEntityTooLarge, "body is too large")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, channel.MaxBody+1))
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "body could not be read")
		return
	case len(body) > channel.MaxBody:
		refuse(w, http.StatusRequestEntityTooLarge, "body is too large")
		return
	}
	event, err := receiver.Receive(r.Header, body, h.Now())
	switch {
	case errors.Is(err, channel.ErrUnauthorized):
		refuse(w, http.StatusUnauthorized, "request is not signed by the platform")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "malformed event")
		return
	}
	for i := range event.Messages {
		if err := h.accept(r.Context(), &event.Messages[i]); err != nil {
			// Not 2xx: the platform's own retry is the backup.
			slog.Error("message not accepted", "channel", name, "error", err.Error())
			refuse(w, http.StatusServiceUnavailable, "message could not be stored, try again")
			return
		}
	}
	if event.ContentType != "" {
		w.Header().Set("Content-Type", event.ContentType)
	}
	w.Write(event.Response)
}

func (h *Handler) accept(ctx context.Context, m *chat.Message) error {
	key, err := inbox.Accept(ctx, h.Bucket, h.Queue, h.Agent, m, h.Now(), 0)
	if err != nil || h.Turns == nil || !isStop(m.Text) {
		return err
	}
	// A /stop does not wait behind the turn it shall end.
	h.After(func(ctx context.Context) {
		data, err := json.Marshal(inbox.Wake{V: 1, Key: key})
		if err != nil {
			return
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/turns", bytes.NewReader(data))
		if err != nil {
			return
		}
		if response, err := h.Turns.Do(r); err == nil {
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	})
	return nil
}

// isStop reports whether a text is the command to stop, perhaps to one of
// several bots: which one, the agent knows.
func isStop(text string) bool {
	words := strings.Fields(text)
	if len(words) == 0 {
		return false
	}
	command, _, _ := strings.Cut(words[0], "@")
	return strings.EqualFold(command, "/stop")
}

func unavailable(w http.ResponseWriter, err error) {
	var missing *channel.Missing
	if !errors.As(err, &missing) {
		slog.Error("channel not available", "error", err.Error())
		refuse(w, http.StatusServiceUnavailable, "channel is not available")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	json.NewEncoder(w).Encode(map[string]any{"error": missing.Error(), "missing": []string{missing.Variable}})
}

func refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": reason})
}
