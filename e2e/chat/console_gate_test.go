//go:build e2e

package chat

import (
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
	"instar/e2e/instar"
)

// webCard is a question as the console's API shows it.
type webCard struct {
	ID, Text, State string
	Buttons         [][]struct{ Label, Data string }
}

func (c webCard) says(t *testing.T, label string) string {
	t.Helper()
	for _, row := range c.Buttons {
		for _, b := range row {
			if strings.HasPrefix(b.Label, label) {
				return b.Data
			}
		}
	}
	t.Fatalf("no button %q on %+v", label, c)
	return ""
}

// webAnswer answers a question through the console.
func webAnswer(t *testing.T, w *instar.World, data string) (status int, got struct {
	Card         webCard
	Reply, Error string
}) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"data": data, "session": ""})
	r := w.Post("/api/answer", body, http.Header{"Authorization": {"Bearer " + instar.ConsoleToken}})
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, got
}

// tainted is an Instar whose owner's conversation has somebody else's words in it.
func tainted(t *testing.T) *instar.World {
	t.Helper()
	w := instar.Start(t)
	w.Anthropic.Script(asking)
	w.Hook(instar.Update(instar.Owner, instar.Owner, "The zebra eats daily.", fake.Forwarded()))
	w.Reply(instar.Owner, "The zebra eats daily.")
	return w
}

func TestTheOwnerIsAskedAndAnswersInTheConsole(t *testing.T) {
	w := tainted(t)
	var done struct{ Cards []webCard }
	w.Stream("Remind me to feed the zebra every day", func(name string, data map[string]any) bool {
		if name != "done" {
			return true
		}
		text, _ := json.Marshal(data)
		if err := json.Unmarshal(text, &done); err != nil {
			t.Error(err)
		}
		return false
	})
	if len(done.Cards) != 1 || done.Cards[0].State != "asked" || !strings.Contains(done.Cards[0].Text, "Feed the zebra.") {
		t.Fatalf("the turn ends with %+v", done)
	}
	asked := done.Cards[0]
	if jobs, _ := w.Ask("/jobs", "")["reply"].(string); strings.Contains(jobs, "Feed the zebra.") {
		t.Errorf("before the answer: %q", jobs)
	}
	status, got := webAnswer(t, w, asked.says(t, "Yes"))
	if status != http.StatusOK || got.Card.ID != asked.ID || got.Card.State != "approved" || len(got.Card.Buttons) > 0 || !strings.Contains(got.Card.Text, "You said yes at") {
		t.Fatalf("the answer: %d %+v", status, got)
	}

	type message struct {
		Role, Text, Approval string
		Cards                []webCard
	}
	var page struct {
		Busy     bool
		Messages []message
	}
	history := func() (card *webCard, goesOn *message) {
		page.Messages = nil
		if err := json.NewDecoder(w.Get("/api/session?session=").Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		for i, m := range page.Messages {
			if m.Role == "user" && (m.Text == "" || strings.HasPrefix(m.Text, "/yes")) {
				t.Errorf("message %d is nobody's: %+v", i, m)
			}
			if len(m.Cards) > 0 {
				card = &m.Cards[0]
			}
			if m.Approval == asked.ID {
				goesOn = &page.Messages[i]
			}
		}
		return card, goesOn
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		card, goesOn := history()
		if card == nil || card.State != "approved" || len(card.Buttons) > 0 {
			t.Fatalf("the history shows %+v", page)
		}
		if goesOn != nil {
			if goesOn.Role != "assistant" || !strings.Contains(goesOn.Text, "The owner said yes to schedule_create, and it ran (done)") || page.Busy {
				t.Errorf("the conversation goes on with %+v, busy %v", goesOn, page.Busy)
			}
			break
		}
		if !page.Busy {
			t.Errorf("not busy, and the answer is not there: %+v", page)
		}
		if time.Now().After(deadline) {
			t.Fatalf("the conversation did not go on: %+v", page)
		}
	}
	if jobs, _ := w.Ask("/jobs", "")["reply"].(string); !strings.Contains(jobs, "Feed the zebra.") {
		t.Errorf("after the answer: %q", jobs)
	}
	for _, label := range []string{"Yes", "No"} {
		if status, got := webAnswer(t, w, asked.says(t, label)); status != http.StatusConflict || got.Card.State != "approved" || !strings.Contains(got.Error, "answered before") {
			t.Errorf("%s again: %d %+v", label, status, got)
		}
	}
	if status, got := webAnswer(t, w, "/yes "+strings.Repeat("0", 26)); status != http.StatusNotFound {
		t.Errorf("a question that is none: %d %+v", status, got)
	}
}

// The same on the page, in real Chromium.
func TestTheOwnerAnswersOnThePage(t *testing.T) {
	w := tainted(t)
	top := instar.Root(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(top, "node_modules/.bin/node"), "--test", filepath.Join(top, "e2e/console/asked.real.test.mjs"))
	c.Dir = top
	c.Env = append(os.Environ(), "CONSOLE_URL="+w.URL, "CONSOLE_TOKEN="+instar.ConsoleToken)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "pass 1") {
		t.Errorf("%v\n%s", err, out)
	}
}
