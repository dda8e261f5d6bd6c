//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

// reply is what the server sends after an action, as one line of JSON, and after
// it as many bytes of a file as Page.File says.
type reply struct {
	Page sandbox.Page `json:"page"`
}

// folder is where client and server meet, made if needed: the user's alone, or an
// error, so that no other user of the machine poses as the browser.
func folder() (string, error) {
	dir := filepath.Join(os.TempDir(), ".browse-"+strconv.Itoa(os.Geteuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the browser's folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the browser's folder: %w", err)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || int(s.Uid) != os.Geteuid() || info.Mode() != fs.ModeDir|0o700 {
		return "", fmt.Errorf("%s is not this user's own folder with mode 0700: remove it", dir)
	}
	return dir, nil
}

func socket(dir string) string { return filepath.Join(dir, "socket") }

// errServed is the error of lock when a browser is there.
var errServed = errors.New("a browser is there already")

// lock holds the folder for as long as this process lives.
func lock(dir string) error {
	fd, err := unix.Open(filepath.Join(dir, "lock"), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("open the browser's lock: %w", err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return errServed
		}
		return fmt.Errorf("lock the browser's folder: %w", err)
	}
	return nil
}

// send writes one line of JSON.
func send(c net.Conn, v any) error {
	return json.NewEncoder(c).Encode(v)
}
