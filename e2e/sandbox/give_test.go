//go:build e2e

package sandbox

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// A file that a command made arrives in the chat, and on the page.
func TestAFileOfTheSandboxArrivesInTheChat(t *testing.T) {
	w := startSandbox(t)
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		results := c.LastResults()
		switch {
		case len(results) == 0:
			return fake.Answer{ToolUses: []fake.ToolUse{{Name: "sandbox_run", Input: `{"command":"mkdir -p out; printf 'zebra,1\n' > out/table.csv","wait_s":20}`}}}
		case strings.Contains(results[0].Text, "Exit code 0"):
			return fake.Answer{ToolUses: []fake.ToolUse{{Name: "sandbox_read", Input: `{"path":"out/table.csv","give":true}`}}}
		}
		return fake.Answer{Text: "Here is the table. The tool said: " + results[0].Text}
	})
	w.Say(instar.Owner, "make a table and give it to me")
	w.Reply(instar.Owner, "Here is the table")
	file := given(t, w)
	if file.Name != "table.csv" || file.Type != "text/plain" || string(file.Data) != "zebra,1\n" || file.As != "document" {
		t.Errorf("what arrived is %+v", file)
	}

	answer := w.Ask("and once more", "")
	files, _ := answer["files"].([]any)
	if len(files) != 1 {
		t.Fatalf("the page is told %v", answer)
	}
	got := w.Get(files[0].(map[string]any)["url"].(string))
	body, _ := io.ReadAll(got.Body)
	if got.StatusCode != http.StatusOK || string(body) != "zebra,1\n" || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the page gets %d %q %v", got.StatusCode, body, got.Header)
	}
}

// given waits for the one file in the owner's chat.
func given(t *testing.T, w *instar.World) fake.File {
	t.Helper()
	var found []fake.File
	for until := time.Now().Add(10 * time.Second); len(found) == 0 && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		for _, m := range w.Telegram.Chat(instar.Owner) {
			if m.File != nil {
				found = append(found, *m.File)
			}
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d files arrived", len(found))
	}
	return found[0]
}
