//go:build linux && e2e

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// browse is the browser's program, or the test is skipped: in a container it is
// the image's, if that has one.
func browse(t *testing.T, d *daemon) string {
	t.Helper()
	if os.Getenv("SANDBOX_IMAGE") != "" {
		if j := d.run(sandbox.Run{Command: "command -v browse && command -v chromium-headless-shell"}); *j.ExitCode != 0 {
			t.Skip("the image has no browser")
		}
		return sandbox.BrowserProgram
	}
	if _, err := exec.LookPath("chromium-headless-shell"); err != nil {
		t.Skip("there is no Chromium: build/chromium.sh installs it")
	}
	path := filepath.Join(programs, sandbox.BrowserProgram)
	cmd := exec.Command("go", "build", "-o", path, "../browse")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// surf has the browser do an action, as the agent does: by a job.
func (d *daemon) surf(program string, a sandbox.Action) (p sandbox.Page) {
	d.t.Helper()
	in, err := json.Marshal(a)
	if err != nil {
		d.t.Fatal(err)
	}
	j := d.run(sandbox.Run{Argv: []string{program}, Stdin: string(in)})
	_, out := d.call("GET", "/v1/jobs/"+j.ID+"/output", nil)
	if j.ExitCode == nil || *j.ExitCode != 0 || len(out) > sandbox.MaxPage || json.Unmarshal([]byte(out), &p) != nil {
		d.t.Fatalf("%+v: %+v, %d bytes: %.300s", a, j, len(out), out)
	}
	return p
}

func TestTheBrowserRunsWithinAJobsLimits(t *testing.T) {
	d := start(t)
	program := browse(t, d)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/":
			fmt.Fprint(w, `<title>天気</title><body style="background:#00f"><h1>東京</h1><form action=/found><input name=q aria-label=Search></form><a href=/other target=_blank>other</a>`)
		case "/heavy": // 200 MB of it, in one page
			fmt.Fprint(w, `<h1>Heavy</h1><script>const a = []; for (let i = 0; i < 200; i++) a.push(new Uint8Array(1 << 20).fill(1))</script>`)
		default:
			fmt.Fprintf(w, "<h1>%s</h1>%s", r.URL.Path, r.FormValue("q"))
		}
	}))
	defer site.Close()
	began := time.Now()
	browser := d.begin(sandbox.Run{Argv: []string{program, "serve", "-idle", "3s"}, MemoryMB: sandbox.BrowserMemoryMB, Processes: sandbox.BrowserProcesses})
	p := d.surf(program, sandbox.Action{Action: sandbox.BrowserOpen, URL: site.URL})
	t.Logf("first page after %v", time.Since(began).Round(time.Millisecond))
	if p.Error != "" || !strings.Contains(p.Text, "# 東京") || p.Title != "天気" || len(p.Elements) != 2 {
		t.Fatalf("%+v\n%+v", p, d.peek(browser.ID))
	}
	began = time.Now()
	d.surf(program, sandbox.Action{Action: sandbox.BrowserRead})
	t.Logf("read again in %v, with %d MB", time.Since(began).Round(time.Millisecond), d.peek(browser.ID).PeakBytes>>20)

	if p = d.surf(program, sandbox.Action{Action: sandbox.BrowserFill, Element: 1, Text: "猫", Enter: true}); p.Error != "" || !strings.Contains(p.Text, "# /found\n\n猫") {
		t.Errorf("%+v", p)
	}
	if p = d.surf(program, sandbox.Action{Action: sandbox.BrowserScreenshot, URL: site.URL, Path: ".browser/a.png"}); p.Error != "" || p.File == 0 {
		t.Errorf("%+v", p)
	}
	_, data := d.call("GET", "/v1/files/.browser/a.png", nil)
	if img, err := png.Decode(strings.NewReader(data)); err != nil || int64(len(data)) != p.File || img.Bounds().Dx() != 1280 {
		t.Errorf("%v", err)
	} else if r, _, b, _ := img.At(1000, 700).RGBA(); r != 0 || b>>8 != 0xff {
		t.Errorf("%x %x", r, b)
	}
	if p = d.surf(program, sandbox.Action{Action: sandbox.BrowserPDF, Path: "a.pdf"}); p.Error != "" || p.File == 0 {
		t.Errorf("%+v", p)
	}
	if _, data = d.call("GET", "/v1/files/a.pdf", nil); !bytes.HasPrefix([]byte(data), []byte("%PDF-")) {
		t.Errorf("%.20q", data)
	}
	if p = d.surf(program, sandbox.Action{Action: sandbox.BrowserOpen, URL: site.URL + "/heavy"}); p.Error != "" || !strings.Contains(p.Text, "# Heavy") {
		t.Errorf("%+v", p)
	}
	j := d.wait(browser.ID)
	if j.Why != sandbox.WhyExit || *j.ExitCode != 0 || j.Head != "" {
		t.Errorf("%+v", j)
	}
	t.Logf("at most %d MB, %d ms of CPU", j.PeakBytes>>20, j.CPUMs)
	if n := alive("--user-data-dir=/tmp/.browse-"); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if out := d.sh("find . /tmp/.browse-* -type f | sort"); strings.Contains(out, "profile") || strings.Contains(out, ".pki") || strings.Contains(out, ".part") {
		t.Errorf("left: %s", out)
	}
	d.healthy()
}

// The job that is the browser can be ended like any other, with all it started.
func TestTheBrowserEndsWithItsJob(t *testing.T) {
	d := start(t)
	program := browse(t, d)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }))
	defer site.Close()
	for _, signal := range []string{"TERM", "KILL"} {
		browser := d.begin(sandbox.Run{Argv: []string{program, "serve"}, MemoryMB: sandbox.BrowserMemoryMB, Processes: sandbox.BrowserProcesses})
		if p := d.surf(program, sandbox.Action{Action: sandbox.BrowserOpen, URL: site.URL}); !strings.Contains(p.Text, "hello") {
			t.Fatalf("%+v", p)
		}
		d.call("POST", "/v1/jobs/"+browser.ID+"/signal", sandbox.Signal{Signal: signal})
		if j := d.wait(browser.ID); j.Why != sandbox.WhyAsked {
			t.Errorf("%+v", j)
		}
		if n := alive("--user-data-dir=/tmp/.browse-"); n != 0 {
			t.Errorf("%s: %d processes are left", signal, n)
		}
	}
}

// peek is a job as it is now.
func (d *daemon) peek(id string) (j sandbox.Job) {
	d.t.Helper()
	d.want(200, "GET", "/v1/jobs/"+id, nil, &j)
	return j
}
