package turn_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// A platform with room for one command, to whose container there is no way in
// meanwhile, and which goes away without a word.
func (w *world) oneSandbox() *box {
	b := w.sandbox()
	b.one = true
	w.engine.Sandbox.Report, w.engine.Sandbox.Longest, w.engine.Sandbox.Forgets = "", 14*time.Minute, true
	return b
}

func TestABusySandboxIsStillAtWork(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.oneSandbox()
		w.engine.Sandbox.Longest = time.Hour // more looks than may find no container
		w.models[primary].answer = working(`{"command":"work 1800","wait_s":10,"minutes":60}`)
		w.say(owner, "run it")
		got := w.telegram.in("42")
		if len(got) != 3 || !strings.Contains(got[0], "It goes on as the task") || !strings.Contains(got[1], "✓ `work 1800`: ended after") || !strings.Contains(got[2], "Exit code 0, after 30m") {
			t.Errorf("chat shows %q", got)
		}
		if b.saves != 1 {
			t.Errorf("the workspace was saved %d times", b.saves)
		}
	})
}

func TestACommandIsWaitedForAlthoughItsSandboxIsBusy(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.oneSandbox()
		w.models[primary].answer = working(`{"command":"work 45","wait_s":60}`) // of which one call waits for 20 s
		w.say(owner, "run it")
		if got := w.telegram.in("42"); len(got) != 1 || !strings.Contains(got[0], "I am told: Exit code 0, after 45s") {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestABusySandboxTakesNoOtherCommand(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.oneSandbox()
		w.models[primary].answer = working(`{"command":"work 600","wait_s":5}`)
		w.deliverOnly("run it")
		began := time.Now()
		w.deliverOnly("run it again")
		if got := w.telegram.in("42"); !strings.Contains(got[len(got)-1], "I am told: the sandbox works on another command") || len(b.runs) != 1 {
			t.Errorf("chat shows %q, %d commands", got, len(b.runs))
		}
		if took := time.Since(began); took < 5*time.Second || took > 10*time.Second {
			t.Errorf("it waited for %v", took)
		}
	})
}

func TestStopDropsWhatABusySandboxCannotEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.oneSandbox()
		w.models[primary].answer = working(`{"command":"work 600","wait_s":0}`)
		w.deliverOnly("run it")
		began := time.Now()
		w.say("slack:U1", "/stop")
		for id, j := range b.jobs {
			if j.Why != sandbox.WhyExit {
				t.Errorf("job %s: %+v", id, j)
			}
		}
		got := w.telegram.in("42")
		if last := got[len(got)-1]; !strings.Contains(last, "⏹ `work 600`: ended after") || strings.Contains(fmt.Sprint(got), "It ended:") {
			t.Errorf("chat shows %q", got)
		}
		if took := time.Since(began); took < 590*time.Second || took > 700*time.Second {
			t.Errorf("after %v", took)
		}
		if got := w.say(owner, "/tasks").Reply; got != "Nothing is running." {
			t.Errorf("/tasks: %q", got)
		}
	})
}

func TestWorkIsSavedAtOnceWhereContainersForget(t *testing.T) {
	for forgets, want := range map[bool]int{true: 2, false: 0} {
		inBubble(t, func(t *testing.T, w *world) {
			b := w.oneSandbox()
			w.engine.Sandbox.Forgets = forgets
			w.models[primary].answer = inTurn(asks(call("1", "sandbox_write", `{"path":"a","text":"b"}`)), asks(call("2", "sandbox_run", `{"command":"work 1"}`)),
				asks(call("3", "sandbox_read", `{"path":"a"}`)), says("Done."))
			w.say(owner, "write and run")
			if b.saves != want {
				t.Errorf("where they forget is %v: saved %d times, want %d", forgets, b.saves, want)
			}
		})
	}
	inBubble(t, func(t *testing.T, w *world) {
		w.oneSandbox().full = true
		w.models[primary].answer = working(`{"command":"work 3"}`)
		w.say(owner, "run it")
		if got := w.telegram.in("42"); !strings.Contains(got[0], "worked\n\n[The workspace could not be saved, and is gone when the sandbox is: workspace is too large to save: 300 MB, at most 160 MB.]") {
			t.Errorf("chat shows %q", got)
		}
	})
}

func TestAPlatformBoundsHowLongACommandMayTake(t *testing.T) {
	for minutes, want := range map[string]int{`,"minutes":14`: 840, `,"minutes":2`: 120, "": 840} {
		inBubble(t, func(t *testing.T, w *world) {
			b := w.oneSandbox()
			w.models[primary].answer = working(`{"command":"work 1"` + minutes + `}`)
			w.say(owner, "run it")
			if len(b.runs) != 1 || b.runs[0].TimeS != want {
				t.Errorf("%q: %+v, want %d s", minutes, b.runs, want)
			}
			for _, tool := range w.models[primary].asked()[0].Tools {
				if tool.Name == "sandbox_run" && !strings.Contains(string(tool.Schema), `"maximum":14,"description":"how long it may take at most; default 14"`) {
					t.Errorf("the model is told %s", tool.Schema)
				}
			}
		})
	}
	inBubble(t, func(t *testing.T, w *world) {
		b := w.oneSandbox()
		w.models[primary].answer = working(`{"command":"work 1","minutes":15}`)
		w.say(owner, "run it")
		if got := w.telegram.in("42"); len(b.runs) != 0 || !strings.Contains(got[0], "on this platform a command may take at most 14 minutes") {
			t.Errorf("chat shows %q; %+v", got, b.runs)
		}
	})
}
