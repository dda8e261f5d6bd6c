//go:build linux

// Package user lets the daemon touch files with the rights of the user that jobs
// run as, so that what a job put into its workspace (a hard link to a file of
// root's, a link swapped at the right moment) leads the daemon to nothing that
// the job could not reach itself.
package user

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// User is who jobs run as.
type User struct{ UID, GID int }

// Do runs f on a thread whose file system user and group are u's: the kernel
// checks every path f opens against them and against none of root's
// capabilities. What f opened stays open afterwards. f must not start
// goroutines that are to have these rights, and must not change thread.
//
// A thread that cannot be set back is given up, and with it the process: it
// happens to no process that may set its user ids.
func (u User) Do(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := set(u); err != nil {
		return err
	}
	defer func() {
		if err := set(User{unix.Geteuid(), unix.Getegid()}); err != nil {
			panic(err)
		}
	}()
	return f()
}

// set changes this thread's file system ids: the group first, because root's
// right to do so goes with the user.
func set(u User) error {
	// The calls answer the previous id and never an error; -1 changes nothing.
	unix.Setfsgid(u.GID)
	unix.Setfsuid(u.UID)
	gid, _ := unix.SetfsgidRetGid(-1)
	uid, _ := unix.SetfsuidRetUid(-1)
	if uid != u.UID || gid != u.GID {
		return fmt.Errorf("could not become file system user %d:%d: am %d:%d", u.UID, u.GID, uid, gid)
	}
	return nil
}
