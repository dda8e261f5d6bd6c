//go:build e2e

package chaos

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"instar/e2e/fake"
)

// Every message holds a mark of its own, and its answer repeats it.
var mark = regexp.MustCompile(`zebra#(\d+)\b`)

func question(n int) string { return fmt.Sprintf("Tell me about zebra#%d, please.", n) }

// answerTo is the whole answer to the messages with these marks.
func answerTo(marks []int) string {
	var b strings.Builder
	for _, n := range marks {
		fmt.Fprintf(&b, "About zebra#%d: ", n)
	}
	return b.String() + "it has stripes, and no two are alike. That is all."
}

const ending = "That is all."

func marksIn(text string) (list []int) {
	for _, m := range mark.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		list = append(list, n)
	}
	return list
}

// asked are the marks of what the person has said since the agent's last word.
func asked(c fake.Call) (list []int) {
	for i := len(c.Messages) - 1; i >= 0 && c.Messages[i].Role != "assistant"; i-- {
		list = append(marksIn(strings.Join(c.Messages[i].Text, "\n")), list...)
	}
	return list
}

// tally is what the people see in the end.
type tally struct {
	sent       int // messages they wrote
	once       int // answered by one whole message
	lost       int // without a whole answer
	doubled    int // answered more than once
	errors     int // honest error texts
	unfinished int // messages that stopped in the middle
	strays     int // placeholders that nothing came of
	foreign    int // answers in a chat where nobody asked
}

func (t tally) String() string {
	s := fmt.Sprintf("sent %d, answered once %d, lost %d, doubled %d, stray placeholders %d", t.sent, t.once, t.lost, t.doubled, t.strays)
	for _, more := range []struct {
		name string
		n    int
	}{{"error texts", t.errors}, {"unfinished", t.unfinished}, {"in a wrong chat", t.foreign}} {
		if more.n > 0 {
			s += fmt.Sprintf(", %s %d", more.name, more.n)
		}
	}
	return s
}

// kept reports that every message has exactly one answer and nothing else but
// placeholders is to be seen.
func (t tally) kept() bool { return t.once == t.sent && t.errors+t.unfinished+t.foreign == 0 }

// count looks at the chats where these marks were sent. details says what is
// not as it should be.
func count(sent map[int64][]int, chat func(id int64) []fake.Message) (t tally, details []string) {
	for id, marks := range sent {
		answers := map[int]int{}
		for _, m := range chat(id) {
			switch {
			case m.Text == "…":
				t.strays++
				continue
			case strings.HasSuffix(m.Text, "…"):
				t.unfinished++
				details = append(details, fmt.Sprintf("chat %d: unfinished: %q", id, m.History))
				continue
			case !strings.HasSuffix(m.Text, ending):
				t.errors++
				details = append(details, fmt.Sprintf("chat %d: %q", id, m.Text))
				continue
			}
			for _, n := range marksIn(m.Text) {
				answers[n]++
			}
		}
		for _, n := range marks {
			t.sent++
			switch {
			case answers[n] == 0:
				t.lost++
				details = append(details, fmt.Sprintf("chat %d: zebra#%d has no answer", id, n))
			case answers[n] == 1:
				t.once++
			default:
				t.doubled++
				details = append(details, fmt.Sprintf("chat %d: zebra#%d has %d answers", id, n, answers[n]))
			}
			delete(answers, n)
		}
		t.foreign += len(answers)
	}
	return t, details
}
