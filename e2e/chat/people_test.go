//go:build e2e

package chat

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

var pairingCode = regexp.MustCompile(`\b[A-HJ-NP-Z2-9]{8}\b`)

func TestStrangersArePairedByTheOwner(t *testing.T) {
	w := instar.Start(t)
	w.Say(501, "zebra, let me in")
	asked := w.Reply(501, "code")
	code := pairingCode.FindString(asked.Text)
	if code == "" {
		t.Fatalf("no code in %q", asked.Text)
	}
	w.Say(501, "zebra, please")
	w.Say(instar.Owner, "/approve WRONG234")
	w.Reply(instar.Owner, "not known")
	w.Say(instar.Owner, "/approve "+strings.ToLower(code))
	w.Reply(instar.Owner, "can talk to me now")
	w.Reply(501, "let in")
	w.Say(501, "zebra, who am I")
	w.Reply(501, "You said: zebra, who am I")
	if n := len(w.Telegram.Chat(501)); n != 3 {
		t.Errorf("the stranger saw %d messages, want 3 (code, let in, answer): %s", n, instar.Texts(w.Telegram.Chat(501)))
	}
	if calls := w.Anthropic.Calls(); len(calls) != 1 {
		t.Errorf("%d model calls, want 1: a stranger must not cost anything", len(calls))
	}
	w.Say(501, "/approve "+code)
	w.Reply(501, "Only the owner")

	for _, person := range []int64{502, 503, 504, 505} {
		w.Say(person, "zebra")
	}
	time.Sleep(2 * time.Second)
	told := 0
	for _, person := range []int64{502, 503, 504, 505} {
		told += len(w.Telegram.Chat(person))
	}
	if told != 3 {
		t.Errorf("%d of 4 strangers at once got a code, want 3", told)
	}

	var status struct {
		Pairing []struct{ Code, Person string }
	}
	r := w.Get("/api/status")
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil || len(status.Pairing) != 3 {
		t.Fatalf("console shows %+v, %v", status, err)
	}
	body, _ := json.Marshal(map[string]string{"code": status.Pairing[0].Code})
	if r := w.Post("/api/pairing/approve", body, http.Header{"Authorization": {"Bearer " + instar.ConsoleToken}}); r.StatusCode != http.StatusOK {
		t.Errorf("approving in the console answered %d", r.StatusCode)
	}
}

func TestClosedIgnoresStrangers(t *testing.T) {
	w := instar.Start(t, "TELEGRAM_DM_POLICY=closed")
	w.Say(601, "zebra")
	w.Say(instar.Owner, "zebra owner")
	w.Reply(instar.Owner, "zebra owner")
	if got := w.Telegram.Chat(601); len(got) != 0 {
		t.Errorf("a stranger was answered: %s", instar.Texts(got))
	}
}

func TestTheDaysBudgetIsKept(t *testing.T) {
	w := instar.Start(t, "BUDGET_DAILY_USD=0.05")
	w.Anthropic.Script(instar.Fixed(fake.Answer{Text: "dear", Usage: &fake.Usage{Input: 10_000, Output: 1_000}})) // $0.045
	w.Say(instar.Owner, "zebra one")
	w.Reply(instar.Owner, "dear")
	w.Say(instar.Owner, "zebra two")
	w.Say(instar.Owner, "zebra three")
	m := w.Reply(instar.Owner, "budget")
	if !strings.Contains(m.Text, "BUDGET_DAILY_USD") {
		t.Errorf("the person is not told what to change: %q", m.Text)
	}
	if n := len(w.Anthropic.Calls()); n > 2 {
		t.Errorf("%d model calls at $0.045 each with a budget of $0.05", n)
	}
	w.Say(instar.Owner, "/usage")
	w.Reply(instar.Owner, "of $0.05")
}

func TestTheConversationSurvivesARestart(t *testing.T) {
	w := instar.Start(t, "MODEL=offline", "MODEL_FALLBACKS=")
	w.Say(instar.Owner, "remember that the zebra eats at noon")
	w.Reply(instar.Owner, "Saved")
	w.End(15) // SIGTERM
	w.Launch()
	w.Say(instar.Owner, "what do you know about zebra?")
	w.Reply(instar.Owner, "eats at noon")
	answer := w.Ask("what do you know about zebra?", "")
	if !strings.Contains(answer["reply"].(string), "eats at noon") || answer["session"] != "main" {
		t.Errorf("the console answers %v", answer)
	}
}

func TestMisconfigurationAnswers503AndNamesWhatIsMissing(t *testing.T) {
	w := instar.Start(t, "TELEGRAM_WEBHOOK_SECRET=", "SLACK_BOT_TOKEN=", "CONSOLE_TOKEN=", "ANTHROPIC_API_KEY=", "MODEL_FALLBACKS=")
	for path, want := range map[string]string{
		"/healthz":        "ANTHROPIC_API_KEY",
		"/hooks/telegram": "TELEGRAM_WEBHOOK_SECRET",
		"/hooks/slack":    "SLACK_BOT_TOKEN",
		"/api/chat":       "CONSOLE_TOKEN",
	} {
		var r *http.Response
		if path == "/healthz" {
			r = w.Get(path)
		} else {
			r = w.Post(path, []byte(`{}`), nil)
		}
		var answer struct{ Missing []string }
		json.NewDecoder(r.Body).Decode(&answer)
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(strings.Join(answer.Missing, " "), want) {
			t.Errorf("%s: status %d, missing %v; want 503 naming %s", path, r.StatusCode, answer.Missing, want)
		}
	}
}

func TestTheConsolesAPIRefusesBadRequests(t *testing.T) {
	w := instar.Start(t)
	auth := http.Header{"Authorization": {"Bearer " + instar.ConsoleToken}}
	for name, c := range map[string]struct {
		body   []byte
		header http.Header
		status int
	}{
		"no token":         {[]byte(`{"text":"zebra"}`), nil, 401},
		"wrong token":      {[]byte(`{"text":"zebra"}`), http.Header{"Authorization": {"Bearer x"}}, 401},
		"not JSON":         {[]byte(`{`), auth, 400},
		"no text":          {[]byte(`{}`), auth, 400},
		"blank text":       {[]byte(`{"text":" \n"}`), auth, 400},
		"odd session name": {[]byte(`{"text":"zebra","session":"../../x"}`), auth, 400},
		"too large":        {bytes.Repeat([]byte("x"), 300<<10), auth, 413},
	} {
		if r := w.Post("/api/chat", c.body, c.header); r.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, r.StatusCode, c.status)
		}
	}
	if n := len(w.Anthropic.Calls()); n != 0 {
		t.Errorf("%d model calls", n)
	}
}
