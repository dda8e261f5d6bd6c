package console_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"instar/shared/inbox"
)

const stream = "event: turn\ndata: {\"session\":\"main\",\"turn\":\"1\"}\n\n: keep-alive\n\nevent: text\ndata: {\"delta\":\"H\"}\n\nevent: done\ndata: {\"reply\":\"Hi.\",\"session\":\"main\"}\n\n"

func TestAMessageIsStoredAndQueuedForLaterBeforeItsTurnIsAskedFor(t *testing.T) {
	p := newPlace(t)
	p.script = func(key string) (int, string) {
		m, err := inbox.Get(t.Context(), p.store, key)
		if err != nil || m.Text != "hello" || m.Session != "trip" || m.Person() != "web:owner" {
			t.Errorf("stored %+v, %v", m, err)
		}
		if len(p.queue) != 1 || p.queue[0].wake.Key != key || !p.queue[0].wake.Again || p.queue[0].delay != time.Minute {
			t.Errorf("queued %+v", p.queue)
		}
		return 200, stream
	}
	if answer := p.say("trip", "hello"); answer["reply"] != "Hi." {
		t.Errorf("answer %v", answer)
	}
}

func TestTheAnswerComesAsJSONOrAsAStream(t *testing.T) {
	p := newPlace(t)
	p.script = func(string) (int, string) { return 200, stream }
	w := p.call("POST", "/api/chat", `{"text":"hello"}`)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || strings.TrimSpace(w.Body.String()) != `{"reply":"Hi.","session":"main"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = p.call("POST", "/api/chat", `{"text":"hello"}`, "Accept", "text/event-stream")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("Cache-Control") != "no-store" || w.Body.String() != stream || !w.Flushed {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAFailedTurnIs503(t *testing.T) {
	p := newPlace(t)
	p.script = func(string) (int, string) {
		return 200, "event: error\ndata: {\"error\":\"look here in a minute\"}\n\n"
	}
	if w := p.call("POST", "/api/chat", `{"text":"hello"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "in a minute") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The message is safe: whoever sent it must not send it again.
func TestWithoutTheAgentFunctionTheMessageWaitsForTheQueue(t *testing.T) {
	for name, script := range map[string]func(string) (int, string){
		"no connection": nil,
		"misconfigured": func(string) (int, string) { return 503, "hunter2" },
		"torn":          func(string) (int, string) { return 200, stream[:60] },
		"empty":         func(string) (int, string) { return 200, "" },
	} {
		p := newPlace(t)
		p.script = script
		w := p.call("POST", "/api/chat", `{"text":"hello"}`)
		if body := w.Body.String(); w.Code != 503 || !strings.Contains(body, "will be answered") || !strings.Contains(body, "do not send it again") || strings.Contains(body, "hunter2") {
			t.Errorf("%s: %d %s", name, w.Code, body)
		}
		if len(p.queue) != 1 {
			t.Errorf("%s: queued %+v", name, p.queue)
		}
		// A page takes a stream that ends early as the sign to look into the history.
		w = p.call("POST", "/api/chat", `{"text":"hello again"}`, "Accept", "text/event-stream")
		if w.Code != 200 || strings.Contains(w.Body.String(), "event: done") || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if got := p.session("main"); !got.Busy || got.texts() != "user: hello\nuser: hello again" && got.texts() != "user: hello again\nuser: hello" {
			t.Errorf("%s: busy %v, shown %q", name, got.Busy, got.texts())
		}
	}
}

func TestWhatCannotBeStoredOrQueuedIsRefused(t *testing.T) {
	p := newPlace(t)
	p.broken = errors.New("hunter2")
	if w := p.call("POST", "/api/chat", `{"text":"hello"}`); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") || len(p.keys) != 0 {
		t.Errorf("%d %s, called %q", w.Code, w.Body, p.keys)
	}
}

// undeclared hides a body's length.
type undeclared struct{ io.Reader }

func TestRequestsAreBounded(t *testing.T) {
	text := func(n int, s string) string {
		body, _ := json.Marshal(map[string]string{"text": strings.Repeat(s, n)})
		return string(body)
	}
	name := func(s string) string { return `{"text":"hi","session":"` + s + `"}` }
	for what, c := range map[string]struct {
		body   string
		status int
	}{
		"not JSON":         {"{", 400},
		"not an object":    {`["hi"]`, 400},
		"null":             {"null", 400},
		"wrong type":       {`{"text":7}`, 400},
		"two objects":      {`{"text":"hi"}{}`, 400},
		"empty":            {"", 400},
		"no text":          {`{}`, 400},
		"blank text":       {`{"text":" \n\t"}`, 400},
		"longest text":     {text(100_000, "x"), 200},
		"too long text":    {text(100_001, "x"), 413},
		"many bytes":       {text(70_000, "日"), 200},
		"too large":        {text(300_000, "x"), 413},
		"path":             {name("../../x"), 400},
		"slash":            {name("a/b"), 400},
		"space":            {name("a b"), 400},
		"not ASCII":        {name("é"), 400},
		"longest name":     {name(strings.Repeat("a", 64)), 200},
		"too long name":    {name(strings.Repeat("a", 65)), 400},
		"every character":  {name("Ab-9._"), 200},
		"dots":             {name(".."), 200}, // only a part of a key: web-..
		"main":             {name("main"), 200},
		"prefix of an id":  {name("web-x"), 200},
		"line break":       {`{"text":"hi","session":"a\nb"}`, 400},
		"escaped NUL":      {`{"text":"a\u0000b"}`, 200},
		"lone surrogate":   {`{"text":"\ud800"}`, 200},
		"unknown field":    {`{"text":"hi","sender":"telegram:1"}`, 200},
		"not valid UTF-8":  {"{\"text\":\"\xff\"}", 200},
		"deep":             {strings.Repeat("[", 100_000), 400},
		"number of a name": {`{"text":"hi","session":7}`, 400},
	} {
		for _, declared := range []bool{true, false} {
			p := newPlace(t)
			p.script = func(string) (int, string) { return 200, stream }
			var body io.Reader = strings.NewReader(c.body)
			if !declared {
				body = undeclared{body}
			}
			r := httptest.NewRequest("POST", "/api/chat", body)
			r.Header.Set("Authorization", "Bearer "+token)
			if w := p.serve(r); w.Code != c.status || (len(p.queue) == 1) != (c.status == 200) {
				t.Errorf("%s: %d %.100s, want %d; queued %d", what, w.Code, w.Body, c.status, len(p.queue))
			}
		}
	}
}

func TestAWholeTurnThroughTheRealAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(after(40*time.Second, "Hi."))
		answer := p.say("trip", "hello")
		if answer["reply"] != "Hi." || answer["session"] != "trip" || answer["turn"] != "1" || answer["state"] != "done" {
			t.Errorf("answer %v", answer)
		}
		if usage, ok := answer["usage"].(map[string]any); !ok || usage["input"] != 1000.0 || usage["output"] != 100.0 || usage["cost_usd"] == 0.0 {
			t.Errorf("usage %v", answer["usage"])
		}
		w := p.call("POST", "/api/chat", `{"text":"hello"}`, "Accept", "text/event-stream")
		if !strings.Contains(w.Body.String(), ": keep-alive\n\n") || !strings.Contains(w.Body.String(), "event: done\n") {
			t.Errorf("stream:\n%s", w.Body)
		}
	})
}

func FuzzRequestBodies(f *testing.F) {
	for _, seed := range []string{`{"text":"hi"}`, `{"text":"hi","session":"x"}`, `{"code":"ABCD2345"}`, `{"session":"main"}`, "[", `{"text":"\u0000"}`, `{"data":"/yes 0123456789abcdef0123nonces"}`, `{"id":"01234567"}`, "null", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/api/chat", "/api/stop", "/api/answer", "/api/grants/revoke", "/api/pairing/approve"} {
			p := newPlace(t)
			p.script = func(string) (int, string) { return 200, stream }
			w := p.call("POST", path, string(body))
			if w.Code == 500 || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
			}
			if path != "/api/chat" || w.Code != 200 {
				continue
			}
			m, err := inbox.Get(t.Context(), p.store, p.keys[0])
			if err != nil || strings.TrimSpace(m.Text) == "" || !utf8.ValidString(m.Text) || m.Person() != "web:owner" || strings.Contains(m.Session, "/") {
				t.Errorf("%q: stored %+v, %v", body, m, err)
			}
			if got := p.session(m.Session); !got.Busy || got.Messages[0].Text != m.Text {
				if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(m.Text)), "/stop") {
					t.Errorf("%q: shown %+v", body, got)
				}
			}
		}
	})
}
