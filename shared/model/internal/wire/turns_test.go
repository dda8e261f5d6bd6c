package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"instar/shared/model"
)

func user(text string, results ...model.ToolResult) model.Message {
	return model.Message{Role: model.User, Text: text, Results: results}
}

func said(text string, ids ...string) model.Message {
	m := model.Message{Role: model.Assistant, Text: text}
	for _, id := range ids {
		m.Calls = append(m.Calls, model.ToolCall{ID: id, Name: "f"})
	}
	return m
}

func ok(id string) model.ToolResult { return model.ToolResult{ID: id, Text: "ok"} }

func show(turns []Turn) string {
	var out []string
	for _, t := range turns {
		var in []string
		for _, r := range t.Results {
			in = append(in, fmt.Sprintf("%s=%s", r.ID, r.Text))
		}
		in = append(in, t.Texts...)
		for _, c := range t.Calls {
			in = append(in, "call "+c.ID)
		}
		out = append(out, string(t.Role[:1])+"["+strings.Join(in, ",")+"]")
	}
	return strings.Join(out, " ")
}

func TestConversationsAreRepaired(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []model.Message
		want string
	}{
		{"fine", []model.Message{user("a"), said("b"), user("c")}, "u[a] a[b] u[c]"},
		{"neighbours are joined", []model.Message{user("a"), user("b"), said("c"), said("d"), user("e")}, "u[a,b] a[c,d] u[e]"},
		{"blank ones vanish", []model.Message{user("a"), said(" \n"), user("\t"), said("b"), user(""), user("c")}, "u[a] a[b] u[c]"},
		{"a tool loop", []model.Message{user("a"), said("", "1", "2"), user("", ok("1"), ok("2"))}, "u[a] a[call 1,call 2] u[1=ok,2=ok]"},
		{"results are ordered", []model.Message{user("a"), said("", "1", "2"), user("b", ok("2"), ok("1"))}, "u[a] a[call 1,call 2] u[1=ok,2=ok,b]"},
		{"results in two messages", []model.Message{user("a"), said("", "1", "2"), user("", ok("2")), user("b", ok("1"))}, "u[a] a[call 1,call 2] u[1=ok,2=ok,b]"},
		{"a missing result", []model.Message{user("a"), said("", "1", "2"), user("b", ok("2"))}, "u[a] a[call 1,call 2] u[1=no result was recorded,2=ok,b]"},
		{"no results at all", []model.Message{user("a"), said("", "1"), user("b"), said("c"), user("d")}, "u[a] a[call 1] u[1=no result was recorded,b] a[c] u[d]"},
		{"a call at the end", []model.Message{user("a"), said("x", "1")}, "u[a] a[x,call 1] u[1=no result was recorded]"},
		{"an orphan", []model.Message{user("a", ok("0")), said("b"), user("", ok("9")), user("c")}, "u[a] a[b] u[c]"},
		{"an orphan between answers", []model.Message{user("a"), said("b"), user("", ok("9")), said("c"), user("d")}, "u[a] a[b,c] u[d]"},
		{"a result that comes too late", []model.Message{user("a"), said("", "1"), user("b"), said("c"), user("d", ok("1"))}, "u[a] a[call 1] u[1=no result was recorded,b] a[c] u[d]"},
		{"a result twice", []model.Message{user("a"), said("", "1"), user("", ok("1"), model.ToolResult{ID: "1", Text: "again"})}, "u[a] a[call 1] u[1=ok]"},
		{"a blank result", []model.Message{user("a"), said("", "1"), user("", model.ToolResult{ID: "1"})}, "u[a] a[call 1] u[1=(no output)]"},
		{"ids used again", []model.Message{user("a"), said("", "1"), user("", ok("1")), said("", "1"), user("", ok("1")), said("", "1")}, "u[a] a[call 1] u[1=ok] a[call 1_2] u[1_2=ok] a[call 1_3] u[1_3=no result was recorded]"},
		{"begins with the assistant", []model.Message{said("a"), user("b")}, "u[(the beginning of the conversation is not shown)] a[a] u[b]"},
		{"ends with the assistant", []model.Message{user("a"), said("b")}, "u[a] a[b] u[Continue.]"},
		{"nothing", nil, "u[Continue.]"},
	} {
		if got := show(Turns(c.in)); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestARepairedResultIsAnError(t *testing.T) {
	turns := Turns([]model.Message{user("a"), said("", "1")})
	if r := turns[2].Results[0]; !r.Error || r.Text != NoResult {
		t.Errorf("%+v", r)
	}
}

func TestContextCannotBeEndedFromInside(t *testing.T) {
	got := Context("a</context>b\n\n")
	if got != "<context>\na&lt;/context>b\n</context>" || Context(" \n") != "" {
		t.Errorf("%q", got)
	}
}

// Any conversation keeps the promises of Turns, and appending a message leaves
// all turns but the last two as they were.
func FuzzTurns(f *testing.F) {
	f.Add([]byte(`[{"role":"user","text":"a"},{"role":"assistant","calls":[{"id":"1"},{"id":"1"}]},{"role":"user","results":[{"id":"1"}]}]`))
	f.Add([]byte(`[{"role":"assistant","calls":[{"id":"1_2"},{"id":"1"},{"id":"1"}]},{"role":"x","results":[{"id":"1_2"}]},{"role":"assistant","text":"b"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var messages []model.Message
		if json.Unmarshal(data, &messages) != nil {
			t.Skip()
		}
		turns := Turns(messages)
		ids := map[string]bool{}
		for i, turn := range turns {
			if want := []model.Role{model.User, model.Assistant}[i%2]; turn.Role != want {
				t.Fatalf("turn %d is from %s", i, turn.Role)
			}
			if len(turn.Texts)+len(turn.Calls)+len(turn.Results)+len(turn.Images) == 0 {
				t.Fatalf("turn %d is empty", i)
			}
			for _, text := range turn.Texts {
				if blank(text) {
					t.Fatalf("turn %d has a blank text", i)
				}
			}
			for j, c := range turn.Calls {
				if ids[c.ID] {
					t.Fatalf("id %q twice", c.ID)
				}
				ids[c.ID] = true
				if turns[i+1].Results[j].ID != c.ID {
					t.Fatalf("call %q is not answered in its place", c.ID)
				}
			}
			if i > 0 && len(turn.Results) != len(turns[i-1].Calls) {
				t.Fatalf("turn %d has %d results for %d calls", i, len(turn.Results), len(turns[i-1].Calls))
			}
		}
		if len(turns)%2 == 0 {
			t.Fatal("the user does not come last")
		}
		longer := Turns(append(messages, user("more")))
		for i := range turns[:max(len(turns)-2, 0)] {
			if a, b := show(turns[i:i+1]), show(longer[i:i+1]); a != b {
				t.Fatalf("turn %d changed from %s to %s", i, a, b)
			}
		}
	})
}
