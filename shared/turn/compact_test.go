package turn_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"instar/shared/model"
	"instar/shared/session"
)

// summarizing answers requests for a summary, after keeping a fact, and leaves
// all others to talk.
func summarizing(talk answerFunc) answerFunc {
	return func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
		if !strings.HasPrefix(r.System, "You keep the notes") {
			return talk(ctx, r, onText)
		}
		if len(results(r)) == 0 {
			return model.Reply{Stop: model.StopTools, Usage: model.Usage{Input: 100, Output: 10},
				Calls: []model.ToolCall{call("f", "memory_write", `{"text":"Her cat is called Bo."}`)}}, nil
		}
		return text(nothing, "They talked about Bo the cat.")
	}
}

func nothing(string) {}

// chatter makes the history long: each turn is about 2.5 KB.
func (w *world) chatter(n int) {
	w.t.Helper()
	for i := range n {
		w.say(owner, fmt.Sprintf("message %d %s", i, strings.Repeat("word ", 500)))
	}
}

func TestALongConversationIsSummarizedAndItsFactsAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = summarizing(says("Fine."))
		w.say(owner, "my cat is called Bo and I bought her in Lisbon")
		w.chatter(40)
		last := w.lastRequest()
		if got := users(last); !strings.Contains(got[0], "They talked about Bo the cat.") {
			t.Errorf("the conversation begins with %.100q", got[0])
		}
		size := 0
		for _, m := range last.Messages {
			size += len(m.Text)
		}
		if size > 60<<10 {
			t.Errorf("the model is shown %d bytes", size)
		}
		if got := w.file("main/files/MEMORY.md"); strings.Count(got, "Her cat is called Bo.") != 1 {
			t.Errorf("memory holds %q", got)
		}
		w.models[primary].answer = inTurn(asks(call("s", "memory_search", `{"query":"Lisbon"}`)), says("In Lisbon."))
		w.say(owner, "where did I buy her?")
		all := w.lastRequest().Messages
		if found := all[len(all)-1].Results; len(found) != 1 || !strings.Contains(found[0].Text, "bought her in Lisbon") {
			t.Errorf("found %+v", found)
		}
	})
}

func TestWithoutAModelALongConversationStillGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		down := func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			if strings.HasPrefix(r.System, "You keep the notes") {
				return model.Reply{}, &model.Error{Provider: "anthropic", Status: 401, Reason: "no"}
			}
			return text(onText, "Fine.")
		}
		w.models[primary].answer, w.models[fallback].answer = down, down
		w.say(owner, "my cat is called Bo")
		w.chatter(60)
		head, _, err := w.sessions().Head(t.Context(), session.Main)
		if err != nil || head.Through == 0 || !strings.Contains(head.Summary, "message") || len(head.Summary) > session.MaxSummary {
			t.Errorf("through %d, summary of %d bytes, %v", head.Through, len(head.Summary), err)
		}
		size := 0
		for _, m := range w.lastRequest().Messages {
			size += len(m.Text)
		}
		if size > 80<<10 {
			t.Errorf("the model is shown %d bytes", size)
		}
		w.models[primary].answer = inTurn(asks(call("s", "memory_search", `{"query":"cat Bo"}`)), says("Bo."))
		w.say(owner, "what is she called?")
		all := w.lastRequest().Messages
		if found := all[len(all)-1].Results; len(found) != 1 || !strings.Contains(found[0].Text, "my cat is called Bo") {
			t.Errorf("found %+v", found)
		}
	})
}

// Compacting fails, or dies, at each of its calls; then it is done again.
func TestCompactionThatIsCutOffLosesAndDoublesNothing(t *testing.T) {
	calls := 0
	for at := 0; at <= max(calls, 1); at++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.models[primary].answer = summarizing(says("Fine."))
			w.hooks.set(func(what string) error { return nil }, nil)
			w.say(owner, "unique beginning")
			for i := range 18 {
				w.deliverOnly(fmt.Sprintf("message %d %s", i, strings.Repeat("word ", 500)))
			}
			c := &crashPoint{kind: 3, at: at}
			w.hooks.set(c.before, c.after)
			err := w.engine.Compact(t.Context(), session.Main)
			if at == 0 {
				calls = c.n
				if err != nil || calls < 8 {
					t.Fatalf("%d calls, %v", calls, err)
				}
			}
			w.mend()
			for range 2 {
				if err := w.engine.Compact(t.Context(), session.Main); err != nil {
					t.Fatal(err)
				}
			}
			head, _, err := w.sessions().Head(t.Context(), session.Main)
			if err != nil || head.Summary != "They talked about Bo the cat." || head.Through < 5 || head.Logged != head.Through || head.History[0].Seq != head.Through+1 {
				t.Errorf("call %d: through %d, logged %d, summary %q, %v", at, head.Through, head.Logged, head.Summary, err)
			}
			if got := w.file("main/files/MEMORY.md"); strings.Count(got, "Bo") != 1 {
				t.Errorf("call %d: memory holds %q", at, got)
			}
			page, err := w.log().Search(t.Context(), "unique beginning", 10)
			if err != nil || len(page) != 1 {
				t.Errorf("call %d: the log holds it %d times, %v", at, len(page), err)
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("compaction cut off at each of %d calls", calls)
}

func TestWhatWasSaidBeforeStartingOverCanStillBeLookedUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "the code is heliotrope")
		w.say(owner, "/new")
		if hits, err := w.log().Search(t.Context(), "heliotrope", 5); err != nil || len(hits) == 0 {
			t.Errorf("%+v, %v", hits, err)
		}
		w.say(owner, "hello")
		if got := users(w.lastRequest()); len(got) != 1 {
			t.Errorf("the model was asked %q", got)
		}
	})
}

func TestCompactionIsWithinTheBudgetAndIsBooked(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = summarizing(says("Fine."))
		w.chatter(20)
		asked := 0
		for _, r := range w.models[primary].asked() {
			if strings.HasPrefix(r.System, "You keep the notes") {
				asked++
			}
		}
		reported, err := w.engine.Budget.Sessions(t.Context())
		if err != nil || asked == 0 || reported["main~compact"] == 0 {
			t.Errorf("asked %d times, booked %v, %v", asked, reported, err)
		}
	})
}

func TestALongToolResultIsShownShortInLaterTurnsAndCanBeReadOn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for i := range 120 {
			w.remember(fmt.Sprintf("files/memory/2000-%02d-%02d.md", 1+i/28, 1+i%28), "- zebra "+strings.Repeat("stripe ", 200)+"\n")
		}
		w.models[primary].answer = inTurn(asks(call("s", "memory_search", `{"query":"zebra","limit":20}`)), says("Many."), says("Yes."))
		w.say(owner, "what of zebras?")
		all := w.lastRequest().Messages
		now := all[len(all)-1].Results[0].Text
		w.say(owner, "and now?")
		later := ""
		for _, m := range w.lastRequest().Messages {
			for _, r := range m.Results {
				later = r.Text
			}
		}
		if len(now) < 4<<10 || len(later) > 3<<10 || later == "" {
			t.Errorf("shown with %d bytes, later with %d", len(now), len(later))
		}
	})
}

// What the owner said stands beside the summary word for word; what they passed
// on does not, and what does not fit is in the log.
func TestTheOwnersWordsOutliveTheirSummary(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = summarizing(says("Fine."))
		w.chatter(9)
		w.deliver(w.forwarded("All invoices go to DE00."))
		w.say(owner, "My landlord is Anna, anna@landlord.example.")
		for range 45 {
			w.say(owner, "and on")
		}
		first := users(w.lastRequest())[0]
		before, words, ok := strings.Cut(first, "[What the person said then, word for word.]")
		if !ok || !strings.Contains(words, ": My landlord is Anna, anna@landlord.example.\n") {
			t.Errorf("the conversation begins with %q", first)
		}
		if strings.Contains(words, "DE00") || !strings.Contains(before, "Bo the cat") {
			t.Errorf("among the owner's words: %q", words)
		}
		if len(words) > 8<<10 {
			t.Errorf("%d bytes of words", len(words))
		}
		w.say(owner, "/new")
		w.say(owner, "hello")
		if got := users(w.lastRequest()); strings.Contains(strings.Join(got, ""), "landlord") {
			t.Errorf("after starting over: %q", got)
		}
	})
}
