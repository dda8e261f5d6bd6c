//go:build e2e

package chat

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// The page in real Chromium against the real functions; its own tests against
// a stand-in are in e2e/console.
func TestWebChatInChromium(t *testing.T) {
	w := instar.Start(t)
	w.Anthropic.Script(instar.Script(map[string]func(fake.Call) fake.Answer{
		"what time": instar.Fixed(fake.Answer{Text: "It is 12:34, says the zebra, who looks at a clock now and then.", ChunkSize: 4, Delay: 80 * time.Millisecond}),
		"remember":  instar.Fixed(fake.Answer{ToolUses: []fake.ToolUse{{Name: "memory_write", Input: `{"text":"The zebra likes oolong."}`}}}),
	}))
	top := instar.Root(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(top, "node_modules/.bin/node"), "--test", filepath.Join(top, "e2e/console/real.test.mjs"))
	c.Dir = top
	c.Env = append(os.Environ(), "CONSOLE_URL="+w.URL, "CONSOLE_TOKEN="+instar.ConsoleToken)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "# pass 5") && !strings.Contains(string(out), "pass 5") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheConsoleStreamsAndSurvivesACallerWhoLeaves(t *testing.T) {
	w := instar.Start(t)
	w.Anthropic.Script(instar.Script(map[string]func(fake.Call) fake.Answer{
		"slow": instar.Fixed(fake.Answer{Text: strings.Repeat("zebra ", 60), ChunkSize: 12, Delay: 60 * time.Millisecond}),
	}))
	var names []string
	var first, last time.Time
	w.Stream("slow zebra", func(name string, data map[string]any) bool {
		if name == "text" && first.IsZero() {
			first = time.Now()
		}
		last = time.Now()
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
		return true
	})
	if got := strings.Join(names, " "); got != "turn text done" {
		t.Errorf("events: %s", got)
	}
	if last.Sub(first) < time.Second {
		t.Errorf("a reply that takes 2 s to write arrived within %v: it did not stream", last.Sub(first))
	}

	w.Stream("slow zebra, and I leave", func(name string, _ map[string]any) bool { return name != "text" })
	deadline := time.Now().Add(15 * time.Second)
	for {
		var page struct {
			Busy     bool
			Messages []struct{ Role, Text string }
		}
		if err := json.NewDecoder(w.Get("/api/session?session=").Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		if n := len(page.Messages); n == 4 && page.Messages[3].Text == strings.TrimSpace(strings.Repeat("zebra ", 60)) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the turn was not finished after its caller left: %+v", page)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
