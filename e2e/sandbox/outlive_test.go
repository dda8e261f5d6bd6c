//go:build e2e

package sandbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"instar/e2e/instar"
)

// A container outlives the functions: they are killed again and again while a
// command runs, and its result still arrives, once. On the laptop's Workers
// runtime the container dies with it, so this is the program of `make run-local`
// with a daemon beside it. $OUTLIVE_SECONDS makes the command longer.
func TestAResultArrivesOnceAlthoughTheFunctionsAreKilled(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the sandbox's daemon needs root")
	}
	seconds := 25
	if n, err := strconv.Atoi(os.Getenv("OUTLIVE_SECONDS")); err == nil {
		seconds = n
	}
	t.Setenv("INSTAR", instar.Local)
	port := instar.FreePort(t)
	w := instar.Start(t, "SANDBOX_URL=http://127.0.0.1:"+port, "SANDBOX_HOSTS=")
	startDaemon(t, port, sandboxLine(t, w))
	w.Anthropic.Script(inSandbox)
	w.Say(instar.Owner, fmt.Sprintf("run: sleep %d; echo $((6*7)) of zebra", seconds))
	w.Reply(instar.Owner, "It goes on as the task")

	kills := 0
	for until := time.Now().Add(time.Duration(seconds+5) * time.Second); time.Now().Before(until); kills++ {
		time.Sleep(time.Duration(500+rand.IntN(1+80*seconds)) * time.Millisecond)
		w.Kill()
		w.Launch()
	}
	told := func() (n int) {
		for _, m := range w.Telegram.Chat(instar.Owner) {
			n += strings.Count(m.Text, "42 of zebra")
		}
		return n
	}
	if !w.Recover(20, 2*time.Minute, func() bool { return told() > 0 }) {
		t.Fatalf("no result after %d kills: %s", kills, instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	time.Sleep(8 * time.Second) // for what else might look at it
	if n := told(); n != 1 {
		t.Errorf("%d results after %d kills: %s", n, kills, instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	w.Say(instar.Owner, "/tasks")
	w.Reply(instar.Owner, "Nothing is running.")
	t.Logf("a command of %d s, the functions killed %d times meanwhile, one result", seconds, kills)
}

var named = regexp.MustCompile(`SANDBOX_SESSION=\S+|SANDBOX_PUBLIC_KEY=\S+`)

// startDaemon runs the daemon as it is told to be by the line that Instar prints.
func startDaemon(t *testing.T, port, line string) {
	t.Helper()
	run(t, "build/sandbox/daemon.sh")
	c := exec.Command(filepath.Join(instar.Root(t), "build/dist/sandbox/sandbox"))
	dir, err := os.MkdirTemp("/tmp", "instar-daemon") // which jobs, being nobody, may enter
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir, 0o755)
	c.Env = append(named.FindAllString(line, -1), "PORT="+port, "SANDBOX_DIR="+dir, "PATH="+os.Getenv("PATH"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		c.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("the daemon said:\n%s", said)
		}
		os.RemoveAll(dir)
	})
}
