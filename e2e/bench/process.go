//go:build !js

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program this run started, in a process group of its own.
type process struct {
	command *exec.Cmd
	output  output
	exited  chan struct{}
}

// output collects what a program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func launch(folder string, env []string, name string, args ...string) (*process, error) {
	p := &process{command: exec.Command(name, args...), exited: make(chan struct{})}
	p.command.Dir, p.command.Env = folder, env
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	p.command.WaitDelay = time.Second
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	go func() { p.command.Wait(); close(p.exited) }()
	return p, nil
}

// until polls every millisecond until ready, for at most limit.
func (p *process) until(ctx context.Context, limit time.Duration, ready func() bool) error {
	deadline := time.After(limit)
	for !ready() {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended: %s", filepath.Base(p.command.Path), p.output.String())
		case <-deadline:
			return fmt.Errorf("%s was not ready after %v: %s", filepath.Base(p.command.Path), limit, p.output.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// stop ends the program and everything it started, also what moved to a
// process group of its own.
func (p *process) stop() {
	tree := descendants(p.command.Process.Pid)
	syscall.Kill(-p.command.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(8 * time.Second):
	}
	syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	for _, child := range tree {
		// Another program may have got the number since.
		if now, err := readStat(child.pid); err == nil && now.started == child.started {
			syscall.Kill(child.pid, syscall.SIGKILL)
		}
	}
	<-p.exited
}

// stat is what /proc tells of a process.
type stat struct {
	pid, parent int
	name        string
	cpu         time.Duration // user and system time so far, to 10 ms
	started     uint64        // ticks since the machine started
}

// tick is the unit of times in /proc: USER_HZ, 100 a second on Linux.
const tick = 10 * time.Millisecond

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// pid (name) state parent ...: the name may hold spaces and brackets.
	text := string(data)
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	if open < 0 || end < 0 || len(fields) < 20 {
		return stat{}, errors.New("unexpected form of /proc/PID/stat")
	}
	at := func(i int) int64 { // numbered as in proc(5), where the state is 3
		n, _ := strconv.ParseInt(fields[i-3], 10, 64)
		return n
	}
	return stat{
		pid: pid, parent: int(at(4)), name: text[open+1 : end],
		cpu: time.Duration(at(14)+at(15)) * tick, started: uint64(at(22)),
	}, nil
}

// descendants are all processes below one.
func descendants(pid int) []stat {
	entries, _ := os.ReadDir("/proc")
	children := map[int][]stat{}
	for _, entry := range entries {
		if n, err := strconv.Atoi(entry.Name()); err == nil {
			if s, err := readStat(n); err == nil {
				children[s.parent] = append(children[s.parent], s)
			}
		}
	}
	var list []stat
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		for _, s := range children[next[0]] {
			list = append(list, s)
			next = append(next, s.pid)
		}
	}
	return list
}

// cpu is what has been used so far at and below this process, node apart: it only
// starts the runtime.
func (p *process) cpu() time.Duration {
	var total time.Duration
	self, _ := readStat(p.command.Process.Pid)
	for _, s := range append(descendants(p.command.Process.Pid), self) {
		if s.name != "node" && s.name != "MainThread" {
			total += s.cpu
		}
	}
	return total
}

// memory is the most that the process itself has had in memory, in bytes.
func (p *process) memory() (most int64) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	fmt.Sscan(rest, &most)
	return most << 10
}
