//go:build linux

package job

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDescriptorsAreKeptBackOneByOneToo(t *testing.T) {
	for name, keep := range map[string]func(int) error{"at once": CloseOnExec, "one by one": closeEach} {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		flag := func() int {
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil {
				t.Fatal(err)
			}
			return flags & unix.FD_CLOEXEC
		}
		if err := keep(fd + 1); err != nil || flag() != 0 {
			t.Errorf("%s: %v, %d is closed, and was not to be", name, err, fd)
		}
		if err := keep(fd); err != nil || flag() == 0 {
			t.Errorf("%s: %v, %d stays open", name, err, fd)
		}
	}
}
