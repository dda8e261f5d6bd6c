//go:build linux

package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// Bounds of a Table.
const (
	MaxRunning = 16        // jobs at once
	MaxKept    = 100       // ended ones that are remembered
	KeptEnd    = 2 << 20   // bytes of output kept at each end
	maxGone    = 20_000    // ids remembered of jobs that are not
	oomScore   = 1000      // jobs go first when memory is short
	minMemory  = 16 << 20  // bytes; less does not start a shell
	maxFiles   = 4096      // descriptors of a process
	maxStack   = 256 << 20 // bytes
)

var (
	// ErrUnknown is the error for an id that no job has.
	ErrUnknown = errors.New("no such job")
	// ErrGone is the error for an id whose job has been forgotten.
	ErrGone = errors.New("that job ended long ago and is forgotten")
	// ErrFull is the error of a start when MaxRunning jobs run.
	ErrFull = fmt.Errorf("%d jobs are running, which is the most: wait for one or end one", MaxRunning)
	// ErrAlone is the error of a start where jobs run alone, when one does.
	ErrAlone = errors.New("a command is running, and only one can: wait for it or end it")
	// ErrClosed is the error of a start when the container goes away.
	ErrClosed = errors.New("the sandbox is going away")
)

// Request is the error of a start that asks for what it may not have.
type Request struct{ Problem string }

func (r Request) Error() string { return r.Problem }

// Config is what a Table needs to know.
type Config struct {
	Session string
	User    user.User
	Alone   bool   // User is the daemon's own, who is not root: one job at a time
	Home    string // the workspace
	Outputs string // a folder that only root can enter
	Cgroup  string // where cgroup v2 is mounted
	MaxFile int64  // bytes of a file that a job writes
	Memory  int64  // bytes there are for jobs
	Client  *http.Client
	Env     map[string]string // more of every job's environment
}

// Table has all jobs.
type Table struct {
	config  Config
	kin     kin
	cgroups cgroups
	calls   caller
	wake    chan struct{} // to the watch: there is a job

	forks   sync.Mutex // held over a fork, until its pid is in leaders
	leaders map[int]*Job

	mu       sync.Mutex
	jobs     map[string]*Job
	marks    map[uint32]*Job // of the running ones
	ended    []*Job          // oldest first
	gone     map[string]bool
	goneIDs  []string // oldest first
	next     uint32
	closed   bool
	finished sync.WaitGroup // jobs and callbacks
}

// New makes the process the reaper of everything it starts, and so must be
// called once. Nothing else in it may start or wait for processes.
func New(c Config) (*Table, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become subreaper: %w", err)
	}
	t := &Table{
		config: c, kin: kin{alone: c.Alone, self: os.Getpid()}, cgroups: cgroups{why: "the daemon is not root"}, calls: newCaller(c.Client),
		wake: make(chan struct{}, 1), leaders: map[int]*Job{}, jobs: map[string]*Job{}, marks: map[uint32]*Job{},
		gone: map[string]bool{}, next: firstMark + rand.Uint32N(lastMark-firstMark),
	}
	if !c.Alone {
		t.cgroups = findCgroups(c.Cgroup)
	}
	slog.Info("limits", "memory_by", t.memoryBy(), "processes_by", t.processesBy(), "cgroup", t.cgroups.jobs != "",
		"cgroup_why", t.cgroups.why, "memory_bytes", c.Memory)
	go t.reap()
	go t.watch()
	return t, nil
}

// Start runs a job and answers it at once, or answers the one that has its id
// already. It must be able to end while ctx lasts. The errors are Request, ErrGone,
// ErrFull, ErrAlone and ErrClosed; a job that cannot be started is one that has
// ended, with why.
func (t *Table) Start(ctx context.Context, run sandbox.Run) (j *Job, fresh bool, err error) {
	if !made(run.ID, 64, '-') {
		return nil, false, Request{"id must be 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	t.mu.Lock()
	if j, err := t.get(run.ID); err != ErrUnknown {
		t.mu.Unlock()
		return j, false, err
	}
	t.mu.Unlock()
	l, err := t.check(run)
	if err == nil {
		err = inTime(ctx, l)
	}
	if err != nil {
		return nil, false, err
	}
	t.mu.Lock()
	j, fresh, err = t.add(run, l)
	t.mu.Unlock()
	if !fresh {
		return j, false, err
	}
	t.begin(j, run)
	select {
	case t.wake <- struct{}{}:
	default:
	}
	return j, true, nil
}

// add makes the record of a job, once. t.mu is held.
func (t *Table) add(run sandbox.Run, l limits) (*Job, bool, error) {
	if j, err := t.get(run.ID); err != ErrUnknown {
		return j, false, err
	}
	if t.closed {
		return nil, false, ErrClosed
	}
	if len(t.marks) >= t.most() {
		if t.config.Alone {
			return nil, false, ErrAlone
		}
		return nil, false, ErrFull
	}
	j := &Job{
		id: run.ID, kin: t.kin, mark: t.freeMark(), limits: l, room: t.room(),
		done: make(chan struct{}), exited: make(chan exit, 1), stops: make(chan stop, 8),
		state: sandbox.Job{ID: run.ID, State: sandbox.Running, Started: time.Now().UTC()},
	}
	output, err := newOutput(filepath.Join(t.config.Outputs, strconv.FormatUint(rand.Uint64(), 36)), KeptEnd)
	if err != nil {
		return nil, false, fmt.Errorf("keep output: %s", errno(err))
	}
	j.output = output
	t.jobs[j.id], t.marks[j.mark] = j, j
	t.finished.Add(1)
	return j, true, nil
}

// freeMark is one that no running job has; there are more than MaxRunning.
// t.mu is held.
func (t *Table) freeMark() uint32 {
	if t.config.Alone {
		return onlyMark
	}
	for {
		mark := t.next
		if t.next++; t.next > lastMark {
			t.next = firstMark
		}
		if t.marks[mark] == nil {
			return mark
		}
	}
}

// most is how many jobs there may be at once.
func (t *Table) most() int {
	if t.config.Alone {
		return 1
	}
	return MaxRunning
}

func (t *Table) session() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.config.Session
}

// Clear forgets all jobs and what they wrote, for another session. None may run.
func (t *Table) Clear(session string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.marks) > 0 {
		return ErrAlone
	}
	for _, j := range t.jobs {
		j.output.remove()
	}
	t.config.Session = session
	t.jobs, t.ended, t.gone, t.goneIDs = map[string]*Job{}, nil, map[string]bool{}, nil
	return nil
}

// forget keeps only the id of a job. t.mu is held.
func (t *Table) forget(id string) {
	delete(t.jobs, id)
	t.gone[id] = true
	t.goneIDs = append(t.goneIDs, id)
	if len(t.goneIDs) > maxGone {
		delete(t.gone, t.goneIDs[0])
		t.goneIDs = t.goneIDs[1:]
	}
}

// Get answers a job, or ErrUnknown, or ErrGone.
func (t *Table) Get(id string) (*Job, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.get(id)
}

func (t *Table) get(id string) (*Job, error) {
	switch j := t.jobs[id]; {
	case j != nil:
		return j, nil
	case t.gone[id]:
		return nil, ErrGone
	default:
		return nil, ErrUnknown
	}
}

// List is all jobs, the oldest first.
func (t *Table) List() []*Job {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*Job, 0, len(t.jobs))
	for _, j := range t.jobs {
		all = append(all, j)
	}
	slices.SortFunc(all, func(a, b *Job) int { return a.state.Started.Compare(b.state.Started) })
	return all
}

// Running is how many jobs have not ended.
func (t *Table) Running() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.marks)
}

// Signal sends one to a job's whole tree: see sandbox.Signal. A job that has
// ended stays as it is.
func (t *Table) Signal(id, name string) (*Job, error) {
	j, err := t.Get(id)
	if err != nil {
		return nil, err
	}
	signal, ok := signals[name]
	if !ok {
		return nil, Request{"signal must be TERM, INT, HUP, QUIT or KILL"}
	}
	j.stop(sandbox.WhyAsked, signal)
	return j, nil
}

// Close ends all jobs and starts no more. It returns when they have ended and
// their callbacks have been tried once more, or with the context. It is called
// once.
func (t *Table) Close(ctx context.Context) {
	t.mu.Lock()
	t.closed = true
	close(t.calls.closing)
	for _, j := range t.marks {
		j.stop(sandbox.WhyShutdown, unix.SIGTERM)
	}
	t.mu.Unlock()
	done := make(chan struct{})
	go func() {
		t.finished.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	os.RemoveAll(t.config.Outputs)
}
