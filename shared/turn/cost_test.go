package turn_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/model"
)

// spent is what f cost the bucket.
func (w *world) spent(f func()) bucket.Counts {
	before := w.bucket.Counts()
	f()
	after := w.bucket.Counts()
	return bucket.Counts{Reads: after.Reads - before.Reads, Writes: after.Writes - before.Writes,
		Deletes: after.Deletes - before.Deletes, Lists: after.Lists - before.Lists}
}

// slowly is a model whose first word takes a while, and each of its others a bit.
func slowly(first time.Duration, answer string) answerFunc {
	return func(ctx context.Context, _ model.Request, onText func(string)) (model.Reply, error) {
		time.Sleep(first)
		for word := range strings.SplitAfterSeq(answer, " ") {
			onText(word)
			time.Sleep(100 * time.Millisecond)
			if ctx.Err() != nil {
				return model.Reply{}, ctx.Err()
			}
		}
		return model.Reply{Text: answer, Stop: model.StopEnd, Usage: model.Usage{Input: 100, Output: 10}}, ctx.Err()
	}
}

func TestATurnWithoutToolsCostsFourWritesAndSixReads(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "the day's first turn also asks the budget")
		c := w.spent(func() { w.say(owner, "hello") })
		// To take the message off the inbox is free of charge: object stores do not bill a delete.
		if c.Writes > 4 || c.Reads > 6 || c.Lists > 0 || c.Deletes > 1 {
			t.Errorf("a turn cost %+v, want at most 4 writes and 6 reads", c)
		}
		t.Logf("a turn without tools: %+v", c)
	})
}

// The first turn of a session's day fetches its part of the budget.
func TestTheFirstTurnOfADayCostsOneReadAndOneWriteMore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		c := w.spent(func() { w.say(owner, "hello") })
		if c.Writes > 5 || c.Reads > 7 {
			t.Errorf("the first turn cost %+v, want at most 5 writes and 7 reads", c)
		}
	})
}

func TestAThousandTurnsOfHistoryCostNoMore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for i := range 1000 {
			w.say(owner, fmt.Sprintf("message %d", i))
		}
		c := w.spent(func() { w.say(owner, "hello") })
		if c.Writes > 4 || c.Reads > 6 || c.Lists > 0 {
			t.Errorf("turn 1,001 cost %+v, want at most 4 writes and 6 reads", c)
		}
		if n := len(w.telegram.in("42")); n != 1001 {
			t.Errorf("%d answers to 1,001 messages", n)
		}
	})
}

func TestAModelThatThinksForFiveSecondsCostsNoMoreWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "first")
		w.telegram.wait = 300 * time.Millisecond
		w.models[primary].answer = slowly(5*time.Second, strings.Repeat("word ", 30))
		c := w.spent(func() { w.say(owner, "hello") })
		if c.Writes > 4 {
			t.Errorf("a slow turn cost %+v, want at most 4 writes", c)
		}
		// It took 8 s; twice a second it looks whether it shall stop.
		if c.Reads > 6+2*9 {
			t.Errorf("a slow turn cost %d reads", c.Reads)
		}
		t.Logf("a turn of 8 s without tools: %+v", c)
	})
}

func TestASlowTurnOfTheWebCostsNoMoreWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say("web:main", "first")
		w.models[primary].answer = slowly(5*time.Second, "word")
		if c := w.spent(func() { w.say("web:main", "hello") }); c.Writes > 4 {
			t.Errorf("a slow turn cost %+v, want at most 4 writes", c)
		}
	})
}

// The two writes more are the model's call, before it is acted on, and its
// result; the tool's own are not the turn's.
func TestATurnWithOneToolCallCostsSixWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "first")
		w.models[primary].answer = inTurn(asks(call("1", "memory_search", `{"query":"tea"}`)), says("Nothing."))
		c := w.spent(func() { w.say(owner, "what tea do I like?") })
		// 2 reads and two listings are memory_search looking into the files and
		// the log.
		want := bucket.Counts{Reads: 8, Writes: 6, Deletes: 1, Lists: 2}
		if c != want {
			t.Errorf("a turn with one tool call cost %+v, want %+v", c, want)
		}
	})
}

func TestADuplicateCostsTwoReadsAndTheRefusedWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		m := w.message(owner, "hello")
		w.deliver(m)
		c := w.spent(func() { w.until(w.put(m), false) })
		if want := (bucket.Counts{Reads: 2, Writes: 1}); c != want {
			t.Errorf("a duplicate cost %+v, want %+v", c, want)
		}
	})
}

func TestGuestsAndGroupsStayInTheBoundsToo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = "open"
		for name, message := range map[string]func() *chat.Message{
			"guest": func() *chat.Message { return w.message("telegram:7", "hello") },
			"group": func() *chat.Message { return w.group(owner, "@instar_bot hello") },
		} {
			w.deliver(message())
			if c := w.spent(func() { w.deliver(message()) }); c.Writes > 4 || c.Reads > 6 {
				t.Errorf("%s: a turn cost %+v", name, c)
			}
		}
	})
}
