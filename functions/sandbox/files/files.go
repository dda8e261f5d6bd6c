//go:build linux

// Package files reads and writes single files of the workspace for the owner's
// agent, while jobs may be changing it.
//
// A path is resolved by the kernel, name by name below the workspace's own
// descriptor (os.Root): a link within the workspace is followed, one that leads
// out is not, however late it was put there. On top of that everything is done
// with the rights of the user that jobs run as, so that not even a hard link
// gives more than a job has. Only regular files are read; nothing waits for a
// fifo. A write is seen whole or not at all.
package files

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// MaxListed is how many entries a listing has, so that it stays below 1 MB of
// JSON with names of usual length.
const MaxListed = 4000

// TempPrefix begins the names of files that are being written.
const TempPrefix = ".instar-put-"

var (
	// ErrPath is wrapped with what is wrong with a path.
	ErrPath = errors.New("bad path")
	// ErrOutside is the error for a path that a link leads out of the workspace.
	ErrOutside = errors.New("path leads out of the workspace")
	// ErrKind is the error for something that is not what the call is about: a
	// folder to read, a file to list, a fifo, a device.
	ErrKind = errors.New("not a regular file or not a folder, as this call needs")
	// ErrTooLarge is the error of a write of more than Max bytes.
	ErrTooLarge = errors.New("file is too large")
)

// Files is the workspace as files. Errors other than those above are the
// system's, such as fs.ErrNotExist and fs.ErrPermission.
type Files struct {
	Dir  string // the workspace; what is above it belongs to root
	User user.User
	Max  int64 // bytes of one file
}

// in runs f with the user's rights and the workspace as it is now.
func (s *Files) in(name string, f func(root *os.Root) error) error {
	if err := sandbox.CheckPath(name); err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	return s.inRoot(f)
}

func (s *Files) inRoot(f func(root *os.Root) error) error {
	err := s.User.Do(func() error {
		root, err := os.OpenRoot(s.Dir)
		if err != nil {
			return err
		}
		defer root.Close()
		return f(root)
	})
	// What is about a path and no error number is Root's own refusal.
	var path *fs.PathError
	var link *os.LinkError
	var number syscall.Errno
	if (errors.As(err, &path) || errors.As(err, &link)) && !errors.As(err, &number) {
		return ErrOutside
	}
	return err
}

// Open opens a regular file to read.
func (s *Files) Open(name string) (file *os.File, info fs.FileInfo, err error) {
	err = s.in(name, func(root *os.Root) error {
		file, err = root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = ErrKind
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// Put writes a file, with the folders it is in: first beside its place, then
// into it. What was there, if it was no folder, is replaced, not written to.
func (s *Files) Put(name string, mode fs.FileMode, content io.Reader) (written int64, err error) {
	temp := path.Join(path.Dir(name), TempPrefix+randomName())
	var file *os.File
	if err := s.in(name, func(root *os.Root) error {
		if dir := path.Dir(name); dir != "." {
			if err := root.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		file, err = root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	}); err != nil {
		return 0, err
	}
	defer file.Close()
	written, err = io.Copy(file, io.LimitReader(content, s.Max+1))
	if err == nil && written > s.Max {
		err = ErrTooLarge
	}
	if err == nil {
		err = file.Chmod(mode.Perm())
	}
	if err == nil {
		err = s.inRoot(func(root *os.Root) error { return root.Rename(temp, name) })
	}
	if err != nil {
		s.inRoot(func(root *os.Root) error { return root.Remove(temp) })
		var link *os.LinkError
		if errors.As(err, &link) && (link.Err == syscall.EISDIR || link.Err == syscall.EEXIST) {
			err = ErrKind
		}
		return 0, err
	}
	return written, nil
}

// Delete removes a file, a link or an empty folder, and with all a folder with
// what is in it. What a link points to is left alone.
func (s *Files) Delete(name string, all bool) error {
	return s.in(name, func(root *os.Root) error {
		if !all {
			return root.Remove(name)
		}
		if _, err := root.Lstat(name); err != nil {
			return err
		}
		return root.RemoveAll(name)
	})
}

// List lists a folder; "" is the workspace.
func (s *Files) List(name string) (sandbox.Listing, error) {
	if name == "" {
		return s.list(".", s.inRoot)
	}
	return s.list(name, func(f func(*os.Root) error) error { return s.in(name, f) })
}

func (s *Files) list(name string, in func(func(*os.Root) error) error) (sandbox.Listing, error) {
	var dir *os.File
	if err := in(func(root *os.Root) (err error) {
		dir, err = root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		return err
	}); err != nil {
		return sandbox.Listing{}, err
	}
	defer dir.Close()
	if info, err := dir.Stat(); err != nil || !info.IsDir() {
		return sandbox.Listing{}, cmp.Or(err, ErrKind)
	}
	names, err := dir.Readdirnames(MaxListed + 1)
	if err != nil && err != io.EOF {
		return sandbox.Listing{}, err
	}
	l := sandbox.Listing{Entries: make([]sandbox.Entry, 0, len(names)), Truncated: len(names) > MaxListed}
	slices.Sort(names)
	for _, name := range names[:min(len(names), MaxListed)] {
		if entry, ok := look(int(dir.Fd()), name); ok {
			l.Entries = append(l.Entries, entry)
		}
	}
	return l, nil
}

// look describes what has a name in a folder, which may be gone by now.
func look(dir int, name string) (sandbox.Entry, bool) {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return sandbox.Entry{}, false
	}
	e := sandbox.Entry{
		Name: strings.ToValidUTF8(name, "\uFFFD"), Type: "other", Size: st.Size,
		Mode: fmt.Sprintf("%04o", st.Mode&0o777), Mtime: time.Unix(st.Mtim.Unix()).UTC(),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.Type = sandbox.File
	case unix.S_IFDIR:
		e.Type, e.Size = sandbox.Dir, 0
	case unix.S_IFLNK:
		e.Type = sandbox.Link
		var target [4096]byte
		if n, err := unix.Readlinkat(dir, name, target[:]); err == nil {
			e.Link = strings.ToValidUTF8(string(target[:n]), "\uFFFD")
		}
	}
	return e, true
}

func randomName() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
