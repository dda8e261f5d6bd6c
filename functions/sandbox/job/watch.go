//go:build linux

package job

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// How often the watch looks: with a job near its limits, or without. It takes a
// fiftieth of the time, or near a limit a tenth, as long as that is no more than
// watchMost between two looks.
const (
	watchNear  = 10 * time.Millisecond
	watchEvery = 50 * time.Millisecond
	watchMost  = 250 * time.Millisecond
)

// sum is what one job's processes use together.
type sum struct {
	tasks  int
	memory int64
}

// watch sums what each job uses, while any runs, and ends the one that goes
// beyond its limits. Where there are cgroups the kernel keeps the limits, and
// the watch only notices that it had to. It never returns.
func (t *Table) watch() {
	for range t.wake {
		for {
			began := time.Now()
			jobs := t.marked()
			if len(jobs) == 0 {
				break
			}
			pause, share := watchEvery, 50
			if t.look(jobs) {
				pause, share = watchNear, 10
			}
			time.Sleep(min(max(pause, time.Duration(share)*time.Since(began)), watchMost))
		}
	}
}

// marked is the running jobs by their marks.
func (t *Table) marked() map[uint32]*Job {
	t.mu.Lock()
	defer t.mu.Unlock()
	jobs := make(map[uint32]*Job, len(t.marks))
	for mark, j := range t.marks {
		jobs[mark] = j
	}
	return jobs
}

// look looks once, and reports whether a job has reached half of a limit.
func (t *Table) look(jobs map[uint32]*Job) (near bool) {
	sums := make(map[uint32]sum, len(jobs))
	err := t.kin.scan(func(p process) {
		if p.dead {
			return
		}
		s := sums[p.mark]
		s = sum{s.tasks + p.tasks, s.memory + p.memory}
		sums[p.mark] = s
		// At once: one that breeds makes the rest of this look a long one.
		if j := jobs[p.mark]; j != nil && s.tasks > j.limits.processes && s.tasks-p.tasks <= j.limits.processes {
			j.stop(sandbox.WhyProcesses, unix.SIGKILL)
		}
	})
	if err != nil {
		slog.Error("watch cannot see processes", "error", errno(err))
	}
	for mark, s := range sums {
		j := jobs[mark]
		if j == nil {
			continue
		}
		j.mu.Lock()
		group := j.cgroup
		j.mu.Unlock()
		if t.cgroups.processes && group.field("pids.events", "max") > 0 {
			j.stop(sandbox.WhyProcesses, unix.SIGKILL)
		}
		// Pages that a fork shares count for each process that has them, so a sum
		// that is too large is only a reason to ask the kernel for shares.
		if !t.cgroups.memory && s.memory > j.limits.memory {
			s.memory = t.shares(mark, s.memory)
			if s.memory > j.limits.memory {
				j.stop(sandbox.WhyMemory, unix.SIGKILL)
			}
		}
		if s.memory > j.peak.Load() {
			j.peak.Store(s.memory)
		}
		near = near || 2*s.tasks > j.limits.processes || 2*s.memory > j.limits.memory
	}
	return near
}

// shares is a job's memory in bytes, with each shared page divided among those
// who share it. What the kernel does not tell counts in full; otherwise is the
// answer when it tells nothing.
func (t *Table) shares(mark uint32, otherwise int64) int64 {
	var total int64
	if err := t.kin.scan(func(p process) {
		if p.mark != mark || p.dead {
			return
		}
		n, err := share(p.pid, t.config.User)
		if err != nil {
			n = p.memory
		}
		total += n
	}); err != nil {
		return otherwise
	}
	return total
}

// share is one process's Pss without files.
func share(pid int, u user.User) (bytes int64, err error) {
	var f *os.File
	// As the job's user: root without CAP_SYS_PTRACE may not look.
	if err := u.Do(func() (err error) {
		f, err = os.Open("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		return err
	}); err != nil {
		return 0, err
	}
	defer f.Close()
	found := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if key != "Pss_Anon" && key != "Pss_Shmem" {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, err
		}
		bytes, found = bytes+n<<10, true
	}
	if !found {
		return 0, fmt.Errorf("no shares of process %d", pid)
	}
	return bytes, nil
}

func (t *Table) memoryBy() string {
	if t.cgroups.memory {
		return "cgroup"
	}
	return "watch"
}

func (t *Table) processesBy() string {
	if t.cgroups.processes {
		return "cgroup"
	}
	return "watch"
}

// Limits says what holds here, as far as jobs go.
func (t *Table) Limits() sandbox.Limits {
	return sandbox.Limits{
		Session: t.session(), MemoryMB: int(t.config.Memory >> 20), DefaultMB: int(t.defaultMemory() >> 20),
		Running: t.Running(), MaxRunning: t.most(), MaxKept: MaxKept, KeptOutput: 2 * KeptEnd, MaxFile: t.config.MaxFile,
		CgroupUsed: t.cgroups.jobs != "", CgroupWhy: t.cgroups.why, MemoryBy: t.memoryBy(), ProcessesBy: t.processesBy(),
	}
}
