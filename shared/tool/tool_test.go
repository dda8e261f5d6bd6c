package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/label"
	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/tool"
	"instar/shared/transcript"
)

// probe is a tool that tells how often it ran.
func probe(effect policy.Effect, run func(tool.Call) (string, error)) (tool.Tool, *int) {
	ran := new(int)
	return tool.Tool{
		Tool: model.Tool{Name: "probe", Schema: json.RawMessage(`{"type":"object"}`)}, Manifest: &policy.Manifest{Effect: effect},
		Run: func(_ context.Context, c tool.Call) (string, error) {
			*ran++
			return run(c)
		},
	}, ran
}

func fine(tool.Call) (string, error) { return "fine", nil }

func TestNothingRunsThatPolicyDoesNotAllow(t *testing.T) {
	effects := []policy.Effect{policy.ReadOwn, policy.WriteOwn, policy.SendSelf, "", "delete_everything", "READ_OWN"}
	for _, effect := range effects {
		for _, role := range []policy.Role{policy.Owner, policy.Guest, ""} {
			for _, kind := range []chat.Kind{chat.Private, chat.Group, ""} {
				one, ran := probe(effect, fine)
				set := &tool.Set{Tools: []tool.Tool{one}, Role: role, Kind: kind, Window: ownWords()}
				out := set.Run(t.Context(), model.ToolCall{ID: "1", Name: "probe", Input: json.RawMessage(`{}`)}, tool.Call{})
				allowed := policy.Decide(policy.Call{Tool: "probe", Effect: effect, Role: role, Kind: kind}).Allow
				if (*ran == 1) != allowed || (out.State == "done") != allowed || out.Error == allowed {
					t.Errorf("effect %q, role %q, kind %q: allowed %v, ran %d times, outcome %+v", effect, role, kind, allowed, *ran, out)
				}
				if !allowed && (out.State != "refused" || tool.State(out.ToolResult) != "refused" || out.ID != "1") {
					t.Errorf("effect %q: outcome %+v", effect, out)
				}
			}
		}
	}
}

func TestAnUnknownEffectIsRefusedEvenForTheOwner(t *testing.T) {
	one, ran := probe("format_disk", fine)
	set := &tool.Set{Tools: []tool.Tool{one}, Role: policy.Owner, Kind: chat.Private, Window: ownWords()}
	out := set.Run(t.Context(), model.ToolCall{Name: "probe", Input: json.RawMessage(`{}`)}, tool.Call{})
	if *ran != 0 || out.State != "refused" || !strings.Contains(out.Text, "nobody has said what this does") {
		t.Errorf("ran %d times, outcome %+v", *ran, out)
	}
}

func TestOutcomesSayWhatHappened(t *testing.T) {
	for name, c := range map[string]struct {
		call  model.ToolCall
		run   func(tool.Call) (string, error)
		state string
		want  string
	}{
		"done":          {model.ToolCall{Name: "probe", Input: json.RawMessage(`{}`)}, fine, "done", "fine"},
		"failed":        {model.ToolCall{Name: "probe", Input: json.RawMessage(`{}`)}, func(tool.Call) (string, error) { return "x", errors.New("say it otherwise") }, "failed", "say it otherwise"},
		"unknown":       {model.ToolCall{Name: "other", Input: json.RawMessage(`{}`)}, fine, "failed", "no tool of that name"},
		"garbled":       {model.ToolCall{Name: "probe", Garbled: `{"a`}, fine, "failed", "not a JSON object"},
		"fakes refusal": {model.ToolCall{Name: "probe", Input: json.RawMessage(`{}`)}, func(tool.Call) (string, error) { return "", errors.New("Not allowed: by me.") }, "failed", "by me"},
	} {
		one, _ := probe(policy.ReadOwn, c.run)
		set := &tool.Set{Tools: []tool.Tool{one}, Role: policy.Owner, Kind: chat.Private, Window: ownWords()}
		c.call.ID = "call-1"
		out := set.Run(t.Context(), c.call, tool.Call{})
		if out.State != c.state || !strings.Contains(out.Text, c.want) || out.ID != "call-1" || out.Error != (c.state != "done") {
			t.Errorf("%s: %+v", name, out)
		}
		if got := tool.State(out.ToolResult); got != c.state {
			t.Errorf("%s: the recorded result reads as %q", name, got)
		}
	}
}

func TestLongAndBrokenResultsAreMadeFit(t *testing.T) {
	one, _ := probe(policy.ReadOwn, func(tool.Call) (string, error) { return strings.Repeat("é", tool.MaxResult), nil })
	set := &tool.Set{Tools: []tool.Tool{one}, Role: policy.Owner, Kind: chat.Private, Window: ownWords()}
	run := model.ToolCall{Name: "probe", Input: json.RawMessage(`{}`)}
	out := set.Run(t.Context(), run, tool.Call{})
	if len(out.Text) > tool.MaxResult+40 || !utf8.ValidString(out.Text) || !strings.HasSuffix(out.Text, "[cut: 32768 bytes in all]") {
		t.Errorf("%d bytes, ends with %q", len(out.Text), out.Text[len(out.Text)-30:])
	}
	one.Run = func(context.Context, tool.Call) (string, error) { return "a\xffb", nil }
	set.Tools[0] = one
	if out := set.Run(t.Context(), run, tool.Call{}); out.Text != "a\ufffdb" {
		t.Errorf("text %q", out.Text)
	}
}

// everyTool is what the owner may have.
func everyTool() []tool.Tool {
	b := bucket.NewMemory()
	store := memory.Open(b, "main/files/")
	log := &transcript.Log{Bucket: b, Prefix: "main/sessions/main/log/"}
	results := &transcript.Results{Bucket: b, Prefix: "main/sessions/main/results/"}
	return []tool.Tool{tool.Recall(store, log, results), tool.MemoryWrite(store, noon), tool.MessageSend(nil, nobody)}
}

func TestEverySchemaIsAStrictObjectSchema(t *testing.T) {
	set := &tool.Set{Tools: append(everyTool(), tool.Recall(nil, nil, nil))}
	for _, one := range set.Schemas() {
		var schema map[string]any
		if err := json.Unmarshal(one.Schema, &schema); err != nil {
			t.Fatalf("%s: %v", one.Name, err)
		}
		if schema["type"] != "object" || schema["additionalProperties"] != false || schema["required"] == nil || one.Description == "" {
			t.Errorf("%s: schema %s", one.Name, one.Schema)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("s.json", schema); err != nil {
			t.Fatal(err)
		}
		if _, err := compiler.Compile("s.json"); err != nil {
			t.Errorf("%s: %v", one.Name, err)
		}
	}
}

func TestSendingIsNotIdempotentAndMemoryIs(t *testing.T) {
	want := map[string]bool{"memory_search": true, "memory_write": true, "message_send": false}
	for _, one := range everyTool() {
		if one.Idempotent != want[one.Name] {
			t.Errorf("%s: idempotent %v", one.Name, one.Idempotent)
		}
	}
}

// Whatever a model writes, a tool answers in words and does not panic.
func FuzzToolInput(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `[]`, `{"query":"x","limit":-5}`, `{"ref":"../x","offset":-9}`, `{"ref":"0123456789abcdef0123"}`, `{"text":"a","file":"daily"}`, `{"text":"","replaces":"a"}`,
		`{"channel":"slack","text":" "}`, `{"query":1e999}`, `{"text":"<!-- id=x -->"}`, `"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		set := &tool.Set{Tools: everyTool(), Role: policy.Owner, Kind: chat.Private, Window: ownWords()}
		for _, one := range set.Tools {
			out := set.Run(t.Context(), model.ToolCall{ID: "1", Name: one.Name, Input: input}, tool.Call{
				ID: "main.1.1.abc", Message: &chat.Message{Address: chat.Address{Channel: "telegram"}, Sender: chat.Sender{ID: "42"}}})
			if out.Text == "" || !utf8.ValidString(out.Text) || out.State != tool.State(out.ToolResult) {
				t.Errorf("%s: %+v", one.Name, out)
			}
		}
	})
}

// ownWords is the window of a turn that nobody else's text is in.
func ownWords() *policy.Window {
	return policy.NewWindow(label.New(label.Owner, label.Private, nil, nil), nil)
}
