package anthropic

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
)

func TestTextArrivesInPieces(t *testing.T) {
	reply, deltas, err := stream(helloStream)
	if err != nil {
		t.Fatal(err)
	}
	want := model.Reply{Text: "Hello, 世界 🌍", Stop: model.StopEnd,
		Usage: model.Usage{Input: 25, Output: 15, CacheRead: 2000, CacheWrite: 100}}
	if !reflect.DeepEqual(reply, want) {
		t.Errorf("got %+v, want %+v", reply, want)
	}
	if len(deltas) != 2 || strings.Join(deltas, "") != want.Text {
		t.Errorf("deltas %q", deltas)
	}
}

func TestToolCallsComeInTinyPiecesAndThinkingIsIgnored(t *testing.T) {
	reply, _, err := stream(toolStream)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Text != "Let me look." || reply.Stop != model.StopTools || len(reply.Calls) != 2 {
		t.Fatalf("got %+v", reply)
	}
	if c := reply.Calls[0]; c.ID != "toolu_1" || c.Name != "memory_search" ||
		string(c.Input) != `{"query": "caf\u00e9 \"x\"", "n": [1, {"a": null}]}` || c.Garbled != "" {
		t.Errorf("first call %+v", c)
	}
	if c := reply.Calls[1]; string(c.Input) != "{}" {
		t.Errorf("call without input %+v", c)
	}
	if (reply.Usage != model.Usage{Input: 30, Output: 89, CacheRead: 2001, CacheWrite: 101}) {
		t.Errorf("usage totals were not taken as totals: %+v", reply.Usage)
	}
}

func TestAStreamCutAnywhereIsAnErrorOrTheWholeReply(t *testing.T) {
	for name, whole := range map[string]string{"text": helloStream, "tools": toolStream} {
		want, _, err := stream(whole)
		if err != nil {
			t.Fatal(err)
		}
		for i := range whole {
			got, _, err := stream(whole[:i])
			if err == nil {
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s cut at %d passed as %+v", name, i, got)
				}
				continue
			}
			var e *model.Error
			if !errors.As(err, &e) || !e.Temporary || e.Status != 0 {
				t.Fatalf("%s cut at %d: %#v", name, i, err)
			}
			if !reflect.DeepEqual(got, model.Reply{}) {
				t.Fatalf("%s cut at %d gave a reply beside the error", name, i)
			}
		}
	}
}

func TestABrokenStreamTellsWhatItUsed(t *testing.T) {
	_, _, err := stream(events(messageStart, textStart(0), textDelta(0, "Hel")))
	var e *model.Error
	if !errors.As(err, &e) || e.Usage != (model.Usage{Input: 25, Output: 1, CacheRead: 2000, CacheWrite: 100}) {
		t.Errorf("%#v", err)
	}
}

func TestBadStreamsAreErrors(t *testing.T) {
	start := events(messageStart, textStart(0), textDelta(0, "Hi"))
	for _, c := range []struct {
		name, stream, reason string
		temporary            bool
	}{
		{"garbage", start + "data: {\"type\":\n\n", "broke off", true},
		{"not a stream", "<html>Bad gateway</html>", "broke off", true},
		{"empty", "", "broke off", true},
		{"overloaded", start + event(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), "overloaded_error: Overloaded", true},
		{"internal", start + event(`{"type":"error","error":{"type":"api_error","message":"Internal server error"}}`), "api_error: Internal server error", true},
		{"invalid", start + event(`{"type":"error","error":{"type":"invalid_request_error","message":"no"}}`), "invalid_request_error: no", false},
		{"speechless", start + event(`{"type":"error"}`), "error without words", false},
		{"endless event", start + "data: " + strings.Repeat("x", 2<<20), "broke off", true},
	} {
		_, _, err := stream(c.stream)
		var e *model.Error
		if !errors.As(err, &e) || e.Temporary != c.temporary || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %#v", c.name, err)
		}
	}
}

func TestStopReasons(t *testing.T) {
	for reason, want := range map[string]model.Stop{
		"end_turn": model.StopEnd, "stop_sequence": model.StopEnd, "something_new": model.StopEnd,
		"max_tokens": model.StopLength, "model_context_window_exceeded": model.StopLength,
		"refusal": model.StopRefusal, "tool_use": model.StopEnd, // for want of a call
	} {
		reply, _, err := stream(events(messageStart, messageDelta(reason, 1), messageStop))
		if err != nil || reply.Stop != want {
			t.Errorf("%s: %v, %v", reason, reply.Stop, err)
		}
	}
}

func TestToolInputThatIsNotAnObjectIsGarbled(t *testing.T) {
	for _, args := range []string{`[1]`, `"x"`, `{"a":`, `{"a":1} x`, `null`} {
		reply, _, err := stream(events(messageStart, toolStart(0, "t", "f"), argsDelta(0, args), blockStop(0),
			messageDelta("tool_use", 1), messageStop))
		if err != nil || len(reply.Calls) != 1 || reply.Calls[0].Input != nil || reply.Calls[0].Garbled != args {
			t.Errorf("%s: %+v, %v", args, reply.Calls, err)
		}
	}
}

func TestInputSentWholeAtTheStartIsTaken(t *testing.T) {
	reply, _, err := stream(events(messageStart,
		blockStart(0, `{"type":"tool_use","id":"t","name":"f","input":{"a":1}}`), blockStop(0),
		messageDelta("tool_use", 1), messageStop))
	if err != nil || len(reply.Calls) != 1 || string(reply.Calls[0].Input) != `{"a":1}` {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestUnknownEventsAndBlocksAreSkipped(t *testing.T) {
	reply, _, err := stream(events(messageStart, `{"type":"brand_new"}`,
		blockStart(0, `{"type":"redacted_thinking","data":"x"}`), delta(0, `{"type":"new_delta","text":"no"}`), blockStop(0),
		argsDelta(7, "stray"), textStart(1), textDelta(1, "yes"), blockStop(1), messageDelta("end_turn", 1), messageStop))
	if err != nil || reply.Text != "yes" || reply.Calls != nil {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestNothingIsReadAfterTheEnd(t *testing.T) {
	body := io.MultiReader(strings.NewReader(helloStream), neverEnding{})
	if _, err := decode(context.Background(), body, nil, nil); err != nil {
		t.Fatal(err)
	}
}

type neverEnding struct{}

func (neverEnding) Read([]byte) (int, error) { panic("read past message_stop") }

func TestAReplyHasABound(t *testing.T) {
	big := event(textDelta(0, strings.Repeat("x", 512<<10)))
	_, _, err := stream(events(messageStart, textStart(0)) + strings.Repeat(big, 20))
	if !errors.Is(err, wire.ErrTooLong) {
		t.Errorf("%v", err)
	}
}

// Whatever arrives, the parser ends, gives text that equals its deltas, and
// inputs that are JSON objects.
func FuzzStream(f *testing.F) {
	f.Add([]byte(helloStream))
	f.Add([]byte(toolStream))
	f.Add([]byte(event(`{"type":"error","error":{"type":"overloaded_error"}}`)))
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
			if (c.Input == nil) == (c.Garbled == "") || c.Input != nil && c.Input[0] != '{' {
				t.Fatalf("call %+v", c)
			}
		}
	})
}
