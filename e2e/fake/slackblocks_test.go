//go:build !js

package fake

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const yes = `{"type":"button","action_id":"0","text":{"type":"plain_text","text":"Yes"},"value":"y 1"}`

// withBlocks is a chat.postMessage with these blocks.
func withBlocks(blocks string) string {
	return `{"channel":"C1","text":"Go?","blocks":[` + blocks + `]}`
}

func TestSlackTakesRightBlocksAndRefusesWrongOnes(t *testing.T) {
	words := func(kind string, n int) string {
		return `{"type":"section","text":{"type":"` + kind + `","text":"` + strings.Repeat("é", n) + `"}}`
	}
	buttons := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, strings.Replace(yes, `"0"`, fmt.Sprintf(`"%d"`, i), 1))
		}
		return `{"type":"actions","elements":[` + strings.Join(list, ",") + `]}`
	}
	button := func(old, new string) string {
		return `{"type":"actions","elements":[` + strings.Replace(yes, old, new, 1) + `]}`
	}
	for _, c := range []struct{ name, blocks, want string }{
		{"a section", words("mrkdwn", 1), ""},
		{"the longest section", words("mrkdwn", 3000), ""},
		{"plain text", words("plain_text", 3), ""},
		{"as it stands", `{"type":"section","text":{"type":"mrkdwn","text":"a","verbatim":true}}`, ""},
		{"a button", buttons(1), ""},
		{"25 buttons", buttons(25), ""},
		{"two rows with the same ids", buttons(2) + "," + buttons(2), ""},
		{"without an id", button(`"action_id":"0",`, ``), ""},
		{"the longest value", button("y 1", strings.Repeat("v", 2000)), ""},
		{"the longest label", button("Yes", strings.Repeat("é", 75)), ""},

		{"no such block", `{"type":"buttons"}`, "unsupported type"},
		{"too long a section", words("mrkdwn", 3001), "3001 characters"},
		{"an empty section", words("mrkdwn", 0), "0 characters"},
		{"no text", `{"type":"section"}`, "not of type"},
		{"text without a type", `{"type":"section","text":"hi"}`, "not of type"},
		{"Markdown", words("markdown", 3), "not of type"},
		{"emoji in mrkdwn", `{"type":"section","text":{"type":"mrkdwn","text":"a","emoji":true}}`, "additional property: emoji"},
		{"verbatim is text", `{"type":"section","text":{"type":"mrkdwn","text":"a","verbatim":"yes"}}`, "not a boolean"},
		{"a section with elements", `{"type":"section","text":{"type":"mrkdwn","text":"a"},"elements":[]}`, "additional property: elements"},
		{"26 buttons", buttons(26), "26 elements"},
		{"no buttons", buttons(0), "0 elements"},
		{"the same id twice", `{"type":"actions","elements":[` + yes + `,` + yes + `]}`, "not unique"},
		{"an empty id", button(`"0"`, `""`), "is empty"},
		{"an endless id", button(`"0"`, `"`+strings.Repeat("0", 256)+`"`), "too long"},
		{"the same block_id", `{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`, "block_id"},
		{"too long a value", button("y 1", strings.Repeat("v", 2001)), "value"},
		{"no value in it", button("y 1", ""), "value"},
		{"a value that is a number", button(`"y 1"`, "1"), "value"},
		{"too long a label", button("Yes", strings.Repeat("é", 76)), "76 characters"},
		{"a label with markup", button("plain_text", "mrkdwn"), "not of type"},
		{"Telegram's name", button(`"value"`, `"callback_data"`), "additional property: callback_data"},
		{"a colour", button(`"value"`, `"style":"green","value"`), "no such style"},
		{"no element", `{"type":"actions","elements":[{"text":"Yes"}]}`, "without a type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewSlack(slackToken, slackSecret))
			answer := slackPost(t, f, "chat.postMessage", "application/json", withBlocks(c.blocks))
			violations := strings.Join(f.Violations(), "\n")
			if c.want == "" && (!answer.Get("ok").Bool() || violations != "") {
				t.Errorf("refused: %s", violations)
			}
			if c.want != "" && (answer.Get("error").String() != "invalid_blocks" || !strings.Contains(violations, c.want)) {
				t.Errorf("%s, violations %q", answer, violations)
			}
		})
	}
}

func TestSlackShowsAMessagesButtons(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	const section = `{"type":"section","text":{"type":"mrkdwn","text":"Go?"}}`
	row := `{"type":"actions","elements":[` + yes + `,` + strings.NewReplacer("Yes", "No", "y 1", "n 1", `"0"`, `"1"`).Replace(yes) + `]}`
	ts := slackPost(t, f, "chat.postMessage", "application/json", withBlocks(section+","+row)).Get("ts").String()
	want := [][]Button{{{Label: "Yes", Data: "y 1", Action: "0"}, {Label: "No", Data: "n 1", Action: "1"}}}
	if m := f.Chat("C1")[0]; m.Text != "Go?" || !reflect.DeepEqual(m.Buttons, want) {
		t.Errorf("%+v", m)
	}
	for _, step := range []struct {
		name, rest string
		buttons    int
	}{
		{"other buttons", `,"blocks":[{"type":"actions","elements":[` + yes + `]}]`, 1},
		{"as text", `,"blocks":` + strconv.Quote(`[`+row+`]`), 1},
		{"no row", `,"blocks":[` + section + `]`, 0},
		{"the first", `,"blocks":[` + section + `,` + row + `]`, 1},
		{"no blocks", ``, 0},
	} {
		slackPost(t, f, "chat.update", "application/json", `{"channel":"C1","ts":"`+ts+`","text":"Go?"`+step.rest+`}`)
		if m := f.Chat("C1")[0]; len(m.Buttons) != step.buttons {
			t.Errorf("%s: %+v", step.name, m.Buttons)
		}
	}
}
