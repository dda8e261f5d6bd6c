//go:build !js

package fake

import (
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// Anthropic is a stand-in for https://api.anthropic.com: POST /v1/messages,
// streaming or not. The rules are written by hand from the public reference of
// the Messages API (https://docs.claude.com/en/api/messages), for which there
// is no description file.
type Anthropic struct {
	base
	script
	hooks
	key string
}

// NewAnthropic starts a fake that accepts this API key; "" accepts any, and none.
func NewAnthropic(key string, options ...Option) *Anthropic {
	a := &Anthropic{key: key}
	a.configure(options)
	a.start(http.HandlerFunc(a.serve))
	return a
}

// State implements Service.
func (a *Anthropic) State() any { return a.state(&a.base) }

// apiError is a refusal by a model provider.
type apiError struct {
	status  int
	kind    string // "invalid_request_error"
	message string
}

func (e *apiError) Error() string { return e.message }

// invalid is the refusal of a request that fits no description.
func invalid(format string, args ...any) *apiError {
	return &apiError{400, "invalid_request_error", fmt.Sprintf(format, args...)}
}

func (a *Anthropic) serve(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		cut()
	}
	id := fmt.Sprintf("req_%020d", a.next())
	w.Header().Set("request-id", id)
	req := gjson.ParseBytes(body)
	if e := a.check(r, body, req); e != nil {
		a.violate("anthropic %s: %d %s: %s", r.URL.Path, e.status, e.kind, e.message)
		refuseAnthropic(w, id, e)
		return
	}
	c := readAnthropicCall(req)
	c.At, c.Path, c.Header, c.Body = at, r.URL.Path, r.Header.Clone(), body
	hooked := a.arrived(r.URL.Path)
	answer := a.heard(c)
	if hooked.Dropped {
		cut()
	}
	a.respond(w, r, req, c, answer, id)
	a.answered(w, r.URL.Path)
}

// respond gives the scripted answer.
func (a *Anthropic) respond(w http.ResponseWriter, r *http.Request, req gjson.Result, c Call, answer Answer, id string) {
	o := &wire{w: w, r: r, b: &a.base, a: answer}
	if !a.wait(r.Context(), answer.Hang) {
		cut()
	}
	if answer.Status >= 400 {
		if answer.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(answer.RetryAfter.Seconds()))))
		}
		refuseAnthropic(w, id, answer.failure(anthropicErrorType))
		return
	}
	usage := Usage{}
	usage.CacheRead, usage.CacheWrite, usage.Input = a.cache.use(c.Model, anthropicParts(req))
	usage.Output = answer.outputTokens()
	if answer.Usage != nil {
		usage = *answer.Usage
	}
	reply := a.reply(c, answer, usage)
	if c.Stream {
		reply.stream(o)
		return
	}
	o.plain(reply.body())
}

func refuseAnthropic(w http.ResponseWriter, id string, e *apiError) {
	writeJSON(w, e.status, map[string]any{
		"type": "error", "error": map[string]any{"type": e.kind, "message": e.message}, "request_id": id,
	})
}

// failure is the scripted error, filled in from its status.
func (a Answer) failure(kind func(status int) string) *apiError {
	e := &apiError{a.Status, a.ErrorType, a.ErrorText}
	if e.kind == "" {
		e.kind = kind(a.Status)
	}
	if e.message == "" {
		e.message = http.StatusText(a.Status)
	}
	if e.message == "" {
		e.message = "Overloaded"
	}
	return e
}

// anthropicErrorType follows https://docs.claude.com/en/api/errors.
func anthropicErrorType(status int) string {
	switch status {
	case 400:
		return "invalid_request_error"
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 504:
		return "timeout_error"
	case 529:
		return "overloaded_error"
	}
	return "api_error"
}

// check validates the whole request.
func (a *Anthropic) check(r *http.Request, body []byte, req gjson.Result) *apiError {
	if r.URL.Path != a.path+"/v1/messages" {
		return &apiError{404, "not_found_error", "Not found"}
	}
	if r.Method != http.MethodPost {
		return &apiError{405, "invalid_request_error", "Method Not Allowed"}
	}
	switch key := r.Header.Get("x-api-key"); {
	case a.key == "":
	case key == "":
		return &apiError{401, "authentication_error", "x-api-key header is required"}
	case key != a.key:
		return &apiError{401, "authentication_error", "invalid x-api-key"}
	}
	switch version := r.Header.Get("anthropic-version"); version {
	case "2023-06-01":
	case "":
		return invalid("anthropic-version: header is required")
	default:
		return invalid("anthropic-version: %q is not a valid version", version)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return invalid("content-type: must be application/json")
	}
	if !gjson.ValidBytes(body) {
		return invalid("The request body is not valid JSON")
	}
	if !req.IsObject() {
		return invalid("The request body must be an object")
	}
	return checkAnthropic(req)
}

// readAnthropicCall decodes a valid request.
func readAnthropicCall(req gjson.Result) Call {
	c := Call{
		Model: req.Get("model").String(), Stream: req.Get("stream").Bool(), MaxTokens: int(req.Get("max_tokens").Int()),
	}
	var system []string
	for _, b := range blocks(req.Get("system")) {
		system = append(system, b.Get("text").String())
	}
	c.System = strings.Join(system, "\n")
	for _, t := range req.Get("tools").Array() {
		c.Tools = append(c.Tools, Tool{t.Get("name").String(), t.Get("description").String(), []byte(t.Get("input_schema").Raw)})
	}
	for _, m := range req.Get("messages").Array() {
		turn := Turn{Role: m.Get("role").String()}
		for _, b := range blocks(m.Get("content")) {
			switch b.Get("type").String() {
			case "text":
				turn.Text = append(turn.Text, b.Get("text").String())
			case "image":
				turn.Images++
			case "tool_use":
				turn.Uses = append(turn.Uses, ToolUse{b.Get("id").String(), b.Get("name").String(), b.Get("input").Raw})
			case "tool_result":
				var texts []string
				for _, part := range blocks(b.Get("content")) {
					texts = append(texts, part.Get("text").String())
				}
				turn.Results = append(turn.Results, ToolResult{b.Get("tool_use_id").String(), strings.Join(texts, "\n"), b.Get("is_error").Bool()})
			}
		}
		c.Messages = append(c.Messages, turn)
	}
	return c
}

// blocks returns content as blocks: a text alone stands for one text block.
func blocks(content gjson.Result) []gjson.Result {
	if content.Type == gjson.String {
		block, _ := sjson.SetRaw(`{"type":"text"}`, "text", content.Raw)
		return []gjson.Result{gjson.Parse(block)}
	}
	return content.Array()
}

// anthropicParts cuts the prompt into the parts between which cache points can
// stand: each tool, each system block, each block of each message.
func anthropicParts(req gjson.Result) []promptPart {
	var parts []promptPart
	add := func(prefix string, list []gjson.Result) {
		for _, b := range list {
			raw, _ := sjson.Delete(b.Raw, "cache_control")
			parts = append(parts, promptPart{prefix + raw, b.Get("cache_control").IsObject()})
		}
	}
	add("tool", req.Get("tools").Array())
	add("system", blocks(req.Get("system")))
	for _, m := range req.Get("messages").Array() {
		add(m.Get("role").String(), blocks(m.Get("content")))
	}
	// A cache_control of the whole request marks the last block.
	if n := len(parts); n > 0 && req.Get("cache_control").IsObject() {
		parts[n-1].mark = true
	}
	return parts
}
