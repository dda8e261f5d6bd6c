//go:build linux && e2e

// The suite of the real program in a real Chromium, as an ordinary user where it
// is run by root, against pages of its own on loopback. It takes half a minute:
//
//	go test -tags e2e ./functions/sandbox/browse
//
// BROWSE_CHROMIUM names another Chromium than the one that browse finds itself.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"instar/shared/sandbox"
)

const user = 1000

var program string

func TestMain(m *testing.M) {
	if _, err := find(); err != nil {
		fmt.Fprintln(os.Stderr, "SKIPPED: the browser's suite needs Chromium (build/chromium.sh). Nothing of it has been tested.")
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "browse-")
	if err != nil {
		panic(err)
	}
	os.Chmod(dir, 0o755)
	program = filepath.Join(dir, "browse")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	flag.Parse()
	flag.Set("test.parallel", "8") // they wait most of the time
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// one is a browser that runs, with a TMPDIR and a workspace of its own.
type one struct {
	dir, workspace string
	cmd            *exec.Cmd
	ended          chan error
	log            bytes.Buffer
	env            []string
}

// run is a command of the program as the ordinary user.
func (b *one) run(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = b.workspace, append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.workspace, "TMPDIR=" + b.dir, "LANG=C.UTF-8", "BROWSE_CHROMIUM=" + os.Getenv("BROWSE_CHROMIUM"),
	}, b.env...)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	return cmd
}

func prepare(t testing.TB, env ...string) *one {
	t.Helper()
	dir, err := os.MkdirTemp("", "br")
	if err != nil {
		t.Fatal(err)
	}
	b := &one{dir: dir, workspace: filepath.Join(dir, "workspace"), env: env}
	os.Mkdir(b.workspace, 0o755)
	if os.Geteuid() == 0 {
		os.Chown(dir, user, user)
		os.Chown(b.workspace, user, user)
	}
	return b
}

// start1 starts a browser that ends with the test.
func start1(t testing.TB, env ...string) *one {
	t.Helper()
	b := prepare(t, env...)
	b.serve(t, time.Minute)
	t.Cleanup(func() { b.stop(); os.RemoveAll(b.dir) })
	return b
}

func (b *one) serve(t testing.TB, idle time.Duration) {
	t.Helper()
	b.cmd, b.ended = b.run(context.Background(), "serve", "-idle", idle.String()), make(chan error, 1)
	b.cmd.Stdout, b.cmd.Stderr = &b.log, &b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.ended <- b.cmd.Wait() }()
}

func (b *one) stop() {
	b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.ended:
	case <-time.After(10 * time.Second):
		b.cmd.Process.Kill()
	}
}

// try has an action done.
func (b *one) try(t testing.TB, a sandbox.Action) sandbox.Page {
	t.Helper()
	in, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := b.run(t.Context(), "-wait", "10s")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &b.log
	out, err := cmd.Output()
	var p sandbox.Page
	if err != nil || len(out) > sandbox.MaxPage+1 || json.Unmarshal(out, &p) != nil {
		t.Fatalf("%+v: %v, %d bytes: %.300s\n%s", a, err, len(out), out, b.log.String())
	}
	return p
}

// do is try for what must succeed.
func (b *one) do(t testing.TB, a sandbox.Action) sandbox.Page {
	t.Helper()
	p := b.try(t, a)
	if p.Error != "" {
		t.Fatalf("%+v: %s\n%s", a, p.Error, b.log.String())
	}
	return p
}

func (b *one) open(t testing.TB, url string) sandbox.Page {
	t.Helper()
	return b.do(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: url})
}

func (b *one) click(t testing.TB, p sandbox.Page, name string) sandbox.Page {
	t.Helper()
	return b.do(t, sandbox.Action{Action: sandbox.BrowserClick, Element: number(t, p, name)})
}

func (b *one) fill(t testing.TB, p sandbox.Page, name, text string) sandbox.Page {
	t.Helper()
	return b.do(t, sandbox.Action{Action: sandbox.BrowserFill, Element: number(t, p, name), Text: text})
}

// fails holds an action to an error that says something.
func (b *one) fails(t testing.TB, a sandbox.Action, want string) {
	t.Helper()
	if p := b.try(t, a); !strings.Contains(p.Error, want) || p.Error == "" || p.Text != "" || p.File != 0 {
		t.Errorf("%+v: %+v, want %q", a, p, want)
	}
}

func element(t testing.TB, p sandbox.Page, name string) sandbox.Element {
	t.Helper()
	for _, e := range p.Elements {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("no element %q in %+v", name, p)
	return sandbox.Element{}
}

func number(t testing.TB, p sandbox.Page, name string) int {
	t.Helper()
	return element(t, p, name).N
}

func has(t testing.TB, p sandbox.Page, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.Text, text) {
			t.Errorf("no %q in %.2000q", text, p.Text)
		}
	}
}

func hasNot(t testing.TB, p sandbox.Page, texts ...string) {
	t.Helper()
	data, _ := json.Marshal(p)
	for _, text := range texts {
		if strings.Contains(string(data), text) {
			t.Errorf("%q in %.2000s", text, data)
		}
	}
}

// site serves pages by their paths; a function answers itself.
func site(t testing.TB, pages map[string]any) string {
	t.Helper()
	gone := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch page := pages[r.URL.Path].(type) {
		case string:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!doctype html>", page)
		case func(http.ResponseWriter, *http.Request):
			page(w, r)
		case time.Duration: // never answers
			select {
			case <-r.Context().Done():
			case <-gone:
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(func() { close(gone); s.CloseClientConnections(); s.Close() })
	return s.URL
}

const never = time.Duration(1)

// processes counts those whose command line has a text.
func processes(text string) int {
	n := 0
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(text)) {
			n++
		}
	}
	return n
}
