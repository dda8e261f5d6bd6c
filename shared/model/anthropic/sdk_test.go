package anthropic

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"instar/shared/model"
)

var everything = model.Request{
	Model: "claude-sonnet-4-5", System: "You are an agent.", Tools: tools, Context: "Time: now", MaxTokens: 1000,
	Messages: []model.Message{
		{Role: model.Assistant, Text: "I began."},
		{Role: model.User, Text: "Look", Images: []model.Image{{Type: "image/jpeg", Data: []byte{1, 2, 3}}}},
		{Role: model.Assistant, Text: "Yes", Calls: []model.ToolCall{{ID: "c1", Name: "memory_search", Input: json.RawMessage(`{"query":"é"}`)}, {ID: "c2", Name: "schedule_list"}}},
		{Role: model.User, Results: []model.ToolResult{{ID: "c1", Text: "found"}}},
		{Role: model.User, Text: "and?"},
	},
}

// The official SDK reads our request into its own types and writes it again:
// what it does not know would be lost on the way.
func TestTheOfficialSDKUnderstandsTheWholeRequest(t *testing.T) {
	sent, err := encode(everything)
	if err != nil {
		t.Fatal(err)
	}
	var params sdk.MessageNewParams
	if err := json.Unmarshal(sent, &params); err != nil {
		t.Fatal(err)
	}
	if params.Model != "claude-sonnet-4-5" || params.MaxTokens != 1000 || params.System[0].Text != "You are an agent." ||
		params.System[0].CacheControl.Type != "ephemeral" || len(params.Tools) != 2 || params.Tools[0].OfTool.Name != "memory_search" {
		t.Errorf("params %+v", params)
	}
	if len(params.Messages) != 5 {
		t.Fatalf("%d messages", len(params.Messages))
	}
	call := params.Messages[3].Content[1].OfToolUse
	if call == nil || call.ID != "c1" || call.Name != "memory_search" {
		t.Errorf("call %+v", call)
	}
	last := params.Messages[4].Content
	if r := last[1].OfToolResult; r == nil || r.ToolUseID != "c2" || !r.IsError.Value {
		t.Errorf("repaired result %+v", r)
	}
	if img := params.Messages[2].Content[0].OfImage; img == nil || img.Source.OfBase64.MediaType != "image/jpeg" {
		t.Errorf("image %+v", img)
	}
	again, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs map[string]any
	json.Unmarshal(sent, &ours)
	json.Unmarshal(again, &theirs)
	delete(ours, "stream") // the SDK's method adds it
	normalise(theirs)
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("the SDK lost something:\nours   %s\ntheirs %s", sent, again)
	}
}

// normalise undoes the SDK's spelling of a tool result's text as a list of one
// text block.
func normalise(v any) {
	switch v := v.(type) {
	case map[string]any:
		if list, ok := v["content"].([]any); ok && v["type"] == "tool_result" && len(list) == 1 {
			v["content"] = list[0].(map[string]any)["text"]
		}
		for _, child := range v {
			normalise(child)
		}
	case []any:
		for _, child := range v {
			normalise(child)
		}
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
			events := client.Messages.NewStreaming(context.Background(), sdk.MessageNewParams{MaxTokens: 10, Model: "m",
				Messages: []sdk.MessageParam{sdk.NewUserMessage(sdk.NewTextBlock("hi"))}})
			var theirs sdk.Message
			for events.Next() {
				if err := theirs.Accumulate(events.Current()); err != nil {
					t.Fatal(err)
				}
			}
			if err := events.Err(); err != nil {
				t.Fatal(err)
			}
			p, _ := New(Options{APIKey: "k", BaseURL: srv.URL, Do: http.DefaultClient})
			ours, err := p.Stream(context.Background(), everything, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, ours, theirs)
		})
	}
}

func compare(t *testing.T, ours model.Reply, theirs sdk.Message) {
	t.Helper()
	var text string
	var calls []model.ToolCall
	for _, block := range theirs.Content {
		switch block.Type {
		case "text":
			text += block.Text
		case "tool_use":
			calls = append(calls, model.ToolCall{ID: block.ID, Name: block.Name, Input: block.Input})
		}
	}
	if ours.Text != text {
		t.Errorf("text %q, the SDK's %q", ours.Text, text)
	}
	if !reflect.DeepEqual(ours.Calls, calls) {
		t.Errorf("calls %+v, the SDK's %+v", ours.Calls, calls)
	}
	usage := model.Usage{Input: int(theirs.Usage.InputTokens), Output: int(theirs.Usage.OutputTokens),
		CacheRead: int(theirs.Usage.CacheReadInputTokens), CacheWrite: int(theirs.Usage.CacheCreationInputTokens)}
	if ours.Usage != usage {
		t.Errorf("usage %+v, the SDK's %+v", ours.Usage, usage)
	}
	if ours.Stop != stopOf(string(theirs.StopReason)) {
		t.Errorf("stop %s, the SDK's %s", ours.Stop, theirs.StopReason)
	}
}
