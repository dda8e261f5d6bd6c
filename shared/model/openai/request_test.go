package openai

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"instar/shared/model"
)

var tools = []model.Tool{
	{Name: "memory_search", Description: "Search memory.", Schema: json.RawMessage(`{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}`)},
	{Name: "schedule_list"},
}

func body(t *testing.T, o Options, r model.Request) string {
	t.Helper()
	if o.APIKey == "" {
		o.APIKey = "key-under-test"
	}
	d := &doer{responses: []response{{200, helloStream}}}
	o.Do = d
	if _, err := newProvider(t, o).Stream(context.Background(), r, nil); err != nil {
		t.Fatal(err)
	}
	return d.sent[0]
}

func TestTheRequestIsAddressedAndAuthenticated(t *testing.T) {
	d := &doer{responses: []response{{200, helloStream}}}
	for _, c := range []struct {
		o         Options
		url, auth string
	}{
		{Options{APIKey: "k"}, "https://api.openai.com/v1/chat/completions", "Bearer k"},
		{Options{BaseURL: "http://localhost:11434/v1/"}, "http://localhost:11434/v1/chat/completions", ""},
		{Options{BaseURL: "https://x/v1", Headers: map[string]string{"Authorization": "Bearer h"}, APIKey: "k"}, "https://x/v1/chat/completions", "Bearer h"},
	} {
		c.o.Do = d
		newProvider(t, c.o).Stream(context.Background(), model.Request{}, nil)
		if u, a := d.req.URL.String(), d.req.Header.Get("Authorization"); u != c.url || a != c.auth {
			t.Errorf("%s with %q", u, a)
		}
	}
}

func TestOnlyOpenAIItselfNeedsAKey(t *testing.T) {
	for base, want := range map[string]bool{
		"": true, "https://api.openai.com/v1": true, "https://eu.api.openai.com/v1": true, "own https://gateway.example/v1/a/g/openai": true,
		"https://gateway.example/v1/a/g/compat": false, "http://127.0.0.1:11434/v1": false, "https://api.openai.com.evil.example/v1": false,
	} {
		url, own := strings.CutPrefix(base, "own ")
		_, err := New(Options{BaseURL: url, Own: own})
		if needed := errors.Is(err, model.ErrConfig); needed != want {
			t.Errorf("%q: %v", base, err)
		}
		if want && !strings.Contains(err.Error(), "OPENAI_API_KEY") {
			t.Errorf("%q: %v names no variable", base, err)
		}
	}
}

func TestTheTokenLimitHasTheNameTheServerKnows(t *testing.T) {
	for _, c := range []struct {
		base, prefix, model, want string
	}{
		{"", "", "gpt-4o", "max_completion_tokens"},
		{"own https://gateway.example/v1/a/g/openai", "", "gpt-4o", "max_completion_tokens"},
		{"https://x/compat", "openai/", "gpt-4o", "max_completion_tokens"},
		{"https://proxy.example/v1", "", "gpt-5.5", "max_completion_tokens"},
		{"https://openrouter.example/v1", "openrouter/", "openai/o4-mini", "max_completion_tokens"},
		{"https://x/compat", "workers-ai/", "@cf/meta/llama-3.3-70b-instruct-fp8-fast", "max_tokens"},
		{"https://x/compat", "groq/", "openai/gpt-oss-120b", "max_tokens"},
		{"http://127.0.0.1:11434/v1", "", "llama3.2", "max_tokens"},
	} {
		base, own := strings.CutPrefix(c.base, "own ")
		b := body(t, Options{BaseURL: base, Own: own, ModelPrefix: c.prefix}, model.Request{Model: c.model, MaxTokens: 7})
		if gjson.Get(b, c.want).Int() != 7 || strings.Count(b, `_tokens":7`) != 1 {
			t.Errorf("%s%s: %s", c.prefix, c.model, b)
		}
		if gjson.Get(b, "model").Str != c.prefix+c.model {
			t.Errorf("model %s", gjson.Get(b, "model"))
		}
	}
}

func TestReasoningIsSwitchedOffWhereToolsDemandIt(t *testing.T) {
	for name, want := range map[string]string{"gpt-5.6-terra": "none", "gpt-6.1-sol": "none", "gpt-5.5": "", "gpt-4.1": ""} {
		if got := gjson.Get(body(t, Options{}, model.Request{Model: name, Tools: tools}), "reasoning_effort").String(); got != want {
			t.Errorf("%s with tools: %q", name, got)
		}
		if got := gjson.Get(body(t, Options{}, model.Request{Model: name}), "reasoning_effort").String(); got != "" {
			t.Errorf("%s without tools: %q", name, got)
		}
	}
}

func TestAModelThatRefusesToolsWithReasoningIsAskedAgainWithout(t *testing.T) {
	refusal := response{400, `{"error":{"message":"Function tools with reasoning_effort are not supported for gpt-7 in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.","type":"invalid_request_error","param":"reasoning_effort"}}`}
	d := &doer{responses: []response{refusal, {200, helloStream}}}
	p := newProvider(t, Options{APIKey: "k", Do: d})
	if _, err := p.Stream(context.Background(), model.Request{Model: "gpt-7", Tools: tools}, nil); err != nil {
		t.Fatal(err)
	}
	if len(d.sent) != 2 || gjson.Get(d.sent[1], "reasoning_effort").Str != "none" {
		t.Errorf("sent %q", d.sent)
	}
	d = &doer{responses: []response{refusal}}
	p = newProvider(t, Options{APIKey: "k", Do: d})
	if _, err := p.Stream(context.Background(), model.Request{Model: "gpt-7", Tools: tools}, nil); err == nil || len(d.sent) != 2 {
		t.Errorf("a lasting refusal: %v after %d calls", err, len(d.sent))
	}
}

func TestTheConversationIsLaidOut(t *testing.T) {
	b := body(t, Options{}, model.Request{Model: "m", System: "You are.", Context: "Time: now", Messages: []model.Message{
		{Role: model.User, Text: "look", Images: []model.Image{{Type: "image/png", Data: []byte("png")}, {Type: "image/tiff"}}},
		{Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Name: "f", Input: json.RawMessage(`{"x":1}`)}, {ID: "b", Name: "g", Garbled: "{oops"}}},
		{Role: model.User, Results: []model.ToolResult{{ID: "b", Text: "bad", Error: true}}},
	}})
	for path, want := range map[string]string{
		"messages.#":                         "5",
		"messages.0":                         `{"role":"system","content":"You are."}`,
		"messages.1.content.0.text":          "<context>\nTime: now\n</context>\n\nlook",
		"messages.1.content.1.image_url.url": "data:image/png;base64,cG5n",
		"messages.1.content.2.type":          "text",
		"messages.2.content":                 "",
		"messages.2.tool_calls.0":            `{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}`,
		"messages.2.tool_calls.1.function":   `{"name":"g","arguments":"{}"}`,
		"messages.3":                         `{"role":"tool","content":"Error: no result was recorded","tool_call_id":"a"}`,
		"messages.4":                         `{"role":"tool","content":"Error: bad","tool_call_id":"b"}`,
		"stream_options.include_usage":       "true",
		"messages.#(role==\"user\")#|#":      "1",
	} {
		if got := gjson.Get(b, path).String(); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

func TestContextHasAPlaceOfItsOwnWhenTheUserSaidNothing(t *testing.T) {
	b := body(t, Options{}, model.Request{Context: "Time: now", Messages: []model.Message{
		{Role: model.User, Text: " "}, {Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Name: "f"}}}, {Role: model.User, Results: []model.ToolResult{{ID: "a", Text: "x"}}},
	}})
	if !strings.Contains(gjson.Get(b, "messages").Raw, "Time: now") {
		t.Error(b)
	}
}

func TestThePrefixIsTheSameBytesFromTurnToTurn(t *testing.T) {
	turn := func(context string, messages ...model.Message) string {
		return body(t, Options{}, model.Request{Model: "m", System: "You are.", Tools: tools, Context: context, Messages: messages})
	}
	one := model.Message{Role: model.User, Text: "one"}
	first := turn("Time: 1", one)
	prefix, _, _ := strings.Cut(first, `{"role":"user"`)
	if !strings.HasPrefix(prefix, `{"model":"m","max_completion_tokens":4096,`) || !strings.HasSuffix(prefix, `"messages":[{"role":"system","content":"You are."},`) || !strings.Contains(prefix, `"tools":[`) {
		t.Errorf("prefix %s", prefix)
	}
	second := turn("Time: 2", one, model.Message{Role: model.Assistant, Text: "two"}, model.Message{Role: model.User, Text: "three"})
	if !strings.HasPrefix(second, prefix) {
		t.Error("the prefix changed")
	}
	// Within a turn the context stays where it was, so everything stays.
	third := turn("Time: 1", one, model.Message{Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Name: "f"}}}, model.Message{Role: model.User, Results: []model.ToolResult{{ID: "a", Text: "x"}}})
	if !strings.HasPrefix(third, strings.TrimSuffix(first, "]}")) {
		t.Error("a step of the same turn changed what was sent before")
	}
}
