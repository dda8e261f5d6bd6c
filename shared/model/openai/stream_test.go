package openai

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"instar/shared/model"
)

var fixtureUsage = model.Usage{Input: 40, Output: 15, CacheRead: 2000, CacheWrite: 60}

func TestTextArrivesInPieces(t *testing.T) {
	reply, deltas, err := stream(helloStream)
	if err != nil {
		t.Fatal(err)
	}
	want := model.Reply{Text: "Hello, 世界 🌍", Stop: model.StopEnd, Usage: fixtureUsage}
	if !reflect.DeepEqual(reply, want) {
		t.Errorf("got %+v, want %+v", reply, want)
	}
	if len(deltas) != 2 || strings.Join(deltas, "") != want.Text {
		t.Errorf("deltas %q", deltas)
	}
}

func TestToolCallsComeInTinyPieces(t *testing.T) {
	reply, _, err := stream(toolStream)
	if err != nil {
		t.Fatal(err)
	}
	want := model.Reply{Stop: model.StopTools, Usage: fixtureUsage, Calls: []model.ToolCall{
		{ID: "call_1", Name: "memory_search", Input: []byte(`{"query": "caf\u00e9 \"x\"", "n": [1]}`)},
		{ID: "call_2", Name: "schedule_list", Input: []byte(`{}`)}}}
	if !reflect.DeepEqual(reply, want) {
		t.Errorf("got %+v, want %+v", reply, want)
	}
}

// Between the finish_reason and [DONE] only the usage can get lost; it is then
// estimated.
func TestAStreamCutAnywhereIsAnErrorOrTheWholeReply(t *testing.T) {
	for name, whole := range map[string]string{"text": helloStream, "tools": toolStream} {
		want, _, err := stream(whole)
		if err != nil {
			t.Fatal(err)
		}
		passed := 0
		for i := range whole {
			got, _, err := stream(whole[:i])
			if err == nil {
				passed++
				if got.Usage.Input != 33 && got.Usage != want.Usage {
					t.Fatalf("%s cut at %d: usage %+v", name, i, got.Usage)
				}
				got.Usage = want.Usage
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s cut at %d passed as %+v", name, i, got)
				}
				if !strings.Contains(whole[:i], `"finish_reason":"`) {
					t.Fatalf("%s cut at %d passed before its end", name, i)
				}
				continue
			}
			var e *model.Error
			if !errors.As(err, &e) || !e.Temporary || e.Usage.Input == 0 {
				t.Fatalf("%s cut at %d: %#v", name, i, err)
			}
		}
		if passed == 0 {
			t.Errorf("%s: a missing [DONE] was not forgiven", name)
		}
	}
}

func TestCompatibleServersAreUnderstood(t *testing.T) {
	end := []string{choice(`{}`, "tool_calls"), done}
	for _, c := range []struct {
		name   string
		chunks []string
		want   string // name(input) of every call
	}{
		{"whole calls in one delta", []string{call(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}`)}, `f({"x":1}) g({})`},
		{"index 0 for every call", []string{call(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), call(`{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}`)}, `f({}) g({})`},
		{"no index", []string{call(`{"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), call(`{"function":{"arguments":":1}"}}`), call(`{"id":"b","function":{"name":"g","arguments":"{}"}}`)}, `f({"x":1}) g({})`},
		{"neither index nor id", []string{call(`{"function":{"name":"f","arguments":"{}"}}`), call(`{"function":{"name":"f","arguments":"{}"}}`)}, `f({}) f({})`},
		{"no id", []string{call(`{"index":0,"function":{"name":"f","arguments":"{"}}`), call(`{"index":0,"function":{"arguments":"}"}}`), call(`{"index":1,"function":{"name":"g","arguments":"{}"}}`)}, `f({}) g({})`},
		{"id and name repeated", []string{call(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`), call(`{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}`)}, `f({})`},
		{"interleaved", []string{call(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`), call(`{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}`), call(`{"index":0,"function":{"arguments":"}"}}`), call(`{"index":1,"function":{"arguments":"}"}}`)}, `f({}) g({})`},
		{"arguments as an object", []string{call(`{"index":0,"id":"a","function":{"name":"f","arguments":{"x": 1}}}`)}, `f({"x": 1})`},
		{"arguments null", []string{call(`{"index":0,"id":"a","function":{"name":"f","arguments":null}}`)}, `f({})`},
		{"index -1", []string{call(`{"index":-1,"id":"a","function":{"name":"f","arguments":"{}"}}`)}, `f({})`},
		{"an empty piece", []string{call(`{"index":0}`), call(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`)}, `f({})`},
		{"message instead of delta", []string{chunk(`"choices":[{"index":0,"message":{"content":"","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]`)}, `f({})`},
	} {
		reply, _, err := stream(events(append(c.chunks, end...)...))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		ids := map[string]bool{}
		for _, call := range reply.Calls {
			got = append(got, call.Name+"("+string(call.Input)+call.Garbled+")")
			ids[call.ID] = true
		}
		if s := strings.Join(got, " "); s != c.want || reply.Stop != model.StopTools {
			t.Errorf("%s: %s, stop %s", c.name, s, reply.Stop)
		}
		if len(ids) != len(reply.Calls) || ids[""] {
			t.Errorf("%s: ids are not unique: %v", c.name, ids)
		}
	}
}

func TestReasoningIsIgnoredAndPartsAreRead(t *testing.T) {
	reply, _, err := stream(events(
		choice(`{"reasoning_content":"secret","reasoning":"secret"}`, ""),
		choice(`{"content":[{"type":"thinking","thinking":"secret"},{"type":"text","text":"open"}]}`, ""),
		choice(`{"content":null}`, "stop"), done))
	if err != nil || reply.Text != "open" {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestOtherChoicesAreIgnored(t *testing.T) {
	reply, _, err := stream(events(content("a"), chunk(`"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]`), choice(`{}`, "stop"), done))
	if err != nil || reply.Text != "a" {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestFinishReasons(t *testing.T) {
	for reason, want := range map[string]model.Stop{
		"stop": model.StopEnd, "eos": model.StopEnd, "length": model.StopLength,
		"content_filter": model.StopRefusal, "tool_calls": model.StopEnd, // for want of a call
	} {
		reply, _, err := stream(events(content("x"), choice(`{}`, reason), done))
		if err != nil || reply.Stop != want {
			t.Errorf("%s: %v, %v", reason, reply.Stop, err)
		}
	}
	if reply, _, err := stream(events(choice(`{"refusal":"I will not."}`, ""), choice(`{}`, "stop"), done)); err != nil || reply.Stop != model.StopRefusal || reply.Text != "I will not." {
		t.Errorf("a refusal: %+v, %v", reply, err)
	}
}

func TestUsageInOtherPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		chunk string
		want  model.Usage
	}{
		"groq":               {chunk(`"choices":[],"x_groq":{"usage":{"prompt_tokens":7,"completion_tokens":3}}`), model.Usage{Input: 7, Output: 3}},
		"with choices":       {chunk(`"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":7,"completion_tokens":3}`), model.Usage{Input: 7, Output: 3}},
		"more cache than in": {chunk(`"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":9}}`), model.Usage{CacheRead: 7, Output: 3}},
		"negative":           {chunk(`"choices":[],"usage":{"prompt_tokens":-7,"completion_tokens":-3}`), model.Usage{}},
		"none, estimated":    {chunk(`"choices":[]`), model.Usage{Input: 33, Output: 3}},
	} {
		reply, _, err := stream(events(content("12345678"), choice(`{}`, "stop"), c.chunk, done))
		if err != nil || reply.Usage != c.want {
			t.Errorf("%s: %+v, %v", name, reply.Usage, err)
		}
	}
}

func TestBadStreamsAreErrors(t *testing.T) {
	for _, c := range []struct {
		name, stream, reason string
		temporary            bool
	}{
		{"garbage", events(content("a"), `{"choices":[`), "broke off", true},
		{"not a stream", "<html>", "broke off", true},
		{"empty", "", "broke off", true},
		{"nothing but the end", events(done), "broke off", true},
		{"no finish_reason and no end", events(content("a")), "broke off", true},
		{"server error", events(content("a"), `{"error":{"message":"The server had an error","type":"server_error","code":null}}`), "server_error: The server had an error", true},
		{"OpenRouter's code", events(chunk(`"error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{},"finish_reason":"error"}]`)), "502: Provider disconnected", true},
		{"in words", events(`{"error":"model not loaded"}`), "model not loaded", false},
		{"invalid", events(`{"error":{"message":"Failed to call a function","type":"invalid_request_error","code":"tool_use_failed"}}`), "invalid_request_error: Failed to call a function", false},
	} {
		_, _, err := stream(c.stream)
		var e *model.Error
		if !errors.As(err, &e) || e.Temporary != c.temporary || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %#v", c.name, err)
		}
	}
}

// Whatever arrives, the parser ends, gives text that equals its deltas, and
// inputs that are JSON objects.
func FuzzStream(f *testing.F) {
	f.Add([]byte(helloStream))
	f.Add([]byte(toolStream))
	f.Add([]byte(events(call(`{"id":"a","function":{"name":"f","arguments":{}}}`), `{"error":"x"}`)))
	f.Fuzz(func(t *testing.T, in []byte) {
		reply, deltas, err := stream(string(in))
		if err != nil {
			var e *model.Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		if strings.Join(deltas, "") != reply.Text {
			t.Fatal("text differs from its deltas")
		}
		for _, c := range reply.Calls {
			if c.ID == "" || (c.Input == nil) == (c.Garbled == "") || c.Input != nil && c.Input[0] != '{' {
				t.Fatalf("call %+v", c)
			}
		}
	})
}
