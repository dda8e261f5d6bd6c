//go:build linux

package job

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CloseOnExec keeps all descriptors from a number on from the programs that this
// process becomes or starts.
func CloseOnExec(from int) error {
	err := unix.CloseRange(uint(from), ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == unix.EINVAL || err == unix.ENOSYS { // the kernel is older than 5.11
		err = closeEach(from)
	}
	if err != nil {
		return fmt.Errorf("close descriptors: %w", err)
	}
	return nil
}

func closeEach(from int) error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range open {
		// The one that lists them has gone by now.
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= from {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
