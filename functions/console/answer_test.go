package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/approval"
	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/job"
	"instar/shared/model"
	"instar/shared/session"
)

const plan = `{"text":"Feed the cat.","kind":"reminder","every":"1d"}`

// planner makes a job of what begins with "Remind me" and repeats everything else.
func planner(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	last := r.Messages[len(r.Messages)-1]
	switch {
	case len(last.Results) > 0:
		return after(0, "I have asked.")(ctx, r, onText)
	case strings.HasPrefix(last.Text, "Remind me"):
		return model.Reply{Calls: []model.ToolCall{{ID: "1", Name: "schedule_create", Input: json.RawMessage(plan)}}, Stop: model.StopTools}, nil
	}
	return after(0, "Heard: "+last.Text)(ctx, r, onText)
}

// asking is a place in whose main conversation the owner is asked for a job.
func asking(t *testing.T) (*place, card) {
	t.Helper()
	p := newPlace(t)
	p.employ(planner)
	m := &chat.Message{
		ID: "web:forwarded", Time: time.Now(), Kind: chat.Private, PlatformID: "1", Text: "The cat eats daily.", Forwarded: true, Session: session.Main,
		Address: chat.Address{Channel: "web", Chat: "main"}, Sender: chat.Sender{ID: "owner"},
	}
	if _, err := inbox.Accept(t.Context(), p.store, &p.backlog, "main", m, time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	p.deliver()
	answer := p.say("main", "Remind me to feed the cat every day")
	got := p.session("main")
	shown := got.Messages[len(got.Messages)-1].Cards
	if len(shown) != 1 || shown[0].says("Yes") == "" || shown[0].says("No") == "" || shown[0].State != "asked" || !strings.Contains(shown[0].Text, "Feed the cat.") {
		t.Fatalf("shown %+v", got)
	}
	told, _ := json.Marshal(answer["cards"])
	var live []card
	if err := json.Unmarshal(told, &live); err != nil || len(live) != 1 || live[0].Text != shown[0].Text || live[0].says("Yes") != shown[0].says("Yes") {
		t.Errorf("the turn's end has the cards %s", told)
	}
	return p, shown[0]
}

// answer is what POST /api/answer says.
func (p *place) answer(data, session string, status int) (got struct {
	Card         card
	Reply, Error string
}) {
	p.t.Helper()
	body, _ := json.Marshal(map[string]string{"data": data, "session": session})
	w := p.call("POST", "/api/answer", string(body))
	if w.Code != status {
		p.t.Errorf("%s: %d %s, want %d", data, w.Code, w.Body, status)
	}
	p.decode(w, &got)
	return got
}

func (p *place) jobs() int {
	p.t.Helper()
	list, err := (&job.Store{Bucket: p.store, Agent: "main", Now: time.Now}).List(p.t.Context())
	if err != nil {
		p.t.Error(err)
	}
	return len(list)
}

func TestYesIsCarriedOutAndTheConversationGoesOnWithoutAMessageOfThePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, asked := asking(t)
		before := p.session("main").texts()
		got := p.answer(asked.says("Yes"), "", 200)
		if got.Card.ID != asked.ID || got.Card.State != "approved" || !strings.Contains(got.Card.Text, "You said yes") || len(got.Card.Buttons) != 0 || got.Reply != "I do it now." {
			t.Errorf("%+v", got)
		}
		if m, err := inbox.Get(t.Context(), p.store, p.queue[len(p.queue)-1].wake.Key); err == nil {
			t.Errorf("the answer is still in the inbox: %+v", m)
		}
		if now := p.session("main"); !now.Busy || now.texts() != before || now.Messages[3].Cards[0].State != "approved" {
			t.Errorf("while it is carried out: %+v", now)
		}
		p.deliver()
		now := p.session("main")
		end := now.Messages[len(now.Messages)-1]
		if now.Busy || len(now.Messages) != 5 || end.Role != "assistant" || end.Approval != asked.ID || !strings.Contains(end.Text, "The owner said yes to schedule_create, and it ran (done)") {
			t.Errorf("%+v", now)
		}
		if p.jobs() != 1 {
			t.Errorf("%d jobs", p.jobs())
		}
		again := p.answer(asked.says("No"), "", 409)
		if again.Card.State != "approved" || !strings.Contains(again.Error, "answered before") || strings.Contains(p.session("main").texts(), "/no") {
			t.Errorf("%+v", again)
		}
	})
}

func TestNoDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, asked := asking(t)
		before := p.session("main").texts()
		got := p.answer(" "+strings.ToUpper(asked.says("No")), "trip", 200)
		p.deliver()
		if now := p.session("main"); got.Card.State != "denied" || now.Busy || now.texts() != before || !strings.Contains(now.Messages[3].Cards[0].Text, "You said no") || p.jobs() != 0 {
			t.Errorf("%+v, then %+v", got, now)
		}
		if other := p.session("trip"); len(other.Messages) != 0 {
			t.Errorf("the answer shows in its own conversation: %+v", other)
		}
		p.answer(asked.says("Yes"), "", 409)
	})
}

// ask puts a question of its own.
func (p *place) ask(r approval.Request, call string) *approval.Request {
	p.t.Helper()
	r.Session, r.Turn, r.Tool = session.Main, 1, "send_mail"
	got, err := p.approvals().Ask(p.t.Context(), "", r, approval.Item{Call: call, Input: json.RawMessage(`{}`), Why: "it is a test"})
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

func (p *place) approvals() *approval.Store {
	return &approval.Store{Bucket: p.store, Agent: "main", Now: time.Now}
}

func TestAQuestionThatIsPutTwiceComesBackWithOtherButtons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(planner)
		r := p.ask(approval.Request{Twice: true}, "1")
		first := p.answer("/yes "+r.Code(), "", 200).Card
		if first.State != "asked-again" || first.says("Yes, I am sure") == "" || first.says("Yes") == "/yes "+r.Code() {
			t.Fatalf("%+v", first)
		}
		// The first code again: another tab, or a second click.
		if got := p.answer("/yes "+r.Code(), "", 409); got.Card.says("Yes") != first.says("Yes") || got.Card.State != "asked-again" {
			t.Errorf("%+v", got)
		}
		if got := p.answer(first.says("Yes"), "", 200); got.Card.State != "approved" {
			t.Errorf("%+v", got)
		}
		for _, data := range []string{first.says("Yes"), "/no " + r.Code()} {
			if got := p.answer(data, "", 409); got.Card.State != "approved" || len(got.Card.Buttons) != 0 {
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestAlwaysMakesAGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.employ(planner)
		r := p.ask(approval.Request{Grant: []string{"bob@b.example"}}, "1")
		if got := p.answer("/always "+r.Code(), "", 200); got.Card.State != "approved" || !strings.Contains(got.Card.Text, "always for bob@b.example") {
			t.Errorf("%+v", got)
		}
		if list, err := p.approvals().Grants(t.Context()); err != nil || len(list) != 1 || list[0].By != "web:owner" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestALapsedQuestionIsShownAsLapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, asked := asking(t)
		time.Sleep(approval.Lapse + time.Second)
		calls := len(p.queue)
		for _, label := range []string{"Yes", "No"} {
			got := p.answer(asked.says(label), "", 409)
			if !strings.Contains(got.Error, "lapsed") || !strings.Contains(got.Card.Text, "Nobody answered in time") || len(got.Card.Buttons) != 0 {
				t.Errorf("%s: %+v", label, got)
			}
		}
		if shown := p.session("main").Messages[3].Cards[0]; len(shown.Buttons) != 0 || len(p.queue) != calls {
			t.Errorf("%+v; %d messages queued", shown, len(p.queue)-calls)
		}
	})
}

func TestWhatIsNoAnswerIsRefusedAndNothingIsStored(t *testing.T) {
	p := newPlace(t)
	r := p.ask(approval.Request{}, "1")
	other := "/yes " + r.ID + "000000"
	for body, status := range map[string]int{
		"": 400, "{": 400, "[]": 400, `{}`: 400, `{"data":7}`: 400, `{"data":"yes"}`: 400, `{"data":"/yes"}`: 400, `{"data":"` + r.Code() + `"}`: 400,
		`{"data":"/yes ` + r.Code() + ` "}`: 202, `{"data":"/yes ` + r.Code() + `x"}`: 400, `{"data":"/yes ` + r.Code()[:25] + `"}`: 400,
		`{"data":"/new ` + r.Code() + `"}`: 400, `{"data":"/approve ` + r.Code() + `"}`: 400, `{"data":"hello /yes ` + r.Code() + `"}`: 400,
		`{"data":"` + other + `"}`: 404, `{"data":"/no ` + strings.Repeat("0", 26) + `"}`: 404, `{"data":"/no ` + strings.Repeat("../", 8) + `xx"}`: 404,
		`{"data":"` + other + `","session":"../x"}`: 400, `{"data":"/yes ` + strings.Repeat("é", 13) + `"}`: 404,
	} {
		queued := len(p.queue)
		if w := p.call("POST", "/api/answer", body); w.Code != status || (len(p.queue) > queued) != (status == 202) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s, want %d", body, w.Code, w.Body, status)
		}
	}
	if now, err := p.approvals().Get(t.Context(), r.ID); err != nil || now.State != approval.Asked {
		t.Errorf("%+v, %v", now, err)
	}
	if w := p.serve(httptest.NewRequest("POST", "/api/answer", strings.NewReader(anything))); w.Code != 401 {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// The answer is safe, and may be given again.
func TestWithoutTheAgentFunctionAnAnswerWaitsForTheQueue(t *testing.T) {
	for name, script := range map[string]func(string) (int, string){
		"no connection": nil,
		"misconfigured": func(string) (int, string) { return 503, "hunter2" },
		"torn":          func(string) (int, string) { return 200, stream[:60] },
		"failed":        func(string) (int, string) { return 200, "event: error\ndata: {\"error\":\"hunter2\"}\n\n" },
	} {
		p := newPlace(t)
		p.script = script
		r := p.ask(approval.Request{}, "1")
		got := p.answer("/yes "+r.Code(), "trip", 202)
		m, err := inbox.Get(t.Context(), p.store, p.queue[0].wake.Key)
		if err != nil || m.Tap == "" || m.Text != "/yes "+r.Code() || m.Session != "trip" || m.Person() != "web:owner" || p.queue[0].delay != time.Minute {
			t.Errorf("%s: stored %+v, %v; queued %+v", name, m, err, p.queue)
		}
		if shown := p.session("trip"); !strings.Contains(got.Reply, "stored") || strings.Contains(got.Reply+got.Error, "hunter2") || got.Card.says("Yes") != "/yes "+r.Code() || !shown.Busy || len(shown.Messages) != 0 {
			t.Errorf("%s: %+v, then %+v", name, got, shown)
		}
	}
	p := newPlace(t)
	p.broken = errors.New("hunter2")
	r := p.ask(approval.Request{}, "1")
	if got := p.answer("/yes "+r.Code(), "", 500); strings.Contains(got.Error, "hunter2") {
		t.Errorf("%+v", got)
	}
}

func TestAQuestionThatLapsesWhileItIsAnsweredIsAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		r := p.ask(approval.Request{}, "1")
		p.script = func(string) (int, string) {
			time.Sleep(approval.Lapse + time.Second)
			return 200, "event: done\ndata: {\"reply\":\"The question has lapsed.\"}\n\n"
		}
		if got := p.answer("/yes "+r.Code(), "", 409); !strings.Contains(got.Error, "lapsed") || got.Card.State != "asked" {
			t.Errorf("%+v", got)
		}
	})
}

// Another answer came between reading the question and answering it.
func TestAnAnswerThatIsOvertakenIsAConflict(t *testing.T) {
	p := newPlace(t)
	r := p.ask(approval.Request{}, "1")
	p.script = func(string) (int, string) {
		if _, err := p.approvals().Answer(t.Context(), r.ID, r.Nonce, approval.No, "telegram:42"); err != nil {
			t.Error(err)
		}
		return 200, "event: done\ndata: {\"reply\":\"The question was answered before.\"}\n\n"
	}
	if got := p.answer("/yes "+r.Code(), "", 409); got.Card.State != "denied" || !strings.Contains(got.Error, "answered before") {
		t.Errorf("%+v", got)
	}
}

func TestAQuestionThatCannotBeReadHidesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, asked := asking(t)
		metered := bucket.NewMetered(p.faults)
		p.handler.Bucket = metered
		want := p.session("main").texts()
		if c := metered.Counts(); c.Reads > 4 { // the head, two turns, a question
			t.Errorf("it cost %+v", c)
		}
		p.faults.Before = func(_ bucket.Op, key string) error {
			if strings.Contains(key, "/approvals/") {
				return errors.New("hunter2")
			}
			return nil
		}
		got := p.session("main")
		if got.texts() != want || len(got.Messages[3].Cards) != 1 || got.Messages[3].Cards[0].ID != asked.ID || !strings.Contains(got.Messages[3].Cards[0].Text, "could not be read") {
			t.Errorf("%+v", got)
		}
		if w := p.call("POST", "/api/answer", `{"data":"`+asked.says("Yes")+`"}`); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
