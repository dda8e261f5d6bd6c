//go:build linux && e2e

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// alive counts the processes that have a text in their command line.
func alive(text string) (n int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), text) {
			n++
		}
	}
	return n
}

// living counts the processes of a name that have a thread left, also when it is
// not the first: those have no command line any more.
func living(name string) (n int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		dead := strings.Contains(string(text), "\nState:\tZ") && strings.Contains(string(text), "\nThreads:\t1\n")
		if strings.HasPrefix(string(text), "Name:\t"+name+"\n") && !dead {
			n++
		}
	}
	return n
}

// status is a number of the daemon's /proc/PID/status, e.g. VmHWM in KB.
func (d *daemon) status(name string) int {
	d.t.Helper()
	for line := range strings.Lines(d.proc("status")) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				d.t.Fatal(err)
			}
			return n
		}
	}
	d.t.Fatalf("no %s in status", name)
	return 0
}

// proc is a file of the daemon's /proc/PID.
func (d *daemon) proc(file string) string {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", d.pid, file))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// disk is how many bytes the daemon's own folder takes.
func (d *daemon) disk() (bytes int64) {
	filepath.Walk(d.path("state"), func(_ string, info os.FileInfo, err error) error {
		if err == nil {
			bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	return bytes
}
