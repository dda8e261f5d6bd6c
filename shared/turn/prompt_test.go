package turn_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/tool"
	"instar/shared/web"
)

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// prefix is the stable part of a request.
func prefix(t *testing.T, r model.Request) string {
	return encode(t, map[string]any{"system": r.System, "tools": r.Tools})
}

// With every tool there is.
func TestTheStablePartIsUnderTenKilobytes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.sandbox()
		w.engine.Sandbox.Network, w.engine.Renderer = true, unasked{}
		w.engine.Web, w.engine.Search = http.DefaultClient, &web.Brave{}
		w.say(owner, "hello")
		n := len(prefix(t, w.lastRequest()))
		if n >= 10_000 {
			t.Errorf("system prompt and tools are %d bytes of JSON", n)
		}
		t.Logf("system prompt and tools: %d bytes of JSON", n)
	})
}

// unasked is a Renderer that is not asked.
type unasked struct{ tool.Renderer }

func TestTheStablePartIsTheSameFromTurnToTurnAndBetweenPeople(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = "open"
		w.remember("files/USER.md", "likes tea")
		w.say(owner, "hello")
		first := w.lastRequest()
		same := func(who string, tools bool) {
			t.Helper()
			r := w.lastRequest()
			if r.System != first.System {
				t.Errorf("%s: the system prompt differs", who)
			}
			if tools && prefix(t, r) != prefix(t, first) {
				t.Errorf("%s: the tools differ", who)
			}
		}
		time.Sleep(50 * time.Hour)
		w.say(owner, "remember me")
		same("two days later", true)
		w.say("slack:U1", "hello")
		same("the owner on Slack", true)
		w.say("web:other", "hello")
		same("the owner in the console", true)
		w.say("telegram:7", "hello")
		same("a guest", false)
		guest := w.lastRequest()
		w.say("telegram:8", "hello")
		if prefix(t, w.lastRequest()) != prefix(t, guest) {
			t.Error("two guests have different prefixes")
		}
		// A guest has the owner's tools but for the last: memory_trust, those
		// for jobs, message_send and read_as.
		if n := len(first.Tools); !reflect.DeepEqual(guest.Tools, first.Tools[:n-6]) || first.Tools[n-1].Name != "read_as" {
			t.Errorf("a guest has %d tools, the owner %d", len(guest.Tools), n)
		}
	})
}

func TestTheContextHoldsTimePlaceAndTheOwnersFiles(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/SOUL.md", "You are dry.")
		w.remember("files/USER.md", "Anna, a vet.")
		w.remember("files/MEMORY.md", "- The cat is Bo.")
		w.say(owner, "hello")
		r := w.lastRequest()
		for _, want := range []string{"2000-01-01T09:00:00+09:00", "Asia/Tokyo", "Saturday", "private chat on telegram", "the owner",
			"You are dry.", "Anna, a vet.", "The cat is Bo."} {
			if !strings.Contains(r.Context, want) {
				t.Errorf("the context does not hold %q:\n%s", want, r.Context)
			}
			if strings.Contains(r.System, want) {
				t.Errorf("the system prompt holds %q, which changes", want)
			}
		}
	})
}

func TestInAGroupNothingOfTheOwnersMemoryIsInTheRequestAndThereAreNoTools(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/SOUL.md", "You are dry.")
		w.remember("files/USER.md", "Anna, a vet.")
		w.remember("files/MEMORY.md", "- The cat is Bo.")
		w.say(owner, "a private word")
		w.deliver(w.group(owner, "@instar_bot who am I?"))
		r := w.lastRequest()
		all := r.System + r.Context + encode(t, r.Messages)
		for _, secret := range []string{"Anna", "Bo", "private word", "memory file"} {
			if strings.Contains(all, secret) {
				t.Errorf("a group's request holds %q", secret)
			}
		}
		if !strings.Contains(r.Context, "You are dry.") || !strings.Contains(r.Context, "group on telegram") {
			t.Errorf("the context lacks persona or place:\n%s", r.Context)
		}
		if len(r.Tools) != 0 {
			t.Errorf("%d tools in a group", len(r.Tools))
		}
	})
}

func TestAToolThatTheModelMakesUpInAGroupDoesNotRun(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/MEMORY.md", "- The cat is Bo.")
		w.models[primary].answer = inTurn(asks(call("1", "memory_search", `{"query":"cat"}`), call("2", "message_send", `{"channel":"slack","text":"x"}`)), says("No."))
		w.deliver(w.group(owner, "@instar_bot who is the cat?"))
		for _, r := range results(w.lastRequest()) {
			if !r.Error || strings.Contains(r.Text, "Bo") {
				t.Errorf("result in a group: %+v", r)
			}
		}
		if len(w.slack.in("U1")) != 0 {
			t.Error("a message was sent from a group")
		}
	})
}

func TestAGuestNeverGetsTheOwnersFilesAndHasTheirOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = "open"
		w.remember("files/SOUL.md", "You are dry.")
		w.remember("files/USER.md", "Anna, a vet.")
		w.remember("files/MEMORY.md", "- The cat is Bo.")
		w.models[primary].answer = inTurn(
			asks(call("1", "memory_search", `{"query":"cat Anna vet Bo"}`), call("2", "memory_write", `{"text":"Guest likes rain."}`)),
			says("Noted."), asks(call("3", "memory_search", `{"query":"rain"}`)), says("Rain."))
		w.say("telegram:7", "who is the cat?")
		w.say("telegram:7", "what do I like?")
		for _, r := range w.models[primary].asked() {
			all := r.System + r.Context + encode(t, r.Messages)
			if strings.Contains(all, "Anna, a vet") || strings.Contains(all, "The cat is Bo") {
				t.Errorf("a guest's request holds the owner's memory: %s", all)
			}
			if !strings.Contains(r.Context, "guest") || !strings.Contains(r.Context, "You are dry.") {
				t.Errorf("the context does not say who it is for:\n%s", r.Context)
			}
		}
		if got := results(w.lastRequest()); len(got) != 1 || !strings.Contains(got[0].Text, "Guest likes rain.") {
			t.Errorf("the guest's own note was not found: %+v", got)
		}
		if strings.Contains(w.file("main/files/MEMORY.md"), "rain") {
			t.Error("a guest wrote into the owner's memory")
		}
	})
}

func TestUnreadableMemoryIsToldToTheModelAndTheTurnGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.breaks("main/files/MEMORY.md")
		turn := w.say(owner, "hello")
		if !strings.Contains(w.lastRequest().Context, "could not be read") || turn.Reply != "Answer: hello" {
			t.Errorf("reply %q, context:\n%s", turn.Reply, w.lastRequest().Context)
		}
	})
}

func TestWhatAPersonSendsIsShownToTheModel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.telegram.pictures = map[string][]byte{"p1": []byte("png")}
		m := w.message(owner, "look")
		m.Edited, m.Forwarded = true, true
		m.ReplyTo = &chat.Reply{ID: "9", Text: "an earlier\nline"}
		m.Attachments = []chat.Attachment{{Kind: "image", Ref: "p1", Name: "cat.png"}, {Kind: "image", Ref: "gone"}, {Kind: "file", Ref: "f", Name: "a\nb.pdf"}}
		w.deliver(m)
		r := w.lastRequest()
		last := r.Messages[len(r.Messages)-1]
		if len(last.Images) != 1 || string(last.Images[0].Data) != "png" {
			t.Errorf("%d pictures", len(last.Images))
		}
		for _, want := range []string{"look", "replaces an earlier", "[forwarded] look", "[in reply to: an earlier line]", "cat.png", "a b.pdf", "could not be fetched"} {
			if !strings.Contains(last.Text, want) {
				t.Errorf("the message does not hold %q: %q", want, last.Text)
			}
		}
		// Later turns show the same text without the pictures.
		w.say(owner, "and now?")
		first := w.lastRequest().Messages[0]
		if len(first.Images) != 0 || !strings.Contains(first.Text, "cat.png") {
			t.Errorf("in the history: %+v", first)
		}
	})
}
