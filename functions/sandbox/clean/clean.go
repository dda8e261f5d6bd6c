//go:build linux

// Package clean takes away what a session has left where another one comes after
// it: processes, files, shared memory, queues and keys. It is for a daemon that is
// the same user as its jobs; what belongs to others is left alone.
package clean

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/user"
)

// folders are those that anybody may write to, as far as there are and one may.
var folders = []string{"/tmp", "/var/tmp", "/dev/shm"}

// All leaves nothing. An error says what is still there; then nobody else may be
// let in.
func All() error {
	keys()
	return errors.Join(Processes(), Files(folders...), memory())
}

// dying is how long processes have to die in.
const dying = 5 * time.Second

// Processes kills what an earlier daemon's jobs have left, should one have outlived
// it: what may gain no new privileges, as all jobs may not and can do nothing
// about, and neither is this process nor one that it comes from.
func Processes() error {
	family := map[int]bool{}
	for pid := os.Getpid(); pid > 1 && !family[pid]; {
		family[pid] = true
		pid, _ = strconv.Atoi(status(pid)["PPid"])
	}
	for end := time.Now().Add(dying); ; time.Sleep(5 * time.Millisecond) {
		left := 0
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		for _, entry := range entries {
			pid, err := strconv.Atoi(entry.Name())
			if err != nil || family[pid] || pid == 1 || !stray(pid) {
				continue
			}
			left++
			kill(pid)
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d processes do not die", left)
		}
	}
}

// kill kills a stray: held by its descriptor and looked at again, where the kernel
// has those.
func kill(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ENOSYS || err == unix.EPERM {
		unix.Kill(pid, unix.SIGKILL)
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if stray(pid) {
		unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}

// stray reports whether a living process is a job's.
func stray(pid int) bool {
	s := status(pid)
	uid, _, _ := strings.Cut(s["Uid"], "\t")
	return uid == strconv.Itoa(os.Getuid()) && s["NoNewPrivs"] == "1" && !(strings.HasPrefix(s["State"], "Z") && s["Threads"] == "1")
}

// status is a /proc/PID/status (proc_pid_status(5)).
func status(pid int) map[string]string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	return fields
}

// Files removes from folders what is this user's.
func Files(folders ...string) error {
	var failed error
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			at := filepath.Join(folder, entry.Name())
			var st unix.Stat_t
			if unix.Lstat(at, &st) != nil || int(st.Uid) != os.Getuid() {
				continue
			}
			if err := user.RemoveAll(at); err != nil {
				failed = errors.Join(failed, fmt.Errorf("files are left in %s: %w", folder, cause(err)))
			}
		}
	}
	return failed
}

// cause is an error without the path it is about, which may be anything.
func cause(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// memory removes System V shared memory, semaphores and message queues
// (sysvipc(7)), which outlive the processes that made them.
func memory() error {
	var failed error
	for kind, call := range map[string]uintptr{"shm": unix.SYS_SHMCTL, "sem": unix.SYS_SEMCTL, "msg": unix.SYS_MSGCTL} {
		text, _ := os.ReadFile("/proc/sysvipc/" + kind)
		owner := -1 // its column, which the first line names
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if owner < 0 {
				owner = slices.Index(fields, "uid")
				continue
			}
			if len(fields) <= owner || fields[owner] != strconv.Itoa(os.Getuid()) {
				continue
			}
			number, _ := strconv.Atoi(fields[1])
			// semctl takes the number of a semaphore in between.
			second, third := uintptr(unix.IPC_RMID), uintptr(0)
			if kind == "sem" {
				second, third = 0, unix.IPC_RMID
			}
			if _, _, err := unix.Syscall6(call, uintptr(number), second, third, 0, 0, 0); err != 0 && err != unix.EINVAL && err != unix.EIDRM {
				failed = errors.Join(failed, fmt.Errorf("%s is left: %w", kind, err))
			}
		}
	}
	return failed
}

// keys empties the keyrings that live on with the user (user-keyring(7),
// persistent-keyring(7)); where there are none the kernel says so in many ways.
func keys() {
	for _, ring := range []int{unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_USER_SESSION_KEYRING} {
		unix.KeyctlInt(unix.KEYCTL_CLEAR, ring, 0, 0, 0)
	}
	if ring, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err == nil {
		unix.KeyctlInt(unix.KEYCTL_CLEAR, ring, 0, 0, 0)
	}
}
