//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bucket

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock that closing the file, or the end of the process
// however it comes, releases.
func lockFile(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("in use by another process; stop that one or choose another folder")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
