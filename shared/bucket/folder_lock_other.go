//go:build !(js || darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bucket

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock two processes could overwrite each other.
func lockFile(string) (*os.File, error) {
	return nil, errors.New("this operating system has no flock; use a Unix system")
}
