//go:build linux

package job

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

// A mark is a supplementary group that belongs to one job. A process gets it
// before it becomes the job's, every child inherits it, and nobody without
// CAP_SETGID can put it off, also not in a user namespace of its own (there
// setgroups has to be forbidden before a group can be mapped). So the kernel
// tells, in /proc/PID/status, whose a process is: after a double fork, in
// another session, with another parent.
//
// The range is free in Debian's group file and inside what containers with
// remapped ids have.
//
// A daemon that is not root can set no mark. It runs one job at a time, and what
// descends from the daemon is that job's: an orphan becomes its nearest
// subreaper's child (prctl(2)), and that descends from the daemon as well.
const (
	firstMark = 30_000
	lastMark  = 59_999
)

// kin knows whose a process is.
type kin struct {
	alone bool // by descent from self, the daemon; otherwise by its mark
	self  int
}

// onlyMark is that of a daemon's only job.
const onlyMark = firstMark

// process is one that bears a mark.
type process struct {
	pid    int
	parent int
	mark   uint32
	dead   bool  // a zombie
	dying  bool  // has been sent a KILL and has not had the time to die of it
	lost   bool  // its first thread has gone, others have not
	tasks  int   // threads
	memory int64 // resident bytes that are not a file's
}

// scan calls see for each process of a job, in ascending order of pid. The kernel
// lists them in that order too, and hands out pids in it, so that a child made
// during the scan is seen as well, unless the pids wrapped.
func (k kin) scan(see func(process)) error {
	proc, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	defer unix.Close(proc)
	var list, status [4096]byte
	// Of the daemon, and of those seen in this scan: is what comes of them a job's?
	known := map[int]bool{k.self: true}
	for {
		n, err := unix.Getdents(proc, list[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		if n == 0 {
			return nil
		}
		for b := list[:n]; len(b) > 0; {
			// struct linux_dirent64: inode 8, offset 8, length 2, type 1, name.
			size := binary.NativeEndian.Uint16(b[16:])
			name, _, _ := bytes.Cut(b[19:size], []byte{0})
			b = b[size:]
			if name[0] < '1' || name[0] > '9' {
				continue
			}
			pid, err := strconv.Atoi(string(name))
			if err != nil {
				continue
			}
			p, marked := look(proc, string(name)+"/status", status[:])
			p.pid = pid
			if k.alone {
				seen := false
				if marked, seen = known[p.parent]; !seen {
					marked = k.descends(pid)
				}
				known[pid], p.mark = marked || pid == k.self, onlyMark
			}
			if marked {
				p.headless(proc, status[:])
				see(p)
			}
		}
	}
}

// descends reports whether a process is the daemon's child, or a child's child.
func (k kin) descends(pid int) bool {
	var buffer [4096]byte
	for at, tries := pid, 0; tries < 2*sandbox.MaxTasks; tries++ {
		p, _ := look(unix.AT_FDCWD, "/proc/"+strconv.Itoa(at)+"/status", buffer[:])
		gone := p.tasks == 0
		switch {
		case !gone && p.parent == k.self:
			return true
		case !gone && p.parent > 1:
			at = p.parent
		case !gone || at == pid:
			return false
		default:
			at = pid // whose parent has gone: it has another now
		}
	}
	return false
}

// look reads one process's status; false when it is gone or bears no mark.
func look(dir int, path string, buffer []byte) (process, bool) {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return process{}, false
	}
	n, err := unix.Read(fd, buffer)
	unix.Close(fd)
	if err != nil {
		return process{}, false
	}
	return parse(buffer[:n])
}

// lookAt looks at one process; false when it is gone or no job's.
func (k kin) lookAt(pid int) (process, bool) {
	var buffer [4096]byte
	p, ok := look(unix.AT_FDCWD, "/proc/"+strconv.Itoa(pid)+"/status", buffer[:])
	p.pid = pid
	if k.alone {
		p.mark, ok = onlyMark, k.descends(pid)
	}
	return p, ok
}

// parse reads a /proc/PID/status (proc_pid_status(5)).
func parse(status []byte) (p process, marked bool) {
	zombie := false
	for len(status) > 0 {
		line, rest, _ := bytes.Cut(status, []byte("\n"))
		status = rest
		key, value, _ := bytes.Cut(line, []byte(":"))
		switch string(key) {
		case "State":
			value = bytes.TrimSpace(value)
			zombie = len(value) > 0 && (value[0] == 'Z' || value[0] == 'X')
		case "Groups":
			for _, field := range bytes.Fields(value) {
				if n, err := strconv.ParseUint(string(field), 10, 32); err == nil && n >= firstMark && n <= lastMark {
					p.mark, marked = uint32(n), true
				}
			}
		case "PPid":
			p.parent, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		case "SigPnd", "ShdPnd":
			pending, _ := strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64)
			p.dying = p.dying || pending&(1<<(unix.SIGKILL-1)) != 0
		case "RssAnon", "RssShmem":
			if fields := bytes.Fields(value); len(fields) > 0 {
				n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
				p.memory += n << 10
			}
		case "Threads":
			p.tasks, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	// One whose first thread has gone but others have not looks like a zombie.
	p.dead = zombie && p.tasks <= 1
	p.lost = zombie && p.tasks > 1
	return p, marked
}

// headless looks for the memory of a process whose first thread has gone: the
// kernel tells it of the others.
func (p *process) headless(proc int, buffer []byte) {
	if !p.lost {
		return
	}
	tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(p.pid) + "/task")
	for _, task := range tasks {
		if t, _ := look(proc, strconv.Itoa(p.pid)+"/task/"+task.Name()+"/status", buffer); t.memory > 0 {
			p.memory = t.memory
			return
		}
	}
}

// signal sends one to each living process of the job with the mark and answers how
// many there were, and how many more are already dying. None of another job's is hit when a pid changes hands: a process is held by its
// descriptor before it is looked at again.
func (k kin) signal(mark uint32, signal unix.Signal) (alive, dying int, err error) {
	err = k.scan(func(p process) {
		if p.mark != mark || p.dead {
			return
		}
		if p.dying {
			dying++
			return
		}
		alive++
		fd, err := unix.PidfdOpen(p.pid, 0)
		if err == unix.ENOSYS || err == unix.EPERM {
			// There is no such call here, and a pid could change hands after the look.
			if again, ok := k.lookAt(p.pid); ok && again.mark == mark {
				unix.Kill(p.pid, signal)
			}
			return
		}
		if err != nil {
			return // gone
		}
		defer unix.Close(fd)
		if again, ok := k.lookAt(p.pid); ok && again.mark == mark {
			unix.PidfdSendSignal(fd, signal, nil, 0)
		}
	})
	return alive, dying, err
}

// stuck is how long kill tries: a process that waits for the kernel does not die before it gets what it waits for.
const stuck = 10 * time.Second

// kill kills until nothing is left of a job, and reports whether it got there. A
// process with a deadly signal pending cannot fork any more, so each pass leaves
// only what was born behind it; the pauses are for dying in.
func (k kin) kill(mark uint32, all func()) bool {
	const short, long = time.Millisecond, 32 * time.Millisecond
	pause, clean := short, 0
	for end := time.Now().Add(stuck); clean < 2; {
		all()
		alive, dying, err := k.signal(mark, unix.SIGKILL)
		if err == nil && alive+dying == 0 {
			// One that hops from pid to pid may have wrapped behind one pass, and
			// is then ahead of the next.
			clean++
			continue
		}
		if clean = 0; time.Now().After(end) {
			return false
		}
		time.Sleep(pause)
		if pause = min(2*pause, long); alive > 0 {
			pause = short
		}
	}
	return true
}
