//go:build linux && e2e

// The suite of the real daemon: its binary is built, started as root as in its
// container, and spoken to over HTTP. What jobs must not be able to do is tried
// by testdata/hostile. It takes a minute:
//
//	go test -tags e2e ./functions/sandbox/container
//
// SANDBOX_IMAGE=instar-sandbox has it run against containers of that image.
package main_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// secret begins every text in these tests that must never be in the log.
const secret = "SECRET-CANARY"

var counter atomic.Int64 // of jobs

// daemon is one that runs.
type daemon struct {
	t       testing.TB
	cmd     *exec.Cmd
	address string
	dir     string // SANDBOX_DIR, as the daemon has it
	root    string // where the daemon's root is, for the test
	pid     int    // the daemon's, for the test
	inside  int    // the daemon's, for a job
	key     ed25519.PrivateKey
	log     *log
	ended   chan error
}

// log collects what the daemon prints.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a daemon of session "main" until the test ends. Its environment
// has a secret that no job may see. With SANDBOX_IMAGE it runs in a container of
// that image, as Docker's own defaults have it, and is pid 1 there.
func start(t testing.TB, env ...string) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "instar-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir, 0o755)
	d := &daemon{t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), log: &log{}, ended: make(chan error, 1)}
	env = append([]string{
		"PORT=0", "SANDBOX_SESSION=main", "SANDBOX_PUBLIC_KEY=" + sandbox.PublicText(d.key), "DAEMONS_OWN=" + secret + "-environment",
	}, env...)
	image := os.Getenv("SANDBOX_IMAGE")
	if image == "" {
		d.dir = filepath.Join(dir, "sandbox")
		d.cmd = exec.Command(filepath.Join(programs, "daemon"))
		d.cmd.Env = append(env, "SANDBOX_DIR="+d.dir)
	} else {
		d.dir = "/sandbox"
		args := []string{"run", "--rm", "--name", filepath.Base(dir), "--network", "host", "-v", programs + ":" + programs + ":ro"}
		for _, pair := range env {
			args = append(args, "-e", pair)
		}
		d.cmd = exec.Command("docker", append(args, image)...)
	}
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	t.Cleanup(func() {
		d.stop()
		os.RemoveAll(dir)
	})
	ready := regexp.MustCompile(`"sandbox is ready","address":"[^"]*:([0-9]+)"`)
	d.until("the daemon is ready", 10*time.Second, func() bool {
		if found := ready.FindStringSubmatch(d.log.String()); found != nil {
			d.address = "127.0.0.1:" + found[1]
		}
		return d.address != ""
	})
	if resp, err := http.Get("http://" + d.address + "/healthz"); err != nil || resp.StatusCode != 200 {
		t.Fatalf("healthz: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	d.pid, d.inside = d.cmd.Process.Pid, d.cmd.Process.Pid
	if image != "" {
		out, err := exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", filepath.Base(dir)).Output()
		if err != nil {
			t.Fatal(err)
		}
		d.pid, _ = strconv.Atoi(strings.TrimSpace(string(out)))
		d.inside, d.root = 1, fmt.Sprintf("/proc/%d/root", d.pid)
	}
	return d
}

// path is where a file of SANDBOX_DIR is for the test.
func (d *daemon) path(name string) string { return filepath.Join(d.root+d.dir, name) }

// stop ends the daemon as a platform does, and holds it to its promises.
func (d *daemon) stop() {
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Errorf("the daemon ended with %v\n%s", err, d.log)
		}
	case <-time.After(20 * time.Second):
		d.t.Errorf("the daemon does not end\n%s", d.log)
		d.cmd.Process.Kill()
	}
	if text := d.log.String(); strings.Contains(text, secret) || strings.Contains(text, d.token(time.Minute)[:40]) || strings.Contains(text, "DATA RACE") {
		d.t.Errorf("the log has what it must not have:\n%s", text)
	}
	d.ended <- nil
}

func (d *daemon) until(what string, most time.Duration, true_ func() bool) {
	d.t.Helper()
	for end := time.Now().Add(most); !true_(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("not within %v: %s\n%s", most, what, d.log)
		}
	}
}

func (d *daemon) token(life time.Duration) string {
	return sandbox.Sign(d.key, sandbox.Claims{Session: "main", Expires: time.Now().Add(life), Purpose: sandbox.PurposeAPI})
}

// send is one request, with the body as JSON unless it is a reader.
func (d *daemon) send(method, path string, body any) *http.Response {
	d.t.Helper()
	var r io.Reader
	switch body := body.(type) {
	case nil:
	case io.Reader:
		r = body
	default:
		b, err := json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.address+path, r)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token(time.Minute))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatalf("%s %s: %v\n%s", method, path, err, d.log)
	}
	return resp
}

// call is send, answering status and body.
func (d *daemon) call(method, path string, body any) (int, string) {
	d.t.Helper()
	resp := d.send(method, path, body)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(b)
}

// want is call, decoding what must have come with the status.
func (d *daemon) want(status int, method, path string, body, into any) {
	d.t.Helper()
	got, text := d.call(method, path, body)
	if got != status {
		d.t.Fatalf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

func newID() string { return "job-" + strconv.FormatInt(counter.Add(1), 10) }

// begin starts a job and does not wait.
func (d *daemon) begin(run sandbox.Run) sandbox.Job {
	d.t.Helper()
	if run.ID == "" {
		run.ID = newID()
	}
	var j sandbox.Job
	d.want(201, "POST", "/v1/jobs", run, &j)
	return j
}

// wait waits for a job's end.
func (d *daemon) wait(id string) sandbox.Job {
	d.t.Helper()
	var j sandbox.Job
	d.want(200, "GET", "/v1/jobs/"+id+"?wait=120&text=65536", nil, &j)
	if j.State != sandbox.Ended {
		d.t.Fatalf("job still runs: %+v\n%s", j, d.log)
	}
	return j
}

func (d *daemon) run(run sandbox.Run) sandbox.Job {
	d.t.Helper()
	return d.wait(d.begin(run).ID)
}

// sh runs a command that must succeed, and answers its output.
func (d *daemon) sh(command string) string {
	d.t.Helper()
	j := d.run(sandbox.Run{Command: command})
	if j.ExitCode == nil || *j.ExitCode != 0 {
		d.t.Fatalf("%s: %+v", command, j)
	}
	return j.Head
}

// healthy holds the daemon to answering, and to running something, soon.
func (d *daemon) healthy() {
	d.t.Helper()
	began := time.Now()
	if out := d.sh("echo fine"); out != "fine\n" {
		d.t.Errorf("output %q", out)
	}
	if took := time.Since(began); took > 2*time.Second {
		d.t.Errorf("it took the daemon %v to run an echo", took)
	}
}
