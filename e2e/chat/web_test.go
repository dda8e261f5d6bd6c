//go:build e2e

package chat

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
)

// The page in real Chromium against the real functions; its own tests against
// a stand-in are in e2e/console.
func TestWebChatInChromium(t *testing.T) {
	w := start(t)
	w.anthropic.Script(script(map[string]func(fake.Call) fake.Answer{
		"what time": fixed(fake.Answer{Text: "It is 12:34, says the zebra, who looks at a clock now and then.", ChunkSize: 4, Delay: 80 * time.Millisecond}),
		"remember":  fixed(fake.Answer{ToolUses: []fake.ToolUse{{Name: "memory_write", Input: `{"text":"The zebra likes oolong."}`}}}),
	}))
	top := root(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(top, "node_modules/.bin/node"), "--test", filepath.Join(top, "e2e/console/real.test.mjs"))
	c.Dir = top
	c.Env = append(os.Environ(), "CONSOLE_URL="+w.url, "CONSOLE_TOKEN="+consoleToken)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "# pass 5") && !strings.Contains(string(out), "pass 5") {
		t.Errorf("%v\n%s", err, out)
	}
}

// stream posts to the chat and returns the names and data of its events.
func (w *world) stream(text string, onEvent func(name string, data map[string]any) bool) {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"text": text})
	r, err := http.NewRequest(http.MethodPost, w.url+"/api/chat", strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+consoleToken)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	name := ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = event
		} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var decoded map[string]any
			if err := json.Unmarshal([]byte(data), &decoded); err != nil {
				w.t.Fatalf("event %s is not JSON: %s", name, data)
			}
			if !onEvent(name, decoded) {
				return
			}
		}
	}
}

func TestTheConsoleStreamsAndSurvivesACallerWhoLeaves(t *testing.T) {
	w := start(t)
	w.anthropic.Script(script(map[string]func(fake.Call) fake.Answer{
		"slow": fixed(fake.Answer{Text: strings.Repeat("zebra ", 60), ChunkSize: 12, Delay: 60 * time.Millisecond}),
	}))
	var names []string
	var first, last time.Time
	w.stream("slow zebra", func(name string, data map[string]any) bool {
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

	w.stream("slow zebra, and I leave", func(name string, _ map[string]any) bool { return name != "text" })
	deadline := time.Now().Add(15 * time.Second)
	for {
		var page struct {
			Busy     bool
			Messages []struct{ Role, Text string }
		}
		if err := json.NewDecoder(w.get("/api/session?session=").Body).Decode(&page); err != nil {
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
