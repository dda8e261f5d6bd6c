//go:build e2e

package chaos

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// TestThePlatformFails: Telegram limits, fails, loses calls and loses answers
// at random. One message a chat, so that whatever is there is about it.
func TestThePlatformFails(t *testing.T) {
	t.Parallel()
	d := roll(t)
	began := time.Now()
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	w.Anthropic.Script(answering(d))
	var mu sync.Mutex
	happened := map[string]int{}
	w.Telegram.Before(func(method string) fake.Fault {
		if method != "sendMessage" && method != "editMessageText" {
			return fake.Fault{}
		}
		fault, name := platformFault(d)
		mu.Lock()
		happened[method+" "+name]++
		mu.Unlock()
		return fault
	})
	sent := send(w, sized(30, 300), 30_000, 15*time.Second)
	look := func() (tally, []string) { return count(sent, w.Telegram.Chat) }
	until(2*time.Minute, func() bool { got, _ := look(); return got.lost == 0 })
	quiet(w)
	w.Telegram.Before(nil)
	got, details := look()
	t.Logf("platform faults: %v, %.0f s; %v", got, time.Since(began).Seconds(), happened)
	if !got.kept() {
		t.Errorf("%s", strings.Join(details, "\n"))
	}
}

func platformFault(d *dice) (fake.Fault, string) {
	switch roll := d.below(100); {
	case roll < 6:
		return fake.Fault{Status: 429, Description: "Too Many Requests: retry after 1", RetryAfter: 1}, "429"
	case roll < 12:
		return fake.Fault{Status: 500, Description: "Internal Server Error"}, "500"
	case roll < 15:
		return fake.Fault{Lost: true}, "lost"
	case roll < 18:
		return fake.Fault{Dropped: true}, "dropped"
	}
	return fake.Fault{}, "ok"
}

// send writes n messages, each in a chat of its own, over some time.
func send(w *instar.World, n int, firstChat int64, window time.Duration) map[int64][]int {
	sent := map[int64][]int{}
	for i := range n {
		chat := firstChat + int64(i)
		sent[chat] = []int{i}
		w.Say(chat, question(i))
		time.Sleep(window / time.Duration(n))
	}
	return sent
}

// modelFaults are the ways in which a model does not answer.
var modelFaults = []struct {
	name  string
	fault fake.Answer
}{
	{"refuses the key", fake.Answer{Status: 401, ErrorText: "invalid x-api-key"}},
	{"is overloaded", fake.Answer{Status: 529}},
	{"cuts", fake.Answer{Text: strings.Repeat("half a zebra ", 40), ChunkSize: 20, Delay: 30 * time.Millisecond, CutAfter: 1500}},
	{"says garbage", fake.Answer{Text: strings.Repeat("half a zebra ", 40), ChunkSize: 20, Delay: 30 * time.Millisecond, Garbage: true}},
	{"breaks off with an error", fake.Answer{Text: strings.Repeat("half a zebra ", 40), ChunkSize: 20, Delay: 30 * time.Millisecond, ErrorEvent: "overloaded_error"}},
	{"says nothing for 70 s", fake.Answer{Text: "zebra, too late", Hang: 70 * time.Second}},
	{"falls silent for 70 s", fake.Answer{Text: "a zebra that falls silent", ChunkSize: 8, Delay: 70 * time.Second}},
}

// How often it does not.
const (
	once   = "once"   // then it answers
	first  = "first"  // the first model never answers, the second does
	always = "always" // neither does: the person gets an error text
)

// TestTheModelFails: each message meets one way of failing.
func TestTheModelFails(t *testing.T) {
	t.Parallel()
	d := roll(t)
	began := time.Now()
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	type trial struct {
		fault fake.Answer
		name  string
		often string
	}
	var trials []trial
	for _, f := range modelFaults {
		for _, often := range []string{once, first, always} {
			// A model that hangs is asked three times, 60 s each.
			if strings.Contains(f.name, "70 s") && often != once && !*long {
				continue
			}
			if f.fault.Status == 401 && often == once {
				continue // not asked again: the second model answers, and that is "first"
			}
			trials = append(trials, trial{f.fault, f.name, often})
		}
	}
	d.r.Shuffle(len(trials), func(i, j int) { trials[i], trials[j] = trials[j], trials[i] })
	// Those that wait do so from the start, or the others wait for them.
	slices.SortStableFunc(trials, func(a, b trial) int { return strings.Compare(waits(b.name), waits(a.name)) })
	var mu sync.Mutex
	heard := map[int]int{}
	script := func(second bool) func(fake.Call) fake.Answer {
		return func(c fake.Call) fake.Answer {
			marks := asked(c)
			mu.Lock()
			heard[marks[0]]++
			again := heard[marks[0]] > 1
			mu.Unlock()
			f := trials[marks[0]]
			if f.often == once && again || f.often == first && second {
				return fake.Answer{Text: answerTo(marks)}
			}
			return f.fault
		}
	}
	w.Anthropic.Script(script(false))
	w.OpenAI.Script(script(true))
	sent := send(w, len(trials), 50_000, 4*time.Second)

	problem := func(i int) string {
		messages := w.Telegram.Chat(50_000 + int64(i))
		if len(messages) != 1 {
			return fmt.Sprintf("%d messages: %s", len(messages), instar.Texts(messages))
		}
		text, want := messages[0].Text, answerTo([]int{i})
		switch trials[i].often {
		case always:
			if !strings.Contains(text, "could not get an answer from the model") || strings.HasSuffix(text, "…") {
				return fmt.Sprintf("no honest error: %q", text)
			}
		case first:
			want += "\n\n(Answered by openai/gpt-5.5, because anthropic/claude-sonnet-4-5 did not.)"
			fallthrough
		default:
			if text != want {
				return fmt.Sprintf("shows %q, not %q", text, want)
			}
		}
		return ""
	}
	patience := time.Duration(sized(100, 9*60)) * time.Second
	until(patience, func() bool {
		for i := range trials {
			if problem(i) != "" {
				return false
			}
		}
		return true
	})
	quiet(w)
	answers, errors, wrong := 0, 0, 0
	for i, f := range trials {
		switch p := problem(i); {
		case p != "":
			wrong++
			t.Errorf("a model that %s (%s): %s", f.name, f.often, p)
		case f.often == always:
			errors++
		default:
			answers++
		}
	}
	t.Logf("model faults: sent %d, answered once %d, honest error texts %d, wrong %d, model calls %d, %.0f s",
		len(sent), answers, errors, wrong, len(w.Anthropic.Calls())+len(w.OpenAI.Calls()), time.Since(began).Seconds())
}

func waits(name string) string {
	if strings.Contains(name, "70 s") {
		return "waits"
	}
	return ""
}
