//go:build linux

// Package job runs commands in the container: each as an ordinary user with no
// way to more, within limits that the kernel enforces, marked so that its whole
// tree can be found and ended, its output kept at both ends on disk.
//
// Where the daemon itself is an ordinary user (Config.Alone), jobs are the same
// one: they may kill the daemon, and read and change what it keeps in files. What
// it has in memory they cannot see, and what descends from it is ended as surely.
//
// Nothing survives the daemon: it is the container's first process, and when it
// ends, everything does. A job's id, once used, is never run again.
//
// Bounds: Config and the constants of shared/sandbox. What goes beyond a limit
// is killed with no grace, and Job.Why names the limit; at the end of its time,
// and when asked to end, a job first gets a signal and Grace to heed it.
//
// This package logs ids, numbers and reasons: never a command, an argument, a
// path, an output or a token.
package job

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

// Grace is what a job's processes have between being asked to end and being
// killed.
const Grace = 3 * time.Second

// limits are what one job gets.
type limits struct {
	time      time.Duration
	memory    int64 // bytes
	processes int   // threads counted
	output    int64 // bytes
}

// Job is one of them. Its methods are safe for concurrent use.
type Job struct {
	id     string
	kin    kin
	mark   uint32
	limits limits
	room   int64 // RLIMIT_NPROC
	output *output
	cgroup cgroup

	done   chan struct{} // closed when it has ended
	exited chan exit     // from the reaper: its first process
	stops  chan stop     // from whoever wants it to end

	// What the reaper and the watch add up.
	orphans atomic.Int64 // nanoseconds of CPU of processes whose parent had gone
	peak    atomic.Int64 // bytes

	mu    sync.Mutex
	state sandbox.Job // without the output
}

// exit is how a process ended.
type exit struct {
	status unix.WaitStatus
	cpu    time.Duration // with that of the children it waited for
	peak   int64         // bytes of its largest
}

// stop is a wish that a job ends.
type stop struct {
	why    string
	signal unix.Signal // KILL: at once
}

// ID is the caller's name for it.
func (j *Job) ID() string { return j.id }

// Done is closed when it has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// View is what there is to say about it, with at most text bytes of each end of
// the output.
func (j *Job) View(text int64) sandbox.Job {
	j.mu.Lock()
	v, group := j.state, j.cgroup
	j.mu.Unlock()
	v.OutputBytes = j.output.size()
	if text > 0 {
		v.Head, v.Tail, v.Dropped = j.output.text(text)
	}
	if v.State == sandbox.Running {
		v.PeakBytes = max(j.peak.Load(), group.peak())
	}
	return v
}

// CopyOutput writes contiguous bytes of the output from an offset on, at most
// limit of them (negative: all), and with follow also those that are still to
// come. It begins at the first one that is kept, calls begin with where that is
// before it writes, and ends early where the next one is not kept any more.
// flush is called when there is nothing more to write for now.
func (j *Job) CopyOutput(ctx context.Context, w io.Writer, offset, limit int64, follow bool, begin func(at int64), flush func()) error {
	return j.output.copyTo(ctx, w, offset, limit, follow, begin, flush)
}

// stop asks the job to end, and does not wait. The first reason is the one that
// is told.
func (j *Job) stop(why string, signal unix.Signal) {
	select {
	case j.stops <- stop{why, signal}:
	default: // enough has been asked already
	}
}

// supervise sees a started job to its end. pumped is closed when its output has
// been read to the end; cut makes that happen soon.
func (j *Job) supervise(pumped <-chan struct{}, cut func()) (why string, e exit) {
	limit := time.NewTimer(j.limits.time)
	defer limit.Stop()
	var grace <-chan time.Time
	end := func(reason string, signal unix.Signal) {
		if why == "" {
			why = reason
		}
		if signal == unix.SIGKILL {
			j.kill()
			return
		}
		j.kin.signal(j.mark, signal)
		if grace == nil {
			grace = time.After(Grace)
		}
	}
	for running := true; running; {
		select {
		case e = <-j.exited:
			running = false
		case <-limit.C:
			end(sandbox.WhyTime, unix.SIGTERM)
		case s := <-j.stops:
			end(s.why, s.signal)
		case <-grace:
			j.kill()
		}
	}
	// What the first process leaves behind ends with it.
	j.kill()
	cut()
	<-pumped
	if why == "" {
		select {
		case s := <-j.stops: // both at once
			why = s.why
		default:
		}
	}
	return why, e
}

func (j *Job) kill() {
	if !j.kin.kill(j.mark, j.cgroup.kill) {
		slog.Warn("job has processes that do not die", "job", j.id)
	}
}

// finish records the end.
func (j *Job) finish(why string, e exit, now time.Time) {
	// The kernel may have kept a limit before the watch could see it.
	if failed := !e.status.Exited() || e.status.ExitStatus() != 0; why == "" && failed {
		switch {
		case j.cgroup.field("memory.events", "oom_kill") > 0:
			why = sandbox.WhyMemory
		case j.cgroup.field("pids.events", "max") > 0:
			why = sandbox.WhyProcesses
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.state
	s.State, s.Ended = sandbox.Ended, &now
	switch {
	case e.status.Exited():
		code := e.status.ExitStatus()
		s.ExitCode = &code
		s.Why = sandbox.WhyExit
	case e.status.Signaled():
		s.Signal = signalName(e.status.Signal())
		s.Why = sandbox.WhySignal
	}
	if why != "" {
		s.Why = why
	}
	cpu := max(e.cpu+time.Duration(j.orphans.Load()), j.cgroup.cpu())
	s.CPUMs = cpu.Milliseconds()
	s.PeakBytes = max(j.peak.Load(), e.peak, j.cgroup.peak())
	j.cgroup.close()
	if j.output.damaged() {
		slog.Warn("output could not be kept: the disk is full, or fails", "job", j.id)
	}
	slog.Info("job ended", "job", j.id, "why", s.Why, "exit", e.status.ExitStatus(), "signal", s.Signal,
		"ms", now.Sub(s.Started).Milliseconds(), "cpu_ms", s.CPUMs, "peak_bytes", s.PeakBytes, "output_bytes", j.output.size())
}

// signals are those a caller may send.
var signals = map[string]unix.Signal{
	"TERM": unix.SIGTERM, "INT": unix.SIGINT, "HUP": unix.SIGHUP, "QUIT": unix.SIGQUIT, "KILL": unix.SIGKILL,
}

// signalName is a signal as kill(1) calls it.
func signalName(s unix.Signal) string {
	if name := unix.SignalName(s); len(name) > 3 {
		return name[3:]
	}
	return s.String()
}
