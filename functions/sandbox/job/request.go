//go:build linux

package job

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

// made reports whether a text is made of 1 to most letters, digits, underscores
// and one more character.
func made(text string, most int, more rune) bool {
	return text != "" && len(text) <= most && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == more)
	}) < 0
}

// check turns a request into limits, or says what is wrong with it.
func (t *Table) check(r sandbox.Run) (limits, error) {
	problem := func(format string, values ...any) (limits, error) {
		return limits{}, Request{fmt.Sprintf(format, values...)}
	}
	size := len(r.Command)
	for _, arg := range r.Argv {
		size += len(arg) + 1
	}
	switch {
	case (r.Command == "") == (len(r.Argv) == 0):
		return problem("give either command or argv")
	case size > sandbox.MaxCommand:
		return problem("command is %d bytes: at most %d; write it to a file and run that", size, sandbox.MaxCommand)
	case strings.ContainsRune(r.Command+strings.Join(r.Argv, ""), 0) || strings.ContainsRune(r.Dir, 0):
		return problem("command and dir must not have zero bytes")
	case len(r.Argv) > 0 && r.Argv[0] == "":
		return problem("argv names no program")
	case len(r.Stdin) > sandbox.MaxStdin:
		return problem("stdin is %d bytes: at most %d; write it to a file", len(r.Stdin), sandbox.MaxStdin)
	case r.TimeS < 0 || r.MemoryMB < 0 || r.Processes < 0 || r.OutputBytes < 0:
		return problem("limits cannot be negative")
	case r.TimeS > int(sandbox.MaxTime.Seconds()):
		return problem("time_s is at most %d", int(sandbox.MaxTime.Seconds()))
	case r.Processes > sandbox.MaxTasks:
		return problem("processes is at most %d", sandbox.MaxTasks)
	case r.OutputBytes > sandbox.MaxOutput:
		return problem("output_bytes is at most %d", int64(sandbox.MaxOutput))
	case int64(r.MemoryMB)<<20 > t.config.Memory:
		return problem("memory_mb is at most %d here", t.config.Memory>>20)
	}
	size = 0
	for name, value := range r.Env {
		if !made(name, 128, '_') || name[0] <= '9' || strings.ContainsRune(value, 0) {
			return problem("env has a name that is no variable's, or a value with a zero byte")
		}
		size += len(name) + len(value) + 2
	}
	if size > sandbox.MaxEnv {
		return problem("env is %d bytes: at most %d", size, sandbox.MaxEnv)
	}
	if c := r.Callback; c != nil {
		u, err := url.Parse(c.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(c.URL) > 2048 {
			return problem("callback.url must be an http or https address")
		}
		if len(c.Token) > 4096 || strings.IndexFunc(c.Token, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
			return problem("callback.token must be at most 4096 bytes of printable ASCII")
		}
	}
	return t.limits(r), nil
}

// inTime refuses a job that could take longer than ctx lasts, because all that is
// here ends with it. A ctx without an end is no bound.
func inTime(ctx context.Context, l limits) error {
	deadline, ok := ctx.Deadline()
	if left := time.Until(deadline); ok && l.time > left {
		return Request{fmt.Sprintf("a command may take at most %d seconds here, and this one is given %d: give it less, or split it", max(int(left.Seconds()), 0), int(l.time.Seconds()))}
	}
	return nil
}

// limits fills in the defaults.
func (t *Table) limits(r sandbox.Run) limits {
	l := limits{
		time: time.Duration(r.TimeS) * time.Second, memory: int64(r.MemoryMB) << 20,
		processes: r.Processes, output: r.OutputBytes,
	}
	if l.time == 0 {
		l.time = sandbox.DefaultTime
	}
	if l.memory == 0 {
		l.memory = t.defaultMemory()
	}
	l.memory = max(l.memory, minMemory)
	if l.processes == 0 {
		l.processes = sandbox.DefaultTasks
	}
	if l.output == 0 {
		l.output = sandbox.DefaultOutput
	}
	return l
}

func (t *Table) defaultMemory() int64 { return min(1<<30, t.config.Memory*3/4) }

// launch starts a job's first process.
func (t *Table) launch(j *Job, r sandbox.Run) (*started, error) {
	group, err := t.cgroups.open(j.mark, j.limits)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	j.cgroup = group
	j.mu.Unlock()
	dir := t.config.Home
	if r.Dir != "" && !filepath.IsAbs(r.Dir) {
		dir = filepath.Join(dir, r.Dir)
	} else if r.Dir != "" {
		dir = r.Dir
	}
	argv := r.Argv
	if r.Command != "" {
		argv = []string{"/bin/sh", "-c", r.Command}
	}
	s := spec{
		Argv: argv, Env: t.environment(r.Env), Dir: dir,
		UID: t.config.User.UID, GID: t.config.User.GID, Alone: t.config.Alone, Mark: j.mark, Cgroup: string(group),
		OOMScore: oomScore, Resources: t.resources(j.limits, j.room),
	}
	return launch(s, r.Stdin != "", func(fork func() (int, error)) (int, error) {
		t.forks.Lock()
		defer t.forks.Unlock()
		pid, err := fork()
		if err == nil {
			t.leaders[pid] = j
		}
		return pid, err
	})
}

// environment is all that a job sees of one. Caches go where they are not saved.
func (t *Table) environment(more map[string]string) []string {
	all := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": t.config.Home, "USER": "agent", "LOGNAME": "agent", "SHELL": "/bin/sh",
		"LANG": "C.UTF-8", "TERM": "dumb", "TMPDIR": "/tmp", "XDG_CACHE_HOME": "/tmp/.cache",
	}
	for name, value := range t.config.Env {
		all[name] = value
	}
	for name, value := range more {
		all[name] = value
	}
	env := make([]string, 0, len(all))
	for name, value := range all {
		env = append(env, name+"="+value)
	}
	return env
}

// resources are the limits of each process of a job. Those of the whole job are
// the cgroup's, or the watch's.
func (t *Table) resources(l limits, threads int64) []resource {
	cpu := uint64(l.time.Seconds())*uint64(runtime.NumCPU()) + 10
	// RLIMIT_DATA counts what a process could write to, touched or not, but not,
	// as RLIMIT_AS does, the empty space that runtimes reserve: hence twice.
	memory := 2 * uint64(l.memory)
	return []resource{
		{unix.RLIMIT_CORE, 0, 0},
		{unix.RLIMIT_CPU, cpu, cpu + 5},
		{unix.RLIMIT_FSIZE, uint64(t.config.MaxFile), uint64(t.config.MaxFile)},
		{unix.RLIMIT_NOFILE, maxFiles, maxFiles},
		{unix.RLIMIT_STACK, 8 << 20, maxStack},
		{unix.RLIMIT_MEMLOCK, 64 << 10, 64 << 10},
		{unix.RLIMIT_MSGQUEUE, 0, 0},
		{unix.RLIMIT_DATA, memory, memory},
		{unix.RLIMIT_NPROC, uint64(threads), uint64(threads)},
	}
}

// room is the RLIMIT_NPROC of a new job. The kernel counts all threads of the
// user against it, whichever job's they are: so it cannot hold one to its own
// number, and only keeps one that breeds from filling the machine until the
// watch has seen it. Each job gets less room than those that run already, which
// can therefore still fork when a newer one has filled all of its own. t.mu is
// held.
func (t *Table) room() int64 {
	most := min(max(t.config.Memory>>19, 384), sandbox.MaxTasks)
	step := most / int64(t.most()+4)
	least := most + step
	for _, j := range t.marks {
		least = min(least, j.room)
	}
	return max(least-step, 4*step)
}
