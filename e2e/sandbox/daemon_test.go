//go:build e2e

package sandbox

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

const busybox = "instar-sandbox-busybox" // the daemon, with a shell

// The real daemon, called by the agent's own client through the Go half, the
// object and workerd.
func TestDaemon(t *testing.T) {
	docker(t)
	run(t, "build/sandbox/busybox.sh", busybox, "./e2e/sandbox/get")
	s := serve(t, busybox, map[string]string{"SANDBOX_HOSTS": "api.example.com=EXAMPLE_KEY", "EXAMPLE_KEY": apiSecret, "SANDBOX_SLEEP_MINUTES": "0.1"})
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	var took time.Duration // of the last call, in Go on the Worker
	do := func(session, publicKey string, r *http.Request) (*http.Response, error) {
		body := r.Body
		if r.ContentLength == 0 {
			body = nil
		}
		query := r.URL.Query()
		if r.Header.Get(client.QuietHeader) != "" {
			query.Set("quiet", "1")
		}
		response, err := box{s, session, publicKey}.open(r.Method, r.URL.Path, query, body, r.Header)
		if err != nil {
			return nil, err
		}
		us, _ := strconv.Atoi(response.Header.Get("X-Took-Us"))
		took = time.Duration(us) * time.Microsecond
		switch response.Header.Get("X-Kind") {
		case "":
			return response, nil
		case "asleep":
			return nil, client.ErrAsleep
		}
		text, _ := io.ReadAll(response.Body)
		return nil, errors.New(string(text))
	}
	c := &client.Client{Do: do, Key: key, Session: "main", Now: time.Now}
	id := 0
	start := func(t *testing.T, r sandbox.Run) sandbox.Job {
		t.Helper()
		id++
		r.ID = "job-" + strconv.Itoa(id)
		j, err := c.Start(ctx, r, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}

	t.Run("the first command in a sleeping sandbox comes in time", func(t *testing.T) {
		began := time.Now()
		if j := start(t, sandbox.Run{Command: "echo hello"}); j.Head != "hello\n" {
			t.Fatalf("%+v", j)
		}
		all := time.Since(began)
		t.Logf("first command: %v", all.Round(time.Millisecond))
		if all > firstWithin {
			t.Errorf("it took %v, want under %v", all, firstWithin)
		}
	})

	t.Run("a warm command costs little", func(t *testing.T) {
		var all []time.Duration
		for range 20 {
			start(t, sandbox.Run{Argv: []string{"/bin/true"}})
			all = append(all, took)
		}
		slices.Sort(all)
		t.Logf("warm command, /bin/true included: median %v, 90th percentile %v", all[10], all[18])
		if all[10] > warmWithin {
			t.Errorf("median %v, want under %v", all[10], warmWithin)
		}
	})

	t.Run("a command sees no secret and no other process", func(t *testing.T) {
		j := start(t, sandbox.Run{Command: "env; ps; cat /proc/1/environ 2>&1; id -u"})
		if strings.Contains(j.Head, apiSecret) || strings.Contains(j.Head, "SANDBOX_") || !strings.HasSuffix(j.Head, "1000\n") {
			t.Errorf("%s", j.Head)
		}
	})

	t.Run("a command reaches what is open and nothing else", func(t *testing.T) {
		for address, want := range map[string]string{
			"http://closed.example.com/":                   "403",
			"http://169.254.169.254/latest/meta-data/":     "403",
			"http://api.example.com/":                      "403", // https alone
			"http://instar.internal/hooks/telegram":        "403",
			"http://10.0.0.1/":                             "403",
			"https://closed.example.com/":                  "403",
			"https://api.example.com/v1":                   `"authorization":"Bearer ` + apiSecret + `"`, // said by who was asked
			"http://example.com:8000/":                     "refused",
			"http://127.0.0.1:8080/v1/jobs":                "401", // the daemon
			"http://metadata.google.internal/computeMeta/": "403",
		} {
			if j := start(t, sandbox.Run{Argv: []string{"/bin/get", address}}); !strings.Contains(j.Head, want) {
				t.Errorf("%s: %+v, want %s", address, j, want)
			}
		}
	})

	t.Run("a job's end is reported to our webhook, once", func(t *testing.T) {
		start(t, sandbox.Run{Command: "echo done; exit 3", Callback: &sandbox.Callback{URL: "http://instar.internal/hooks/sandbox", Token: "task-token"}})
		eventually(t, 10*time.Second, "the report", func() bool { return len(s.events(t).Reports) > 0 })
		time.Sleep(500 * time.Millisecond)
		reports := s.events(t).Reports
		var said sandbox.Report
		if err := json.Unmarshal([]byte(reports[0].Body), &said); err != nil || len(reports) != 1 || reports[0].Authorization != "Bearer task-token" ||
			said.Session != "main" || said.Why != sandbox.WhyExit || said.ExitCode == nil || *said.ExitCode != 3 || said.Head != "done\n" {
			t.Errorf("%d reports, %+v, %v", len(reports), said, err)
		}
	})

	t.Run("a big file goes in and out", func(t *testing.T) {
		data := make([]byte, 20_000_000)
		rand.Read(data)
		if err := c.Write(ctx, "big", bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		back, err := c.Read(ctx, "big")
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if got, err := io.ReadAll(back); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})

	t.Run("another session's token is none", func(t *testing.T) {
		token := sandbox.Sign(key, sandbox.Claims{Session: "other", Expires: time.Now().Add(time.Minute), Purpose: sandbox.PurposeAPI})
		a := box{s, "main", sandbox.PublicText(key)}.call(t, http.MethodGet, "/v1/limits", nil, nil, http.Header{"Authorization": {"Bearer " + token}})
		if a.status != http.StatusUnauthorized {
			t.Errorf("%d %s", a.status, a.body)
		}
	})

	t.Run("a job outlives the time after which an idle container sleeps", func(t *testing.T) {
		b := box{s, "main", sandbox.PublicText(key)}
		if a := b.get(t, "/healthz", nil); !strings.Contains(a.body, `"running"`) {
			t.Skipf("the daemon's /healthz does not say how many jobs run: %s", a.body)
		}
		if _, err := c.Start(ctx, sandbox.Run{ID: "long", Command: "sleep 18; echo finished"}, 0); err != nil {
			t.Fatal(err)
		}
		quiet := *c
		quiet.Quiet = true
		var j sandbox.Job
		eventually(t, 30*time.Second, "the job ends", func() bool {
			var err error
			if j, err = quiet.Job(ctx, "long", 0); err != nil {
				t.Fatal(err)
			}
			return j.State == sandbox.Ended
		})
		if j.Why != sandbox.WhyExit || j.Head != "finished\n" {
			t.Errorf("%+v", j)
		}
	})

	t.Run("then it sleeps", func(t *testing.T) {
		b := box{s, "main", sandbox.PublicText(key)}
		eventually(t, 30*time.Second, "it sleeps", func() bool {
			return b.get(t, "/healthz", url.Values{"quiet": {"1"}}).header.Get("X-Kind") == "asleep"
		})
		if n := containers(t, busybox); n != 0 {
			t.Errorf("%d containers run", n)
		}
	})
}
