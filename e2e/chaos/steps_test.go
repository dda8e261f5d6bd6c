//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// moment is when, around one call to an outside service, Instar is killed.
type moment string

const (
	lost       moment = "before it is heard"    // and it changes nothing
	unanswered moment = "before it is answered" // but it takes effect
	answered   moment = "right after it is answered"
)

// step is one call of a turn: the nth of its name.
type step struct {
	name string // "sendMessage", "chat.postMessage", "/v1/messages"
	n    int
}

func (s step) String() string { return fmt.Sprintf("%s %d", strings.TrimPrefix(s.name, "/v1/"), s.n) }

// watcher follows the calls of a turn and kills Instar at one of them.
type watcher struct {
	w    *instar.World
	at   step
	when moment // "" only records

	mu    sync.Mutex
	calls []step
	count map[string]int
	shot  chan struct{} // closed when it has been killed
}

func watch(w *instar.World, at step, when moment) *watcher {
	k := &watcher{w: w, at: at, when: when, count: map[string]int{}, shot: make(chan struct{})}
	w.Telegram.Before(k.before)
	w.Telegram.After(k.after)
	w.Slack.Before(k.before)
	w.Slack.After(k.after)
	w.Anthropic.Before(k.before)
	w.Anthropic.After(k.after)
	return k
}

func (k *watcher) end() {
	for _, s := range []interface {
		Before(func(string) fake.Fault)
		After(func(string))
	}{k.w.Telegram, k.w.Slack, k.w.Anthropic} {
		s.Before(nil)
		s.After(nil)
	}
}

func (k *watcher) before(name string) fake.Fault {
	if name == "sendChatAction" {
		return fake.Fault{} // as time goes, and nothing hangs on it
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count[name]++
	call := step{name, k.count[name]}
	k.calls = append(k.calls, call)
	if call != k.at || k.when != lost && k.when != unanswered {
		return fake.Fault{}
	}
	k.shoot()
	return fake.Fault{Lost: k.when == lost, Dropped: true}
}

func (k *watcher) after(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.when == answered && (step{name, k.count[name]}) == k.at {
		k.shoot()
	}
}

// shoot kills once, however often the step comes again.
func (k *watcher) shoot() {
	select {
	case <-k.shot:
	default:
		k.w.Shoot()
		close(k.shot)
	}
}

// The turn: three tools, of which the second must not be run twice, asked for
// in one reply or in three.
var tools = []fake.ToolUse{
	{Name: "memory_write", Input: `{"text":"The zebra likes clover."}`},
	{Name: "message_send", Input: `{"channel":"slack","text":"zebra to Slack"}`},
	{Name: "memory_search", Input: `{"query":"clover"}`},
}

// report ends the turn with what the results say.
func report(c fake.Call, replies int) fake.Answer {
	asked := 0
	var results []string
	for _, m := range c.Messages {
		asked += len(m.Uses)
		for _, r := range m.Results {
			results = append(results, r.Text)
		}
	}
	if asked < len(tools) {
		return fake.Answer{ToolUses: tools[asked : asked+len(tools)/replies]}
	}
	text := fmt.Sprintf("zebra report: note %s, message %s, %d found. ", state(results[0]), state(results[1]), strings.Count(results[2], "clover"))
	return fake.Answer{Text: text + strings.Repeat("And so on. ", 10) + "End.", ChunkSize: 80, Delay: 1300 * time.Millisecond}
}

func state(result string) string {
	switch {
	case strings.HasPrefix(result, "Sent"), strings.HasPrefix(result, "Remembered"):
		return "done"
	case strings.Contains(result, "nknown"), strings.Contains(result, "may or may not"):
		return "unknown"
	}
	return fmt.Sprintf("failed (%s)", result)
}

const whole = "zebra report: note done, message done, 1 found. "

// outcome is what is to be seen after the turn.
type outcome struct {
	said   string // the answer's first line
	slack  int    // messages on Slack
	strays int
	others int // messages that are neither placeholder nor answer
	calls  []step
}

var said = regexp.MustCompile(`^zebra report: .*? found\. (And so on\. ){10}End\.$`)

// turn runs the turn in a world of its own and kills it at one moment.
func turn(t *testing.T, replies int, at step, when moment) (o outcome, reached bool) {
	w := instar.Start(t)
	w.Anthropic.Script(func(c fake.Call) fake.Answer { return report(c, replies) })
	k := watch(w, at, when)
	w.Say(instar.Owner, "use your tools, zebra")
	finished := func(m fake.Message) bool { return said.MatchString(m.Text) }
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() { w.Telegram.WaitReply(ctx, instar.Owner, finished); close(done) }()
	select {
	case <-k.shot:
		reached = true
	case <-done:
		select { // the last call's answer comes after its effect
		case <-k.shot:
			reached = true
		case <-time.After(500 * time.Millisecond):
		}
	}
	if reached {
		w.Kill()
		w.Launch()
		w.Recover(1, 2*time.Minute, func() bool {
			return slices.ContainsFunc(w.Telegram.Chat(instar.Owner), finished)
		})
	}
	time.Sleep(2 * time.Second)
	k.end()
	for _, m := range w.Telegram.Chat(instar.Owner) {
		switch {
		case m.Text == "…":
			o.strays++
		case said.MatchString(m.Text) && o.said == "":
			o.said, _, _ = strings.Cut(m.Text, "And so on")
		default:
			o.others++
			t.Logf("also in the chat: %q", m.Text)
		}
	}
	o.slack = len(w.Slack.Chat(instar.SlackOwner))
	o.calls = k.calls
	return o, reached
}

// steps are the calls of the turn, by the number of its replies; the long form
// finds out whether there are others.
var steps = map[int][]step{
	1: {{"/v1/messages", 1}, {"sendMessage", 1}, {"chat.postMessage", 1}, {"/v1/messages", 2},
		{"editMessageText", 1}, {"editMessageText", 2}, {"editMessageText", 3}, {"editMessageText", 4}},
	3: {{"/v1/messages", 1}, {"sendMessage", 1}, {"/v1/messages", 2}, {"chat.postMessage", 1}, {"/v1/messages", 3}, {"/v1/messages", 4},
		{"editMessageText", 1}, {"editMessageText", 2}, {"editMessageText", 3}, {"editMessageText", 4}},
}

// TestEveryStepBoundary kills Instar at each call that one turn makes, in a
// world of its own.
func TestEveryStepBoundary(t *testing.T) {
	t.Parallel()
	d := roll(t)
	began := time.Now()
	type kill struct {
		replies int
		at      step
		when    moment
	}
	var kills []kill
	for _, replies := range []int{1, 3} {
		if *long {
			t.Run(fmt.Sprintf("%d replies, no crash", replies), func(t *testing.T) { plain(t, replies) })
		}
		for _, at := range steps[replies] {
			for _, when := range []moment{lost, unanswered, answered} {
				kills = append(kills, kill{replies, at, when})
			}
		}
	}
	d.r.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	all := len(kills)
	kills = kills[:sized(3, all)]
	var mu sync.Mutex
	var right, strays, unknown, missed int
	t.Run("kills", func(t *testing.T) {
		for _, k := range kills {
			t.Run(fmt.Sprintf("%d replies, %v, %s", k.replies, k.at, k.when), func(t *testing.T) {
				t.Parallel()
				o, reached := turn(t, k.replies, k.at, k.when)
				mu.Lock()
				defer mu.Unlock()
				if bad := o.wrong(); bad != "" {
					t.Errorf("%s: %+v", bad, o)
				} else {
					right++
				}
				strays += o.strays
				if !reached {
					missed++
				}
				if strings.Contains(o.said, "unknown") {
					unknown++
				}
			})
		}
	})
	t.Logf("step boundaries: killed at %d of %d, as promised %d, answers that say the outcome is unknown %d, stray placeholders %d, not reached %d, %.0f s",
		len(kills)-missed, all, right, unknown, strays, missed, time.Since(began).Seconds())
}

// plain runs the turn without a crash.
func plain(t *testing.T, replies int) {
	o, _ := turn(t, replies, step{}, "")
	if o.said != whole || o.slack != 1 || o.strays+o.others > 0 {
		t.Errorf("without a crash: %+v", o)
	}
	for _, s := range o.calls {
		if !slices.Contains(steps[replies], s) {
			t.Errorf("a turn with %d replies also calls %v: %v", replies, s, o.calls)
		}
	}
}

// wrong says which promise is broken, if any.
func (o outcome) wrong() string {
	switch {
	case o.said == "":
		return "no answer"
	case o.others > 0:
		return "more than an answer"
	case o.slack > 1:
		return "the message to Slack was sent more than once"
	case o.said == whole && o.slack != 1:
		return "the answer says that the message was sent, but it was not"
	case o.said != whole && o.said != strings.Replace(whole, "message done", "message unknown", 1):
		return "another answer"
	}
	return ""
}
