// Command hostile is a job that tries what a job must not be able to. Each mode
// prints what it got away with, and nothing else, so that silence is good.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The first thread is main's.
func init() { runtime.LockOSThread() }

func main() {
	mode, args := os.Args[1], os.Args[2:]
	switch mode {
	case "spy":
		spy(args[0], args[1:])
	case "rise":
		rise()
	case "hog":
		hog(number(args[0]))
	case "memfd":
		memfd(number(args[0]))
	case "hop":
		hop(time.Now().Add(time.Duration(number(args[0])) * time.Second))
	case "deaf":
		signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	case "headless":
		go hog(number(args[0]))
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0) // the first thread's, see init
	case "swap":
		swap(args[0], args[1], args[2])
	case "descriptors":
		descriptors()
	case "ask":
		ask(args[0], number(args[1]))
	case "shed":
		shed()
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func got(what string, values ...any) { fmt.Printf(what+"\n", values...) }

// spy looks for the daemon's secrets: in the pid's /proc, by ptrace, and in
// folders.
func spy(pid string, folders []string) {
	for _, file := range []string{"environ", "mem", "maps", "fd", "root", "cwd", "stack", "io", "auxv", "exe"} {
		path := "/proc/" + pid + "/" + file
		if data, err := os.ReadFile(path); err == nil {
			got("read %s: %d bytes", path, len(data))
		}
		if names, err := os.ReadDir(path); err == nil {
			got("listed %s: %d", path, len(names))
		}
		if to, err := os.Readlink(path); err == nil {
			got("read link %s: %s", path, to)
		}
	}
	n := number(pid)
	if err := unix.PtraceAttach(n); err == nil {
		got("attached to %d", n)
	}
	if err := unix.PtraceSeize(n); err == nil {
		got("seized %d", n)
	}
	local, remote := make([]byte, 8), []unix.RemoteIovec{{Base: 0x400000, Len: 8}}
	if _, err := unix.ProcessVMReadv(n, []unix.Iovec{{Base: &local[0], Len: 8}}, remote, 0); err == nil {
		got("read memory of %d", n)
	}
	if err := unix.Kill(n, unix.SIGKILL); err == nil {
		got("killed %d", n)
	}
	if fd, err := unix.PidfdOpen(n, 0); err == nil {
		for i := range 64 {
			if _, err := unix.PidfdGetfd(fd, i, 0); err == nil {
				got("took descriptor %d of %d", i, n)
			}
		}
	}
	for _, folder := range folders {
		if names, err := os.ReadDir(folder); err == nil {
			got("listed %s: %d", folder, len(names))
		}
		if err := os.WriteFile(folder+"/x", []byte("x"), 0o644); err == nil {
			got("wrote into %s", folder)
		}
		if err := os.Rename(folder, folder+".moved"); err == nil {
			got("moved %s", folder)
		}
	}
}

// rise tries to become more, and to shed the mark.
func rise() {
	for _, try := range []struct {
		what string
		err  error
	}{
		{"setuid 0", unix.Setresuid(0, 0, 0)},
		{"setgid 0", unix.Setresgid(0, 0, 0)},
		{"setgroups", unix.Setgroups([]int{0})},
		{"setgroups to none", unix.Setgroups(nil)},
		{"chroot", unix.Chroot("/")},
		{"mount", unix.Mount("none", "/mnt", "tmpfs", 0, "")},
		{"mknod", unix.Mknod("device", unix.S_IFBLK|0o600, 0)},
		{"sethostname", unix.Sethostname([]byte("x"))},
		{"raise limit", unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})},
		{"new privileges", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)},
		{"write to root's folder", os.WriteFile("/etc/instar-was-here", nil, 0o644)},
		{"lower oom score", os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)},
	} {
		if try.err == nil {
			got("%s", try.what)
		}
	}
	// A user namespace gives capabilities inside it, but must not give setgroups.
	if out, err := exec.Command("unshare", "-Ur", os.Args[0], "shed").CombinedOutput(); err == nil && len(out) > 0 {
		got("%s", out)
	}
}

// shed tries to put the mark off, having capabilities in its own namespace.
func shed() {
	if unix.Setgroups(nil) == nil || unix.Setgroups([]int{0}) == nil {
		got("setgroups in a namespace")
	}
	if unix.Unshare(unix.CLONE_NEWUSER) == nil && unix.Setgroups(nil) == nil {
		got("setgroups in a namespace in a namespace")
	}
}

// hog writes to so many megabytes.
func hog(megabytes int) {
	for range megabytes / 8 {
		b, err := unix.Mmap(-1, 0, 8<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			got("refused: %v", err)
			time.Sleep(time.Hour)
		}
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
	}
	got("hogged %d", megabytes)
	time.Sleep(time.Hour)
}

// memfd fills mapped files in memory, which no limit of private memory counts.
func memfd(megabytes int) {
	fd, err := unix.MemfdCreate("x", 0)
	if err == nil {
		err = unix.Ftruncate(fd, int64(megabytes)<<20)
	}
	if err != nil {
		got("refused: %v", err)
		return
	}
	b, err := unix.Mmap(fd, 0, megabytes<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		got("refused: %v", err)
		return
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	got("filled %d", megabytes)
	time.Sleep(time.Hour)
}

// hop forks and exits, over and over, in a session of its own each time: whoever
// looks for it finds the pid that it had.
func hop(until time.Time) {
	if time.Now().After(until) {
		return
	}
	seconds := strconv.Itoa(int(time.Until(until).Seconds()))
	cmd := exec.Command("/proc/self/exe", "hop", seconds, os.Args[len(os.Args)-1])
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	cmd.Start()
}

// swap makes a name a link to outside, and a link to inside, and a folder, as
// fast as it can.
func swap(name, outside, inside string) {
	for {
		os.Symlink(outside, name+".1")
		os.Rename(name+".1", name)
		os.Symlink(inside, name+".2")
		os.Rename(name+".2", name)
	}
}

// descriptors tells which are open beside 0, 1 and 2 and Go's own.
func descriptors() {
	names, _ := os.ReadDir("/proc/self/fd")
	for _, n := range names {
		to, err := os.Readlink("/proc/self/fd/" + n.Name())
		if err != nil || number(n.Name()) < 3 || strings.HasPrefix(to, "anon_inode:[event") || strings.HasPrefix(to, "/proc/") || strings.HasPrefix(to, "/sys/fs/cgroup/") {
			continue
		}
		got("descriptor %s is %s", n.Name(), to)
	}
}

// ask opens connections, sends a request on each, keeps them all, and counts the
// answers.
func ask(address string, count int) {
	var all []net.Conn
	for range count {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			break
		}
		c.Write([]byte("GET /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n"))
		all = append(all, c)
	}
	refused, other := 0, 0
	for _, c := range all {
		c.SetReadDeadline(time.Now().Add(time.Second))
		b := make([]byte, 12)
		switch n, _ := io.ReadFull(c, b); {
		case string(b[:n]) == "HTTP/1.1 401":
			refused++
		case n > 0:
			other++
		}
	}
	got("asked %d, refused %d, other %d", len(all), refused, other)
}
