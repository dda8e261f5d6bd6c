//go:build e2e

// Package sandbox tests the platform's half of the sandbox: the real Durable
// Object, outbound rules and Go calls in the real runtime, with containers of a
// real Docker engine that the tests start for themselves (build/sandbox/dockerd.sh).
//
// Nothing is pulled: the containers are single Go programs. One of them stands in
// for what workerd starts beside each container to take what leaves it (see
// egress). So these tests show what workerd and our code do with a request that
// leaves a container. They do not show that nothing else can leave one: in
// production that is Cloudflare's network, on a laptop the original of egress.
package sandbox

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"instar/e2e/workerd"
)

const (
	standin = "instar-sandbox-standin" // in place of the daemon
	egress  = "instar-egress"
	// notTested says why, when there was no engine.
	notTested = "../../build/dist/test/sandbox-not-tested"
)

// engine is the Docker engine of this package's tests.
var engine = struct {
	sync.Once
	socket, problem string
	command         *exec.Cmd
	ended           chan struct{}
}{ended: make(chan struct{})}

func TestMain(m *testing.M) {
	code := m.Run()
	if engine.command != nil {
		engine.command.Process.Signal(syscall.SIGTERM)
		select {
		case <-engine.ended:
		case <-time.After(30 * time.Second):
			fmt.Fprintln(os.Stderr, "the Docker engine does not end")
		}
		os.RemoveAll(filepath.Dir(engine.socket))
	}
	// "go test" shows nothing of a package that passes, so `make test-e2e` shows this.
	os.Remove(notTested)
	if engine.problem != "" {
		said := fmt.Sprintf("\n*** THE SANDBOX WAS NOT TESTED: %s ***\n\n", engine.problem)
		fmt.Fprint(os.Stderr, said)
		os.WriteFile(notTested, []byte(said), 0o644)
	}
	os.Exit(code)
}

// docker returns the engine's socket. Without one the test is skipped, and the
// end of the package's run says so.
func docker(t *testing.T) string {
	t.Helper()
	engine.Do(func() { startEngine(t) })
	if engine.problem != "" {
		t.Skip("no Docker engine: " + engine.problem)
	}
	return engine.socket
}

func startEngine(t *testing.T) {
	root := workerd.Root(t)
	folder, err := os.MkdirTemp("", "instar-docker")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c := exec.Command(filepath.Join(root, "build/sandbox/dockerd.sh"), folder)
	c.Stdout, c.Stderr, c.WaitDelay = &said, &said, time.Second
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.Wait(); close(engine.ended) }()
	engine.socket, engine.command = filepath.Join(folder, "docker.sock"), c
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) { // it may have to be installed
		if exec.Command("docker", "--host", "unix://"+engine.socket, "info").Run() == nil {
			break
		}
		select {
		case <-engine.ended:
			engine.command, engine.problem = nil, strings.TrimSpace(said.String())
			if log, err := os.ReadFile(filepath.Join(folder, "log")); err == nil {
				lines := strings.Split(strings.TrimSpace(string(log)), "\n")
				engine.problem += "\n" + strings.Join(lines[max(0, len(lines)-5):], "\n")
			}
			os.RemoveAll(folder)
			return
		default:
		}
		if time.Now().After(deadline) {
			engine.problem = "the Docker engine did not start: " + said.String()
			return
		}
	}
	image(t, egress, "./e2e/sandbox/egress")
	image(t, standin, "./e2e/sandbox/standin")
}

// image makes an image of one Go program.
func image(t *testing.T, name, program string) {
	t.Helper()
	run(t, "build/sandbox/scratch.sh", name, program)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	root := workerd.Root(t)
	if strings.Contains(name, "/") {
		name = filepath.Join(root, name)
	}
	c := exec.Command(name, args...)
	c.Dir, c.Env = root, append(os.Environ(), "DOCKER_HOST=unix://"+engine.socket)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// containers counts the running ones that are not workerd's own.
func containers(t *testing.T, image string) int {
	return strings.Count(run(t, "docker", "ps", "--quiet", "--filter", "ancestor="+image), "\n")
}

// server is one running Worker of these tests.
type server struct {
	t   *testing.T
	url string
	log *buffer
}

// serve runs worker.mjs with these variables, its containers made of image.
func serve(t *testing.T, image string, bindings map[string]string) *server {
	t.Helper()
	socket := docker(t)
	root := workerd.Root(t)
	buildProbe(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	options, _ := json.Marshal(map[string]any{"port": port, "socket": socket, "image": image, "egress": egress, "bindings": bindings})
	s := &server{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), log: &buffer{}}
	c := exec.Command(filepath.Join(root, "node_modules/.bin/node"), filepath.Join(root, "e2e/sandbox/serve.mjs"))
	c.Dir, c.Env = root, append(os.Environ(), "OPTIONS="+string(options))
	c.Stdout, c.Stderr = s.log, s.log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.Wait(); close(ended) }()
	t.Cleanup(func() {
		input.Close()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
		}
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("log:\n%s", s.log)
		}
	})
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.log.String(), "ready\n"); time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("the Worker did not start:\n%s", s.log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the Worker did not start within a minute:\n%s", s.log)
		}
	}
	return s
}

var probe sync.Once

func buildProbe(t *testing.T) {
	probe.Do(func() { run(t, "build/wasm.sh", "./e2e/sandbox/probe", "build/dist/test/sandbox.wasm") })
}

// newKey is a public key as far as the platform's half looks at it.
func newKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// buffer can be read while it is written.
type buffer struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.String()
}
