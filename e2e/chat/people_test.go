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
)

var pairingCode = regexp.MustCompile(`\b[A-HJ-NP-Z2-9]{8}\b`)

func TestStrangersArePairedByTheOwner(t *testing.T) {
	w := start(t)
	w.say(501, "zebra, let me in")
	asked := w.reply(501, "code")
	code := pairingCode.FindString(asked.Text)
	if code == "" {
		t.Fatalf("no code in %q", asked.Text)
	}
	w.say(501, "zebra, please")
	w.say(owner, "/approve WRONG234")
	w.reply(owner, "not known")
	w.say(owner, "/approve "+strings.ToLower(code))
	w.reply(owner, "can talk to me now")
	w.reply(501, "let in")
	w.say(501, "zebra, who am I")
	w.reply(501, "You said: zebra, who am I")
	if n := len(w.telegram.Chat(501)); n != 3 {
		t.Errorf("the stranger saw %d messages, want 3 (code, let in, answer): %s", n, texts(w.telegram.Chat(501)))
	}
	if calls := w.anthropic.Calls(); len(calls) != 1 {
		t.Errorf("%d model calls, want 1: a stranger must not cost anything", len(calls))
	}
	w.say(501, "/approve "+code)
	w.reply(501, "Only the owner")

	for _, person := range []int64{502, 503, 504, 505} {
		w.say(person, "zebra")
	}
	time.Sleep(2 * time.Second)
	told := 0
	for _, person := range []int64{502, 503, 504, 505} {
		told += len(w.telegram.Chat(person))
	}
	if told != 3 {
		t.Errorf("%d of 4 strangers at once got a code, want 3", told)
	}

	var status struct {
		Pairing []struct{ Code, Person string }
	}
	r := w.get("/api/status")
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil || len(status.Pairing) != 3 {
		t.Fatalf("console shows %+v, %v", status, err)
	}
	body, _ := json.Marshal(map[string]string{"code": status.Pairing[0].Code})
	if r := w.post("/api/pairing/approve", body, http.Header{"Authorization": {"Bearer " + consoleToken}}); r.StatusCode != http.StatusOK {
		t.Errorf("approving in the console answered %d", r.StatusCode)
	}
}

func TestClosedIgnoresStrangers(t *testing.T) {
	w := start(t, "TELEGRAM_DM_POLICY=closed")
	w.say(601, "zebra")
	w.say(owner, "zebra owner")
	w.reply(owner, "zebra owner")
	if got := w.telegram.Chat(601); len(got) != 0 {
		t.Errorf("a stranger was answered: %s", texts(got))
	}
}

func (w *world) get(path string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+consoleToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestTheDaysBudgetIsKept(t *testing.T) {
	w := start(t, "BUDGET_DAILY_USD=0.05")
	w.anthropic.Script(fixed(fake.Answer{Text: "dear", Usage: &fake.Usage{Input: 10_000, Output: 1_000}})) // $0.045
	w.say(owner, "zebra one")
	w.reply(owner, "dear")
	w.say(owner, "zebra two")
	w.say(owner, "zebra three")
	m := w.reply(owner, "budget")
	if !strings.Contains(m.Text, "BUDGET_DAILY_USD") {
		t.Errorf("the person is not told what to change: %q", m.Text)
	}
	if n := len(w.anthropic.Calls()); n > 2 {
		t.Errorf("%d model calls at $0.045 each with a budget of $0.05", n)
	}
	w.say(owner, "/usage")
	w.reply(owner, "of $0.05")
}

func TestTheConversationSurvivesARestart(t *testing.T) {
	w := start(t, "MODEL=offline", "MODEL_FALLBACKS=")
	w.say(owner, "remember that the zebra eats at noon")
	w.reply(owner, "Saved")
	w.end(15) // SIGTERM
	w.launch()
	w.say(owner, "what do you know about zebra?")
	w.reply(owner, "eats at noon")
	answer := w.ask("what do you know about zebra?", "")
	if !strings.Contains(answer["reply"].(string), "eats at noon") || answer["session"] != "main" {
		t.Errorf("the console answers %v", answer)
	}
}

func TestMisconfigurationAnswers503AndNamesWhatIsMissing(t *testing.T) {
	w := start(t, "TELEGRAM_WEBHOOK_SECRET=", "SLACK_BOT_TOKEN=", "CONSOLE_TOKEN=", "ANTHROPIC_API_KEY=", "MODEL_FALLBACKS=")
	for path, want := range map[string]string{
		"/healthz":        "ANTHROPIC_API_KEY",
		"/hooks/telegram": "TELEGRAM_WEBHOOK_SECRET",
		"/hooks/slack":    "SLACK_BOT_TOKEN",
		"/api/chat":       "CONSOLE_TOKEN",
	} {
		var r *http.Response
		if path == "/healthz" {
			r = w.get(path)
		} else {
			r = w.post(path, []byte(`{}`), nil)
		}
		var answer struct{ Missing []string }
		json.NewDecoder(r.Body).Decode(&answer)
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(strings.Join(answer.Missing, " "), want) {
			t.Errorf("%s: status %d, missing %v; want 503 naming %s", path, r.StatusCode, answer.Missing, want)
		}
	}
}

func TestTheConsolesAPIRefusesBadRequests(t *testing.T) {
	w := start(t)
	auth := http.Header{"Authorization": {"Bearer " + consoleToken}}
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
		if r := w.post("/api/chat", c.body, c.header); r.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, r.StatusCode, c.status)
		}
	}
	if n := len(w.anthropic.Calls()); n != 0 {
		t.Errorf("%d model calls", n)
	}
}
