//go:build linux

package job

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroups is what of cgroup v2 can be used here. Each job gets a group of its
// own where that is so. What is missing, the watch and the marks do.
type cgroups struct {
	jobs      string // the folder that has one for each job; "" when there are none
	memory    bool   // memory.max, memory.peak
	processes bool   // pids.max
	why       string // why not, or what is missing
}

// findCgroups looks at a cgroup v2 mount, normally /sys/fs/cgroup, and prepares
// it: the daemon moves out of its top, which the kernel asks for before
// controllers may be handed down.
func findCgroups(root string) cgroups {
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return cgroups{why: "no cgroup v2 at " + root}
	}
	jobs := filepath.Join(root, "jobs")
	if err := os.Mkdir(jobs, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return cgroups{why: "cgroup v2 is not writable: " + errno(err)}
	}
	c := cgroups{jobs: jobs}
	if _, err := os.Stat(filepath.Join(jobs, "cgroup.kill")); err != nil {
		return cgroups{why: "cgroup v2 has no cgroup.kill: the kernel is older than 5.14"}
	}
	has := strings.Fields(string(controllers))
	var missing []string
	for _, one := range []struct {
		name string
		have *bool
	}{{"memory", &c.memory}, {"pids", &c.processes}} {
		err := errors.New("not there")
		if slices.Contains(has, one.name) {
			err = enable(root, jobs, one.name)
		}
		*one.have = err == nil
		if err != nil {
			missing = append(missing, one.name+": "+errno(err))
		}
	}
	c.why = strings.Join(missing, "; ")
	return c
}

// enable hands a controller down to the jobs' groups.
func enable(root, jobs, controller string) error {
	err := write(root, "cgroup.subtree_control", "+"+controller)
	if errors.Is(err, syscall.EBUSY) {
		if err = empty(root); err == nil {
			err = write(root, "cgroup.subtree_control", "+"+controller)
		}
	}
	if err != nil {
		return err
	}
	return write(jobs, "cgroup.subtree_control", "+"+controller)
}

// empty moves all processes of a group into its child "daemon".
func empty(root string) error {
	child := filepath.Join(root, "daemon")
	if err := os.Mkdir(child, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	pids, err := os.ReadFile(filepath.Join(root, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(pids)) {
		if err := write(child, "cgroup.procs", pid); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// cgroup is a job's own; the zero value is none.
type cgroup string

// open makes the group of a job.
func (c cgroups) open(mark uint32, l limits) (cgroup, error) {
	if c.jobs == "" {
		return "", nil
	}
	g := cgroup(filepath.Join(c.jobs, strconv.Itoa(int(mark))))
	if err := os.Mkdir(string(g), 0o755); err != nil {
		return "", fmt.Errorf("make cgroup: %w", err)
	}
	var err error
	if c.memory {
		err = errors.Join(write(string(g), "memory.max", strconv.FormatInt(l.memory, 10)), write(string(g), "memory.oom.group", "1"))
		// Absent where the kernel has no swap accounting.
		write(string(g), "memory.swap.max", "0")
	}
	if c.processes {
		err = errors.Join(err, write(string(g), "pids.max", strconv.Itoa(l.processes)))
	}
	if err != nil {
		g.close()
		return "", fmt.Errorf("limit cgroup: %w", err)
	}
	return g, nil
}

// kill ends everything in it, also what is being born.
func (g cgroup) kill() {
	if g != "" {
		write(string(g), "cgroup.kill", "1")
	}
}

// field is the number behind a name in one of its files, 0 when there is none.
func (g cgroup) field(file, name string) int64 {
	if g == "" {
		return 0
	}
	data, err := os.ReadFile(filepath.Join(string(g), file))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			value = key
		}
		if name == "" || key == name {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// peak is the most memory it used, in bytes; 0 when not known.
func (g cgroup) peak() int64 { return g.field("memory.peak", "") }

// cpu is the time it used; 0 when not known.
func (g cgroup) cpu() time.Duration {
	return time.Duration(g.field("cpu.stat", "usage_usec")) * time.Microsecond
}

// close removes it. Its processes are dead; the kernel may take a moment more to
// forget them.
func (g cgroup) close() {
	for range 50 {
		if g == "" || os.Remove(string(g)) == nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func write(folder, file, text string) error {
	f, err := os.OpenFile(filepath.Join(folder, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// errno is the system's text of an error, without the path it was about: what
// may be logged.
func errno(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return err.Error()
}
