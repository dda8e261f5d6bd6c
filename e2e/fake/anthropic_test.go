//go:build !js

package fake

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/tidwall/gjson"
)

const apiKey = "test-key"

func anthropicPost(t *testing.T, f *Anthropic, body string) (int, gjson.Result) {
	t.Helper()
	status, answer := post(t, f.URL()+"/v1/messages", "application/json", body, "x-api-key", apiKey, "anthropic-version", "2023-06-01")
	return status, gjson.Parse(answer)
}

func TestAnthropicTakesRightCallsAndRefusesWrongOnes(t *testing.T) {
	with := func(fields string) string {
		return `{"model":"claude-sonnet-4-5","max_tokens":10` + fields + `}`
	}
	hi := `,"messages":[{"role":"user","content":"hi"}]`
	use := `{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"ok"},{"type":"tool_use","id":"t1","name":"a","input":{}},{"type":"tool_use","id":"t2","name":"a","input":{}}]}`
	result := func(id string) string { return `{"type":"tool_result","tool_use_id":"` + id + `","content":"r"}` }
	msgs := func(list string) string { return with(`,"messages":[` + list + `]`) }
	mark := `{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}`
	tool := `{"name":"memory_search","description":"d","input_schema":{"type":"object","properties":{}}}`
	for _, c := range []struct{ name, body, want string }{
		{"text", with(hi), ""},
		{"blocks", msgs(`{"role":"user","content":[` + mark + `]}`), ""},
		{"roles repeat", msgs(`{"role":"user","content":"a"},{"role":"user","content":"b"}`), ""},
		{"system and tools", with(hi + `,"system":[` + mark + `],"tools":[` + tool + `],"tool_choice":{"type":"auto"}`), ""},
		{"results", msgs(use + `,{"role":"user","content":[` + result("t2") + `,` + result("t1") + `,{"type":"text","text":"go on"}]}`), ""},
		{"results in two messages", msgs(use + `,{"role":"user","content":[` + result("t1") + `]},{"role":"user","content":[` + result("t2") + `]}`), ""},
		{"empty result", msgs(use + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"},{"type":"tool_result","tool_use_id":"t2","content":"","is_error":true}]}`), ""},
		{"image", msgs(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]}`), ""},
		{"prefill", msgs(`{"role":"user","content":"a"},{"role":"assistant","content":"b"}`), ""},
		{"four marks", msgs(`{"role":"user","content":[` + mark + `,` + mark + `,` + mark + `,` + mark + `]}`), ""},

		{"no model", `{"max_tokens":1` + hi + `}`, "model: Field required"},
		{"provider in the model", `{"model":"anthropic/claude-sonnet-4-5","max_tokens":1` + hi + `}`, "model: anthropic/"},
		{"no max_tokens", `{"model":"claude-x"` + hi + `}`, "max_tokens"},
		{"max_tokens 0", `{"model":"claude-x","max_tokens":0` + hi + `}`, "max_tokens"},
		{"no messages", with(""), "at least one message"},
		{"empty messages", with(`,"messages":[]`), "at least one message"},
		{"unknown field", with(hi + `,"max_completion_tokens":5`), "max_completion_tokens: Extra inputs"},
		{"unknown in message", msgs(`{"role":"user","content":"a","name":"x"}`), "messages.0.name: Extra inputs"},
		{"unknown in block", msgs(`{"role":"user","content":[{"type":"text","text":"a","id":"1"}]}`), "messages.0.content.0.id: Extra inputs"},
		{"system role", msgs(`{"role":"system","content":"a"}`), "Unexpected role"},
		{"assistant first", msgs(`{"role":"assistant","content":"a"}`), "first message"},
		{"empty text", msgs(`{"role":"user","content":""}`), "non-empty"},
		{"empty block", msgs(`{"role":"user","content":[{"type":"text","text":""}]}`), "non-empty"},
		{"blank block", msgs(`{"role":"user","content":[{"type":"text","text":" \n"}]}`), "non-whitespace"},
		{"blank end", msgs(`{"role":"user","content":"a"},{"role":"assistant","content":"b "}`), "trailing whitespace"},
		{"empty system block", with(hi + `,"system":[{"type":"text","text":""}]`), "system.0.text"},
		{"temperature", with(hi + `,"temperature":1.5`), "temperature"},
		{"tool name", with(hi + `,"tools":[{"name":"a.b","input_schema":{"type":"object"}}]`), "should match pattern"},
		{"tool name too long", with(hi + `,"tools":[{"name":"` + strings.Repeat("a", 65) + `","input_schema":{"type":"object"}}]`), "should match pattern"},
		{"tool schema", with(hi + `,"tools":[{"name":"a","input_schema":{"type":"array"}}]`), "input_schema.type"},
		{"tool of the other API", with(hi + `,"tools":[{"type":"function","function":{"name":"a"}}]`), "name"},
		{"parameters", with(hi + `,"tools":[{"name":"a","parameters":{"type":"object"}}]`), "parameters: Extra inputs"},
		{"same tool twice", with(hi + `,"tools":[` + tool + `,` + tool + `]`), "unique"},
		{"choice without tools", with(hi + `,"tool_choice":{"type":"auto"}`), "tool_choice"},
		{"choice of no tool", with(hi + `,"tools":[` + tool + `],"tool_choice":{"type":"tool","name":"z"}`), "not found"},
		{"unanswered use", msgs(use + `,{"role":"user","content":"hm"}`), "without `tool_result` blocks immediately after: t1, t2"},
		{"one unanswered", msgs(use + `,{"role":"user","content":[` + result("t1") + `]}`), "immediately after: t2"},
		{"use at the end", msgs(use), "immediately after"},
		{"orphan", msgs(`{"role":"user","content":[` + result("t9") + `]}`), "unexpected `tool_use_id`"},
		{"answered twice", msgs(use + `,{"role":"user","content":[` + result("t1") + `,` + result("t2") + `,` + result("t2") + `]}`), "single result"},
		{"text before results", msgs(use + `,{"role":"user","content":[{"type":"text","text":"x"},` + result("t1") + `,` + result("t2") + `]}`), "must come first"},
		{"late result", msgs(use + `,{"role":"user","content":[` + result("t1") + `,` + result("t2") + `]},{"role":"assistant","content":"k"},{"role":"user","content":[` + result("t1") + `]}`), "unexpected `tool_use_id`"},
		{"input is text", msgs(`{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"a","input":"{}"}]}`), "input"},
		{"media type", msgs(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/svg+xml","data":"aGk="}}]}`), "media_type"},
		{"not base64", msgs(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"!"}}]}`), "base64"},
		{"five marks", msgs(`{"role":"user","content":[` + strings.Repeat(mark+",", 4) + mark + `]}`), "maximum of 4"},
		{"other mark", msgs(`{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"forever"}}]}`), "cache_control"},
		{"broken", `{"model"`, "not valid JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewAnthropic(apiKey))
			status, answer := anthropicPost(t, f, c.body)
			if c.want == "" {
				if status != 200 || len(f.Violations()) != 0 || len(f.Calls()) != 1 {
					t.Errorf("refused: %d %s", status, answer)
				}
				return
			}
			if status < 400 || answer.Get("type").String() != "error" || !strings.Contains(answer.Get("error.message").String(), c.want) || len(f.Violations()) != 1 || len(f.Calls()) != 0 {
				t.Errorf("%d %s, violations %q", status, answer, f.Violations())
			}
		})
	}
}

func TestAnthropicNeedsItsHeaders(t *testing.T) {
	body := `{"model":"claude-x","max_tokens":1,"messages":[{"role":"user","content":"a"}]}`
	for _, c := range []struct {
		name, path, contentType string
		header                  []string
		status                  int
	}{
		{"no key", "/v1/messages", "application/json", []string{"anthropic-version", "2023-06-01"}, 401},
		{"wrong key", "/v1/messages", "application/json", []string{"x-api-key", "no", "anthropic-version", "2023-06-01"}, 401},
		{"no version", "/v1/messages", "application/json", []string{"x-api-key", apiKey}, 400},
		{"other version", "/v1/messages", "application/json", []string{"x-api-key", apiKey, "anthropic-version", "2024-01-01"}, 400},
		{"content type", "/v1/messages", "text/plain", []string{"x-api-key", apiKey, "anthropic-version", "2023-06-01"}, 400},
		{"path", "/messages", "application/json", []string{"x-api-key", apiKey, "anthropic-version", "2023-06-01"}, 404},
	} {
		f := violating(t, NewAnthropic(apiKey))
		if status, _ := post(t, f.URL()+c.path, c.contentType, body, c.header...); status != c.status || len(f.Violations()) != 1 {
			t.Errorf("%s: %d, violations %q", c.name, status, f.Violations())
		}
	}
}

// anthropicClient is the official SDK against the fake.
func anthropicClient(f *Anthropic) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(f.URL()), option.WithAPIKey(apiKey), option.WithMaxRetries(0))
}

var hello = anthropic.MessageNewParams{
	Model: "claude-sonnet-4-5", MaxTokens: 100,
	Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hello 😀"))},
}

func TestAnthropicWithTheOfficialSDK(t *testing.T) {
	f := Check(t, NewAnthropic(apiKey))
	client := anthropicClient(f)
	m, err := client.Messages.New(t.Context(), hello)
	if err != nil || m.Content[0].Text != "You said: hello 😀" || m.StopReason != "end_turn" || m.Usage.InputTokens == 0 {
		t.Fatalf("%+v %v", m, err)
	}
	f.Script(Answers(
		Answer{Text: "Let me look.", ToolUses: []ToolUse{{Name: "memory_search", Input: `{"query":"déjà vu"}`}, {Name: "web_fetch", Input: `{}`}}, ChunkSize: 3},
		Answer{Text: "Done."},
	))
	params := hello
	params.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "memory_search", InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{}}}}}
	reply := streamed(t, client, params)
	if len(reply.Content) != 3 || reply.Content[0].Text != "Let me look." || string(reply.Content[1].Input) != `{"query":"déjà vu"}` || reply.StopReason != "tool_use" || reply.Usage.OutputTokens == 0 {
		t.Fatalf("%+v", reply)
	}
	params.Messages = append(params.Messages, reply.ToParam(), anthropic.NewUserMessage(
		anthropic.NewToolResultBlock(reply.Content[1].ID, "nothing", false), anthropic.NewToolResultBlock(reply.Content[2].ID, "404", true)))
	if reply := streamed(t, client, params); reply.Content[0].Text != "Done." {
		t.Errorf("%+v", reply)
	}
	calls := f.Calls()
	last := calls[len(calls)-1]
	if results := last.LastResults(); len(calls) != 3 || len(results) != 2 || results[0].Text != "nothing" || !results[1].Error || last.Tools[0].Name != "memory_search" || !last.Stream {
		t.Errorf("%+v", last)
	}
}

func streamed(t *testing.T, client anthropic.Client, params anthropic.MessageNewParams) anthropic.Message {
	t.Helper()
	stream := client.Messages.NewStreaming(t.Context(), params)
	m := anthropic.Message{}
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnthropicScriptedFailures(t *testing.T) {
	f := Check(t, NewAnthropic(apiKey))
	client := anthropicClient(f)
	for _, c := range []struct {
		name   string
		answer Answer
		want   string
	}{
		{"overloaded", Answer{Status: 529, RetryAfter: 1500 * time.Millisecond}, "overloaded_error"},
		{"rate limit", Answer{Status: 429}, "rate_limit_error"},
		{"own words", Answer{Status: 400, ErrorText: "credit balance is too low"}, "credit balance"},
		{"cut", Answer{Text: "a long enough text", CutAfter: 700}, "EOF"},
		{"garbage", Answer{Text: "a long enough text", ChunkSize: 4, Garbage: true}, "invalid character"},
		{"error event", Answer{Text: "a", ErrorEvent: "overloaded_error"}, "overloaded"},
	} {
		f.Script(func(Call) Answer { return c.answer })
		stream := client.Messages.NewStreaming(t.Context(), hello)
		for stream.Next() {
		}
		if err := stream.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	f.Script(func(Call) Answer { return Answer{Status: 529, RetryAfter: 1500 * time.Millisecond} })
	_, err := client.Messages.New(t.Context(), hello)
	if e := (*anthropic.Error)(nil); !errors.As(err, &e) || e.Response.Header.Get("Retry-After") != "2" || e.RequestID == "" {
		t.Errorf("%v", err)
	}
	f.Script(func(Call) Answer { return Answer{Hang: time.Hour} })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := client.Messages.New(ctx, hello); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
}

func TestAnthropicDelaysBetweenDeltas(t *testing.T) {
	f := Check(t, NewAnthropic(apiKey))
	f.Script(func(Call) Answer { return Answer{Text: "abcd", ChunkSize: 1, Delay: 10 * time.Millisecond} })
	client, start, first := anthropicClient(f), time.Now(), time.Duration(0)
	stream := client.Messages.NewStreaming(t.Context(), hello)
	for stream.Next() {
		if stream.Current().Type == "content_block_delta" && first == 0 {
			first = time.Since(start)
		}
	}
	if total := time.Since(start); total-first < 25*time.Millisecond {
		t.Errorf("first delta after %v, end after %v", first, total)
	}
}

func TestAnthropicCacheCountsByteIdenticalPrefixes(t *testing.T) {
	f := Check(t, NewAnthropic(apiKey))
	system := strings.Repeat("You are Instar. ", 400) // 6,400 bytes
	ask := func(system string, texts ...string) (read, write, input int64) {
		var messages []map[string]any
		for i, text := range texts {
			block := map[string]any{"type": "text", "text": text}
			if i == len(texts)-1 {
				block["cache_control"] = map[string]any{"type": "ephemeral"}
			}
			messages = append(messages, map[string]any{"role": []string{"user", "assistant"}[i%2], "content": []any{block}})
		}
		body, _ := json.Marshal(map[string]any{
			"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": messages,
			"system": []any{map[string]any{"type": "text", "text": system, "cache_control": map[string]any{"type": "ephemeral"}}},
		})
		_, answer := anthropicPost(t, f, string(body))
		usage := answer.Get("usage")
		return usage.Get("cache_read_input_tokens").Int(), usage.Get("cache_creation_input_tokens").Int(), usage.Get("input_tokens").Int()
	}
	if read, write, _ := ask(system, "one"); read != 0 || write < 1600 {
		t.Errorf("first call: read %d, write %d", read, write)
	}
	if read, write, _ := ask(system, "one", "You said: one", "two"); read < 1600 || write == 0 || write > 100 {
		t.Errorf("the conversation goes on: read %d, write %d", read, write)
	}
	if read, _, _ := ask(system+".", "one"); read != 0 {
		t.Errorf("another system text: read %d", read)
	}
	if read, write, input := ask("short", "one"); read != 0 || write != 0 || input == 0 {
		t.Errorf("too short to cache: read %d, write %d, input %d", read, write, input)
	}
}

func TestAnthropicBehindAGateway(t *testing.T) {
	f := Check(t, NewAnthropic("", BasePath("/v1/acc/gw/anthropic")))
	client := anthropic.NewClient(option.WithBaseURL(f.URL()), option.WithAPIKey("any"), option.WithMaxRetries(0))
	if _, err := client.Messages.New(t.Context(), hello); err != nil {
		t.Error(err)
	}
}
