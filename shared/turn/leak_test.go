package turn_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"instar/shared/job"
	"instar/shared/leak"
	"instar/shared/model"
	"instar/shared/turn"
)

// A secret of this function's own. Its word is what no log line may hold.
const key = "k3y-hunter2-3mPq9sXv71LcRz"

func guarded(test func(t *testing.T, w *world)) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		w.engine.Guard = leak.New(map[string]string{"MODEL_API_KEY": key})
		test(t, w)
	}
}

func TestASecretLeavesByNoTool(t *testing.T) {
	inBubble(t, guarded(func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(asks(
			call("1", "message_send", `{"channel":"slack","text":"It is `+key+`."}`), call("2", "memory_write", `{"text":"The key is `+key+`."}`),
			call("3", "message_send", `{"channel":"slack","text":"hello"}`)), says("Done."))
		w.say(owner, "send it")
		got := results(w.lastRequest())
		if len(got) != 3 || !got[0].Error || !strings.Contains(got[0].Text, "secret") || !got[1].Error || got[2].Error {
			t.Errorf("results %+v", got)
		}
		if all := strings.Join(w.slack.shown("U1"), "|") + w.file("main/files/MEMORY.md"); all != "hello" {
			t.Errorf("left by a tool: %q", all)
		}
	}))
}

// A call that is asked about is shown to the owner in their chat, whose provider
// reads along.
func TestNoCardShowsASecret(t *testing.T) {
	inBubble(t, guarded(func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(says("I see."), asks(call("1", "schedule_create", strings.Replace(plan, "Open the door.", "Use "+key, 1))), says("I have asked."))
		w.deliver(w.forwarded("The door opens at noon, daily."))
		w.say(owner, "Remind me to open the door every day")
		if all := strings.Join(w.telegram.shown("42"), "|"); strings.Contains(all, "hunter2") {
			t.Errorf("the chat shows %q", all)
		}
	}))
}

func TestASecretIsNotSaid(t *testing.T) {
	for place, say := range map[string]func(w *world, live turn.Live){
		"in a chat": func(w *world, _ turn.Live) { w.say(owner, "what is it?") },
		"on the page": func(w *world, live turn.Live) {
			if _, err := w.engine.Handle(w.t.Context(), turn.Delivery{Key: w.put(w.message("web:main", "what is it?"))}, live); err != nil {
				w.t.Error(err)
			}
		},
	} {
		inBubble(t, guarded(func(t *testing.T, w *world) {
			var mu sync.Mutex
			var shown strings.Builder
			live := turn.Live{Text: func(delta string) { mu.Lock(); shown.WriteString(delta); mu.Unlock() }}
			spelled := "It is " + key[:7] + " " + key[7:] + " , as you know ."
			w.models[primary].answer = func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
				done, err := slowly(0, spelled)(ctx, r, onText)
				if len(results(r)) == 0 {
					done.Calls, done.Stop = []model.ToolCall{call("1", "schedule_list", `{}`)}, model.StopTools
				}
				return done, err
			}
			say(w, live)
			done := w.turn("main", 1)
			recorded := done.Reply
			for _, s := range done.Steps {
				recorded += "|" + s.Text
			}
			for what, got := range map[string]string{
				"the page showed": shown.String(), "the chat showed": strings.Join(w.telegram.shown("42"), "|"), "recorded": recorded, "the model is shown": encode(t, w.lastRequest().Messages),
			} {
				if strings.Contains(got, "hunter2") || strings.Contains(got, key[7:]) {
					t.Errorf("%s: %s %q", place, what, got)
				}
			}
			if !strings.Contains(done.Reply, "as you know") {
				t.Errorf("%s: the reply is %q", place, done.Reply)
			}
		}))
	}
}

// What no model wrote goes out by the same door.
func TestAReminderTellsNoSecret(t *testing.T) {
	inBubble(t, guarded(func(t *testing.T, w *world) {
		w.makeJob(func(j *job.Job) { j.Text = "The key is " + key })
		w.minutes(12)
		if got := strings.Join(w.telegram.shown("42"), "|"); !strings.Contains(got, "The key is") || strings.Contains(got, "hunter2") {
			t.Errorf("the chat shows %q", got)
		}
	}))
}
