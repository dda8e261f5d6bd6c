//go:build e2e

package lambda

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"instar/e2e/lambda/standin"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

func TestACommandSeesNoCredential(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	out := b.sh(c, "env; tr '\\0' '\\n' </proc/self/environ; echo AWS $PPID")
	for line := range strings.Lines(out) {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "SANDBOX") || name == "_HANDLER" {
			t.Errorf("a command has %s", line)
		}
	}
	_, parent, _ := strings.Cut(out, "AWS ")
	daemon, err := strconv.Atoi(strings.TrimSpace(parent))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"environ", "mem", "maps", "fd", "task/" + fmt.Sprint(daemon) + "/environ", "root", "cwd", "exe"} {
		if out := b.sh(c, fmt.Sprintf("head -c 1 /proc/%d/%s 2>/dev/null | wc -c; ls /proc/%[1]d/%[2]s/ 2>/dev/null | wc -l", daemon, file)); out != "0\n0\n" {
			t.Errorf("a command reads the daemon's %s: %q", file, out)
		}
	}
	pattern := strings.Replace(standin.SandboxSecret, "CANARY", "CANAR[Y]", 1)
	if out := b.sh(c, "grep -las '"+pattern+"' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/mem; grep -rls '"+pattern+"' /tmp; true"); out != "" {
		t.Errorf("a command finds a credential in\n%s", out)
	}
	// Nor does the daemon have what it could tell.
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", daemon)); err != nil || len(data) == 0 || bytes.Contains(data, []byte(standin.SandboxSecret)) {
		t.Errorf("the daemon's environment: %q, %v", data, err)
	}
	if n := search(t, daemon, standin.SandboxSecret); n != 0 {
		t.Errorf("the daemon has it in memory, %d times", n)
	}
	if n := search(t, daemon, "AWS_LAMBDA_RUNTIME_API="); n == 0 {
		t.Error("the search finds nothing at all")
	}
}

// search counts a text in a process's memory.
func search(t *testing.T, pid int, text string) (n int) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || rights[0] != 'r' || to-from > 1<<30 {
			continue
		}
		data := make([]byte, to-from)
		got, _ := mem.ReadAt(data, from)
		n += bytes.Count(data[:got], []byte(text))
	}
	return n
}

func TestWhoEndsTheDaemonEndsItsSession(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	b.sh(c, "echo zebra >file")
	if j, err := b.start(c, sandbox.Run{Command: "kill -9 $PPID; sleep 60"}, time.Minute); !errors.Is(err, client.ErrGone) {
		t.Errorf("%+v, %v", j, err)
	}
	if out := b.sh(c, "ls -A"); out != "" || b.function.Starts() != 2 {
		t.Errorf("then there is %q, in process %d", out, b.function.Starts())
	}
	// Of one that had answered already, nobody is left to ask.
	j, err := b.start(c, sandbox.Run{Command: "sleep 1; kill -9 $PPID"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	quiet := b.in("main")
	quiet.Quiet = true
	for end := time.Now().Add(20 * time.Second); ; {
		if _, err = quiet.Job(t.Context(), j.ID, 0); !errors.Is(err, client.ErrBusy) || time.Now().After(end) {
			break
		}
	}
	if !errors.Is(err, client.ErrAsleep) {
		t.Errorf("it is %v", err)
	}
}

// What kills by marks elsewhere finds everything here, too.
func TestNothingOfACommandIsLeft(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	for name, r := range map[string]sandbox.Run{
		"double fork": {Command: "(setsid sh -c 'sleep 3601.25 & sleep 3601.25 &' &)"},
		"nohup":       {Command: "nohup sleep 3601.25 >/dev/null 2>&1 & exit 0"},
		"new groups":  {Command: "unshare -Ur setsid sleep 3601.25 >/dev/null 2>&1 & sleep 0.3"},
		"a subreaper": {Command: `python3 -c 'import ctypes,os,time; ctypes.CDLL(None).prctl(36,1,0,0,0); os.fork() or (os.setsid(), os.fork() and os._exit(0), time.sleep(3601.25))' & sleep 0.5`},
		"in order":    {Command: "while :; do sleep 3601.25 & done", Processes: 64},
		"patient":     {Command: "b() { sleep 0.01; b & b & sleep 3601.25; }; b", Processes: 64},
		"sessions":    {Command: "b() { setsid sh -c \"$1\" sh \"$1\" & setsid sh -c \"$1\" sh \"$1\" & }; s='(setsid sh -c \"$1\" sh \"$1\" &); (setsid sh -c \"$1\" sh \"$1\" &); sleep 3601.25'; b \"$s\"; sleep 3601.25", Processes: 64},
		"memory":      {Command: "python3 -c 'b = bytearray(900 << 20); import time; time.sleep(3601.25)'", MemoryMB: 64},
		"a chain of a 100": {Command: `f() { [ $1 = 0 ] && { sleep 3601.25 & } || sh -c "$0" "$0" $(($1-1)) & }; python3 -c 'import os,time
for i in range(100):
  if os.fork(): time.sleep(3601.25)
time.sleep(3601.25)' & sleep 1`},
	} {
		began := time.Now()
		j, err := b.start(c, r, time.Minute)
		if err != nil || j.State != sandbox.Ended || r.Processes > 0 && j.Why != sandbox.WhyProcesses || r.MemoryMB > 0 && j.Why == sandbox.WhyTime {
			t.Errorf("%s: %+v, %v", name, j, err)
			continue
		}
		// The daemon is there, and what asks.
		if out := b.sh(c, "ps -U $(id -u) -o pid=,ppid=,stat=,args= | awk -v me=$$ '$1 != me && $2 != me && $3 !~ /Z/'"); strings.Count(out, "\n") != 1 {
			t.Errorf("%s leaves %s", name, out)
		}
		t.Logf("%s: ended after %v (%s)", name, time.Since(began).Round(time.Millisecond), j.Why)
	}
}
