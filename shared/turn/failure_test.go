package turn_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/model"
	"instar/shared/session"
)

func modelError(status int, reason string) error {
	return &model.Error{Provider: "anthropic", Status: status, Reason: reason, Err: errors.New("https://api.example.com/?key=hunter2")}
}

func TestWhenAllModelsFailThePersonIsToldWhatToDo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = fails(modelError(401, "authentication_error: invalid x-api-key"))
		w.models[fallback].answer = fails(modelError(429, "insufficient_quota: no credit"))
		done := w.say(owner, "hello")
		for _, want := range []string{primary, "ANTHROPIC_API_KEY", fallback, "credit"} {
			if !strings.Contains(done.Reply, want) {
				t.Errorf("the reply does not hold %q: %q", want, done.Reply)
			}
		}
		if strings.Contains(done.Reply, "hunter2") || strings.Contains(done.Reply, "https://") {
			t.Errorf("the reply holds a secret: %q", done.Reply)
		}
		if done.State != session.Failed || !slices.Equal(w.telegram.in("42"), []string{done.Reply}) {
			t.Errorf("%s, chat shows %q", done.State, w.telegram.in("42"))
		}
		// What failed is not part of the conversation, and the next message is answered.
		w.models[primary].answer = echo
		if done := w.say(owner, "again"); done.Reply != "Answer: again" || len(w.lastRequest().Messages) != 1 {
			t.Errorf("next: %q, shown %+v", done.Reply, w.lastRequest().Messages)
		}
	})
}

func TestTheModelThatAnsweredInsteadIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = fails(modelError(529, "overloaded_error: Overloaded"))
		done := w.say(owner, "hello")
		if !strings.HasPrefix(done.Reply, "Answer: hello\n\n") || !strings.Contains(done.Reply, "Answered by "+fallback+", because "+primary) {
			t.Errorf("reply %q", done.Reply)
		}
		if done.Model != fallback {
			t.Errorf("recorded model %q", done.Model)
		}
		w.models[primary].answer = echo
		w.say(owner, "again")
		for _, m := range w.lastRequest().Messages {
			if strings.Contains(m.Text, "Answered by") {
				t.Errorf("the note is in the model's history: %q", m.Text)
			}
		}
	})
}

// breaksOff shows some text and fails.
func breaksOff(partial string) answerFunc {
	return func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
		onText(partial)
		time.Sleep(1500 * time.Millisecond)
		return model.Reply{}, &model.Error{Provider: "anthropic", Reason: "the stream ended early", Temporary: true}
	}
}

func TestTextOfABrokenReplyIsTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(breaksOff("half an answer and more"), says("A whole answer."))
		done := w.say(owner, "hello")
		if done.Reply != "A whole answer." || !slices.Equal(w.telegram.in("42"), []string{"A whole answer."}) {
			t.Errorf("reply %q, chat %q", done.Reply, w.telegram.in("42"))
		}
		if !slices.ContainsFunc(w.telegram.shown("42"), func(s string) bool { return strings.Contains(s, "half an") }) {
			t.Error("the partial text was never shown, so this test shows nothing")
		}
	})
}

func TestTextBeforeAToolCallSurvivesABrokenReplyAfterIt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
			onText("Let me look.")
			return model.Reply{Text: "Let me look.", Stop: model.StopTools, Calls: []model.ToolCall{call("a", "memory_search", `{"query":"x"}`)}}, nil
		}
		w.models[primary].answer = inTurn(first, breaksOff("Half an"), slowly(0, "Nothing there at all, really nothing, sorry, not a single thing."))
		w.say(owner, "hello")
		seen := false
		for _, shown := range w.telegram.shown("42") {
			if seen = seen || strings.Contains(shown, "Half"); seen && !strings.HasPrefix(shown, "Let me look.") {
				t.Errorf("after the break the person is shown %q", shown)
			}
		}
		if !seen {
			t.Error("the partial text was never shown, so this test shows nothing")
		}
	})
}

func TestLengthRefusalAndEmptyAnswersAreExplained(t *testing.T) {
	for name, c := range map[string]struct {
		reply model.Reply
		want  []string
		exact string
	}{
		"length":            {reply: model.Reply{Text: "A long", Stop: model.StopLength}, want: []string{"A long\n\n(", "go on"}},
		"length, no text":   {reply: model.Reply{Stop: model.StopLength}, want: []string{"(The answer was cut"}},
		"refusal":           {reply: model.Reply{Stop: model.StopRefusal}, exact: "The model declined to answer this."},
		"refusal, midway":   {reply: model.Reply{Text: "First you", Stop: model.StopRefusal}, want: []string{"First you\n\n(", "declined"}},
		"empty":             {reply: model.Reply{Stop: model.StopEnd}, want: []string{"empty answer", "again"}},
		"nothing but space": {reply: model.Reply{Text: " \n", Stop: model.StopEnd}, want: []string{"empty answer", "again"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.models[primary].answer = func(context.Context, model.Request, func(string)) (model.Reply, error) { return c.reply, nil }
				done := w.say(owner, "hello")
				for _, want := range c.want {
					if !strings.Contains(done.Reply, want) {
						t.Errorf("reply %q does not hold %q", done.Reply, want)
					}
				}
				if c.exact != "" && done.Reply != c.exact || strings.TrimSpace(done.Reply) != done.Reply {
					t.Errorf("reply %q, want %q", done.Reply, c.exact)
				}
				if got := w.telegram.in("42"); !slices.Equal(got, []string{done.Reply}) {
					t.Errorf("chat shows %q", got)
				}
			})
		})
	}
}

func TestAUsedUpBudgetNamesItsVariableAndCallsNoModel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.engine.Budget.Daily = 0.05
		dear := func(_ context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
			return model.Reply{Text: "dear", Stop: model.StopEnd, Usage: model.Usage{Output: 4000}}, nil // $0.06
		}
		w.models[primary].answer = dear
		w.say(owner, "one")
		before := len(w.models[primary].asked())
		done := w.say(owner, "two")
		if !strings.Contains(done.Reply, "BUDGET_DAILY_USD") || !strings.Contains(done.Reply, "$0.05") || done.State != session.Failed {
			t.Errorf("%s: %q", done.State, done.Reply)
		}
		if len(w.models[primary].asked()) != before || len(w.models[fallback].asked()) != 0 {
			t.Error("a model was asked")
		}
		time.Sleep(24 * time.Hour)
		if done := w.say(owner, "tomorrow"); done.Reply != "dear" {
			t.Errorf("the next day: %q", done.Reply)
		}
	})
}

// A ledger that cannot be read is no reason to tell the person that their
// message was not answered: the queue delivers it again.
func TestAnUnreadableBudgetIsTriedAgainAndCallsNoModel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.breaks("main/usage/")
		key := w.put(w.message(owner, "hello"))
		if done, err := w.handle(key, false); err == nil {
			t.Errorf("the turn ended: %q", done.Reply)
		}
		if len(w.models[primary].asked()) != 0 {
			t.Error("a model was asked without a budget")
		}
		w.mend()
		w.until(key, true)
		if got := w.telegram.in("42"); len(got) == 0 || got[len(got)-1] != "Answer: hello" {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestCostsAreBookedAlsoForCallsThatFailed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = fails(&model.Error{Provider: "anthropic", Status: 400, Reason: "x", Usage: model.Usage{Output: 1000}}) // $0.015
		w.models[fallback].answer = func(context.Context, model.Request, func(string)) (model.Reply, error) {
			return model.Reply{Text: "hi", Stop: model.StopEnd}, nil
		}
		done := w.say(owner, "hello")
		if done.Cost < 0.0149 || done.Cost > 0.0151 || done.Grant == nil || done.Grant.Spent != done.Cost {
			t.Errorf("cost $%.4f, grant %+v", done.Cost, done.Grant)
		}
	})
}

func TestAPlatformThatIsDownGetsTheAnswerWhenItIsBack(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.breaks("telegram ")
		key := w.put(w.message(owner, "hello"))
		if _, err := w.handle(key, false); err == nil {
			t.Error("an undelivered turn is no error")
		}
		w.mend()
		w.until(key, true)
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Answer: hello"}) {
			t.Errorf("chat shows %q", got)
		}
		if n := len(w.models[primary].asked()); n != 1 {
			t.Errorf("the model was asked %d times", n)
		}
	})
}

func TestABucketThatIsDownLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		key := w.put(w.message(owner, "hello"))
		w.breaks("main/")
		if _, err := w.handle(key, false); err == nil {
			t.Error("no error")
		}
		w.mend()
		w.until(key, true)
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Answer: hello"}) {
			t.Errorf("chat shows %q", got)
		}
	})
}
