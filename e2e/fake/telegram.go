//go:build !js

package fake

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TelegramCall is one call that was heard, right or wrong.
type TelegramCall struct {
	Method string
	Params map[string]any // JSON values, numbers as json.Number
	At     time.Time
}

// Telegram is a stand-in for https://api.telegram.org. It plays out the
// methods about text messages, files and webhooks; the other methods of the
// Bot API are validated and answered with something of the right type.
type Telegram struct {
	base
	faults
	hooks
	chats[int64, int]

	token string
	spec  tgSpec
	limit rateLimit

	// guarded by base.mu
	calls   []TelegramCall
	nextID  int
	files   map[string]tgFile
	webhook tgWebhook
	answers []string // the taps that were answered
}

type tgFile struct {
	path string
	data []byte
}

type tgWebhook struct {
	URL, Secret string
}

// NewTelegram starts a fake that knows one bot. The token has the real form,
// "<bot id>:<secret>"; the bot's user name is BotName.
func NewTelegram(token string, options ...Option) *Telegram {
	t := &Telegram{token: token, nextID: 1_000_000, files: map[string]tgFile{}}
	t.configure(options)
	t.unchecked = !loadSpec(t.specs, "telegram-bot-api.json", &t.spec)
	t.start(http.HandlerFunc(t.serve))
	return t
}

// BotName is the bot's user name on the fake Telegram.
const BotName = "instar_test_bot"

// BotID is the bot's user id: the number before the colon of its token.
func (t *Telegram) BotID() int64 {
	number, _, _ := strings.Cut(t.token, ":")
	id, _ := strconv.ParseInt(number, 10, 64)
	return id
}

// AddFile makes a file that getFile finds by its id and that can be
// downloaded; path is its file_path ("photos/file_1.jpg").
func (t *Telegram) AddFile(id, path string, data []byte) {
	t.base.mu.Lock()
	defer t.base.mu.Unlock()
	t.files[id] = tgFile{path, data}
}

// LimitRate answers 429 to more than n messages or edits in one chat in any
// span of time per. Telegram's own limit is about one a second, and 20 a
// minute in a group. n 0 lifts the limit.
func (t *Telegram) LimitRate(n int, per time.Duration) { t.limit.set(n, per) }

// Calls returns the calls of one method, or of all with "".
func (t *Telegram) Calls(method string) []TelegramCall {
	t.base.mu.Lock()
	defer t.base.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.calls), func(c TelegramCall) bool {
		return method != "" && c.Method != method
	})
}

// Answered returns the ids of the taps that answerCallbackQuery was called
// with, in order: a tap that TelegramUpdate makes has its update's id.
func (t *Telegram) Answered() []string {
	t.base.mu.Lock()
	defer t.base.mu.Unlock()
	return slices.Clone(t.answers)
}

// Webhook returns what setWebhook was last called with; "" for neither.
func (t *Telegram) Webhook() (url, secret string) {
	t.base.mu.Lock()
	defer t.base.mu.Unlock()
	return t.webhook.URL, t.webhook.Secret
}

// State implements Service.
func (t *Telegram) State() any {
	url, _ := t.Webhook()
	return map[string]any{"chats": t.all(), "calls": len(t.Calls("")), "webhook": url, "violations": t.Violations(), "unchecked": t.unchecked}
}

// tgError is a refusal in Telegram's form.
type tgError struct {
	status      int
	description string
	retryAfter  int  // seconds
	wrong       bool // the call could never be right: a violation
}

// wrong is a refusal of a call that fits no description.
func wrong(format string, args ...any) *tgError {
	return &tgError{status: 400, description: "Bad Request: " + fmt.Sprintf(format, args...), wrong: true}
}

// refused is a refusal because of how things stand.
func refused(description string) *tgError {
	return &tgError{status: 400, description: "Bad Request: " + description}
}

func (t *Telegram) serve(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	path, isFile := strings.CutPrefix(r.URL.Path, "/file")
	rest, ok := strings.CutPrefix(path, "/bot")
	token, method, found := strings.Cut(rest, "/")
	switch {
	case !ok || !found:
		t.refuse(w, r.URL.Path, &tgError{status: 404, description: "Not Found", wrong: true})
	case subtle.ConstantTimeCompare([]byte(token), []byte(t.token)) != 1:
		t.refuse(w, method, &tgError{status: 401, description: "Unauthorized", wrong: true})
	case isFile:
		t.download(w, r, method)
	default:
		t.answer(w, r, method, at)
	}
}

// answer handles one method call: hang, validate, Before, fail, apply, drop, After, in this order.
func (t *Telegram) answer(w http.ResponseWriter, r *http.Request, method string, at time.Time) {
	if !t.wait(r.Context(), t.hanging(method)) {
		cut()
	}
	p, refusal := t.read(r, method)
	t.base.mu.Lock()
	t.calls = append(t.calls, TelegramCall{method, p.values, at})
	t.base.mu.Unlock()
	if refusal != nil {
		t.refuse(w, method, refusal)
		return
	}
	apply, refusal := t.plan(method, p)
	if refusal != nil {
		t.refuse(w, method, refusal)
		return
	}
	hooked := t.arrived(method)
	if hooked.Status >= 400 {
		t.refuse(w, method, &tgError{status: hooked.Status, description: hooked.Description, retryAfter: hooked.RetryAfter})
		return
	}
	if f := t.failing(method); f != nil {
		t.refuse(w, method, &tgError{status: f.status, description: f.description, retryAfter: f.retryAfter})
		return
	}
	if wait := t.limited(method, p, at); wait > 0 {
		t.refuse(w, method, &tgError{status: 429, description: fmt.Sprintf("Too Many Requests: retry after %d", wait), retryAfter: wait})
		return
	}
	result, refusal := apply(at)
	if hooked.Dropped || t.dropping(method) {
		cut()
	}
	defer t.answered(w, method)
	if refusal != nil {
		t.refuse(w, method, refusal)
		return
	}
	writeJSON(w, 200, map[string]any{"ok": true, "result": result})
}

// read takes the parameters apart and validates them by the description.
func (t *Telegram) read(r *http.Request, method string) (tgParams, *tgError) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return tgParams{}, wrong("method %s is not GET or POST", r.Method)
	}
	p, err := readTgParams(r)
	if err != nil {
		return p, wrong("%v", err)
	}
	if t.unchecked {
		return p, nil
	}
	if _, ok := t.spec.Methods[method]; !ok {
		return p, &tgError{status: 404, description: "Not Found", wrong: true}
	}
	if err := t.spec.checkCall(method, &p); err != nil {
		return p, wrong("%v", err)
	}
	return p, nil
}

func (t *Telegram) refuse(w http.ResponseWriter, method string, e *tgError) {
	if e.wrong {
		t.violate("telegram %s: %d %s", method, e.status, e.description)
	}
	body := map[string]any{"ok": false, "error_code": e.status, "description": e.description}
	if e.retryAfter > 0 {
		body["parameters"] = map[string]any{"retry_after": e.retryAfter}
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	writeJSON(w, e.status, body)
}

// limited returns for how many seconds the chat has to wait, or 0.
func (t *Telegram) limited(method string, p tgParams, at time.Time) int {
	if !strings.HasPrefix(method, "send") && !strings.HasPrefix(method, "edit") || method == "sendChatAction" {
		return 0
	}
	return t.limit.take(p.text("chat_id"), at)
}

func (t *Telegram) download(w http.ResponseWriter, r *http.Request, path string) {
	if !t.wait(r.Context(), t.hanging("file")) {
		cut()
	}
	if f := t.failing("file"); f != nil {
		t.refuse(w, "file", &tgError{status: f.status, description: f.description, retryAfter: f.retryAfter})
		return
	}
	t.base.mu.Lock()
	var data []byte
	found := false
	for _, f := range t.files {
		if f.path == path {
			data, found = f.data, true
		}
	}
	t.base.mu.Unlock()
	if !found {
		t.refuse(w, "file", &tgError{status: 404, description: "Not Found"})
		return
	}
	if t.dropping("file") {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:len(data)/2])
		cut()
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(data)
}

// text returns a parameter as text, however it came.
func (p tgParams) text(name string) string {
	switch v := p.values[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// integer returns a parameter as a number; 0 where it is absent or no number.
func (p tgParams) integer(name string) int64 {
	n, _ := strconv.ParseInt(p.text(name), 10, 64)
	return n
}

// object returns a parameter that is an object, also when a form brought it
// as text to an unchecked fake.
func (p tgParams) object(name string) map[string]any {
	v := p.values[name]
	if s, ok := v.(string); ok {
		v, _ = decodeJSON([]byte(s))
	}
	object, _ := v.(map[string]any)
	return object
}
