//go:build e2e

package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// on has make run look for an engine, which it does not for other suites.
const on = "SANDBOX=on"

// sandboxLine is what `make run` says of the sandbox when it starts.
func sandboxLine(t *testing.T, w *instar.World) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(w.Log()) {
		if strings.HasPrefix(line, "Sandbox:") {
			found = append(found, strings.TrimSpace(strings.TrimPrefix(line, "Sandbox:")))
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines say something of the sandbox:\n%s", len(found), w.Log())
	}
	return found[0]
}

func TestMakeRunWithoutDockerSaysSoAndDoesAllElse(t *testing.T) {
	w := instar.Start(t, on, "DOCKER_HOST=unix:///nowhere/docker.sock", "SANDBOX_HOSTS=github.com *.example.com")
	line := sandboxLine(t, w)
	for _, want := range []string{"off: no Docker engine answers at /nowhere/docker.sock", "start Docker", "make sandbox", "*.example.com is no host name"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q does not say %q", line, want)
		}
	}
	if r := w.Get("/healthz"); r.StatusCode != http.StatusOK {
		t.Errorf("healthz: %d", r.StatusCode)
	}
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		for _, tool := range c.Tools {
			if strings.HasPrefix(tool.Name, "sandbox") {
				t.Errorf("the model is shown %s", tool.Name)
			}
		}
		return fake.Answer{Text: "Answer: " + c.LastUser()}
	})
	w.Say(instar.Owner, "zebra")
	w.Reply(instar.Owner, "Answer: zebra")
}

func TestMakeRunSaysWhatIsMissing(t *testing.T) {
	socket := "DOCKER_HOST=unix://" + docker(t)
	for _, c := range []struct {
		vars []string
		want string
	}{
		{[]string{socket, "SANDBOX=off"}, "off: SANDBOX is off"},
		{[]string{"DOCKER_HOST=tcp://127.0.0.1:2375"}, "off: DOCKER_HOST is tcp://127.0.0.1:2375, and only unix:// works here"},
		{[]string{socket, "SANDBOX_IMAGE=not-built"}, "off: Docker has no image not-built: run `make sandbox` once"},
		{[]string{socket, "SANDBOX_IMAGE=" + standin}, "on, in Docker; it reaches no host, SANDBOX_HOSTS opens some"},
		{[]string{socket, "SANDBOX_IMAGE=" + standin, "SANDBOX_HOSTS=github.com=GIT_TOKEN,pypi.org"}, "on, in Docker; it reaches github.com, pypi.org and nothing else"},
	} {
		t.Run(fmt.Sprint(c.want), func(t *testing.T) {
			if line := sandboxLine(t, instar.Start(t, append([]string{on}, c.vars...)...)); line != c.want {
				t.Errorf("%q, want %q", line, c.want)
			}
		})
	}
}

// All of it: a message, the agent, its tool, the container, and the answer.
func TestACommandFromAMessage(t *testing.T) {
	socket := docker(t)
	run(t, "build/sandbox/busybox.sh", busybox)
	w := instar.Start(t, on, "DOCKER_HOST=unix://"+socket, "SANDBOX_IMAGE="+busybox, "MINIFLARE_CONTAINER_EGRESS_IMAGE="+egress)
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		if results := c.LastResults(); len(results) > 0 {
			return fake.Answer{Text: "The tool said: " + results[0].Text}
		}
		return fake.Answer{ToolUses: []fake.ToolUse{{Name: "sandbox_run", Input: `{"command":"echo $((6*7)) of zebra; env","wait_s":20}`}}}
	})
	w.Say(instar.Owner, "run a zebra program")
	said := w.Reply(instar.Owner, "42 of zebra").Text
	for _, secret := range []string{instar.TelegramKey, instar.AnthropicKey, instar.ConsoleToken, "SEAL_KEY"} {
		if strings.Contains(said, secret) {
			t.Errorf("a command sees a secret: %s", said)
		}
	}
}

// inSandbox is a model that runs what it is told after "run:", and then says
// what came of it.
func inSandbox(c fake.Call) fake.Answer {
	if results := c.LastResults(); len(results) > 0 {
		return fake.Answer{Text: "The tool said: " + results[0].Text}
	}
	said := c.LastUser()
	if strings.HasPrefix(said, "[The task") {
		return fake.Answer{Text: "The task said: " + said}
	}
	_, command, _ := strings.Cut(said, "run: ")
	return fake.Answer{ToolUses: []fake.ToolUse{{Name: "sandbox_run", Input: fmt.Sprintf(`{"command":%q,"wait_s":1}`, command)}}}
}

func startSandbox(t *testing.T, vars ...string) *instar.World {
	t.Helper()
	socket := docker(t)
	run(t, "build/sandbox/busybox.sh", busybox)
	w := instar.Start(t, append([]string{on, "DOCKER_HOST=unix://" + socket, "SANDBOX_IMAGE=" + busybox, "MINIFLARE_CONTAINER_EGRESS_IMAGE=" + egress}, vars...)...)
	w.Anthropic.Script(inSandbox)
	return w
}

// The daemon reports the end through the container's only way out.
func TestALongCommandGoesOnAsATaskAndComesBackOnce(t *testing.T) {
	w := startSandbox(t)
	w.Say(instar.Owner, "run: sleep 9; echo $((6*7)) of zebra")
	w.Reply(instar.Owner, "It goes on as the task")
	began := time.Now()
	w.Reply(instar.Owner, "42 of zebra")
	t.Logf("the result came %.1f s after the hand-off", time.Since(began).Seconds())
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
}

func TestStopEndsATask(t *testing.T) {
	w := startSandbox(t)
	w.Say(instar.Owner, "run: sleep 300; echo zebra")
	w.Reply(instar.Owner, "It goes on as the task")
	w.Say(instar.Owner, "/tasks")
	w.Reply(instar.Owner, "sleep 300; echo zebra")
	w.Say(instar.Owner, "/stop")
	w.Reply(instar.Owner, "Stopping.")
	w.Reply(instar.Owner, "⏹")
	w.Say(instar.Owner, "/tasks")
	w.Reply(instar.Owner, "Nothing is running.")
}

func TestTheWorkspaceIsThereAgainAfterTheContainerSlept(t *testing.T) {
	w := startSandbox(t, "SANDBOX_SLEEP_MINUTES=0.1")
	w.Say(instar.Owner, "run: mkdir -p a/b && echo zebra > a/b/c && chmod 751 a/b/c && ln -s a/b l")
	w.Reply(instar.Owner, "Exit code 0")
	for until := time.Now().Add(60 * time.Second); containers(t, busybox) > 0; time.Sleep(time.Second) {
		if time.Now().After(until) {
			t.Fatal("the container does not sleep")
		}
	}
	w.Say(instar.Owner, "run: cat l/c; stat -c %a a/b/c; readlink l; echo so it is")
	said := w.Reply(instar.Owner, "so it is").Text
	if !strings.Contains(said, "zebra\n751\na/b\n") {
		t.Errorf("after sleeping: %q", said)
	}
}

// Here the container dies with the runtime, which the platform's does not. The
// queue has forgotten the task, so it is the minute's sweep that comes upon it.
func TestATaskThatWasLostIsToldOfOnce(t *testing.T) {
	w := startSandbox(t)
	w.Say(instar.Owner, "run: sleep 25; echo $((6*7)) of zebra")
	w.Reply(instar.Owner, "It goes on as the task")
	w.Kill()
	w.Launch()
	told := func() int {
		return strings.Count(instar.Texts(w.Telegram.Chat(instar.Owner)), "The task said:")
	}
	for until := time.Now().Add(3 * time.Minute); told() == 0 && time.Now().Before(until); time.Sleep(5 * time.Second) {
		w.Cron(time.Now())
	}
	for range 3 {
		w.Cron(time.Now())
	}
	time.Sleep(3 * time.Second)
	if told() != 1 {
		t.Errorf("told %d times: %s", told(), instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	w.Say(instar.Owner, "/tasks")
	w.Reply(instar.Owner, "Nothing is running.")
}
