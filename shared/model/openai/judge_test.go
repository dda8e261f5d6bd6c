package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"instar/shared/model"
)

var everything = model.Request{
	Model: "gpt-5.5", System: "You are an agent.", Tools: tools, Context: "Time: now", MaxTokens: 1000,
	Messages: []model.Message{
		{Role: model.Assistant, Text: "I began."},
		{Role: model.User, Text: "Look", Images: []model.Image{{Type: "image/jpeg", Data: []byte{1, 2, 3}}}},
		{Role: model.Assistant, Text: "Yes", Calls: []model.ToolCall{{ID: "c1", Name: "memory_search", Input: json.RawMessage(`{"query":"é"}`)}, {ID: "c2", Name: "schedule_list"}}},
		{Role: model.User, Results: []model.ToolResult{{ID: "c1", Text: "found"}}},
		{Role: model.Assistant, Calls: []model.ToolCall{{ID: "c3", Name: "schedule_list"}}},
		{Role: model.User, Text: "and?", Results: []model.ToolResult{{ID: "c3", Text: "none"}}},
	},
}

// The official SDK reads our request into its own types and writes it again:
// what it does not know would be lost on the way.
func TestTheOfficialSDKUnderstandsTheWholeRequest(t *testing.T) {
	sent := []byte(body(t, Options{}, everything))
	var params sdk.ChatCompletionNewParams
	if err := json.Unmarshal(sent, &params); err != nil {
		t.Fatal(err)
	}
	if params.Model != "gpt-5.5" || params.MaxCompletionTokens.Value != 1000 || !params.StreamOptions.IncludeUsage.Value ||
		len(params.Tools) != 2 || params.Tools[0].OfFunction.Function.Name != "memory_search" {
		t.Errorf("params %+v", params)
	}
	if m := params.Messages[0].OfSystem; m == nil || m.Content.OfString.Value != "You are an agent." {
		t.Errorf("system %+v", m)
	}
	if m := params.Messages[4].OfAssistant; m == nil || len(m.ToolCalls) != 2 || m.ToolCalls[0].OfFunction.ID != "c1" {
		t.Errorf("assistant %+v", m)
	}
	if m := params.Messages[6].OfTool; m == nil || m.ToolCallID != "c2" {
		t.Errorf("repaired result %+v", m)
	}
	again, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs map[string]any
	json.Unmarshal(sent, &ours)
	json.Unmarshal(again, &theirs)
	delete(ours, "stream") // the SDK's method adds it
	for _, m := range ours["messages"].([]any) {
		if m := m.(map[string]any); m["content"] == nil {
			delete(m, "content") // null and absent mean the same
		}
	}
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("the SDK lost something:\nours   %s\ntheirs %s", sent, again)
	}
}

func TestTheOfficialSDKReadsTheFixturesAsWeDo(t *testing.T) {
	for name, fixture := range map[string]string{"text": helloStream, "tools": toolStream} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.Write([]byte(fixture))
			}))
			defer srv.Close()
			client := sdk.NewClient(option.WithBaseURL(srv.URL), option.WithAPIKey("k"), option.WithMaxRetries(0))
			chunks := client.Chat.Completions.NewStreaming(context.Background(), sdk.ChatCompletionNewParams{Model: "m",
				Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage("hi")}})
			var theirs sdk.ChatCompletionAccumulator
			for chunks.Next() {
				if !theirs.AddChunk(chunks.Current()) {
					t.Fatalf("the SDK rejects %s", chunks.Current().RawJSON())
				}
			}
			if err := chunks.Err(); err != nil {
				t.Fatal(err)
			}
			p := newProvider(t, Options{BaseURL: srv.URL, Do: http.DefaultClient})
			ours, err := p.Stream(context.Background(), everything, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, ours, theirs.ChatCompletion)
		})
	}
}

func compare(t *testing.T, ours model.Reply, theirs sdk.ChatCompletion) {
	t.Helper()
	choice := theirs.Choices[0]
	if ours.Text != choice.Message.Content {
		t.Errorf("text %q, the SDK's %q", ours.Text, choice.Message.Content)
	}
	var calls []model.ToolCall
	for _, c := range choice.Message.ToolCalls {
		calls = append(calls, model.ToolCall{ID: c.ID, Name: c.Function.Name, Input: json.RawMessage(c.Function.Arguments)})
	}
	if !reflect.DeepEqual(ours.Calls, calls) {
		t.Errorf("calls %+v, the SDK's %+v", ours.Calls, calls)
	}
	u, d := theirs.Usage, theirs.Usage.PromptTokensDetails
	if int64(ours.Usage.Input+ours.Usage.CacheRead+ours.Usage.CacheWrite) != u.PromptTokens ||
		int64(ours.Usage.CacheRead) != d.CachedTokens || int64(ours.Usage.Output) != u.CompletionTokens {
		t.Errorf("usage %+v, the SDK's %+v", ours.Usage, u)
	}
	if ours.Stop != stopOf(choice.FinishReason) {
		t.Errorf("stop %s, the SDK's %s", ours.Stop, choice.FinishReason)
	}
}

// spec finds OpenAI's published description beside the module.
func spec(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "specs", "openai.openapi.json")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("NOT CHECKED against OpenAI's published description: %s is not there", path)
	}
	return path
}

func schema(t *testing.T, pointer string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(spec(t))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	allowNull(doc)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openai.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("openai.json#/components/schemas/" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allowNull turns OpenAPI 3.0's "nullable", which the description still uses
// beside plain types, into what JSON Schema knows.
func allowNull(v any) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["type"].(string); ok && v["nullable"] == true {
			v["type"] = []any{name, "null"}
			if enum, ok := v["enum"].([]any); ok {
				v["enum"] = append(enum, nil)
			}
		}
		if ref, ok := v["$ref"]; ok && v["nullable"] == true {
			delete(v, "$ref")
			v["anyOf"] = []any{map[string]any{"$ref": ref}, map[string]any{"type": "null"}}
		}
		for _, child := range v {
			allowNull(child)
		}
	case []any:
		for _, child := range v {
			allowNull(child)
		}
	}
}

func check(t *testing.T, s *jsonschema.Schema, data string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(data)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestRequestsMatchThePublishedDescription(t *testing.T) {
	s := schema(t, "CreateChatCompletionRequest")
	for name, b := range map[string]string{
		"everything": body(t, Options{}, everything),
		"no tools":   body(t, Options{}, model.Request{Model: "gpt-4o", Messages: []model.Message{{Role: model.User, Text: "hi"}}}),
		"max_tokens": body(t, Options{BaseURL: "http://x/v1"}, model.Request{Model: "llama", Tools: tools}),
		"reasoning":  body(t, Options{}, model.Request{Model: "gpt-6.1-sol", Tools: tools}),
	} {
		if err := check(t, s, b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if check(t, s, `{"model":"m","messages":[{"role":"tool","content":"no id"}]}`) == nil {
		t.Error("the description let a wrong request pass, so it judges nothing")
	}
}

func TestFixturesMatchThePublishedDescription(t *testing.T) {
	s := schema(t, "CreateChatCompletionStreamResponse")
	for _, data := range []string{choice(role, ""), content("x"), call(`{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}`), choice(`{}`, "stop"), chunk(usage)} {
		if err := check(t, s, data); err != nil {
			t.Errorf("%s: %v", data, err)
		}
	}
}
