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

// The identities on the fake Slack.
const (
	SlackBotUser = "UINSTARBOT"
	SlackBotID   = "BINSTARBOT"
	SlackTeam    = "TINSTARTEAM"
	SlackApp     = "AINSTARAPP"
)

// MaxSlackText is the longest text in characters the fake takes. Slack itself
// cuts at 40,000; 4,000 is the length its documentation asks callers to keep to.
const MaxSlackText = 4000

// SlackCall is one call that was heard, right or wrong.
type SlackCall struct {
	Method string
	Params map[string]any // text, or JSON values where the body was JSON
	At     time.Time
}

// Slack is a stand-in for https://slack.com/api, set as the API's base URL.
// It plays out messages, files and the identity; the other methods of its
// description are validated and answered with ok.
type Slack struct {
	base
	faults
	hooks
	chats[string, string]

	token, secret string
	spec          slackSpec

	// guarded by base.mu
	calls   []SlackCall
	files   map[string]slackFile
	uploads map[string]*slackUpload // by the file's id
	lastTS  int64                   // microseconds
}

type slackFile struct {
	name, mediaType string
	data            []byte
}

// NewSlack starts a fake for one workspace where the bot's token is token.
// The signing secret is what Sign uses.
func NewSlack(token, signingSecret string, options ...Option) *Slack {
	s := &Slack{token: token, secret: signingSecret, files: map[string]slackFile{}, uploads: map[string]*slackUpload{}}
	s.configure(options)
	s.unchecked = !loadSpec(s.specs, "slack-web.openapi.json", &s.spec)
	if !s.unchecked {
		s.spec.addNewer()
	}
	s.start(http.HandlerFunc(s.serve))
	return s
}

// URL implements Service; it includes /api, as https://slack.com/api does.
func (s *Slack) URL() string { return s.root + "/api" }

// Sign makes the headers of a webhook request with this body, sent now.
func (s *Slack) Sign(body []byte) http.Header { return SlackSign(s.secret, body, time.Now()) }

// AddFile makes a file that files.info finds and that can be downloaded with
// the bot's token. Slack's file ids start with F.
func (s *Slack) AddFile(id, name, mediaType string, data []byte) {
	s.base.mu.Lock()
	defer s.base.mu.Unlock()
	s.files[id] = slackFile{name, mediaType, data}
}

// Calls returns the calls of one method, or of all with "".
func (s *Slack) Calls(method string) []SlackCall {
	s.base.mu.Lock()
	defer s.base.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c SlackCall) bool {
		return method != "" && c.Method != method
	})
}

// State implements Service.
func (s *Slack) State() any {
	return map[string]any{"channels": s.all(), "calls": len(s.Calls("")), "violations": s.Violations(), "unchecked": s.unchecked}
}

// slackError is a refusal in Slack's form: HTTP 200 with "ok":false, unless it
// is a rate limit or a failure of Slack itself.
type slackError struct {
	code       string
	detail     string // for Violations, where the call was wrong
	status     int    // 0 is 200
	retryAfter int    // seconds
}

func (s *Slack) serve(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	if id, ok := strings.CutPrefix(r.URL.Path, "/files-pri/"); ok {
		s.download(w, r, id)
		return
	}
	if key, ok := strings.CutPrefix(r.URL.Path, "/upload/v1/"); ok {
		s.upload(w, r, key, at)
		return
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		s.violate("slack: no such path %s", r.URL.Path)
		http.NotFound(w, r)
		return
	}
	if !s.wait(r.Context(), s.hanging(method)) {
		cut()
	}
	result, hooked, e := s.call(r, method, at)
	if e == nil && (hooked.Dropped || s.dropping(method)) {
		cut()
	}
	defer s.answered(w, method)
	if e != nil {
		s.refuse(w, method, e)
		return
	}
	result["ok"] = true
	writeJSON(w, 200, result)
}

// call validates one call, then fails it as scripted or makes it take effect.
func (s *Slack) call(r *http.Request, method string, at time.Time) (result map[string]any, hooked Fault, e *slackError) {
	p, e := readSlackParams(r)
	s.base.mu.Lock()
	s.calls = append(s.calls, SlackCall{method, p.values, at})
	s.base.mu.Unlock()
	if e != nil {
		return nil, hooked, e
	}
	if e := s.authorized(r, &p); e != nil {
		return nil, hooked, e
	}
	if !s.unchecked {
		if e := s.spec.check(r, method, p); e != nil {
			return nil, hooked, e
		}
	}
	apply, e := s.plan(method, p)
	if e != nil {
		return nil, hooked, e
	}
	if hooked = s.arrived(method); hooked.Status >= 400 {
		return nil, hooked, &slackError{code: hooked.Description, status: hooked.Status, retryAfter: hooked.RetryAfter}
	}
	if f := s.failing(method); f != nil {
		return nil, hooked, &slackError{code: f.description, status: f.status, retryAfter: f.retryAfter}
	}
	result, e = apply(at)
	return result, hooked, e
}

// authorized takes the token from the Authorization header or, outside JSON
// bodies, from the parameter "token", which it removes.
func (s *Slack) authorized(r *http.Request, p *slackParams) *slackError {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if inForm, given := p.values["token"].(string); given && !p.typed {
		if !ok {
			token, ok = inForm, true
		}
		delete(p.values, "token")
	}
	switch {
	case !ok:
		return &slackError{code: "not_authed", detail: "no token"}
	case subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1:
		return &slackError{code: "invalid_auth", detail: "wrong token"}
	}
	return nil
}

func (s *Slack) refuse(w http.ResponseWriter, method string, e *slackError) {
	if e.detail != "" {
		s.violate("slack %s: %s: %s", method, e.code, e.detail)
	}
	if e.status == 0 {
		e.status = 200
	}
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	body := map[string]any{"ok": false, "error": e.code}
	if e.detail != "" && e.code == "invalid_arguments" {
		body["response_metadata"] = map[string]any{"messages": []string{"[ERROR] " + e.detail}}
	}
	writeJSON(w, e.status, body)
}

// download serves url_private: a wrong token gets Slack's sign-in page, with
// status 200, as the real one does.
func (s *Slack) download(w http.ResponseWriter, r *http.Request, id string) {
	if !s.wait(r.Context(), s.hanging("file")) {
		cut()
	}
	if f := s.failing("file"); f != nil {
		w.WriteHeader(f.status)
		return
	}
	s.base.mu.Lock()
	f, ok := s.files[id]
	s.base.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		s.violate("slack file download: no or wrong bearer token")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body></body></html>")
	case !ok:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", f.mediaType)
		w.Write(f.data)
	}
}

// nextTS makes a message timestamp: later than all before it.
func (s *Slack) nextTS(at time.Time) string {
	s.base.mu.Lock()
	defer s.base.mu.Unlock()
	s.lastTS = max(s.lastTS+1, at.UnixMicro())
	return slackTS(s.lastTS)
}

func slackTS(micros int64) string {
	return fmt.Sprintf("%010d.%06d", micros/1e6, micros%1e6)
}

// text returns a parameter as text, however it came.
func (p slackParams) text(name string) string {
	switch v := p.values[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// list returns a parameter that is an array, also when a form brought it as
// JSON text.
func (p slackParams) list(name string) []any {
	v := p.values[name]
	if s, ok := v.(string); ok {
		v, _ = decodeJSON([]byte(s))
	}
	list, _ := v.([]any)
	return list
}
