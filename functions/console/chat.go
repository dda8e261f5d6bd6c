package console

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/session"
	"instar/shared/turn"
)

const (
	// maxText is the longest message in characters.
	maxText = 100_000
	// backup is when the queue delivers a message whose turn the console asks
	// for directly: late enough to find it answered, unless that failed.
	backup = time.Minute
)

// chat stores a message like any other channel does and then asks the agent
// function for its turn, so that the answer streams. The queue delivers it too,
// a minute later: whatever happens to this request, the turn is run.
func (h *Handler) chat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Text    string `json:"text"`
		Session string `json:"session"`
	}
	if !read(w, r, &in) {
		return
	}
	switch {
	case strings.TrimSpace(in.Text) == "":
		reply(w, http.StatusBadRequest, failure("text is empty"))
		return
	case !utf8.ValidString(in.Text) || utf8.RuneCountInString(in.Text) > maxText:
		reply(w, http.StatusRequestEntityTooLarge, failure("text is longer than 100,000 characters"))
		return
	case !validSession(in.Session):
		reply(w, http.StatusBadRequest, failure(badSession))
		return
	}
	key, err := h.accept(r.Context(), in.Text, in.Session, "")
	if err != nil {
		h.internal(w, "store the message", err)
		return
	}
	events, err := h.turn(r.Context(), key)
	if err != nil {
		slog.Error("turn not started directly", "error", err.Error())
		// From here on the message is answered whatever happens. A stream that
		// ends early says so: who reads it looks into the history.
		events = io.NopCloser(strings.NewReader(""))
	}
	defer events.Close()
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		copyFlushed(w, events)
		return
	}
	whole(w, events)
}

// badSession is what is wrong with a name that is not a valid session's.
const badSession = "a session's name has at most 64 letters, digits, dots, dashes and underscores"

// whole waits for the end of the turn and answers with it alone.
func whole(w http.ResponseWriter, events io.Reader) {
	switch name, data := last(events); name {
	case "done":
		reply(w, http.StatusOK, data)
	case "error":
		reply(w, http.StatusServiceUnavailable, data)
	default:
		reply(w, http.StatusServiceUnavailable, failure("the message is stored and will be answered within two minutes; look into the session, and do not send it again"))
	}
}

// last waits for the event that ends a turn's stream, done or error. There is
// none ("") in a stream that is cut off.
func last(events io.Reader) (name string, data json.RawMessage) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		line := lines.Text()
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			name = event
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok && (name == "done" || name == "error") {
			return name, json.RawMessage(text)
		}
	}
	return "", nil
}

// accept stores what the owner said in a session and puts it on the queue. tap
// is not empty when they said it by a button.
func (h *Handler) accept(ctx context.Context, text, name, tap string) (string, error) {
	id := "web:" + rand.Text()
	if name == "" {
		name = session.Main
	}
	m := &chat.Message{
		ID: id, Time: h.Now(), Kind: chat.Private, PlatformID: id, Text: text, Tap: tap, Session: name,
		Address: chat.Address{Channel: turn.Web, Chat: name}, Sender: chat.Sender{ID: "owner"},
	}
	return inbox.Accept(ctx, h.Bucket, h.Queue, h.Agent, m, h.Now(), backup)
}

// turn asks the agent function to run the turn of a stored message and returns
// its events.
func (h *Handler) turn(ctx context.Context, key string) (io.ReadCloser, error) {
	body, err := json.Marshal(inbox.Wake{V: 1, Key: key})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/turns", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := h.Turns.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, errors.New("the agent function is not available: " + response.Status)
	}
	return response.Body, nil
}

func copyFlushed(w http.ResponseWriter, r io.Reader) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if _, writeErr := w.Write(buffer[:n]); writeErr != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
		if err != nil {
			return
		}
	}
}

// skew is how much the clocks of two functions may differ.
const skew = 2 * time.Second

// stop ends the running turn of a session.
func (h *Handler) stop(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Session string `json:"session"`
	}
	if !read(w, r, &in) {
		return
	}
	if !validSession(in.Session) {
		reply(w, http.StatusBadRequest, failure("no such session"))
		return
	}
	running, err := h.store().RequestStop(r.Context(), sessionID(in.Session), h.Now().Add(skew))
	if err != nil {
		h.internal(w, "stop", err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"stopping": running})
}

// validSession reports whether the page may speak of a session by this name.
func validSession(name string) bool { return name == "" || session.ValidName(name) }

// sessionID is the session that a name given by the page stands for.
func sessionID(name string) string {
	return session.ID(&chat.Message{Kind: chat.Private, Session: name}, true)
}
