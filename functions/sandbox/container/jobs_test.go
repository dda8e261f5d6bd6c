//go:build linux && e2e

package main_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

func TestACommandAnswersWithItsOutputAndExit(t *testing.T) {
	d := start(t)
	var j sandbox.Job
	d.want(201, "POST", "/v1/jobs?wait=30", sandbox.Run{ID: "a", Command: "echo out; echo err >&2; echo " + secret + "; exit 3"}, &j)
	if j.State != sandbox.Ended || j.Why != sandbox.WhyExit || j.ExitCode == nil || *j.ExitCode != 3 || j.Signal != "" {
		t.Errorf("job %+v", j)
	}
	if want := "out\nerr\n" + secret + "\n"; j.Head != want || j.OutputBytes != int64(len(want)) || j.Tail != "" || j.Dropped != 0 {
		t.Errorf("output %q, %d bytes, tail %q", j.Head, j.OutputBytes, j.Tail)
	}
	if j.Ended == nil || j.Ended.Before(j.Started) || j.PeakBytes == 0 {
		t.Errorf("ended %v, started %v, peak %d", j.Ended, j.Started, j.PeakBytes)
	}
}

func TestTheSameIDIsTheSameJob(t *testing.T) {
	d := start(t)
	run := sandbox.Run{ID: "once", Command: "echo x >> ran; cat ran"}
	first := d.run(run)
	var again sandbox.Job
	d.want(200, "POST", "/v1/jobs?wait=5", run, &again)
	if again.Head != "x\n" || !again.Started.Equal(first.Started) {
		t.Errorf("again: %+v", again)
	}
	// And when both arrive at once.
	answers := make(chan int, 8)
	for range 8 {
		go func() {
			status, _ := d.call("POST", "/v1/jobs?wait=5", sandbox.Run{ID: "race", Command: "echo y >> raced"})
			answers <- status
		}()
	}
	fresh := 0
	for range 8 {
		if <-answers == 201 {
			fresh++
		}
	}
	if out := d.sh("cat raced"); out != "y\n" || fresh != 1 {
		t.Errorf("ran %q, %d were told that it was new", out, fresh)
	}
}

func TestAJobGetsWhatTheRequestSays(t *testing.T) {
	d := start(t)
	d.sh("mkdir -p sub/dir")
	for name, c := range map[string]struct {
		run  sandbox.Run
		want string
	}{
		"stdin":           {sandbox.Run{Command: "tr a-z A-Z", Stdin: "hello\n"}, "HELLO\n"},
		"no stdin":        {sandbox.Run{Command: "cat; echo end"}, "end\n"},
		"unread stdin":    {sandbox.Run{Command: "echo end", Stdin: strings.Repeat("x", 1<<20)}, "end\n"},
		"dir":             {sandbox.Run{Command: "pwd", Dir: "sub/dir"}, d.dir + "/workspace/sub/dir\n"},
		"no dir":          {sandbox.Run{Command: "pwd"}, d.dir + "/workspace\n"},
		"absolute dir":    {sandbox.Run{Command: "pwd", Dir: "/usr"}, "/usr\n"},
		"env":             {sandbox.Run{Command: `echo "$NAME"`, Env: map[string]string{"NAME": "a b\nc"}}, "a b\nc\n"},
		"argv":            {sandbox.Run{Argv: []string{"printf", "%s|", "a b", "$HOME", ""}}, "a b|$HOME||"},
		"home":            {sandbox.Run{Command: "echo $HOME; cd; pwd"}, d.dir + "/workspace\n" + d.dir + "/workspace\n"},
		"umask":           {sandbox.Run{Command: "umask"}, "0022\n"},
		"not UTF-8":       {sandbox.Run{Command: `printf 'a\377b'`}, "a\uFFFDb"},
		"time in seconds": {sandbox.Run{Command: "echo quick", TimeS: 21600}, "quick\n"},
	} {
		if j := d.run(c.run); j.Head != c.want || j.Why != sandbox.WhyExit {
			t.Errorf("%s: %+v", name, j)
		}
	}
}

func TestABadRequestIsNotRun(t *testing.T) {
	d := start(t)
	long := strings.Repeat("x", 200<<10)
	for name, run := range map[string]sandbox.Run{
		"no id":             {Command: "true"},
		"an odd id":         {ID: "../a", Command: "true"},
		"a long id":         {ID: strings.Repeat("a", 65), Command: "true"},
		"nothing to run":    {ID: "x"},
		"both":              {ID: "x", Command: "true", Argv: []string{"true"}},
		"a zero byte":       {ID: "x", Command: "a\x00b"},
		"no program":        {ID: "x", Argv: []string{""}},
		"a long command":    {ID: "x", Command: long},
		"a long stdin":      {ID: "x", Command: "true", Stdin: strings.Repeat("x", 2<<20)},
		"a long env":        {ID: "x", Command: "true", Env: map[string]string{"A": long}},
		"an odd variable":   {ID: "x", Command: "true", Env: map[string]string{"A=B": "c"}},
		"seven hours":       {ID: "x", Command: "true", TimeS: 25200},
		"negative time":     {ID: "x", Command: "true", TimeS: -1},
		"too much memory":   {ID: "x", Command: "true", MemoryMB: 1 << 30},
		"too many":          {ID: "x", Command: "true", Processes: 1 << 20},
		"too much output":   {ID: "x", Command: "true", OutputBytes: 1 << 60},
		"a file as address": {ID: "x", Command: "true", Callback: &sandbox.Callback{URL: "file:///etc/passwd", Token: "t"}},
		"a split token":     {ID: "x", Command: "true", Callback: &sandbox.Callback{URL: "http://a/", Token: "a\r\nb: c"}},
	} {
		if status, text := d.call("POST", "/v1/jobs", run); status != 400 || !strings.Contains(text, `"error"`) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, _ := d.call("POST", "/v1/jobs", strings.NewReader("{")); status != 400 {
		t.Errorf("half an object: %d", status)
	}
	if status, _ := d.call("POST", "/v1/jobs", strings.NewReader(`{"command":"`+strings.Repeat("x", 9<<20)+`"}`)); status != 413 {
		t.Errorf("9 MB: %d", status)
	}
	if status, _ := d.call("GET", "/v1/jobs/x", nil); status != 404 {
		t.Errorf("a job came of it: %d", status)
	}
}

func TestWhatCannotBeStartedSaysWhy(t *testing.T) {
	d := start(t)
	for name, run := range map[string]sandbox.Run{
		"no such folder":   {Command: "true", Dir: "nowhere"},
		"a folder of root": {Command: "true", Dir: d.dir + "/state"},
		"no such program":  {Argv: []string{"no-such-program"}},
		"not a program":    {Argv: []string{"/etc/passwd"}},
	} {
		j := d.run(run)
		if j.Why != sandbox.WhyStart || j.Error == "" || j.ExitCode != nil {
			t.Errorf("%s: %+v", name, j)
		}
	}
	d.healthy()
}

func TestDeathByASignalIsTold(t *testing.T) {
	d := start(t)
	j := d.run(sandbox.Run{Command: "kill -SEGV $$"})
	if j.Why != sandbox.WhySignal || j.Signal != "SEGV" || j.ExitCode != nil {
		t.Errorf("job %+v", j)
	}
}

func TestASignalEndsTheWholeTree(t *testing.T) {
	d := start(t)
	mark := "3599.25"
	j := d.begin(sandbox.Run{Command: "sleep " + mark + " & (sleep " + mark + " & sleep " + mark + ") & wait"})
	d.until("three sleep", 5*time.Second, func() bool { return alive("sleep\x00"+mark) == 3 })
	began := time.Now()
	d.want(200, "POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "TERM"}, nil)
	j = d.wait(j.ID)
	if j.Why != sandbox.WhyAsked || alive("sleep\x00"+mark) != 0 || time.Since(began) > 2*time.Second {
		t.Errorf("after %v %d are left: %+v", time.Since(began), alive("sleep\x00"+mark), j)
	}
	if status, _ := d.call("POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "TERM"}); status != 200 {
		t.Errorf("to one that has ended: %d", status)
	}
	if status, _ := d.call("POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "STOP"}); status != 400 {
		t.Errorf("STOP: %d", status)
	}
	if status, _ := d.call("POST", "/v1/jobs/none/signal", sandbox.Signal{Signal: "TERM"}); status != 404 {
		t.Errorf("to none: %d", status)
	}
}

func TestATermIsHeeded(t *testing.T) {
	d := start(t)
	j := d.begin(sandbox.Run{Command: "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"})
	d.until("it is ready", 5*time.Second, func() bool {
		_, text := d.call("GET", "/v1/jobs/"+j.ID+"/output", nil)
		return text == "ready\n"
	})
	d.call("POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "TERM"})
	if j = d.wait(j.ID); j.Why != sandbox.WhyAsked || j.ExitCode == nil || *j.ExitCode != 5 || !strings.HasSuffix(j.Head, "bye\n") {
		t.Errorf("job %+v", j)
	}
}

func TestOutputIsStreamedWhileItComes(t *testing.T) {
	d := start(t)
	j := d.begin(sandbox.Run{Command: "for i in 1 2 3; do echo $i; sleep 0.3; done"})
	resp := d.send("GET", "/v1/jobs/"+j.ID+"/output?follow=1", nil)
	defer resp.Body.Close()
	began := time.Now()
	buffer := make([]byte, 2)
	for _, want := range []string{"1\n", "2\n", "3\n"} {
		if _, err := io.ReadFull(resp.Body, buffer); err != nil || string(buffer) != want {
			t.Fatalf("%q, %v", buffer, err)
		}
		if want == "2\n" && time.Since(began) > 700*time.Millisecond {
			t.Errorf("the second line came after %v", time.Since(began))
		}
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 || resp.Header.Get(sandbox.HeaderState) != sandbox.Running {
		t.Errorf("%q, %v, %v", rest, err, resp.Header)
	}
	if _, text := d.call("GET", "/v1/jobs/"+j.ID+"/output?offset=2&limit=3", nil); text != "2\n3" {
		t.Errorf("from 2, 3 bytes: %q", text)
	}
}

func TestALongPollAnswersWhenTheJobEndsOrTheTimeIsOver(t *testing.T) {
	d := start(t)
	j := d.begin(sandbox.Run{Command: "sleep 1.5"})
	began := time.Now()
	var seen sandbox.Job
	d.want(200, "GET", "/v1/jobs/"+j.ID+"?wait=1", nil, &seen)
	if took := time.Since(began); seen.State != sandbox.Running || took < 900*time.Millisecond || took > 1400*time.Millisecond {
		t.Errorf("%v after %v", seen.State, took)
	}
	d.want(200, "GET", "/v1/jobs/"+j.ID+"?wait=10", nil, &seen)
	if took := time.Since(began); seen.State != sandbox.Ended || took > 2500*time.Millisecond {
		t.Errorf("%v after %v", seen.State, took)
	}
	var all struct{ Jobs []sandbox.Job }
	d.want(200, "GET", "/v1/jobs", nil, &all)
	if len(all.Jobs) != 1 || all.Jobs[0].ID != j.ID || all.Jobs[0].State != sandbox.Ended {
		t.Errorf("all: %+v", all)
	}
}

func TestTheSeventeenthJobWaitsItsTurn(t *testing.T) {
	d := start(t)
	for range 16 {
		d.begin(sandbox.Run{Command: "sleep 300"})
	}
	status, text := d.call("POST", "/v1/jobs", sandbox.Run{ID: "one-more", Command: "true"})
	if status != http.StatusTooManyRequests || !strings.Contains(text, "16 jobs are running") {
		t.Errorf("%d %s", status, text)
	}
	// Its id is not used up. And stopping the daemon ends sixteen jobs in time.
	var all struct{ Jobs []sandbox.Job }
	d.want(200, "GET", "/v1/jobs", nil, &all)
	d.call("POST", "/v1/jobs/"+all.Jobs[0].ID+"/signal", sandbox.Signal{Signal: "KILL"})
	d.wait(all.Jobs[0].ID)
	d.begin(sandbox.Run{ID: "one-more", Command: "true"})
}

func TestAForgottenJobIsNotRunAgain(t *testing.T) {
	d := start(t)
	d.run(sandbox.Run{ID: "first", Command: "true"})
	for range 100 {
		d.run(sandbox.Run{Command: "true"})
	}
	for _, method := range []string{"GET /v1/jobs/first", "GET /v1/jobs/first/output", "POST /v1/jobs"} {
		verb, path, _ := strings.Cut(method, " ")
		if status, text := d.call(verb, path, sandbox.Run{ID: "first", Command: "true"}); status != http.StatusGone {
			t.Errorf("%s: %d %s", method, status, text)
		}
	}
}
