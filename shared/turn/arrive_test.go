package turn_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/session"
	"instar/shared/turn"
)

// later delivers a message after a while, beside everything else.
func (w *world) later(wait *sync.WaitGroup, after time.Duration, m func() *chat.Message) {
	wait.Go(func() {
		time.Sleep(after)
		w.until(w.put(m()), false)
	})
}

func (w *world) said(person, text string) func() *chat.Message {
	return func() *chat.Message { return w.message(person, text) }
}

// users are the texts of the person in a request.
func users(r model.Request) (texts []string) {
	for _, m := range r.Messages {
		if m.Role == model.User && m.Text != "" {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func TestAQuickSeriesIsReadAsOneMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(800*time.Millisecond, "Yes.")
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "hello"))
		w.later(&wait, 100*time.Millisecond, w.said(owner, "can you"))
		w.later(&wait, 250*time.Millisecond, w.said(owner, "help me?"))
		wait.Wait()
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Yes."}) {
			t.Errorf("chat shows %q", got)
		}
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"hello\n\ncan you\n\nhelp me?"}) {
			t.Errorf("the model was asked %q", got)
		}
	})
}

// The model answers at once: what comes before its answer is recorded still
// belongs to it.
func TestAMessageThatMeetsTheEndOfAQuickTurnIsJoined(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(0, "one two") // 200 ms
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "hello"))
		w.later(&wait, 100*time.Millisecond, w.said(owner, "again"))
		wait.Wait()
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"one two"}) {
			t.Errorf("chat shows %q", got)
		}
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"hello\n\nagain"}) {
			t.Errorf("the model was asked %q", got)
		}
	})
}

func TestASingleMessageIsNotHeldUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		began := time.Now()
		w.say(owner, "hello")
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAPasteInPartsIsReadAsOneMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		part := strings.Repeat("é", 4096)
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, part))
		w.later(&wait, 1200*time.Millisecond, w.said(owner, part))
		w.later(&wait, 2500*time.Millisecond, w.said(owner, "end"))
		wait.Wait()
		if n := len(w.models[primary].asked()); n != 1 {
			t.Errorf("the model was asked %d times", n)
		}
		if got := users(w.lastRequest()); len(got) != 1 || got[0] != part+"\n\n"+part+"\n\nend" {
			t.Errorf("the model was asked %d texts", len(got))
		}
	})
}

func TestAMessageThatComesLaterHasATurnOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(2*time.Second, "Yes.")
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "hello"))
		w.later(&wait, 400*time.Millisecond, w.said(owner, "another"))
		wait.Wait()
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Yes.", "Yes."}) {
			t.Errorf("chat shows %q", got)
		}
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"hello", "another"}) {
			t.Errorf("the model was asked %q", got)
		}
	})
}

// toolThen asks for a tool, then answers; each call takes two seconds.
func toolThen(answer string) answerFunc {
	return func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
		time.Sleep(2 * time.Second)
		if len(results(r)) == 0 {
			return model.Reply{Stop: model.StopTools, Calls: []model.ToolCall{call("1", "memory_search", `{"query":"tea"}`)}}, nil
		}
		return text(onText, answer)
	}
}

func TestWhatIsSaidDuringATurnJoinsItBetweenToolCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = toolThen("Yes.")
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "look up tea"))
		w.later(&wait, time.Second, w.said(owner, "green tea, I mean"))
		w.later(&wait, 1500*time.Millisecond, w.said(owner, "/status"))
		wait.Wait()
		got := w.telegram.in("42")
		if len(got) != 2 || got[0] != "Yes." || !strings.HasPrefix(got[1], "Instar test") {
			t.Errorf("chat shows %q", got)
		}
		if got := users(w.lastRequest()); !slices.Equal(got, []string{"look up tea", "green tea, I mean"}) {
			t.Errorf("the model was asked %q", got)
		}
		// And in later turns it stands where it was said.
		w.models[primary].answer = echo
		w.say(owner, "next")
		var roles []string
		for _, m := range w.lastRequest().Messages {
			what := string(m.Role)
			if len(m.Calls) > 0 {
				what += " calls"
			}
			if len(m.Results) > 0 {
				what += " results"
			}
			roles = append(roles, what)
		}
		if want := []string{"user", "assistant calls", "user results", "user"}; len(roles) < 6 || !slices.Equal(roles[:4], want) {
			t.Errorf("the history is %q", roles)
		}
	})
}

func TestCollectedMessagesMakeUpTheNextTurnTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "/queue collect")
		w.models[primary].answer = toolThen("Yes.")
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "look up tea"))
		w.later(&wait, time.Second, w.said(owner, "one"))
		w.later(&wait, 3*time.Second, w.said(owner, "two"))
		wait.Wait()
		got := users(w.lastRequest())
		if len(got) != 2 || got[1] != "one\n\ntwo" {
			t.Errorf("the model was asked %q", got)
		}
		if got := w.telegram.in("42"); len(got) != 3 {
			t.Errorf("chat shows %q", got)
		}
	})
}

// The owner writes on Telegram and on Slack: one conversation, but an answer
// belongs where it was asked for.
func TestAMessageFromAnotherChannelGetsItsAnswerThere(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = toolThen("Yes.")
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "one"))
		w.later(&wait, 100*time.Millisecond, w.said("slack:U1", "two"))
		wait.Wait()
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Yes."}) {
			t.Errorf("Telegram shows %q", got)
		}
		if got := w.slack.in("U1"); !slices.Equal(got, []string{"Yes."}) {
			t.Errorf("Slack shows %q", got)
		}
	})
}

func TestInAGroupNobodyIsReadAsSomebodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		found := code.FindStringSubmatch(w.say("telegram:7", "let me in").Reply)
		w.say(owner, "/approve "+found[1])
		w.models[primary].answer = slowly(2*time.Second, "Yes.")
		var wait sync.WaitGroup
		w.later(&wait, 0, func() *chat.Message { return w.group(owner, "@instar_bot one") })
		w.later(&wait, 100*time.Millisecond, func() *chat.Message { return w.group("telegram:7", "@instar_bot two") })
		wait.Wait()
		if got := w.telegram.in("-100"); !slices.Equal(got, []string{"Yes.", "Yes."}) {
			t.Errorf("the group sees %q", got)
		}
	})
}

func TestStopAlsoTakesBackWhatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(time.Minute, "Too late.")
		var wait sync.WaitGroup
		w.later(&wait, 0, w.said(owner, "do it"))
		w.later(&wait, 2*time.Second, w.said(owner, "and that"))
		w.later(&wait, 4*time.Second, w.said("slack:U1", "/stop"))
		wait.Wait()
		got := w.telegram.in("42")
		if len(got) != 1 || !strings.Contains(got[0], "(Stopped.)") || !strings.Contains(got[0], "meanwhile") {
			t.Errorf("chat shows %q", got)
		}
		if n := len(w.models[primary].asked()); n != 1 {
			t.Errorf("the model was asked %d times", n)
		}
		w.models[primary].answer = echo
		w.say(owner, "next")
		if got := users(w.lastRequest()); !slices.Contains(got, "and that") {
			t.Errorf("the model does not know what was said: %q", got)
		}
	})
}

// The worker dies with messages waiting in its turn: each is answered.
func TestMessagesThatWaitSurviveACrash(t *testing.T) {
	for at := range 40 {
		synctest.Test(t, func(t *testing.T) {
			w, c := newWorld(t), &crashPoint{kind: 2 + at%2, at: 1 + at}
			w.models[primary].answer = toolThen("Yes.")
			one, two, three := w.message(owner, "one"), w.message(owner, "two"), w.message("slack:U1", "three")
			keys := []string{w.put(one), w.put(two), w.put(three)}
			w.hooks.set(c.before, c.after)
			var wait sync.WaitGroup
			for i, key := range keys {
				wait.Go(func() {
					time.Sleep(time.Duration(i) * 700 * time.Millisecond)
					w.handle(key, false)
				})
			}
			wait.Wait()
			w.mend()
			time.Sleep(session.Lease + time.Second)
			for range 2 { // the queue, and the sweep
				for _, key := range keys {
					w.until(key, true)
				}
				w.drain()
			}
			seen := strings.Join(w.telegram.in("42"), "|") + "|" + strings.Join(w.slack.in("U1"), "|")
			if n := strings.Count(seen, "Yes."); n < 2 || n > 3 {
				t.Errorf("call %d (%s): seen %q", at, c.what, seen)
			}
			head, _, err := w.sessions().Head(t.Context(), session.Main)
			if err != nil {
				t.Fatal(err)
			}
			answers := map[string]int{}
			for seq := 1; seq <= head.Turn.Seq; seq++ {
				one, _, err := w.sessions().Turn(t.Context(), session.Main, seq)
				if err != nil || one.State != session.Done {
					t.Fatalf("turn %d: %+v, %v", seq, one, err)
				}
				answers[one.Message.ID]++
				for _, a := range one.Arrived {
					if a.Taken != "" {
						answers[a.Message.ID]++
					}
				}
			}
			for _, m := range []*chat.Message{one, two, three} {
				if answers[m.ID] != 1 {
					t.Errorf("call %d (%s): message %q stands in %d turns", at, c.what, m.Text, answers[m.ID])
				}
			}
		})
		if t.Failed() {
			break
		}
	}
}

func TestTheQueueModeIsShownAndChecked(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if got := w.say(owner, "/queue").Reply; !strings.HasPrefix(got, "Queue mode: steer.") {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/queue sideways").Reply; !strings.Contains(got, "/queue steer") {
			t.Errorf("%q", got)
		}
		w.say(owner, "/queue Followup")
		if got := w.say(owner, "/queue").Reply; !strings.HasPrefix(got, "Queue mode: followup.") {
			t.Errorf("%q", got)
		}
	})
}

func TestAMessageForARunningTurnIsSaidToWait(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = slowly(10*time.Second, "Yes.")
		go w.until(w.put(w.message(owner, "one")), false)
		time.Sleep(5 * time.Second)
		key := w.put(w.message(owner, "two"))
		if _, err := w.handle(key, false); !errors.Is(err, turn.ErrWaiting) {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
		if got := w.telegram.in("42"); len(got) != 2 {
			t.Errorf("chat shows %q", got)
		}
	})
}
