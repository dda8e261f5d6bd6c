package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/delivery"
	"instar/shared/session"
)

// inBubble runs a test in fake time with a writer that was not started. It
// fails when a goroutine is left behind.
func inBubble(t *testing.T, test func(t *testing.T, p *platform, w *delivery.Writer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		test(t, p, &delivery.Writer{Sender: p, To: to, ReplyTo: "7", Record: p.record})
	})
}

// stream writes n words, one every pause.
func stream(w *delivery.Writer, n int, pause time.Duration) {
	for i := range n {
		w.Text(fmt.Sprint("hunter2-", i, " "))
		time.Sleep(pause)
	}
}

func TestThePlaceholderIsSentOnceAndRecordedBeforeAnyEdit(t *testing.T) {
	for _, takes := range []time.Duration{0, 300 * time.Millisecond, 3 * time.Second} {
		inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
			p.takes["send"], p.takes["edit"] = takes, takes
			w.Start(t.Context(), "")
			stream(w, 100, 100*time.Millisecond)
			id, err := w.Stop(t.Context())
			if id != "m1" || err != nil {
				t.Fatalf("%q, %v", id, err)
			}
			names := p.names()
			if !slices.Equal(names[:3], []string{"send", "record", "edit"}) || len(p.calls("send")) != 1 || len(p.calls("record")) != 1 {
				t.Errorf("calls that take %v: %q", takes, names)
			}
			if first := p.calls("send")[0]; first.text != delivery.Placeholder || first.replyTo != "7" {
				t.Errorf("sent: %+v", first)
			}
			for _, e := range p.calls("edit") {
				if e.id != "m1" {
					t.Errorf("edited: %+v", e)
				}
			}
		})
	}
}

func TestNothingIsSentBeforeThereIsSomethingToShow(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		w.Start(t.Context(), "")
		time.Sleep(10 * time.Second)
		if got := p.names(); len(got) != 0 {
			t.Errorf("calls: %q", got)
		}
		// A tool takes its time: only the placeholder is there.
		for range 5 {
			w.Nudge()
			time.Sleep(time.Second)
		}
		w.Text(" \n")
		time.Sleep(3 * time.Second)
		if got := p.names(); !slices.Equal(got, []string{"send", "record"}) {
			t.Errorf("calls: %q", got)
		}
		w.Stop(t.Context())
	})
}

func TestEditsAreAtMostOneASecond(t *testing.T) {
	for _, takes := range []time.Duration{0, 400 * time.Millisecond, 2 * time.Second} {
		inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
			p.takes["edit"], p.most = takes, 20_000
			w.Start(t.Context(), "")
			stream(w, 1000, 10*time.Millisecond)
			w.Stop(t.Context())
			edits := p.calls("edit")
			if least := int(10*time.Second/(takes+time.Second)) - 1; len(edits) < least || len(edits) > 11 {
				t.Errorf("%d edits in ten seconds that take %v each", len(edits), takes)
			}
			for i, e := range edits {
				if !strings.HasSuffix(e.text, " …") {
					t.Errorf("an unfinished text is shown as %q", e.text)
				}
				if i == 0 {
					continue
				}
				before := edits[i-1]
				if e.at-before.at < time.Second || !strings.HasPrefix(e.text, strings.TrimSuffix(before.text, " …")) {
					t.Errorf("at %v %q, at %v %q", before.at, before.text, e.at, e.text)
				}
			}
		})
	}
}

func TestWhatDoesNotChangeIsNotEdited(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		w.Start(t.Context(), "")
		w.Text("Hello.")
		for range 10 {
			time.Sleep(2 * time.Second)
			w.Nudge()
			w.Text("\n")
		}
		w.Stop(t.Context())
		if edits := p.calls("edit"); len(edits) != 1 || edits[0].text != "Hello. …" {
			t.Errorf("edits: %+v", edits)
		}
	})
}

func TestOnlyTheFirstMessagesWorthOfALongTextIsShown(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		p.most = 20
		w.Start(t.Context(), "")
		stream(w, 100, 100*time.Millisecond)
		w.Stop(t.Context())
		edits := p.calls("edit")
		if last := edits[len(edits)-1]; last.text != "hunter2-0 hunter2-1 " || len(edits) > 3 || len(p.chat()) != 1 {
			t.Errorf("%d edits, the last %+v", len(edits), last)
		}
	})
}

// The model's stream is not held up by the platform.
func TestTextDoesNotWaitForThePlatform(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		for _, what := range []string{"send", "edit", "typing"} {
			p.takes[what] = 4 * time.Second
		}
		w.Start(t.Context(), "")
		began := time.Now()
		for range 100 {
			w.Text("word ")
			w.Nudge()
			synctest.Wait()
		}
		w.Reset()
		if took := time.Since(began); took != 0 {
			t.Errorf("writing took %v", took)
		}
		w.Stop(t.Context())
	})
}

func TestAResetThrowsTheShownTextAway(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		w.Start(t.Context(), "")
		w.Text("one model's words")
		time.Sleep(3 * time.Second)
		w.Reset()
		time.Sleep(3 * time.Second)
		w.Text("another's")
		time.Sleep(3 * time.Second)
		w.Stop(t.Context())
		var shown []string
		for _, e := range p.calls("edit") {
			shown = append(shown, e.text)
		}
		if !slices.Equal(shown, []string{"one model's words …", "another's …"}) || len(p.calls("send")) != 1 {
			t.Errorf("shown: %q", shown)
		}
	})
}

func TestAnEarlierHoldersPlaceholderIsUsed(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		p.order, p.shows["m1"] = []string{"m1"}, delivery.Placeholder
		w.Start(t.Context(), "m1")
		w.Text("Hello.")
		time.Sleep(time.Second)
		if id, err := w.Stop(t.Context()); id != "m1" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if got := p.names(); !slices.Equal(got, []string{"edit"}) {
			t.Errorf("calls: %q", got)
		}
	})
}

func TestStopSendsThePlaceholderThatWasNotNeededBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		ctx, cancel := context.WithCancel(t.Context())
		w.Start(ctx, "")
		cancel() // the turn's time is up
		if id, err := w.Stop(ctx); id != "m1" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if got := p.names(); !slices.Equal(got, []string{"send", "record"}) {
			t.Errorf("calls: %q", got)
		}
	})
}

// Whatever is under way when the showing ends: nothing of it arrives after the
// finished text.
func TestAStalePreviewNeverLandsAfterTheFinalText(t *testing.T) {
	for _, what := range []string{"send", "edit"} {
		for _, takes := range []time.Duration{200 * time.Millisecond, 4 * time.Second} {
			for at := time.Duration(0); at < 12*time.Second; at += 170 * time.Millisecond {
				inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
					p.takes[what] = takes
					ctx, cancel := context.WithCancel(t.Context())
					w.Start(ctx, "")
					go stream(w, 200, 70*time.Millisecond)
					time.Sleep(at)
					cancel()
					id, err := w.Stop(t.Context())
					if id == "" || err != nil {
						t.Fatalf("%q, %v", id, err)
					}
					parts := []session.Part{{ID: id, Text: "The final text."}}
					if err := delivery.Deliver(t.Context(), delivery.Reply{Sender: p, To: to, Quote: "7", Parts: parts}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
					if got := p.chat(); !slices.Equal(got, []string{"The final text."}) {
						t.Errorf("%s takes %v, stopped after %v: the chat shows %q", what, takes, at, got)
					}
					if calls := p.calls(); calls[len(calls)-1].text != "The final text." {
						t.Errorf("%s takes %v, stopped after %v: the last call is %+v", what, takes, at, calls[len(calls)-1])
					}
				})
			}
		}
	}
}

func TestAPlaceholderUnderWayAtTheEndIsRecordedAndNotEdited(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		p.takes["send"] = 3 * time.Second
		w.Start(t.Context(), "")
		w.Text("Hello.")
		time.Sleep(time.Second)
		if id, err := w.Stop(t.Context()); id != "m1" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if got := p.names(); !slices.Equal(got, []string{"send", "record"}) {
			t.Errorf("calls: %q", got)
		}
	})
}

func TestAnEditThatHangsIsWaitedForFiveSecondsOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		p.takes["edit"] = time.Hour
		w.Start(t.Context(), "")
		w.Text("Hello.")
		time.Sleep(time.Second)
		began := time.Now()
		if id, err := w.Stop(t.Context()); id != "m1" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
		w.Text("more") // and nobody is there to show it
	})
}

func TestAnEditThatFailsIsNotTheEndOfTheShowing(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		failed := false
		p.fail = func(what string, after bool) error {
			if what == "edit" && !after && !failed {
				failed = true
				return refusal(500, "Internal Server Error")
			}
			return nil
		}
		w.Start(t.Context(), "")
		stream(w, 40, 100*time.Millisecond)
		if id, err := w.Stop(t.Context()); id != "m1" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if n := len(p.calls("edit")); n < 3 {
			t.Errorf("%d edits", n)
		}
	})
}

func TestAPlaceholderThatCannotBeRecordedIsNotEdited(t *testing.T) {
	for _, lost := range []error{session.ErrLost, session.ErrStop, errInjected} {
		inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
			p.fail = func(what string, _ bool) error {
				if what == "record" {
					return fmt.Errorf("save turn: %w", lost)
				}
				return nil
			}
			w.Start(t.Context(), "")
			stream(w, 50, 100*time.Millisecond)
			if id, err := w.Stop(t.Context()); id != "" || !errors.Is(err, lost) {
				t.Errorf("%q, %v", id, err)
			}
			if got := p.names(); !slices.Equal(got, []string{"send", "record"}) {
				t.Errorf("calls: %q", got)
			}
		})
	}
}

func TestAPlatformThatIsNotThereIsTriedAgainAtDelivery(t *testing.T) {
	for _, text := range []bool{false, true} {
		inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
			p.fail = func(what string, _ bool) error { return refusal(502, "Bad Gateway") }
			w.Start(t.Context(), "")
			if text {
				stream(w, 50, 100*time.Millisecond)
			}
			id, err := w.Stop(t.Context())
			if id != "" || err == nil || delivery.Hopeless(err) {
				t.Errorf("%q, %v", id, err)
			}
			if got := p.names(); !slices.Equal(got, []string{"send"}) {
				t.Errorf("calls: %q", got)
			}
			p.fail = func(string, bool) error { return nil }
			parts := []session.Part{{Text: "The final text."}}
			err = delivery.Deliver(t.Context(), delivery.Reply{Sender: p, To: to, Quote: "7", Parts: parts, Record: func(_ context.Context, i int, id string) error {
				parts[i].ID = id
				return nil
			}})
			if got := p.chat(); err != nil || !slices.Equal(got, []string{"The final text."}) || parts[0].ID != "m1" {
				t.Errorf("%v, the chat shows %q, parts %+v", err, got, parts)
			}
		})
	}
}

func TestTypingIsShownUntilTheReplyIsThere(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		w.Start(t.Context(), "")
		time.Sleep(21 * time.Second)
		w.Stop(t.Context())
		time.Sleep(time.Minute)
		typing := p.calls("typing")
		if len(typing) != 6 || typing[0].at != 0 {
			t.Fatalf("typing: %+v", typing)
		}
		for i := range 5 {
			if gap := typing[i+1].at - typing[i].at; gap != 4*time.Second {
				t.Errorf("renewed after %v", gap)
			}
		}
	})
}

func TestAReplyDoesNotNeedTheTypingIndicator(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		p.fail = func(what string, _ bool) error {
			if what == "typing" {
				return errInjected
			}
			return nil
		}
		w.Start(t.Context(), "")
		stream(w, 100, 100*time.Millisecond)
		if id, err := w.Stop(t.Context()); id != "m1" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if typing, edits := len(p.calls("typing")), len(p.calls("edit")); typing != 1 || edits < 8 {
			t.Errorf("%d times typing, %d edits", typing, edits)
		}
	})
}

func TestATypingIndicatorThatHangsDoesNotHoldTheReplyUp(t *testing.T) {
	inBubble(t, func(t *testing.T, p *platform, w *delivery.Writer) {
		p.takes["typing"] = time.Hour
		w.Start(t.Context(), "")
		w.Text("Hello.")
		time.Sleep(time.Second)
		began := time.Now()
		w.Stop(t.Context())
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping took %v", took)
		}
	})
}
