package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/session"
	"instar/shared/turn"
)

func TestAnUnknownSessionIsEmpty(t *testing.T) {
	p := newPlace(t)
	w := p.call("GET", "/api/session?session=never", "")
	if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != `{"busy":false,"messages":[],"session":"never"}` {
		t.Errorf("%d %s", w.Code, got)
	}
	if w := p.call("GET", "/api/session?session=../x", ""); w.Code != 400 {
		t.Errorf("a bad name: %d", w.Code)
	}
}

func TestTheHistoryShowsWhatWasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(after(time.Second, "Hi."))
		p.say("main", "hello")
		p.say("trip", "elsewhere")
		for _, name := range []string{"main", ""} {
			got := p.session(name)
			if got.Busy || got.Session != "main" || got.texts() != "user: hello\nassistant: Hi." {
				t.Errorf("%q: %+v", name, got)
			}
			reply := got.Messages[1]
			if reply.Model != "anthropic/claude-sonnet-4-5" || reply.Cost == nil || *reply.Cost == 0 || reply.Time.IsZero() || got.Messages[0].Cost != nil {
				t.Errorf("reply %+v", reply)
			}
		}
		if got := p.session("trip"); got.Session != "trip" || got.texts() != "user: elsewhere\nassistant: Hi." {
			t.Errorf("trip: %+v", got)
		}
	})
}

func TestANameReadsBackTheSessionThatItWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(after(0, "Hi."))
		for _, name := range []string{"trip", "web-trip", "web-", "Trip.2", "..", "main-2", "x_y"} {
			if answer := p.say(name, "I am "+name); answer["session"] != name {
				t.Errorf("%q answers as %q", name, answer["session"])
			}
			time.Sleep(time.Second)
		}
		for _, name := range []string{"trip", "web-trip", "web-", "Trip.2", "..", "main-2", "x_y"} {
			if got := p.session(name); got.Session != name || got.texts() != "user: I am "+name+"\nassistant: Hi." {
				t.Errorf("%q: %+v", name, got)
			}
		}
		var list struct {
			Sessions []struct {
				Name    string
				Updated time.Time
			}
		}
		p.decode(p.call("GET", "/api/sessions", ""), &list)
		var names []string
		for i, s := range list.Sessions {
			names = append(names, s.Name)
			if i > 0 && s.Updated.After(list.Sessions[i-1].Updated) {
				t.Errorf("not the newest first: %+v", list.Sessions)
			}
		}
		if got := strings.Join(names, " "); got != "x_y main-2 .. Trip.2 web- web-trip trip" {
			t.Errorf("sessions: %s", got)
		}
	})
}

func TestOnlyTheOwnersOwnConversationsAreListed(t *testing.T) {
	p := newPlace(t)
	if w := p.call("GET", "/api/sessions", ""); strings.TrimSpace(w.Body.String()) != `{"sessions":[]}` {
		t.Errorf("none yet: %s", w.Body)
	}
	store := &session.Store{Bucket: p.store, Agent: "main", Now: time.Now, Fold: turn.UserText}
	for _, id := range []string{"telegram-7", "slack-C1-1%2E2", "web-trip", "main"} {
		if _, err := store.Claim(t.Context(), id, "key", &chat.Message{V: 1, ID: id}, false); err != nil {
			t.Fatal(err)
		}
	}
	w := p.call("GET", "/api/sessions", "")
	if got := w.Body.String(); strings.Contains(got, "telegram") || strings.Contains(got, "slack") || strings.Contains(got, "web-") || strings.Count(got, `"name"`) != 2 {
		t.Errorf("sessions: %s", got)
	}
}

func TestASessionIsBusyFromAcceptanceUntilItsReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(after(20*time.Second, "Hi."))
		// Accepted, and the direct call failed: the queue has it.
		real := p.handler.Turns
		p.handler.Turns = p
		p.call("POST", "/api/chat", `{"text":"hello","session":"trip"}`)
		shows := func(when string, busy bool, texts string) {
			t.Helper()
			if got := p.session("trip"); got.Busy != busy || got.texts() != texts {
				t.Errorf("%s: busy %v, shown %q", when, got.Busy, got.texts())
			}
			if other := p.session("main"); other.Busy || len(other.Messages) != 0 {
				t.Errorf("%s: another session shows %+v", when, other)
			}
		}
		shows("accepted", true, "user: hello")
		p.handler.Turns = real

		// Claimed, nothing recorded yet.
		done := make(chan struct{})
		go func() {
			defer close(done)
			body, _ := json.Marshal(inbox.Wake{V: 1, Key: p.keys[0]})
			r, err := real.Do(httptest.NewRequest("POST", "/turns", bytes.NewReader(body)))
			if err == nil {
				io.Copy(io.Discard, r.Body)
			}
		}()
		synctest.Wait()
		if _, _, err := p.sessions().Turn(t.Context(), "web-trip", 1); err == nil {
			t.Fatal("the turn is recorded already")
		}
		shows("claimed", true, "user: hello")
		time.Sleep(5 * time.Second)
		if _, _, err := p.sessions().Turn(t.Context(), "web-trip", 1); err != nil {
			t.Fatal("the turn is not recorded yet")
		}
		shows("recorded", true, "user: hello")
		<-done
		shows("answered", false, "user: hello\nassistant: Hi.")
		time.Sleep(time.Hour)
		shows("an hour later", false, "user: hello\nassistant: Hi.")
	})
}

func (p *place) sessions() *session.Store {
	return &session.Store{Bucket: p.store, Agent: "main", Now: time.Now, Fold: turn.UserText}
}

// A worker that died is replaced within minutes; until then the page waits, and
// not for ever.
func TestADeadTurnIsBusyUntilItsRescueIsOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		m := &chat.Message{ID: "web:1", Time: time.Now(), Kind: chat.Private, Session: "main", Text: "hello",
			Address: chat.Address{Channel: "web", Chat: "main"}, Sender: chat.Sender{ID: "owner"}}
		key, err := inbox.Accept(t.Context(), p.store, p, "main", m, time.Now(), 0)
		if err != nil {
			t.Fatal(err)
		}
		h, err := p.sessions().Claim(t.Context(), "main", key, m, false)
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string, busy bool, texts string) {
			t.Helper()
			if got := p.session("main"); got.Busy != busy || got.texts() != texts {
				t.Errorf("%s: busy %v, shown %q", when, got.Busy, got.texts())
			}
		}
		check("claimed", true, "user: hello")
		time.Sleep(2 * time.Minute)
		check("lapsed", true, "user: hello")
		time.Sleep(10 * time.Minute)
		check("overdue", false, "")
		if err := h.Update(context.Background(), func(*session.Turn) {}); err != nil {
			t.Fatal(err)
		}
		check("recorded", true, "user: hello")
		time.Sleep(2 * time.Minute)
		check("recorded, lapsed", true, "user: hello")
		time.Sleep(10 * time.Minute)
		check("recorded, overdue", false, "user: hello")
	})
}

func TestAStopIsNotAMessageThatWaits(t *testing.T) {
	p := newPlace(t)
	p.call("POST", "/api/chat", `{"text":" /stop "}`)
	if got := p.session("main"); got.Busy || len(got.Messages) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestNewEmptiesThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(after(0, "Hi."))
		p.say("main", "hello")
		p.say("main", "/new")
		p.say("main", "again")
		if got := p.session("main"); !strings.HasPrefix(got.texts(), "user: /new\nassistant: Started over.") || strings.Contains(got.texts(), "hello") || !strings.HasSuffix(got.texts(), "user: again\nassistant: Hi.") {
			t.Errorf("shown %q", got.texts())
		}
	})
}

func TestToolsShowHowTheyEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		n := 0
		ask := func(id, name, input string) model.ToolCall {
			return model.ToolCall{ID: id, Name: name, Input: json.RawMessage(input)}
		}
		p.employ(func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			if n++; n > 1 {
				return after(0, "Done.")(ctx, r, onText)
			}
			calls := []model.ToolCall{ask("1", "memory_write", `{"text":"Anna likes\noolong."}`), ask("2", "nothing", `{}`)}
			for i := range 4 {
				calls = append(calls, ask(fmt.Sprint("s", i), "memory_search", `{"query":"`+strings.Repeat("x", 10)+`"}`))
			}
			return model.Reply{Calls: calls, Stop: model.StopTools}, nil
		})
		p.say("main", "hello")
		got := p.session("main").Messages[1].Tools
		want := []string{"memory_write done Remembered in MEMORY.md.", "nothing failed There is no tool", "memory_search done Nothing found.",
			"memory_search done Nothing", "memory_search done Nothing", "memory_search refused Not allowed: this exact call was made 3 times"}
		if len(got) != len(want) {
			t.Fatalf("tools %+v", got)
		}
		for i, one := range got {
			if line := one.Name + " " + one.State + " " + one.Summary; !strings.HasPrefix(line, want[i]) {
				t.Errorf("tool %d: %q, want %q", i, line, want[i])
			}
		}
	})
}

func TestACallWithoutAResultIsNotShownAsRunningForEver(t *testing.T) {
	p := newPlace(t)
	m := &chat.Message{V: 1, ID: "web:1", Time: time.Now(), Kind: chat.Private, Session: "main", Text: "hello"}
	h, err := p.sessions().Claim(t.Context(), "main", "key", m, false)
	if err != nil {
		t.Fatal(err)
	}
	err = h.Update(t.Context(), func(t *session.Turn) {
		t.Steps = []session.Step{{Message: model.Message{Role: model.Assistant, Calls: []model.ToolCall{{ID: "1", Name: "message_send"}}}}}
		t.State, t.Reply = session.Stopped, "(Stopped.)"
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.session("main").Messages[1].Tools; len(got) != 1 || got[0].State != "failed" || got[0].Summary != "No result was recorded." {
		t.Errorf("tools %+v", got)
	}
}

func TestALongHistoryShowsItsEndAndReadsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(after(0, "Hi."))
		for i := range 40 {
			p.say("main", fmt.Sprintf("number %d", i))
		}
		time.Sleep(time.Hour)
		metered := bucket.NewMetered(p.store)
		p.handler.Bucket = metered
		got := p.session("main")
		if len(got.Messages) != 60 || got.Messages[0].Text != "number 10" || got.Messages[58].Text != "number 39" {
			t.Errorf("%d messages from %q to %q", len(got.Messages), got.Messages[0].Text, got.Messages[58].Text)
		}
		if c := metered.Counts(); c.Reads > 31 || c.Lists != 1 || c.Writes != 0 {
			t.Errorf("it cost %+v", c)
		}
	})
}
