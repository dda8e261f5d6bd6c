//go:build !js

package fake

import (
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
	"github.com/tidwall/gjson"
)

func openaiPost(t *testing.T, f *OpenAI, body string) (int, gjson.Result) {
	t.Helper()
	status, answer := post(t, f.URL()+"/chat/completions", "application/json", body, "Authorization", "Bearer "+apiKey)
	return status, gjson.Parse(answer)
}

func TestOpenAITakesRightCallsAndRefusesWrongOnes(t *testing.T) {
	with := func(fields string) string { return `{"model":"gpt-5.5"` + fields + `}` }
	hi := `,"messages":[{"role":"user","content":"hi"}]`
	msgs := func(list string) string { return with(`,"messages":[` + list + `]`) }
	tool := `{"type":"function","function":{"name":"memory_search","description":"d","parameters":{"type":"object","properties":{}}}}`
	call := `{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"a","arguments":"{}"}}]}`
	for _, c := range []struct{ name, body, want string }{
		{"text", with(hi), ""},
		{"system", msgs(`{"role":"system","content":"s"},{"role":"user","content":"a"}`), ""},
		{"developer", msgs(`{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"a"}]}`), ""},
		{"stream", with(hi + `,"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":100`), ""},
		{"older model", `{"model":"gpt-4o","max_tokens":100,"temperature":0.5` + hi + `}`, ""},
		{"tools", with(hi + `,"tools":[` + tool + `],"tool_choice":"auto","parallel_tool_calls":true`), ""},
		{"result", msgs(call + `,{"role":"tool","tool_call_id":"c1","content":"r"}`), ""},
		{"image", msgs(`{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk=","detail":"auto"}}]}`), ""},
		{"null options", with(hi + `,"temperature":null,"stop":null,"store":null`), ""},

		{"no model", `{"messages":[{"role":"user","content":"hi"}]}`, "model"},
		{"no messages", with(""), "messages"},
		{"empty messages", with(`,"messages":[]`), "messages"},
		{"unknown field", with(hi + `,"max_output_tokens":5`), "max_output_tokens"},
		{"unknown in message", msgs(`{"role":"user","content":"a","id":"1"}`), "'id'"},
		{"unknown role", msgs(`{"role":"bot","content":"a"}`), "messages"},
		{"content is a number", msgs(`{"role":"user","content":5}`), "messages"},
		{"part of the other API", msgs(`{"role":"user","content":[{"type":"image","source":{"type":"base64"}}]}`), "messages"},
		{"tool of the other API", with(hi + `,"tools":[{"name":"a","input_schema":{"type":"object"}}]`), "tools"},
		{"tool name", with(hi + `,"tools":[{"type":"function","function":{"name":"a.b"}}]`), "pattern"},
		{"tool schema", with(hi + `,"tools":[{"type":"function","function":{"name":"a","parameters":{"type":"array"}}}]`), "type: \"object\""},
		{"no tools", with(hi + `,"tools":[]`), "tools"},
		{"choice without tools", with(hi + `,"tool_choice":"auto"`), "tool_choice"},
		{"arguments are an object", msgs(`{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"a","arguments":{}}}]},{"role":"tool","tool_call_id":"c1","content":"r"}`), "arguments"},
		{"unanswered call", msgs(call + `,{"role":"user","content":"hm"}`), "did not have response messages: c1"},
		{"call at the end", msgs(call), "did not have response messages: c1"},
		{"orphan", msgs(`{"role":"user","content":"a"},{"role":"tool","tool_call_id":"c9","content":"r"}`), "preceding message"},
		{"answered twice", msgs(call + `,{"role":"tool","tool_call_id":"c1","content":"r"},{"role":"tool","tool_call_id":"c1","content":"r"}`), "preceding message"},
		{"null content", msgs(`{"role":"user","content":"a"},{"role":"assistant","content":null}`), "content"},
		{"stream options alone", with(hi + `,"stream_options":{"include_usage":true}`), "stream_options"},
		{"max_tokens", with(hi + `,"max_tokens":5`), "max_completion_tokens"},
		{"temperature", with(hi + `,"temperature":3`), "temperature"},
		{"provider in the model", `{"model":"openai/gpt-5.5"` + hi + `}`, "does not exist"},
		{"broken", `{"model"`, "could not parse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewOpenAI(apiKey))
			needSpecs(t, f)
			status, answer := openaiPost(t, f, c.body)
			if c.want == "" {
				if status != 200 || len(f.Violations()) != 0 || len(f.Calls()) != 1 {
					t.Errorf("refused: %d %s", status, answer)
				}
				return
			}
			if status < 400 || !strings.Contains(answer.Get("error.message").String(), c.want) || len(f.Violations()) != 1 || len(f.Calls()) != 0 {
				t.Errorf("%d %s, violations %q", status, answer, f.Violations())
			}
		})
	}
}

func TestOpenAINeedsItsKey(t *testing.T) {
	f := violating(t, NewOpenAI(apiKey))
	for header, path := range map[string]string{"": "/chat/completions", "Bearer other": "/chat/completions", "Basic x": "/chat/completions"} {
		if status, _ := post(t, f.URL()+path, "application/json", "{}", "Authorization", header); status != 401 {
			t.Errorf("%q: %d", header, status)
		}
	}
	if status, _ := post(t, f.URL()+"/completions", "application/json", "{}", "Authorization", "Bearer "+apiKey); status != 404 {
		t.Errorf("unknown path: %d", status)
	}
	if len(f.Violations()) != 4 {
		t.Errorf("%q", f.Violations())
	}
}

func TestOpenAIWithTheOfficialSDK(t *testing.T) {
	f := Check(t, NewOpenAI(apiKey))
	client := openai.NewClient(option.WithBaseURL(f.URL()), option.WithAPIKey(apiKey), option.WithMaxRetries(0))
	params := openai.ChatCompletionNewParams{
		Model:    "gpt-5.5",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("be kind"), openai.UserMessage("hello 😀")},
	}
	reply, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil || reply.Choices[0].Message.Content != "You said: hello 😀" || reply.Usage.PromptTokens == 0 {
		t.Fatalf("%+v %v", reply, err)
	}
	f.Script(func(c Call) Answer {
		if results := c.LastResults(); len(results) > 0 {
			return Answer{Text: "found " + results[0].Text, ChunkSize: 2}
		}
		return Answer{ToolUses: []ToolUse{{Name: "memory_search", Input: `{"query":"é"}`}, {Name: "web_fetch"}}, ChunkSize: 4}
	})
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "memory_search", Parameters: shared.FunctionParameters{"type": "object"},
	})}
	first := openaiStream(t, client, params)
	calls := first.Choices[0].Message.ToolCalls
	if len(calls) != 2 || calls[0].Function.Arguments != `{"query":"é"}` || calls[1].Function.Arguments != "{}" || first.Choices[0].FinishReason != "tool_calls" || first.Usage.TotalTokens == 0 {
		t.Fatalf("%+v", first)
	}
	params.Messages = append(params.Messages, first.Choices[0].Message.ToParam(), openai.ToolMessage("it", calls[0].ID), openai.ToolMessage("404", calls[1].ID))
	if second := openaiStream(t, client, params); second.Choices[0].Message.Content != "found it" {
		t.Errorf("%+v", second)
	}
	if last := f.Calls()[2]; last.System != "be kind" || last.LastUser() != "hello 😀" || last.Tools[0].Name != "memory_search" || len(last.LastResults()) != 2 {
		t.Errorf("%+v", last)
	}
}

func openaiStream(t *testing.T, client openai.Client, params openai.ChatCompletionNewParams) openai.ChatCompletion {
	t.Helper()
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var all openai.ChatCompletionAccumulator
	for stream.Next() {
		if !all.AddChunk(stream.Current()) {
			t.Fatal("a chunk does not fit")
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return all.ChatCompletion
}

func TestOpenAIAnswersFitTheDescription(t *testing.T) {
	f := Check(t, NewOpenAI(apiKey))
	needSpecs(t, f)
	f.Script(func(c Call) Answer {
		return Answer{Text: "hello", ChunkSize: 2, ToolUses: []ToolUse{{Name: "a", Input: `{"b":1}`}}}
	})
	body := `{"model":"gpt-5.5","messages":[{"role":"user","content":"hi"}]`
	_, answer := openaiPost(t, f, body+"}")
	v, _ := decodeJSON([]byte(answer.Raw))
	if err := openAISchema(f.specs, "CreateChatCompletionResponse").Validate(v); err != nil {
		t.Errorf("%s: %v", answer, err)
	}
	_, text := post(t, f.URL()+"/chat/completions", "application/json", body+`,"stream":true,"stream_options":{"include_usage":true}}`, "Authorization", "Bearer "+apiKey)
	events := strings.Split(strings.TrimSpace(text), "\n\n")
	if events[len(events)-1] != "data: [DONE]" {
		t.Errorf("last event %q", events[len(events)-1])
	}
	for _, event := range events[:len(events)-1] {
		v, err := decodeJSON([]byte(strings.TrimPrefix(event, "data: ")))
		if err == nil {
			err = openAISchema(f.specs, "CreateChatCompletionStreamResponse").Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", event, err)
		}
	}
}

func TestOpenAIScriptedFailures(t *testing.T) {
	f := Check(t, NewOpenAI(apiKey))
	client := openai.NewClient(option.WithBaseURL(f.URL()), option.WithAPIKey(apiKey), option.WithMaxRetries(0))
	for _, c := range []struct {
		name   string
		answer Answer
		want   string
	}{
		{"rate limit", Answer{Status: 429}, "429"},
		{"own words", Answer{Status: 400, ErrorText: "context too long"}, "400"},
		{"cut", Answer{Text: "a long enough text", CutAfter: 300}, "EOF"},
		{"garbage", Answer{Text: "a long enough text", ChunkSize: 4, Garbage: true}, "invalid character"},
		{"error event", Answer{Text: "a", ErrorEvent: "server_error"}, "error"},
	} {
		f.Script(func(Call) Answer { return c.answer })
		stream := client.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{
			Model: "gpt-5.5", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hi")},
		})
		for stream.Next() {
		}
		if err := stream.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOpenAIGatewayWantsTheProvider(t *testing.T) {
	f := violating(t, NewOpenAI(apiKey, BasePath("/v1/acc/gw/compat")))
	for model, want := range map[string]int{"openai/gpt-5.5": 200, "gpt-5.5": 404} {
		if status, answer := openaiPost(t, f, `{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`); status != want {
			t.Errorf("%s: %d %s", model, status, answer)
		}
	}
}

func TestOpenAICountsCachedPrefixes(t *testing.T) {
	f := Check(t, NewOpenAI(apiKey))
	system := `{"role":"system","content":"` + strings.Repeat("Be kind. ", 600) + `"}`
	ask := func(text string) int64 {
		_, answer := openaiPost(t, f, `{"model":"gpt-5.5","messages":[`+system+`,{"role":"user","content":"`+text+`"}]}`)
		return answer.Get("usage.prompt_tokens_details.cached_tokens").Int()
	}
	if first, second := ask("a"), ask("b"); first != 0 || second < 1024 {
		t.Errorf("cached %d, then %d", first, second)
	}
}
