//go:build e2e

package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// TestAJobDueWhileDown: a job that falls due while nothing runs is done once,
// within a minute of coming back.
func TestAJobDueWhileDown(t *testing.T) {
	t.Parallel()
	began := time.Now()
	w := instar.Start(t)
	const set = "It is set, says the zebra."
	due := time.Now().Add(20 * time.Second).Truncate(time.Second)
	offered := make(chan bool, 10)
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		if len(c.LastResults()) > 0 {
			return fake.Answer{Text: set}
		}
		if !slices.ContainsFunc(c.Tools, func(tool fake.Tool) bool { return tool.Name == "schedule_create" }) {
			offered <- false
			return fake.Answer{Text: "There is no such tool, says the zebra."}
		}
		offered <- true
		return fake.Answer{ToolUses: []fake.ToolUse{{Name: "schedule_create",
			Input: fmt.Sprintf(`{"text":"zebra job","at":%q,"kind":"reminder"}`, due.Format(time.RFC3339))}}}
	})
	w.Say(instar.Owner, "remind me, zebra")
	if !<-offered {
		t.Skip("SKIPPED: THE MODEL IS NOT OFFERED schedule_create: JOBS THAT FALL DUE WHILE EVERYTHING IS DOWN ARE NOT TESTED")
	}
	if !until(30*time.Second, func() bool {
		return slices.ContainsFunc(w.Telegram.Chat(instar.Owner), func(m fake.Message) bool { return m.Text == set })
	}) {
		t.Fatalf("the job was not set: %s", instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	time.Sleep(500 * time.Millisecond) // and recorded
	w.Kill()
	time.Sleep(time.Until(due.Add(time.Duration(sized(25, 60)) * time.Second)))
	w.Launch()
	started := time.Now()
	shown := func() (n int) {
		for _, m := range w.Telegram.Chat(instar.Owner) {
			if strings.Contains(m.Text, "zebra job") {
				n++
			}
		}
		return n
	}
	if *long {
		// The cron of `make run` comes at the start and every minute.
		until(65*time.Second, func() bool { return shown() > 0 })
	} else { // the cron at the start, and that of the next minute
		w.Cron(time.Now())
		if !until(5*time.Second, func() bool { return shown() > 0 }) {
			w.Cron(time.Now().Add(time.Minute))
			until(5*time.Second, func() bool { return shown() > 0 })
		}
	}
	took := time.Since(started)
	if n := shown(); n != 1 {
		t.Errorf("%v after the start, with cron at once and a minute later, the job is to be seen %d times: %s", took, n, instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	if *long {
		time.Sleep(70 * time.Second)
	} else { // the minutes after
		w.Cron(time.Now().Add(2 * time.Minute))
		w.Cron(time.Now().Add(3 * time.Minute))
		time.Sleep(5 * time.Second)
	}
	if n := shown(); n != 1 {
		t.Errorf("the job is to be seen %d times in the end", n)
	}
	t.Logf("a job due while down: shown %d times, %.1f s after the start, %.0f s", shown(), took.Seconds(), time.Since(began).Seconds())
}
