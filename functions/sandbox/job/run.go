//go:build linux

package job

import (
	"io"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

// begin starts a job's first process and everything that looks after it.
func (t *Table) begin(j *Job, run sandbox.Run) {
	st, err := t.launch(j, run)
	if err != nil {
		j.mu.Lock()
		j.state.Error = err.Error()
		j.mu.Unlock()
		slog.Info("job not started", "job", j.id)
		j.output.finish()
		go t.end(j, sandbox.WhyStart, exit{status: noStatus}, run.Callback)
		return
	}
	slog.Info("job started", "job", j.id, "pid", st.pid, "time_s", j.limits.time.Seconds(), "memory_bytes", j.limits.memory,
		"processes", j.limits.processes)
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		t.pump(j, st.output)
	}()
	if st.stdin != nil {
		go func() {
			io.WriteString(st.stdin, run.Stdin) // nobody has to read it
			st.stdin.Close()
		}()
	}
	go func() {
		why, e := j.supervise(pumped, func() {
			// A descriptor handed to another job's process keeps the pipe open.
			st.output.SetReadDeadline(time.Now().Add(time.Second))
		})
		st.close()
		t.end(j, why, e, run.Callback)
	}()
}

// noStatus is a wait status that is neither an exit nor a signal: "stopped".
const noStatus unix.WaitStatus = 0x7f

// pump reads a job's output to its end, and has the job ended that writes more
// than it may.
func (t *Table) pump(j *Job, r io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			j.output.Write(buffer[:n])
			if j.output.size() > j.limits.output {
				j.stop(sandbox.WhyOutput, unix.SIGKILL)
			}
		}
		if err != nil {
			j.output.finish()
			return
		}
	}
}

// end records the end of a job and tells who wants to know.
func (t *Table) end(j *Job, why string, e exit, callback *sandbox.Callback) {
	defer t.finished.Done()
	j.finish(why, e, time.Now().UTC())
	t.mu.Lock()
	delete(t.marks, j.mark)
	t.ended = append(t.ended, j)
	var old *Job
	if len(t.ended) > MaxKept {
		old, t.ended = t.ended[0], t.ended[1:]
		t.forget(old.id)
	}
	t.mu.Unlock()
	if old != nil {
		old.output.remove()
	}
	close(j.done)
	if callback != nil {
		t.calls.report(callback, report(t.session(), j.View(sandbox.DefaultText)))
	}
}
