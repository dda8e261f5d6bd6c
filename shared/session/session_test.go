package session_test

import (
	"reflect"
	"strings"
	"testing"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/session"
)

func TestWhichSessionAMessageBelongsTo(t *testing.T) {
	at := func(kind chat.Kind, channel, room, thread, name string) *chat.Message {
		return &chat.Message{Kind: kind, Address: chat.Address{Channel: channel, Chat: room, Thread: thread}, Session: name}
	}
	for _, c := range []struct {
		what  string
		m     *chat.Message
		owner bool
		want  string
	}{
		{"the owner on Telegram", at(chat.Private, "telegram", "42", "", ""), true, "main"},
		{"the owner on Slack", at(chat.Private, "slack", "D1", "", ""), true, "main"},
		{"the owner in a thread of a private chat", at(chat.Private, "slack", "D1", "1700000000.000100", ""), true, "main"},
		{"the owner on the web", at(chat.Private, "web", "main", "", ""), true, "main"},
		{"the main session by name", at(chat.Private, "web", "main", "", "main"), true, "main"},
		{"a named web chat", at(chat.Private, "web", "work", "", "work"), true, "web-work"},
		{"a web chat with marks in its name", at(chat.Private, "web", "", "", "a/b-c.d é"), true, "web-a%2Fb-c.d%20%C3%A9"},
		{"a named web chat that looks like an id", at(chat.Private, "web", "", "", "web-work"), true, "web-web-work"},
		{"a stranger", at(chat.Private, "telegram", "7", "", ""), false, "telegram-7"},
		{"a stranger who names the owner's session", at(chat.Private, "telegram", "7", "", "main"), false, "telegram-7"},
		{"a stranger who calls himself main", at(chat.Private, "telegram", "main", "", ""), false, "telegram-main"},
		{"a group", at(chat.Group, "telegram", "-100123", "", ""), false, "telegram-%2D100123"},
		{"a group with the owner in it", at(chat.Group, "telegram", "-100123", "", ""), true, "telegram-%2D100123"},
		{"a group the owner names a session in", at(chat.Group, "telegram", "-100123", "", "work"), true, "telegram-%2D100123"},
		{"a forum topic", at(chat.Group, "telegram", "-100123", "5", ""), true, "telegram-%2D100123-5"},
		{"a thread in Slack", at(chat.Group, "slack", "C1", "1700000000.000100", ""), false, "slack-C1-1700000000%2E000100"},
		{"dots and slashes", at(chat.Group, "slack", "..", "/", ""), false, "slack-%2E%2E-%2F"},
	} {
		if got := session.ID(c.m, c.owner); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// Two messages share a session exactly when they are said in the same place,
// and every session's objects have acceptable keys.
func FuzzSessionsOfDifferentPlacesNeverCollide(f *testing.F) {
	f.Add(uint8(0), "42", "", uint8(0), "7", "")
	f.Add(uint8(3), "a-b", "", uint8(3), "a", "b")
	f.Add(uint8(3), "a", "b-c", uint8(3), "a-b", "c")
	f.Add(uint8(3), "a.b", "", uint8(3), "a%2Eb", "")
	f.Add(uint8(3), "a", "", uint8(4), "a", "")
	f.Add(uint8(2), "", "", uint8(2), "main", "")
	f.Add(uint8(2), "main", "", uint8(0), "", "")
	f.Add(uint8(2), "../../head", "", uint8(1), "\x00\xff", "\n")
	f.Add(uint8(3), "-", "", uint8(3), "", "-")
	f.Fuzz(func(t *testing.T, whereA uint8, roomA, threadA string, whereB uint8, roomB, threadB string) {
		if max(len(roomA), len(threadA), len(roomB), len(threadB)) > 100 {
			t.Skip()
		}
		a, placeA := somewhere(whereA, roomA, threadA)
		b, placeB := somewhere(whereB, roomB, threadB)
		if (a == b) != (placeA == placeB) {
			t.Errorf("%q and %q have the sessions %q and %q", placeA, placeB, a, b)
		}
		for _, id := range []string{a, b} {
			if err := bucket.CheckKey("main/sessions/" + id + "/turns/00000001"); err != nil || strings.Contains(id, "/") {
				t.Errorf("session %q: %v", id, err)
			}
		}
	})
}

// somewhere says something in the place that the arguments choose.
func somewhere(where uint8, room, thread string) (id string, place [4]string) {
	m := &chat.Message{Kind: chat.Private, Address: chat.Address{Channel: "telegram", Chat: room, Thread: thread}}
	switch where % 5 {
	case 0: // the owner
		return session.ID(m, true), [4]string{"owner", "main"}
	case 1: // somebody else
		return session.ID(m, false), [4]string{"chat", "telegram", room, thread}
	case 2:
		m.Channel, m.Chat, m.Thread, m.Session = "web", room, "", room
		if room == "" {
			room = "main"
		}
		return session.ID(m, true), [4]string{"owner", room}
	case 3:
		m.Kind = chat.Group
		return session.ID(m, true), [4]string{"chat", "telegram", room, thread}
	}
	m.Kind, m.Channel = chat.Group, "slack"
	return session.ID(m, true), [4]string{"chat", "slack", room, thread}
}

func assistant(text string, calls ...string) session.Step {
	s := session.Step{Message: model.Message{Role: model.Assistant, Text: text}}
	for _, c := range calls {
		s.Calls = append(s.Calls, model.ToolCall{ID: c, Name: "tool"})
	}
	return s
}

func answered(calls ...string) session.Step {
	s := session.Step{Message: model.Message{Role: model.User}}
	for _, c := range calls {
		s.Results = append(s.Results, model.ToolResult{ID: c, Text: "result of " + c})
	}
	return s
}

func TestWhatATurnAddsToTheConversation(t *testing.T) {
	for _, c := range []struct {
		what  string
		state session.State
		reply string
		steps []session.Step
		want  string
	}{
		{"nothing yet", session.Running, "", nil, "user: hi"},
		{"an answer", session.Done, "Hello.", []session.Step{assistant("Hello.")}, "user: hi | assistant: Hello."},
		{"a reply that says more than its last step", session.Done, "Hello.\n\n(Cut.)", []session.Step{assistant("Hello.")}, "user: hi | assistant: Hello."},
		{"a tool", session.Done, "Tea.", []session.Step{assistant("", "a"), answered("a"), assistant("Tea.")},
			"user: hi | assistant:  calls a | results a | assistant: Tea."},
		{"a call without a result", session.Running, "", []session.Step{assistant("", "a", "b")},
			"user: hi | assistant:  calls a b | results a(none) b(none)"},
		{"a call without a result in a turn that was stopped", session.Stopped, "(Stopped.)", []session.Step{assistant("", "a")},
			"user: hi | assistant:  calls a | results a(none) | assistant: (Stopped.)"},
		{"a call without a result and then a reply", session.Done, "Tea.", []session.Step{assistant("", "a"), assistant("Tea.")},
			"user: hi | assistant:  calls a | results a(none) | assistant: Tea."},
		{"some calls without results", session.Running, "", []session.Step{assistant("", "a", "b", "c"), answered("b")},
			"user: hi | assistant:  calls a b c | results b a(none) c(none)"},
		{"two rounds, the first without results", session.Running, "", []session.Step{assistant("", "a"), assistant("", "b"), answered("b")},
			"user: hi | assistant:  calls a | results a(none) | assistant:  calls b | results b"},
		{"the end came after results", session.Failed, "Too many steps.", []session.Step{assistant("", "a"), answered("a")},
			"user: hi | assistant:  calls a | results a | assistant: Too many steps."},
		{"an end without a step", session.Failed, "No model answered.", nil, "user: hi | assistant: No model answered."},
		{"no reply while it runs", session.Running, "Tea.", nil, "user: hi"},
	} {
		turn := session.Turn{State: c.state, Reply: c.reply, Steps: c.steps}
		if got := script(turn.Messages("hi")); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func TestReadingTheMessagesDoesNotChangeTheTurn(t *testing.T) {
	results := make([]model.ToolResult, 1, 4)
	results[0] = model.ToolResult{ID: "a"}
	turn := session.Turn{Steps: []session.Step{assistant("", "a", "b"), {Message: model.Message{Role: model.User, Results: results}}}}
	first := turn.Messages("hi")
	first[0].Text = "changed"
	if again := turn.Messages("hi"); again[0].Text != "hi" || len(turn.Steps[1].Results) != 1 || !reflect.DeepEqual(first[1:], again[1:]) {
		t.Errorf("the turn has become %+v", turn.Steps)
	}
	if more := results[:2]; more[1].ID != "" {
		t.Error("a missing result was written behind the turn's own")
	}
}

// script writes a conversation in one line.
func script(messages []model.Message) string {
	var parts []string
	for _, m := range messages {
		part := string(m.Role) + ": " + m.Text
		if len(m.Calls) > 0 {
			part += " calls"
		}
		for _, c := range m.Calls {
			part += " " + c.ID
		}
		if len(m.Results) > 0 {
			part = "results"
		}
		for _, r := range m.Results {
			part += " " + r.ID
			if r.Error {
				part += "(none)"
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " | ")
}
