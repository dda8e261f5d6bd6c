//go:build linux

package job

import (
	"os"
	"os/signal"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reap waits for every child there is: the jobs' first processes, and what they
// orphaned, which the kernel gives to the daemon. It never returns.
func (t *Table) reap() {
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	// Signals are merged and can be missed at the start; nothing waits longer.
	often := time.NewTicker(time.Second)
	for {
		for t.reapOne() {
		}
		select {
		case <-children:
		case <-often.C:
		}
	}
}

// reapOne waits for one dead child, if there is any.
func (t *Table) reapOne() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err == unix.EINTR {
		return true
	}
	// siginfo_t of SIGCHLD: three numbers, padding to a pointer's size, the pid.
	pid := int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), 16)))
	if err != nil || pid == 0 {
		return false
	}
	// It is still a zombie, so the kernel still knows its groups and its parent.
	dead, marked := t.kin.lookAt(pid)
	t.forks.Lock()
	job := t.leaders[pid]
	delete(t.leaders, pid)
	t.forks.Unlock()
	var status unix.WaitStatus
	var usage unix.Rusage
	if got, err := unix.Wait4(pid, &status, unix.WNOHANG, &usage); err != nil || got != pid {
		return err == unix.EINTR
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	switch {
	case job != nil:
		job.exited <- exit{status: status, cpu: cpu, peak: usage.Maxrss << 10}
	case marked:
		t.mu.Lock()
		job = t.marks[dead.mark]
		t.mu.Unlock()
		if job != nil {
			job.orphans.Add(int64(cpu))
		}
	}
	return true
}
