//go:build linux && e2e

package main_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// companion is a job that forks all the time and fails if it once cannot: what
// another job does must not be its harm.
func (d *daemon) companion() (check func()) {
	d.t.Helper()
	j := d.begin(sandbox.Run{Command: "trap 'echo forked $n; exit 0' TERM; n=0; while :; do /bin/true || exit 9; n=$((n+1)); sleep 0.01; done", TimeS: 3600})
	time.Sleep(200 * time.Millisecond)
	return func() {
		d.t.Helper()
		d.call("POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "TERM"})
		j := d.wait(j.ID)
		if j.Why != sandbox.WhyAsked || j.ExitCode == nil || *j.ExitCode != 0 {
			d.t.Errorf("the other job was harmed: %+v", j)
		}
	}
}

// must runs a job and holds it to its reason and its time.
func (d *daemon) must(run sandbox.Run, why string, most time.Duration) sandbox.Job {
	d.t.Helper()
	began := time.Now()
	j := d.run(run)
	took := time.Since(began)
	if j.Why != why || took > most {
		d.t.Errorf("ended by %q after %v, want %q within %v: %+v", j.Why, took, why, most, j)
	}
	d.t.Logf("ended by %q after %v, peak %d MB", j.Why, took.Round(time.Millisecond), j.PeakBytes>>20)
	return j
}

func TestAForkBombIsEnded(t *testing.T) {
	d := start(t)
	check := d.companion()
	for name, command := range map[string]string{
		"bomb":     "b() { b | b & }; b; sleep 600",
		"patient":  "b() { sleep 0.01; b & b & sleep 600; }; b",
		"in order": "while :; do sleep 600 & done",
		"sessions": "b() { setsid sh -c \"$1\" sh \"$1\" & setsid sh -c \"$1\" sh \"$1\" & }; s='(setsid sh -c \"$1\" sh \"$1\" &); (setsid sh -c \"$1\" sh \"$1\" &); sleep 600'; b \"$s\"; sleep 600",
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			d.must(sandbox.Run{Command: command, Processes: 64, TimeS: 100}, sandbox.WhyProcesses, 30*time.Second)
			d.healthy()
		})
	}
	d.t = t
	check()
}

func TestAMemoryHogIsEnded(t *testing.T) {
	d := start(t)
	check := d.companion()
	for name, command := range map[string]string{
		"many small":   "for i in 1 2 3 4 5 6 7 8; do %s hog 100 & done; wait",
		"shared":       "%s memfd 300",
		"headless":     "%s headless 400; sleep 600",
		"one in steps": "for i in 1 2 3 4 5 6 7 8 9; do %s hog 40 & sleep 0.2; done; wait",
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			j := d.must(sandbox.Run{Command: fmt.Sprintf(strings.ReplaceAll(command, "%s", "%[1]s"), hostile()), MemoryMB: 256, TimeS: 100}, sandbox.WhyMemory, 20*time.Second)
			if j.PeakBytes > 1<<30 {
				t.Errorf("it got as far as %d MB", j.PeakBytes>>20)
			}
			d.healthy()
		})
	}
	d.t = t
	check()
}

// One process alone is refused by the kernel at twice the limit, however fast
// it is, and caught by the watch before if it is not.
func TestOneProcessCannotOutrunItsMemory(t *testing.T) {
	d := start(t)
	j := d.begin(sandbox.Run{Command: hostile() + " hog 4096", MemoryMB: 128, TimeS: 3})
	j = d.wait(j.ID)
	if strings.Contains(j.Head, "hogged") || j.PeakBytes > 300<<20 {
		t.Errorf("%+v", j)
	}
}

func TestMemoryThatForksShareCountsOnce(t *testing.T) {
	d := start(t)
	j := d.run(sandbox.Run{
		Command:  "/usr/bin/python3 -c 'import os,time\nb=bytearray(100<<20)\nfor i in range(6):\n  if os.fork()==0:\n    time.sleep(1)\n    os._exit(0)\nfor i in range(6): os.wait()'",
		MemoryMB: 256,
	})
	if j.Why != sandbox.WhyExit || *j.ExitCode != 0 || j.PeakBytes < 100<<20 {
		t.Errorf("%+v", j)
	}
}

func TestEndlessOutputIsEnded(t *testing.T) {
	d := start(t)
	check := d.companion()
	j := d.must(sandbox.Run{Command: "yes " + secret, OutputBytes: 200 << 20, TimeS: 100}, sandbox.WhyOutput, 60*time.Second)
	if j.OutputBytes < 200<<20 {
		t.Errorf("%d bytes", j.OutputBytes)
	}
	d.healthy()
	check()
}

func TestWhoIgnoresEverySignalIsEndedInTime(t *testing.T) {
	d := start(t)
	jobs := []sandbox.Job{
		d.begin(sandbox.Run{Argv: []string{hostile(), "deaf"}, TimeS: 1}),
		d.begin(sandbox.Run{Command: "trap '' TERM INT HUP QUIT; while :; do sleep 0.1; done", TimeS: 1}),
		d.begin(sandbox.Run{Command: "kill -STOP $$", TimeS: 1}),
	}
	for _, j := range jobs {
		// Its time, the grace of 3 s, and some for the machine.
		if j = d.wait(j.ID); j.Why != sandbox.WhyTime || j.Signal != "KILL" || j.Ended.Sub(j.Started) > 6*time.Second {
			t.Errorf("after %v: %+v", j.Ended.Sub(j.Started), j)
		}
	}
	j := d.begin(sandbox.Run{Argv: []string{hostile(), "deaf"}})
	d.until("it is deaf", 5*time.Second, func() bool {
		_, text := d.call("GET", "/v1/jobs/"+j.ID+"/output", nil)
		return text == "deaf\n"
	})
	began := time.Now()
	d.call("POST", "/v1/jobs/"+j.ID+"/signal", sandbox.Signal{Signal: "TERM"})
	if j = d.wait(j.ID); j.Why != sandbox.WhyAsked || j.Signal != "KILL" || time.Since(began) > 6*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), j)
	}
	d.healthy()
}

func TestADaemonisedChildEndsWithItsJob(t *testing.T) {
	d := start(t)
	for name, c := range map[string]struct{ command, mark string }{
		"double fork":     {"(setsid sh -c 'sleep 3601.25 & sleep 3601.25 &' &)", "sleep\x003601.25"},
		"nohup":           {"nohup sleep 3601.5 >/dev/null 2>&1 & disown 2>/dev/null; exit 0", "sleep\x003601.5"},
		"own namespace":   {"unshare -Ur setsid sleep 3601.75 >/dev/null 2>&1 & sleep 0.3", "sleep\x003601.75"},
		"first thread":    {hostile() + " headless 8 & sleep 0.5", hostile() + "\x00headless"},
		"deaf and stolen": {"setsid " + hostile() + " deaf >/dev/null 2>&1 & sleep 0.3", hostile() + "\x00deaf"},
	} {
		before := alive(c.mark) + living("hostile") // of a suite that was cut off
		began := time.Now()
		j := d.run(sandbox.Run{Command: c.command})
		if n := alive(c.mark) + living("hostile") - before; n != 0 || j.Why != sandbox.WhyExit || time.Since(began) > 3*time.Second {
			t.Errorf("%s: after %v %d are left: %+v", name, time.Since(began), n, j)
		}
	}
}

func TestWhoHopsFromPidToPidIsCaught(t *testing.T) {
	d := start(t)
	for i := range 5 {
		mark := fmt.Sprintf("hopper-%d-%d", d.pid, i)
		d.run(sandbox.Run{Command: hostile() + " hop 600 " + mark + " & sleep 0.5"})
		time.Sleep(100 * time.Millisecond)
		if n := alive(mark); n != 0 {
			t.Errorf("%d are left", n)
		}
	}
}

func TestAFileHasABound(t *testing.T) {
	d := start(t, "SANDBOX_MAX_MB=8")
	j := d.run(sandbox.Run{Command: "dd if=/dev/zero of=big bs=1M count=9"})
	if size := d.sh("stat -c %s big"); size != "8388608\n" {
		t.Errorf("%s %+v", size, j)
	}
}

// What the watch or a cgroup catches first is limited by the kernel as well.
func TestEachProcessHasTheKernelsLimits(t *testing.T) {
	d := start(t)
	out := d.run(sandbox.Run{Command: "cat /proc/self/limits", MemoryMB: 128, TimeS: 100}).Head
	limits := map[string]string{}
	for line := range strings.Lines(out) {
		if len(line) > 46 {
			limits[strings.TrimSpace(line[:26])] = strings.Join(strings.Fields(line[26:46]+line[47:]), " ")
		}
	}
	for name, want := range map[string]string{
		"Max core file size": "0 0 bytes", "Max data size": "268435456 268435456 bytes", "Max open files": "4096 4096 files",
		"Max file size": "1073741824 1073741824 bytes", "Max locked memory": "65536 65536 bytes", "Max msgqueue size": "0 0 bytes",
	} {
		if limits[name] != want {
			t.Errorf("%s: %q, want %q", name, limits[name], want)
		}
	}
	var cpu, processes int
	fmt.Sscan(limits["Max cpu time"], &cpu)
	fmt.Sscan(limits["Max processes"], &processes)
	if cpu < 100 || cpu > 100*runtime.NumCPU()+10 || processes < 256 || processes > 4096 {
		t.Errorf("cpu %d s, processes %d", cpu, processes)
	}
}

func TestAHundredMegabytesOfOutputArriveAsHeadTailAndCount(t *testing.T) {
	d := start(t)
	j := d.begin(sandbox.Run{Command: "echo begin; head -c 104857600 /dev/zero | tr '\\0' x; echo; echo end"})
	// Somebody reads it, too.
	resp := d.send("GET", "/v1/jobs/"+j.ID+"/output?follow=1", nil)
	resp.Body.Close()
	j = d.wait(j.ID)
	if j.OutputBytes != 104857600+6+1+4 || !strings.HasPrefix(j.Head, "begin\nxxx") || !strings.HasSuffix(j.Tail, "xxx\nend\n") {
		t.Errorf("%d bytes", j.OutputBytes)
	}
	if len(j.Head) != 65536 || len(j.Tail) != 65536 || j.Dropped != j.OutputBytes-2*65536 {
		t.Errorf("%d, %d, %d", len(j.Head), len(j.Tail), j.Dropped)
	}
	hwm := d.status("VmHWM")
	t.Logf("100 MB of output in %d ms: VmHWM %d KB", j.Ended.Sub(j.Started).Milliseconds(), hwm)
	if hwm > 64<<10 {
		t.Errorf("VmHWM %d KB", hwm)
	}
	if size := d.disk(); size > 5<<20 {
		t.Errorf("%d bytes on disk", size)
	}
	// The middle is gone: who asks for it gets the tail, and is told so.
	resp = d.send("GET", "/v1/jobs/"+j.ID+"/output?offset=52428800&limit=4", nil)
	defer resp.Body.Close()
	if at := resp.Header.Get(sandbox.HeaderOffset); at != fmt.Sprint(j.OutputBytes-2<<20) {
		t.Errorf("bytes from %s", at)
	}
	if _, text := d.call("GET", fmt.Sprintf("/v1/jobs/%s/output?offset=%d", j.ID, j.OutputBytes-5), nil); text != "\nend\n" {
		t.Errorf("last bytes %q", text)
	}
	if _, text := d.call("GET", "/v1/jobs/"+j.ID+"/output", nil); len(text) != 2<<20 || !strings.HasPrefix(text, "begin\n") {
		t.Errorf("from the beginning: %d bytes", len(text))
	}
}

func TestLimitsSayWhoKeepsThem(t *testing.T) {
	d := start(t, "SANDBOX_MAX_MB=77")
	d.begin(sandbox.Run{Command: "sleep 300"})
	var l sandbox.Limits
	d.want(200, "GET", "/v1/limits", nil, &l)
	if l.Session != "main" || l.Running != 1 || l.MaxRunning < 2 || l.MaxFile != 77<<20 || l.MaxSaved != 77<<20 || l.MaxEntries == 0 || l.KeptOutput == 0 ||
		l.DefaultMB == 0 || l.DefaultMB > l.MemoryMB {
		t.Errorf("%+v", l)
	}
	if (l.MemoryBy == "cgroup" || l.ProcessesBy == "cgroup") && !l.CgroupUsed || !l.CgroupUsed && l.CgroupWhy == "" {
		t.Errorf("%+v", l)
	}
	if want := fmt.Sprintf(`"msg":"limits","memory_by":"%s","processes_by":"%s"`, l.MemoryBy, l.ProcessesBy); !strings.Contains(d.log.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, d.log)
	}
	t.Logf("%+v", l)
	var health struct{ Running *int }
	if d.want(200, "GET", "/healthz", nil, &health); health.Running == nil || *health.Running != 1 {
		t.Errorf("healthz %+v", health)
	}
}
