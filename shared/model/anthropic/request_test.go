package anthropic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/model"
)

var tools = []model.Tool{
	{Name: "memory_search", Description: "Search memory.", Schema: json.RawMessage(`{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}`)},
	{Name: "schedule_list"},
}

func body(t *testing.T, r model.Request) string {
	t.Helper()
	b, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheRequestIsAddressedAndAuthenticated(t *testing.T) {
	d := &doer{body: helloStream}
	if _, err := newProvider(t, d).Stream(context.Background(), model.Request{Model: "m"}, nil); err != nil {
		t.Fatal(err)
	}
	if u := d.req.URL.String(); u != "https://api.anthropic.com/v1/messages" || d.req.Method != "POST" {
		t.Errorf("%s %s", d.req.Method, u)
	}
	for k, want := range map[string]string{"X-Api-Key": "key-under-test", "Anthropic-Version": "2023-06-01", "Content-Type": "application/json"} {
		if got := d.req.Header.Get(k); got != want {
			t.Errorf("%s: %q", k, got)
		}
	}
	p, _ := New(Options{BaseURL: "https://gw.example/x/", Headers: map[string]string{"gateway-authorization": "Bearer t"}, Do: d})
	p.Stream(context.Background(), model.Request{}, nil)
	if u := d.req.URL.String(); u != "https://gw.example/x/v1/messages" || d.req.Header.Get("Gateway-Authorization") != "Bearer t" || d.req.Header.Get("X-Api-Key") != "" {
		t.Errorf("gateway: %s %v", u, d.req.Header)
	}
}

func TestNoKeyIsAConfigurationError(t *testing.T) {
	_, err := New(Options{})
	if !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), "ANTHROPIC_API_KEY") {
		t.Error(err)
	}
}

func TestCachePointsEndTheSystemTextAndTheHistory(t *testing.T) {
	b := body(t, model.Request{Model: "m", System: "You are.", Tools: tools, Context: "Time: now", Messages: []model.Message{
		{Role: model.User, Text: "one"}, {Role: model.Assistant, Text: "two"}, {Role: model.User, Text: "three"},
	}})
	for path, want := range map[string]string{
		"max_tokens":                           "4096",
		"system.#":                             "1",
		"system.0.text":                        "You are.",
		"system.0.cache_control.type":          "ephemeral",
		"messages.1.content.0.cache_control":   `{"type":"ephemeral"}`,
		"messages.2.content.0.text":            "<context>\nTime: now\n</context>",
		"messages.2.content.1.text":            "three",
		"messages.2.content.1.cache_control":   "",
		"tools.1.cache_control":                "",
		"tools.1.input_schema":                 `{"type":"object"}`,
		"messages.0.content.0.text":            "one",
		"messages.#(role==\"system\").content": "",
	} {
		if got := gjson.Get(b, path).String(); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	if n := strings.Count(b, "cache_control"); n != 2 {
		t.Errorf("%d cache points", n)
	}
	if got := gjson.Get(body(t, model.Request{Tools: tools}), "tools.1.cache_control.type").String(); got != "ephemeral" {
		t.Error("without a system text the tools have no cache point")
	}
}

// The prefix that the provider caches is the same bytes in every turn: up to
// messages, and each message up to the cache point of the turn before.
func TestThePrefixIsTheSameBytesFromTurnToTurn(t *testing.T) {
	history := []model.Message{{Role: model.User, Text: "one"}}
	first := body(t, model.Request{Model: "m", System: "You are.", Tools: tools, Context: "Time: 1", Messages: history})
	prefix, _, _ := strings.Cut(first, `"messages":`)
	if !strings.HasPrefix(prefix, `{"model":"m","max_tokens":4096,"stream":true,"tools":[`) || !strings.Contains(prefix, `"system":[`) {
		t.Errorf("prefix %s", prefix)
	}
	var before []string
	for i, next := range [][]model.Message{
		{{Role: model.Assistant, Text: "two", Calls: []model.ToolCall{{ID: "a", Name: "schedule_list"}}}, {Role: model.User, Results: []model.ToolResult{{ID: "a", Text: "none"}}}},
		{{Role: model.Assistant, Text: "three"}, {Role: model.User, Text: "four"}},
		{{Role: model.Assistant, Text: "five"}, {Role: model.User, Text: "six"}},
	} {
		history = append(history, next...)
		b := body(t, model.Request{Model: "m", System: "You are.", Tools: tools, Context: "Time: " + strings.Repeat("2", i), Messages: history})
		if !strings.HasPrefix(b, prefix) {
			t.Fatalf("turn %d: the prefix changed", i)
		}
		var now []string
		for _, m := range gjson.Get(b, "messages").Array() {
			now = append(now, strings.ReplaceAll(m.Raw, `,"cache_control":{"type":"ephemeral"}`, ""))
		}
		for j := range before[:max(len(before)-1, 0)] {
			if now[j] != before[j] {
				t.Errorf("turn %d: message %d changed from %s to %s", i, j, before[j], now[j])
			}
		}
		before = now
	}
}

func TestToolResultsOpenTheMessageAfterTheirCalls(t *testing.T) {
	b := body(t, model.Request{Context: "c", Messages: []model.Message{
		{Role: model.User, Text: "go"},
		{Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Name: "f", Input: json.RawMessage(`{"x":1}`)}, {ID: "b.1", Name: "g", Garbled: "{oops"}}},
		{Role: model.User, Text: "and", Results: []model.ToolResult{{ID: "b.1", Text: "bad", Error: true}}, Images: []model.Image{{Type: "image/png", Data: []byte("png")}, {Type: "image/tiff"}}},
	}})
	var types []string
	for _, c := range gjson.Get(b, "messages.2.content").Array() {
		types = append(types, c.Get("type").String())
	}
	if s := strings.Join(types, " "); s != "tool_result tool_result text image text text" {
		t.Errorf("blocks %s", s)
	}
	for path, want := range map[string]string{
		"messages.1.content.1.input":       "{}",
		"messages.1.content.1.id":          "b_1",
		"messages.2.content.0.tool_use_id": "a",
		"messages.2.content.0.is_error":    "true",
		"messages.2.content.0.content":     "no result was recorded",
		"messages.2.content.1.tool_use_id": "b_1",
		"messages.2.content.1.content":     "bad",
		"messages.2.content.3.source.data": "cG5n",
	} {
		if got := gjson.Get(b, path).String(); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

func TestRefusalsAreRead(t *testing.T) {
	date := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		name      string
		status    int
		retry     string
		body      string
		reason    string
		temporary bool
		min, max  time.Duration
	}{
		{"overloaded", 529, "", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "overloaded_error: Overloaded", true, 0, 0},
		{"seconds", 429, "7", `{"error":{"type":"rate_limit_error","message":"slow"}}`, "rate_limit_error: slow", true, 7 * time.Second, 7 * time.Second},
		{"date", 503, date, "<html>", "Service Unavailable", true, 25 * time.Second, 31 * time.Second},
		{"key", 401, "", `{"error":{"type":"authentication_error","message":"invalid x-api-key key-under-test at https://x.y/z"}}`, "authentication_error: invalid x-api-key (secret) at (link)", false, 0, 0},
		{"invalid", 400, "soon", `{"error":{"type":"invalid_request_error","message":"a\n b"}}`, "invalid_request_error: a b", false, 0, 0},
		{"timeout", 408, "-1", ``, "Request Timeout", true, 0, 0},
		{"conflict", 409, "", `[]`, "Conflict", true, 0, 0},
		{"long", 400, "", `{"error":{"message":"` + strings.Repeat("é", 900) + `"}}`, strings.Repeat("é", 300), false, 0, 0},
		{"huge", 500, "", `{"error":{"message":"` + strings.Repeat("x", 200_000) + `"}}`, "Internal Server Error", true, 0, 0},
	} {
		d := &doer{status: c.status, header: http.Header{"Retry-After": {c.retry}}, body: c.body}
		_, err := newProvider(t, d).Stream(context.Background(), model.Request{}, nil)
		var e *model.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if e.Status != c.status || e.Reason != c.reason || e.Temporary != c.temporary || e.Retry < c.min || e.Retry > c.max {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

type brokenDoer struct{ err error }

func (d brokenDoer) Do(*http.Request) (*http.Response, error) { return nil, d.err }

func TestAFailedConnectionIsTemporaryAndNamesNoAddress(t *testing.T) {
	inner := errors.New("dial https://secret.example: refused")
	_, err := newProvider(t, brokenDoer{inner}).Stream(context.Background(), model.Request{}, nil)
	var e *model.Error
	if !errors.As(err, &e) || !e.Temporary || strings.Contains(err.Error(), "secret.example") || !errors.Is(err, inner) {
		t.Errorf("%#v", err)
	}
}

func TestCancellationIsNotTemporary(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := newProvider(t, brokenDoer{context.Canceled}).Stream(ctx, model.Request{}, nil)
	var e *model.Error
	if !errors.As(err, &e) || e.Temporary || !errors.Is(err, context.Canceled) {
		t.Errorf("%#v", err)
	}
}

func TestInvalidTextIsSentAsValidJSON(t *testing.T) {
	b := body(t, model.Request{Messages: []model.Message{{Role: model.User, Text: "a\xff\u2028<b>"}}})
	if !json.Valid([]byte(b)) || gjson.Get(b, "messages.0.content.0.text").String() != "a\uFFFD\u2028<b>" {
		t.Error(b)
	}
	if !bytes.Contains([]byte(b), []byte(`"max_tokens":4096`)) {
		t.Error("no default for max_tokens")
	}
}
