// Package workerd runs a Worker on this machine for tests, in the real Workers
// runtime: `wrangler dev` with local storage, in a process group of its own so
// that nothing of it outlives the test.
package workerd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 90 * time.Second // on a machine that is busy with other suites
	stopWithin  = 10 * time.Second // then it is killed
)

// Options say which Worker to run, and where.
type Options struct {
	// Config is the wrangler.toml, relative to the module's root.
	Config string
	// Vars are variables and secrets of the Worker, on top of those in Config.
	// They travel in a file that only the user can read. A value holds no line
	// breaks and at most two of the three kinds of quotes.
	Vars map[string]string
	// State is the folder of R2, KV and the queues; "" is a new one that goes
	// away with the test.
	State string
	// Port is where it listens on 127.0.0.1; 0 takes a free one.
	Port int
}

// Server is one Worker running under `wrangler dev`.
type Server struct {
	URL string // http://127.0.0.1:port

	t       testing.TB
	root    string
	options Options
	log     log
	command *exec.Cmd
	exited  chan struct{}
}

// Start runs the Worker and returns when it answers requests; the test fails
// when it does not. It is stopped when the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.State == "" {
		o.State = t.TempDir()
	}
	if o.Port == 0 {
		o.Port = freePort(t)
	}
	s := &Server{t: t, root: Root(t), options: o, URL: fmt.Sprintf("http://127.0.0.1:%d", o.Port)}
	t.Cleanup(s.Stop)
	s.launch()
	return s
}

// Restart stops the Worker if it runs, and starts it on the same port and
// state, with the same variables. The log goes on.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.launch()
}

// Stop ends the Worker as Ctrl-C does, and returns when all of it has ended.
// Stopping a stopped one does nothing.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends every process of the Worker at once, as a crash of the machine would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Log returns what the Worker and wrangler have printed since Start.
func (s *Server) Log() string { return s.log.String() }

// WaitLog returns the first line of the log that contains text; the test t,
// which may be a subtest of Start's, fails when there is none within ten seconds.
func (s *Server) WaitLog(t testing.TB, text string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(s.Log()) {
			if strings.Contains(line, text) {
				return strings.TrimRight(line, "\n")
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log has no line with %q:\n%s", text, s.Log())
		}
	}
}

func (s *Server) launch() {
	s.t.Helper()
	arguments := []string{
		filepath.Join(s.root, "node_modules/wrangler/bin/wrangler.js"), "dev",
		"--config", filepath.Join(s.root, s.options.Config), "--ip", "127.0.0.1", "--port", fmt.Sprint(s.options.Port),
		"--inspector-port", "0", "--persist-to", s.options.State, "--show-interactive-dev-session=false", "--test-scheduled",
	}
	if len(s.options.Vars) > 0 {
		arguments = append(arguments, "--env-file", s.writeVars())
	}
	bin := filepath.Join(s.root, "node_modules/.bin")
	s.command = exec.Command(filepath.Join(bin, "node"), arguments...)
	s.command.Dir = s.root
	// The tester's environment stays out, so that no key of theirs gets in.
	s.command.Env = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(),
		"HOME=" + s.options.State, "XDG_CONFIG_HOME=" + filepath.Join(s.options.State, "config"),
		"WRANGLER_SEND_METRICS=false", "CLOUDFLARE_CF_FETCH_ENABLED=false", "NO_COLOR=1", "CI=1",
	}
	s.command.Stdout, s.command.Stderr = &s.log, &s.log
	s.command.WaitDelay = time.Second
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	from := len(s.Log())
	if err := s.command.Start(); err != nil {
		s.command = nil
		s.t.Fatalf("start wrangler: %v (run `make build` first)", err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(c *exec.Cmd) { c.Wait(); close(exited) }(s.command)
	s.waitReady(from)
}

// waitReady waits for wrangler to say so, in the log from this position on.
func (s *Server) waitReady(from int) {
	s.t.Helper()
	deadline := time.After(startWithin)
	for {
		if strings.Contains(s.Log()[from:], "Ready on ") {
			return
		}
		select {
		case <-s.exited:
			s.t.Fatalf("wrangler ended before it was ready:\n%s", s.Log()[from:])
		case <-deadline:
			s.t.Fatalf("the Worker was not ready within %v:\n%s", startWithin, s.Log()[from:])
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) end(signal syscall.Signal) {
	if s.command == nil {
		return
	}
	group := -s.command.Process.Pid
	s.command = nil
	syscall.Kill(group, signal)
	select {
	case <-s.exited:
	case <-time.After(stopWithin):
	}
	// wrangler may have ended before what it started: the group ends as a whole.
	for syscall.Kill(group, syscall.SIGKILL) == nil {
		time.Sleep(5 * time.Millisecond)
	}
	<-s.exited
}

// writeVars writes the variables in wrangler's .env form.
func (s *Server) writeVars() string {
	var b strings.Builder
	for name, value := range s.options.Vars {
		quote := slices.IndexFunc(quotes, func(q string) bool { return !strings.Contains(value, q) })
		if quote < 0 || strings.ContainsAny(value, "\r\n") {
			s.t.Fatalf("the variable %s has a value that a variables file cannot hold", name)
		}
		// wrangler expands $NAME whatever the quotes.
		fmt.Fprintf(&b, "%s=%s%s%[2]s\n", name, quotes[quote], strings.ReplaceAll(value, "$", `\$`))
	}
	file := filepath.Join(s.options.State, "variables.env")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

var quotes = []string{"'", "`", `"`} // the last one expands \n

// Root returns the module's root folder, walking up from the test's own.
func Root(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		up := filepath.Dir(folder)
		if up == folder {
			t.Fatal("no go.mod in this folder or above")
		}
		folder = up
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
