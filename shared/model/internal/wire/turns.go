package wire

import (
	"strconv"
	"strings"

	"instar/shared/model"
)

// NoResult stands in for a tool result that was never recorded, because the
// turn was cut between the call and its result.
const NoResult = "no result was recorded"

const (
	noBeginning = "(the beginning of the conversation is not shown)"
	goOn        = "Continue."
	noOutput    = "(no output)"
)

// Turn is one side's part of a repaired conversation. A user turn holds
// Results, Images and Texts, to be sent in that order; an assistant turn Texts
// and then Calls.
type Turn struct {
	Role    model.Role
	Results []model.ToolResult
	Images  []model.Image
	Texts   []string
	Calls   []model.ToolCall
}

// Turns makes a conversation that strict providers accept, and changes as
// little as it can: roles alternate, beginning and ending with the user;
// nothing is blank; every call is answered in the very next turn, in order,
// with NoResult where the answer is missing; results without a call are
// dropped; call ids are unique. The same messages give the same turns, and
// messages added at the end change no turn before the last, so that caches of
// the history stay valid.
func Turns(messages []model.Message) []Turn {
	turns := join(messages)
	if len(turns) > 0 && turns[0].Role == model.Assistant {
		first := Turn{Role: model.User, Texts: []string{noBeginning}}
		turns = append([]Turn{first}, turns...)
	}
	turns = answerAll(turns)
	if n := len(turns); n == 0 || turns[n-1].Role == model.Assistant {
		turns = append(turns, Turn{Role: model.User, Texts: []string{goOn}})
	}
	return turns
}

// joiner builds turns from messages. open maps the ids of the last assistant
// turn's calls, as they were given, to the ids they are sent with.
type joiner struct {
	turns []Turn
	open  map[string]string
	used  map[string]bool
}

func join(messages []model.Message) []Turn {
	j := joiner{used: make(map[string]bool)}
	for _, m := range messages {
		if m.Role == model.Assistant {
			j.assistant(m)
		} else {
			j.user(m)
		}
	}
	return j.turns
}

func (j *joiner) turn(role model.Role) *Turn {
	if n := len(j.turns); n == 0 || j.turns[n-1].Role != role {
		j.turns = append(j.turns, Turn{Role: role})
		if role == model.Assistant {
			j.open = make(map[string]string)
		}
	}
	return &j.turns[len(j.turns)-1]
}

func (j *joiner) assistant(m model.Message) {
	if blank(m.Text) && len(m.Calls) == 0 {
		return
	}
	t := j.turn(model.Assistant)
	if !blank(m.Text) {
		t.Texts = append(t.Texts, m.Text)
	}
	for _, c := range m.Calls {
		given := c.ID
		for n := 2; j.used[c.ID]; n++ {
			c.ID = given + "_" + strconv.Itoa(n)
		}
		j.used[c.ID] = true
		j.open[given] = c.ID
		t.Calls = append(t.Calls, c)
	}
}

func (j *joiner) user(m model.Message) {
	var results []model.ToolResult
	for _, r := range m.Results {
		id, ok := j.open[r.ID]
		if !ok {
			continue
		}
		delete(j.open, r.ID) // a second result for the same call is dropped
		r.ID = id
		if blank(r.Text) {
			r.Text = noOutput
		}
		results = append(results, r)
	}
	if blank(m.Text) && len(m.Images) == 0 && len(results) == 0 {
		return
	}
	t := j.turn(model.User)
	t.Results = append(t.Results, results...)
	t.Images = append(t.Images, m.Images...)
	if !blank(m.Text) {
		t.Texts = append(t.Texts, m.Text)
	}
}

// answerAll puts the results in the order of the calls and fills the gaps.
func answerAll(turns []Turn) []Turn {
	for i := range turns {
		if len(turns[i].Calls) == 0 {
			continue
		}
		if i+1 == len(turns) {
			turns = append(turns, Turn{Role: model.User})
		}
		given := turns[i+1].Results
		ordered := make([]model.ToolResult, 0, len(turns[i].Calls))
		for _, c := range turns[i].Calls {
			ordered = append(ordered, resultOf(c.ID, given))
		}
		turns[i+1].Results = ordered
	}
	return turns
}

func resultOf(id string, results []model.ToolResult) model.ToolResult {
	for _, r := range results {
		if r.ID == id {
			return r
		}
	}
	return model.ToolResult{ID: id, Text: NoResult, Error: true}
}

// Context marks the changing part of a prompt. A closing tag inside it is
// defused, so that text kept in memory cannot end the block early.
func Context(text string) string {
	if blank(text) {
		return ""
	}
	text = strings.ReplaceAll(text, "</context>", "&lt;/context>")
	return "<context>\n" + strings.TrimRight(text, "\n") + "\n</context>"
}

// Input is the JSON object to send back as a call's input. A garbled one
// cannot be sent back as it was; its result tells the model what was wrong.
func Input(c model.ToolCall) []byte {
	if len(c.Input) == 0 {
		return []byte("{}")
	}
	return c.Input
}

// MaxTokens applies the default of Request.MaxTokens.
func MaxTokens(n int) int {
	if n <= 0 {
		return 4096
	}
	return n
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// UnknownImage stands in for a picture of a type that no provider takes.
const UnknownImage = "(an image in a format that cannot be shown)"
