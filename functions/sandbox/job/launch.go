//go:build linux

package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// LaunchArg is the daemon's argument that makes it Launch instead of serve.
const LaunchArg = "launch"

// Descriptors that a launcher has beside the three of the job.
const (
	specFD   = 3 // read: a spec
	statusFD = 4 // write: what went wrong; closed without a word by a good exec
)

// spec is all that a job's first process has to know.
type spec struct {
	Argv      []string
	Env       []string
	Dir       string // absolute
	UID, GID  int
	Alone     bool // the daemon is the same user and can set no mark
	Mark      uint32
	Cgroup    string
	OOMScore  int
	Resources []resource
}

// resource is a limit of setrlimit(2).
type resource struct {
	Which      int
	Soft, Hard uint64
}

// Launch is the short life between the daemon and a job: the daemon's own
// program, started with an empty environment, that gives up everything and
// becomes the job. It needs root unless spec.Alone, and returns only to fail.
func Launch() {
	// What is given up belongs to the thread, and this one becomes the process.
	runtime.LockOSThread()
	status := os.NewFile(statusFD, "status")
	unix.CloseOnExec(statusFD)
	err := becomeJob()
	fmt.Fprint(status, err)
	os.Exit(127)
}

func becomeJob() error {
	var s spec
	in := os.NewFile(specFD, "spec")
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return errors.New("no job to become")
	}
	in.Close()
	if err := CloseOnExec(specFD); err != nil {
		return err
	}
	if s.Cgroup != "" {
		if err := write(s.Cgroup, "cgroup.procs", "0"); err != nil {
			return fmt.Errorf("enter cgroup: %s", errno(err))
		}
	}
	// Wishes, not needs: jobs go first when memory is short, and run when the
	// daemon does not want to (sched(7), SCHED_IDLE: no way back without a right),
	// so that a thousand of them cannot keep it from ending them.
	write("/proc/self", "oom_score_adj", strconv.Itoa(s.OOMScore))
	unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
	unix.Umask(0o022)
	if err := dropRights(s); err != nil {
		return err
	}
	for _, r := range s.Resources {
		// What there is less of can be given to nobody.
		var most syscall.Rlimit
		if err := syscall.Getrlimit(r.Which, &most); err == nil {
			r.Hard = min(r.Hard, most.Max)
		}
		// syscall's, so that exec does not put back Go's own limit of descriptors.
		if err := syscall.Setrlimit(r.Which, &syscall.Rlimit{Cur: min(r.Soft, r.Hard), Max: r.Hard}); err != nil {
			return fmt.Errorf("limit resource %d: %w", r.Which, err)
		}
	}
	if err := os.Chdir(s.Dir); err != nil {
		return fmt.Errorf("working directory: %s", errno(err))
	}
	for _, pair := range s.Env {
		if path, ok := strings.CutPrefix(pair, "PATH="); ok {
			os.Setenv("PATH", path)
		}
	}
	program, err := exec.LookPath(s.Argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return fmt.Errorf("program: %w", errors.Unwrap(err))
	}
	return fmt.Errorf("program: %w", unix.Exec(program, s.Argv, s.Env))
}

// dropRights leaves this thread an ordinary user's, with the mark and no way
// back. The order matters: each step needs what the next one takes.
func dropRights(s spec) error {
	for c := uintptr(0); !s.Alone; c++ {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); err != nil {
			break // beyond the last one that the kernel knows
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if s.Alone {
		// There is none to drop, and no mark to be had.
	} else if err := unix.Setgroups([]int{int(s.Mark)}); err != nil {
		return fmt.Errorf("set mark: %w", err)
	}
	if err := unix.Setresgid(s.GID, s.GID, s.GID); err != nil {
		return fmt.Errorf("set group: %w", err)
	}
	if err := unix.Setresuid(s.UID, s.UID, s.UID); err != nil {
		return fmt.Errorf("set user: %w", err)
	}
	// A user's exec would clear these; nothing has to be left to that.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid new privileges: %w", err)
	}
	return nil
}

// started is a launcher that runs: its pid, and the daemon's ends.
type started struct {
	pid    int
	output *os.File // what the job writes
	stdin  *os.File // what it reads; nil when that is nothing
}

// launch starts the launcher and waits until it has become the job. register is
// called with its pid before anyone can reap it; when it is called and the
// error is not nil, the launcher is reaped like a job.
func launch(s spec, stdin bool, register func(fork func() (pid int, err error)) (int, error)) (*started, error) {
	var open []*os.File
	defer func() {
		for _, f := range open {
			f.Close()
		}
	}()
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			err = fmt.Errorf("make pipe: %w", err)
		}
		return r, w, err
	}
	out, outEnd, err := pipe()
	if err != nil {
		return nil, err
	}
	st := &started{output: out}
	fail := func(err error) (*started, error) {
		st.close()
		return nil, err
	}
	open = append(open, outEnd)
	var inEnd *os.File
	if stdin {
		if inEnd, st.stdin, err = pipe(); err != nil {
			return fail(err)
		}
	} else if inEnd, err = os.Open(os.DevNull); err != nil {
		return fail(fmt.Errorf("open null: %w", err))
	}
	open = append(open, inEnd)
	specEnd, specs, err := pipe()
	if err != nil {
		return fail(err)
	}
	open = append(open, specEnd, specs)
	statuses, statusEnd, err := pipe()
	if err != nil {
		return fail(err)
	}
	open = append(open, statuses, statusEnd)
	st.pid, err = register(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", []string{"sandbox", LaunchArg}, &syscall.ProcAttr{
			Dir: "/", Env: []string{},
			Files: []uintptr{inEnd.Fd(), outEnd.Fd(), outEnd.Fd(), specEnd.Fd(), statusEnd.Fd()},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
	})
	if err != nil {
		return fail(fmt.Errorf("start process: %w", err))
	}
	specEnd.Close()
	statusEnd.Close()
	json.NewEncoder(specs).Encode(s) // one that dies meanwhile says why below
	specs.Close()
	said, err := io.ReadAll(io.LimitReader(statuses, 4096))
	if err != nil {
		return fail(fmt.Errorf("read launcher: %w", err))
	}
	if len(said) > 0 {
		return fail(errors.New(string(said)))
	}
	return st, nil
}

func (s *started) close() {
	s.output.Close()
	if s.stdin != nil {
		s.stdin.Close()
	}
}
