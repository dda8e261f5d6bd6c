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

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
)

// OpenAI is a stand-in for https://api.openai.com/v1: POST /chat/completions,
// streaming or not, validated against OpenAI's own OpenAPI description.
type OpenAI struct {
	base
	script
	hooks
	key    string
	schema *jsonschema.Schema // nil when unchecked
}

// NewOpenAI starts a fake that accepts this API key; "" accepts any, and none.
// Its base path is /v1 unless BasePath says otherwise. A base path that ends
// in /compat is Cloudflare's gateway, where models are named provider/model.
func NewOpenAI(key string, options ...Option) *OpenAI {
	o := &OpenAI{key: key}
	o.path = "/v1"
	o.configure(options)
	o.schema = openAISchema(o.specs, "CreateChatCompletionRequest")
	o.unchecked = o.schema == nil
	o.start(http.HandlerFunc(o.serve))
	return o
}

// State implements Service.
func (o *OpenAI) State() any { return o.state(&o.base) }

// openAIError is a refusal in OpenAI's form.
type openAIError struct {
	status         int
	kind, message  string
	param, errCode any // text or nil
}

func openAIInvalid(param any, format string, args ...any) *openAIError {
	return &openAIError{400, "invalid_request_error", fmt.Sprintf(format, args...), param, nil}
}

func (o *OpenAI) serve(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		cut()
	}
	w.Header().Set("x-request-id", fmt.Sprintf("req_%020d", o.next()))
	req := gjson.ParseBytes(body)
	if e := o.check(r, body, req); e != nil {
		o.violate("openai %s: %d %s: %s", r.URL.Path, e.status, e.kind, e.message)
		refuseOpenAI(w, e)
		return
	}
	c := readOpenAICall(req)
	c.At, c.Path, c.Header, c.Body = at, r.URL.Path, r.Header.Clone(), body
	hooked := o.arrived(r.URL.Path)
	answer := o.heard(c)
	if hooked.Dropped {
		cut()
	}
	o.respond(w, r, req, c, answer)
	o.answered(w, r.URL.Path)
}

// respond gives the scripted answer.
func (o *OpenAI) respond(w http.ResponseWriter, r *http.Request, req gjson.Result, c Call, answer Answer) {
	if !o.wait(r.Context(), answer.Hang) {
		cut()
	}
	if answer.Status >= 400 {
		if answer.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(answer.RetryAfter.Seconds()))))
		}
		e := answer.failure(openAIErrorType)
		refuseOpenAI(w, &openAIError{e.status, e.kind, e.message, nil, nil})
		return
	}
	parts := openAIParts(req)
	cached, written, rest := o.cache.use(c.Model, parts)
	usage := Usage{Input: written + rest, CacheRead: cached, Output: answer.outputTokens()} // writing is free
	if answer.Usage != nil {
		usage = *answer.Usage
	}
	out := &wire{w: w, r: r, b: &o.base, a: answer}
	reply := o.reply(c, answer, usage)
	if c.Stream {
		reply.stream(out, req.Get("stream_options.include_usage").Bool())
		return
	}
	out.plain(reply.body())
}

func refuseOpenAI(w http.ResponseWriter, e *openAIError) {
	writeJSON(w, e.status, map[string]any{"error": map[string]any{
		"message": e.message, "type": e.kind, "param": e.param, "code": e.errCode,
	}})
}

func openAIErrorType(status int) string {
	switch {
	case status == 429:
		return "requests"
	case status < 500:
		return "invalid_request_error"
	}
	return "server_error"
}

// check validates the whole request.
func (o *OpenAI) check(r *http.Request, body []byte, req gjson.Result) *openAIError {
	if r.URL.Path != o.path+"/chat/completions" {
		return &openAIError{404, "invalid_request_error", "Invalid URL (" + r.Method + " " + r.URL.Path + ")", nil, nil}
	}
	if r.Method != http.MethodPost {
		return &openAIError{405, "invalid_request_error", "Not allowed to " + r.Method + " on /v1/chat/completions", nil, "method_not_supported"}
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case o.key == "":
	case !bearer:
		return &openAIError{401, "invalid_request_error", "You didn't provide an API key.", nil, nil}
	case token != o.key:
		return &openAIError{401, "invalid_request_error", "Incorrect API key provided.", nil, "invalid_api_key"}
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return openAIInvalid(nil, "Unsupported content type: the content type must be application/json")
	}
	v, err := decodeJSON(body)
	if err != nil {
		return openAIInvalid(nil, "We could not parse the JSON body of your request.")
	}
	if o.schema != nil {
		if err := o.schema.Validate(v); err != nil {
			return openAIInvalid(nil, "%s", schemaReason(err))
		}
	}
	return checkOpenAI(req, strings.HasSuffix(o.path, "/compat"))
}

// readOpenAICall decodes a valid request.
func readOpenAICall(req gjson.Result) Call {
	c := Call{Model: req.Get("model").String(), Stream: req.Get("stream").Bool()}
	c.MaxTokens = int(max(req.Get("max_completion_tokens").Int(), req.Get("max_tokens").Int()))
	for _, t := range req.Get("tools").Array() {
		f := t.Get("function")
		c.Tools = append(c.Tools, Tool{f.Get("name").String(), f.Get("description").String(), []byte(f.Get("parameters").Raw)})
	}
	var system []string
	for _, m := range req.Get("messages").Array() {
		turn := Turn{Role: m.Get("role").String()}
		for _, b := range blocks(m.Get("content")) {
			switch b.Get("type").String() {
			case "text":
				turn.Text = append(turn.Text, b.Get("text").String())
			case "image_url":
				turn.Images++
			}
		}
		switch turn.Role {
		case "system", "developer":
			system = append(system, turn.Text...)
			continue
		case "tool":
			turn.Results = []ToolResult{{ID: m.Get("tool_call_id").String(), Text: strings.Join(turn.Text, "\n")}}
			turn.Text = nil
		}
		for _, call := range m.Get("tool_calls").Array() {
			turn.Uses = append(turn.Uses, ToolUse{call.Get("id").String(), call.Get("function.name").String(), call.Get("function.arguments").String()})
		}
		c.Messages = append(c.Messages, turn)
	}
	c.System = strings.Join(system, "\n")
	return c
}

// openAIParts cuts the prompt into tools and messages. OpenAI caches by itself,
// so every part ends at a cache point.
func openAIParts(req gjson.Result) []promptPart {
	var parts []promptPart
	for _, name := range []string{"tools", "messages"} {
		for _, v := range req.Get(name).Array() {
			parts = append(parts, promptPart{v.Raw, true})
		}
	}
	return parts
}
