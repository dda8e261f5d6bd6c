//go:build e2e

package instar

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"instar/e2e/fake"
)

var updates atomic.Int64

func init() { updates.Store(1000) }

// Update makes a Telegram webhook body with a fresh id.
func Update(chat, from int64, text string, options ...fake.UpdateOption) []byte {
	return fake.TelegramUpdate(updates.Add(1), chat, from, text, options...)
}

// Deliver posts a Telegram webhook as the platform does: it may fail.
func (w *World) Deliver(body []byte) (status int, err error) {
	r, err := w.send(patient, http.MethodPost, "/hooks/telegram", body, http.Header{
		"X-Telegram-Bot-Api-Secret-Token": {HookSecret}, "Content-Type": {"application/json"},
	})
	if err != nil {
		return 0, err
	}
	return r.StatusCode, nil
}

// Hook posts a Telegram webhook.
func (w *World) Hook(body []byte) *http.Response {
	w.T.Helper()
	return w.Post("/hooks/telegram", body, http.Header{"X-Telegram-Bot-Api-Secret-Token": {HookSecret}, "Content-Type": {"application/json"}})
}

// Tap has a person tap a button of a message in a Telegram chat.
func (w *World) Tap(chat, from int64, m fake.Message, b fake.Button) {
	w.T.Helper()
	if r := w.Hook(w.Telegram.Tap(updates.Add(1), chat, from, m, b)); r.StatusCode != http.StatusOK {
		w.T.Errorf("tap: status %d", r.StatusCode)
	}
}

// Post posts to a path of Instar; the response's body is read already.
func (w *World) Post(path string, body []byte, header http.Header) *http.Response {
	w.T.Helper()
	r, err := w.send(http.DefaultClient, http.MethodPost, path, body, header)
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Get asks the console's API with its token.
func (w *World) Get(path string) *http.Response {
	w.T.Helper()
	r, err := w.send(http.DefaultClient, http.MethodGet, path, nil, http.Header{"Authorization": {"Bearer " + ConsoleToken}})
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// patient is a client that does not wait for ever.
var patient = &http.Client{Timeout: 30 * time.Second}

func (w *World) send(client *http.Client, method, path string, body []byte, header http.Header) (*http.Response, error) {
	r, err := http.NewRequest(method, w.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	// A body that is refused before it is read ends its connection, which the
	// next request must not be sent on; and whether the client still reads the
	// refusal, or only finds that it cannot write, is chance.
	refusable := len(body) > 1<<20
	r.Close = refusable
	response, err := client.Do(r)
	for range 10 {
		if !refusable || !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
		r.Body, _ = r.GetBody()
		response, err = client.Do(r)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(data))
	return response, err
}

// Say sends a private message as a person on Telegram.
func (w *World) Say(person int64, text string) {
	w.T.Helper()
	if r := w.Hook(Update(person, person, text)); r.StatusCode != http.StatusOK {
		w.T.Fatalf("webhook answered %d", r.StatusCode)
	}
}

// Reply waits for a message of the bot in a chat whose text holds the words.
func (w *World) Reply(chat int64, words string) fake.Message {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := w.Telegram.WaitReply(ctx, chat, func(m fake.Message) bool { return strings.Contains(m.Text, words) })
	if err != nil {
		w.T.Fatalf("no reply with %q in chat %d; there is: %s", words, chat, Texts(w.Telegram.Chat(chat)))
	}
	return m
}

// Texts shows messages in an error.
func Texts(messages []fake.Message) string {
	var list []string
	for _, m := range messages {
		list = append(list, fmt.Sprintf("%q", m.Text))
	}
	return strings.Join(list, ", ")
}

// SlackHook posts a Slack webhook.
func (w *World) SlackHook(kind fake.SlackKind, f fake.SlackFields) *http.Response {
	w.T.Helper()
	body := fake.SlackEvent(kind, f)
	return w.Post("/hooks/slack", body, w.Slack.Sign(body))
}

// SlackReply waits for a message of the bot in a Slack channel.
func (w *World) SlackReply(channel, words string) fake.SlackMessage {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := w.Slack.WaitReply(ctx, channel, func(m fake.SlackMessage) bool { return strings.Contains(m.Text, words) })
	if err != nil {
		w.T.Fatalf("no reply with %q in %s; there are %d messages", words, channel, len(w.Slack.Chat(channel)))
	}
	return m
}

// Ask sends a message through the console's API and returns the answer's JSON.
func (w *World) Ask(text, session string) map[string]any {
	w.T.Helper()
	body, _ := json.Marshal(map[string]string{"text": text, "session": session})
	r := w.Post("/api/chat", body, http.Header{"Authorization": {"Bearer " + ConsoleToken}})
	var answer map[string]any
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || r.StatusCode != http.StatusOK {
		w.T.Fatalf("console answered %d %v", r.StatusCode, answer)
	}
	return answer
}

// Stream posts to the console's chat and hands each event to onEvent, until
// the stream ends or onEvent returns false; then the connection is closed.
func (w *World) Stream(text string, onEvent func(name string, data map[string]any) bool) {
	w.T.Helper()
	body, _ := json.Marshal(map[string]string{"text": text})
	r, err := http.NewRequest(http.MethodPost, w.URL+"/api/chat", bytes.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ConsoleToken)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.T.Fatal(err)
	}
	defer response.Body.Close()
	name := ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = event
		} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var decoded map[string]any
			if err := json.Unmarshal([]byte(data), &decoded); err != nil {
				w.T.Fatalf("event %s is not JSON: %s", name, data)
			}
			if !onEvent(name, decoded) {
				return
			}
		}
	}
}
