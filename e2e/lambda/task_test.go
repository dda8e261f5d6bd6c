//go:build e2e

package lambda

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// inSandbox is a model that runs what it is told after "run:", which may take so
// many minutes, reads what it is told after "give:", and then says what came of it.
func inSandbox(c fake.Call) fake.Answer {
	if results := c.LastResults(); len(results) > 0 {
		return fake.Answer{Text: "The tool said: " + results[0].Text}
	}
	said := c.LastUser()
	if strings.HasPrefix(said, "[The task") {
		return fake.Answer{Text: "The task said: " + said}
	}
	if _, path, ok := strings.Cut(said, "give: "); ok {
		return fake.Answer{ToolUses: []fake.ToolUse{{Name: "sandbox_read", Input: fmt.Sprintf(`{"path":%q,"give":true}`, path)}}}
	}
	minutes := 14
	fmt.Sscanf(said, "%d minutes", &minutes)
	_, command, _ := strings.Cut(said, "run: ")
	return fake.Answer{ToolUses: []fake.ToolUse{{Name: "sandbox_run", Input: fmt.Sprintf(`{"command":%q,"wait_s":2,"minutes":%d}`, command, minutes)}}}
}

func startSandbox(t *testing.T) *instar.World {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the sandbox's function is made somebody else, which needs root")
	}
	t.Setenv("INSTAR", instar.Lambda)
	w := instar.Start(t, "SANDBOX=on")
	w.Anthropic.Script(inSandbox)
	return w
}

func TestACommandAnswersAndItsWorkIsKept(t *testing.T) {
	w := startSandbox(t)
	began := time.Now()
	w.Say(instar.Owner, "run: printf 'zebra,1\\n' >table.csv; echo $((6*7)) of zebra")
	w.Reply(instar.Owner, "42 of zebra")
	t.Logf("the first answer came after %v", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	w.Say(instar.Owner, "run: echo $((7*7)) of zebra")
	w.Reply(instar.Owner, "49 of zebra")
	t.Logf("the second after %v", time.Since(began).Round(time.Millisecond))
	w.Say(instar.Owner, "15 minutes, run: echo zebra")
	w.Reply(instar.Owner, "on this platform a command may take at most 14 minutes")

	w.Cloud().Functions["sandbox"].Kill()
	w.Say(instar.Owner, "give: table.csv")
	w.Reply(instar.Owner, "goes to the person with your answer")
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var found []fake.File
		for _, m := range w.Telegram.Chat(instar.Owner) {
			if m.File != nil {
				found = append(found, *m.File)
			}
		}
		if len(found) == 1 && found[0].Name == "table.csv" && string(found[0].Data) == "zebra,1\n" {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("what arrived is %+v", found)
		}
	}
}

func TestALongCommandComesBackOnce(t *testing.T) {
	w := startSandbox(t)
	w.Say(instar.Owner, "run: for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done; echo $((6*7)) of zebra >file; cat file")
	w.Reply(instar.Owner, "It goes on as the task")
	w.Say(instar.Owner, "run: echo meanwhile")
	w.Reply(instar.Owner, "the sandbox works on another command")
	w.Cloud().Functions["agent"].Kill() // it goes on, whoever called
	began := time.Now()
	w.Reply(instar.Owner, "42 of zebra")
	t.Logf("the result came %.1f s later", time.Since(began).Seconds())
	time.Sleep(8 * time.Second) // for what else might look at it
	answers := 0
	for _, m := range w.Telegram.Chat(instar.Owner) {
		answers += strings.Count(m.Text, "The task said:")
	}
	if answers != 1 {
		t.Errorf("%d answers: %s", answers, instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	w.Say(instar.Owner, "/tasks")
	w.Reply(instar.Owner, "Nothing is running.")
	w.Cloud().Functions["sandbox"].Kill() // and its work was kept
	w.Say(instar.Owner, "run: cat file | tr a-z A-Z")
	w.Reply(instar.Owner, "42 OF ZEBRA")
}

func TestATaskWhoseEnvironmentIsTakenAwayWentAway(t *testing.T) {
	w := startSandbox(t)
	w.Say(instar.Owner, "run: sleep 60; echo zebra")
	w.Reply(instar.Owner, "It goes on as the task")
	w.Cloud().Functions["sandbox"].Kill()
	w.Reply(instar.Owner, "The task said:")
	time.Sleep(8 * time.Second)
	said := 0
	for _, m := range w.Telegram.Chat(instar.Owner) {
		said += strings.Count(m.Text, "The task said:")
	}
	if said != 1 {
		t.Errorf("it is told %d times: %s", said, instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
}
