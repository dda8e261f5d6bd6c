//go:build linux && e2e

package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

func TestWithoutAGoodTokenThereIsNoAnswer(t *testing.T) {
	d := start(t)
	stranger := *d
	stranger.key = append([]byte(nil), d.key...)
	stranger.key[0] ^= 1
	sign := func(session, purpose string, life time.Duration) string {
		return "Bearer " + sandbox.Sign(d.key, sandbox.Claims{Session: session, Expires: time.Now().Add(life), Purpose: purpose})
	}
	good := sign("main", sandbox.PurposeAPI, time.Minute)
	for name, header := range map[string]string{
		"none":              "",
		"no scheme":         strings.TrimPrefix(good, "Bearer "),
		"garbage":           "Bearer garbage",
		"another session's": sign("maim", sandbox.PurposeAPI, time.Minute),
		"another purpose's": sign("main", "callback", time.Minute),
		"an expired one":    sign("main", sandbox.PurposeAPI, -time.Second),
		"one of the future": sign("main", sandbox.PurposeAPI, sandbox.MaxLife+time.Minute),
		"another key's":     "Bearer " + stranger.token(time.Minute),
		"a changed one":     good[:len(good)-10] + "AAAAAAAAAA",
	} {
		for _, route := range []string{
			"GET /v1/jobs", "POST /v1/jobs", "GET /v1/jobs/x", "GET /v1/files/x", "PUT /v1/files/x", "DELETE /v1/files/x", "GET /v1/list/",
			"POST /v1/save", "POST /v1/restore", "POST /v1/restore/finish", "GET /v1/limits", "GET /", "POST /healthz/", "GET /nothing",
		} {
			method, path, _ := strings.Cut(route, " ")
			req, _ := http.NewRequest(method, "http://"+d.address+path, strings.NewReader(`{"id":"x","command":"touch `+d.dir+`/workspace/ran"}`))
			req.Header.Set("Authorization", header)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body := make([]byte, 1)
			n, _ := resp.Body.Read(body)
			resp.Body.Close()
			if resp.StatusCode != 401 || n != 0 {
				t.Errorf("%s with %s: %d and %d bytes", route, name, resp.StatusCode, n)
			}
		}
	}
	if out := d.sh("ls -A"); out != "" {
		t.Errorf("something was done: %s", out)
	}
}

func TestAJobIsAnOrdinaryUserForGood(t *testing.T) {
	d := start(t)
	status := d.sh("cat /proc/self/status")
	for _, want := range []string{
		"Uid:\t1000\t1000\t1000\t1000", "Gid:\t1000\t1000\t1000\t1000", "NoNewPrivs:\t1",
		"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
	} {
		if !strings.Contains(status, want+"\n") {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	_, groups, _ := strings.Cut(status, "Groups:\t")
	groups, _, _ = strings.Cut(groups, "\n")
	if mark, err := strconv.Atoi(strings.TrimSpace(groups)); err != nil || mark < 30_000 || mark > 59_999 {
		t.Errorf("groups %q", groups)
	}
	if score := d.sh("cat /proc/self/oom_score_adj"); score != "1000\n" {
		t.Errorf("oom_score_adj %q", score)
	}
	if out := d.sh(hostile() + " rise"); out != "" {
		t.Errorf("a job could:\n%s", out)
	}
	if out := d.sh("(su -c id; sudo -n id; mount; passwd -d root) </dev/null 2>&1 | grep uid=0; true"); out != "" {
		t.Errorf("a job became root: %s", out)
	}
}

func TestAJobSeesNothingOfTheDaemon(t *testing.T) {
	os.Setenv("INSTAR_PARENT_SECRET", secret+"-of-parent")
	d := start(t)
	env := d.sh("env | sort; tr '\\0' '\\n' </proc/self/environ | sort")
	for line := range strings.Lines(env) {
		name, _, _ := strings.Cut(line, "=")
		if !strings.Contains(" PATH HOME USER LOGNAME SHELL LANG TERM TMPDIR XDG_CACHE_HOME PWD OLDPWD SHLVL _ ", " "+name+" ") {
			t.Errorf("a job has %q", line)
		}
	}
	if out := d.sh(hostile() + " descriptors; ls /proc/$$/fd"); out != "0\n1\n2\n" && out != "0\n1\n2\n10\n" {
		t.Errorf("open: %q", out)
	}
	// Another job's output is there to be found, if it could be.
	d.sh("echo " + secret + "-output")
	out := d.sh(fmt.Sprintf("%s spy %d %s/state %s/state/output /root", hostile(), d.inside, d.dir, d.dir))
	if out != "" {
		t.Errorf("a job could:\n%s", out)
	}
	if out := d.sh("grep -rlas '" + secret[:6] + "[-]CANARY' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/mem " + d.dir + " 2>/dev/null | grep -v self | while read f; do case $f in /proc/$$/*) ;; *) echo $f; esac; done; true"); out != "" {
		t.Errorf("found in\n%s", out)
	}
	d.healthy()
}

func TestTheCallbackTokenIsNowhereInTheContainer(t *testing.T) {
	d := start(t)
	taken := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { taken <- r.Header.Get("Authorization") }))
	defer server.Close()
	token := "callback-" + "token-0123456789"
	pattern := "callback[-]token-0123456789"
	j := d.begin(sandbox.Run{
		Command:  "env; for f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/mem; do grep -laqs '" + pattern + "' $f 2>/dev/null && case $(tr '\\0' ' ' <${f%/*}/cmdline) in *grep*|*'for f'*) ;; *) echo FOUND $f;; esac; done; grep -rs '" + pattern + "' " + d.dir + " | sed 's/^/FOUND /'; true",
		Callback: &sandbox.Callback{URL: server.URL, Token: token},
	})
	j = d.wait(j.ID)
	if strings.Contains(j.Head, "FOUND") || strings.Contains(j.Head, token) || j.Why != sandbox.WhyExit {
		t.Errorf("job %+v", j)
	}
	select {
	case got := <-taken:
		if got != "Bearer "+token {
			t.Errorf("called with %q", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("no callback")
	}
	if strings.Contains(d.log.String(), token) {
		t.Errorf("in the log:\n%s", d.log)
	}
}

func TestJobsGetFewConnectionsAndNoAnswer(t *testing.T) {
	d := start(t)
	_, port, _ := strings.Cut(d.address, ":")
	for _, address := range []string{d.address, "localhost:" + port} {
		// Each asks for /v1/jobs, keeps its connection, and counts answers of 401.
		var asked, refused, other int
		out := d.sh(hostile() + " ask " + address + " 200")
		if fmt.Sscanf(out, "asked %d, refused %d, other %d", &asked, &refused, &other); refused == 0 || refused > 64 || other != 0 {
			t.Errorf("at %s: %s", address, out)
		}
	}
	d.begin(sandbox.Run{Command: "while :; do " + hostile() + " ask " + d.address + " 500; done >/dev/null"})
	time.Sleep(time.Second)
	d.healthy()
	if hwm := d.status("VmHWM"); hwm > 64<<10 {
		t.Errorf("VmHWM %d KB", hwm)
	}
}

func TestJobsTrustWhomThePlatformHasThemTrust(t *testing.T) {
	d := start(t, "SSL_CERT_FILE=/etc/passwd", "GIT_SSL_CAINFO=/no/such/file", "PIP_CERT=/etc")
	if out := d.sh("env | grep -E 'SSL|CERT' | sort"); out != "SSL_CERT_FILE=/etc/passwd\n" {
		t.Errorf("a job has %q", out)
	}
}
