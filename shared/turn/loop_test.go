package turn_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/model"
	"instar/shared/session"
	"instar/shared/turn"
)

func TestToolResultsGoBackToTheModel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(
			func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
				onText("Let me look.")
				return model.Reply{Text: "Let me look.", Stop: model.StopTools, Calls: []model.ToolCall{
					call("a", "memory_write", `{"text":"Anna likes oolong."}`), call("b", "memory_search", `{"query":"oolong"}`)}}, nil
			}, says("Oolong."))
		done := w.say(owner, "what do I like?")
		got := results(w.lastRequest())
		if len(got) != 2 || got[0].ID != "a" || got[0].Error || got[1].ID != "b" || !strings.Contains(got[1].Text, "Anna likes oolong.") {
			t.Errorf("results: %+v", got)
		}
		if asked := w.lastRequest().Messages; len(asked) != 3 || asked[1].Text != "Let me look." || len(asked[1].Calls) != 2 {
			t.Errorf("the model is shown %+v", asked)
		}
		if done.Reply != "Let me look.\n\nOolong." || !slices.Equal(w.telegram.in("42"), []string{done.Reply}) {
			t.Errorf("reply %q, chat %q", done.Reply, w.telegram.in("42"))
		}
		// The next turn is shown all of it.
		w.say(owner, "thanks")
		if asked := w.lastRequest().Messages; len(asked) != 5 || asked[3].Text != "Oolong." || asked[4].Text != "thanks" {
			t.Errorf("in the next turn: %+v", asked)
		}
	})
}

func TestWhoWatchesSeesTheToolsAndTheText(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(asks(call("a", "memory_write", `{"text":"x"}`), call("b", "message_send", `{"channel":"slack"}`), call("c", "nothing", `{}`)), says("Done."))
		var mu sync.Mutex
		var events []string
		note := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, fmt.Sprintf(format, args...))
		}
		live := turn.Live{
			Started: func(id string, seq int) { note("started %s %d", id, seq) },
			Text:    func(delta string) { note("text %s", delta) },
			Tool:    func(id, name, state, _ string) { note("%s %s %s", id, name, state) },
		}
		if _, err := w.engine.Handle(t.Context(), turn.Delivery{Key: w.put(w.message("web:main", "hi"))}, live); err != nil {
			t.Fatal(err)
		}
		want := []string{"started main 1", "a memory_write running", "a memory_write done", "b message_send running",
			"b message_send failed", "c nothing running", "c nothing failed", "text Done."}
		if !slices.Equal(events, want) {
			t.Errorf("events\n%q, want\n%q", events, want)
		}
	})
}

func TestTextBeforeAToolCallStandsApartFromTextAfterIt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := func(ctx context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
			onText("Let me look.")
			return model.Reply{Text: "Let me look.", Stop: model.StopTools, Calls: []model.ToolCall{call("a", "memory_search", `{"query":"x"}`)}}, nil
		}
		w.models[primary].answer = inTurn(first, slowly(time.Second, "Nothing at all."))
		w.say(owner, "hi")
		for _, shown := range w.telegram.shown("42") {
			if strings.Contains(shown, "look.Nothing") {
				t.Errorf("shown: %q", shown)
			}
		}
	})
}

func TestATurnHasAtMostTwentySteps(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := 0
		w.models[primary].answer = func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			n++
			return asks(call("x", "memory_search", fmt.Sprintf(`{"query":"%d"}`, n)))(ctx, r, onText)
		}
		done := w.say(owner, "go on for ever")
		if asked := len(w.models[primary].asked()); asked != turn.MaxSteps || turn.MaxSteps != 20 {
			t.Errorf("the model was asked %d times", asked)
		}
		if done.State != session.Failed || !strings.Contains(done.Reply, "20 steps") {
			t.Errorf("%s: %q", done.State, done.Reply)
		}
	})
}

func TestATurnHasAtMostTenMinutes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = func(ctx context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
			onText("I think")
			<-ctx.Done()
			return model.Reply{}, &model.Error{Provider: "anthropic", Reason: "cut", Temporary: true, Err: ctx.Err()}
		}
		began := time.Now()
		done := w.say(owner, "hi")
		if took := time.Since(began); took < turn.MaxTime || took > turn.MaxTime+time.Second {
			t.Errorf("the turn took %v", took)
		}
		if done.State != session.Failed || !strings.Contains(done.Reply, "10 minutes") || !strings.Contains(done.Reply, "I think") {
			t.Errorf("%s: %q", done.State, done.Reply)
		}
		if len(w.models[primary].asked()) != 1 || len(w.models[fallback].asked()) != 0 {
			t.Error("the model was asked again after the time was up")
		}
	})
}

func TestATurnCostsAtMostTwoDollars(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := 0
		w.models[primary].answer = func(context.Context, model.Request, func(string)) (model.Reply, error) {
			n++ // $0.60 each
			return model.Reply{Text: "Looking on.", Calls: []model.ToolCall{call("x", "memory_search", fmt.Sprintf(`{"query":"%d"}`, n))},
				Stop: model.StopTools, Usage: model.Usage{Output: 40_000}}, nil
		}
		done := w.say(owner, "spend")
		if n != 4 || done.State != session.Failed || !strings.Contains(done.Reply, "$2.40") || !strings.Contains(done.Reply, "$2.00") {
			t.Errorf("after %d calls %s: %q", n, done.State, done.Reply)
		}
		if done.Cost < 2.39 || done.Cost > 2.41 || done.Usage.Output != 160_000 {
			t.Errorf("recorded: $%.2f, %+v", done.Cost, done.Usage)
		}
	})
}

func TestTheSameCallIsRunThreeTimesAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			if last := results(r); len(last) > 0 && strings.Contains(last[0].Text, "3 times") {
				return text(onText, "I see.")
			}
			return asks(call("x", "message_send", `{"channel":"slack","text":"hi"}`))(ctx, r, onText)
		}
		if done := w.say(owner, "send hi"); done.Reply != "I see." {
			t.Errorf("reply %q", done.Reply)
		}
		if n := len(w.slack.in("U1")); n != turn.MaxSame {
			t.Errorf("the message was sent %d times, want %d", n, turn.MaxSame)
		}
	})
}

func TestMoreOfTheSameCallInOneReplyIsRefusedToo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var calls []model.ToolCall
		for i := range 10 {
			calls = append(calls, call(fmt.Sprint(i), "message_send", `{"channel":"slack","text":"hi"}`))
		}
		w.models[primary].answer = inTurn(asks(calls...), says("Done."))
		w.say(owner, "flood")
		if n := len(w.slack.in("U1")); n != turn.MaxSame {
			t.Errorf("sent %d times, want %d", n, turn.MaxSame)
		}
	})
}

func TestWhatAToolDoesNotUnderstandIsToldToTheModel(t *testing.T) {
	for name, c := range map[string]struct {
		call model.ToolCall
		want string
	}{
		"garbled":      {model.ToolCall{ID: "1", Name: "memory_search", Garbled: `{"query":`}, "not a JSON object"},
		"unknown tool": {call("1", "rm_rf", `{}`), "no tool of that name"},
		"wrong type":   {call("1", "memory_search", `{"query":7}`), "schema"},
		"empty":        {call("1", "memory_search", `{"query":" "}`), "empty"},
		"wrong file":   {call("1", "memory_write", `{"text":"x","file":"SOUL.md"}`), "SOUL.md is the owner's"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.models[primary].answer = inTurn(asks(c.call), says("Sorry."))
				done := w.say(owner, "hi")
				got := results(w.lastRequest())
				if len(got) != 1 || !got[0].Error || !strings.Contains(got[0].Text, c.want) || done.Reply != "Sorry." {
					t.Errorf("results %+v, reply %q", got, done.Reply)
				}
			})
		})
	}
}

func TestAnAnswerTooLongForOneMessageIsSplit(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.telegram.most = 10
		w.models[primary].answer = says("0123456789abcdefghijXYZ")
		w.say(owner, "hi")
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"0123456789", "abcdefghij", "XYZ"}) {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestInAGroupTheReplyQuotesItsMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		m := w.group(owner, "@instar_bot hi")
		w.deliver(m)
		w.say(owner, "hi")
		if got := w.telegram.messages; len(got) != 2 || got[0].replyTo != m.PlatformID || got[1].replyTo != "" {
			t.Errorf("quotes %q and %q", got[0].replyTo, got[1].replyTo)
		}
	})
}
