//go:build linux

package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// ErrIncomplete is the error of a Finish before every content has come.
var ErrIncomplete = errors.New("contents are still missing")

// Finish builds the tree and puts it in the workspace's place, all at once, and
// deletes the old one. The caller sees to it that no job runs. After an error
// the old workspace stands untouched.
func (s *Store) Finish() error {
	if !s.mu.TryLock() {
		return ErrBusy
	}
	defer s.mu.Unlock()
	r := s.restore
	if r == nil {
		return ErrNone
	}
	if len(r.wanted().Packs) > 0 {
		return ErrIncomplete
	}
	if err := s.build(r.manifest); err != nil {
		s.abandon()
		return fmt.Errorf("build workspace: %w", err)
	}
	// The kernel swaps the two names, or neither.
	if err := unix.Renameat2(unix.AT_FDCWD, s.tree(), unix.AT_FDCWD, s.config.Dir, unix.RENAME_EXCHANGE); err != nil {
		s.abandon()
		return fmt.Errorf("swap workspaces: %w", err)
	}
	s.remember(r.manifest)
	s.abandon()
	return nil
}

// build makes the tree in a folder that no job can reach, so that nothing moves
// meanwhile; and through os.Root, so that no link of the manifest's leads out.
func (s *Store) build(m *sandbox.Manifest) error {
	if err := errors.Join(user.RemoveAll(s.tree()), os.Mkdir(s.tree(), 0o700)); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.staging())
	if err != nil {
		return err
	}
	defer root.Close()
	uses := make(map[string]int, len(m.Nodes))
	for i := range m.Nodes {
		uses[m.Nodes[i].Sum]++
	}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		at := path.Join(tree, n.Path)
		switch n.Type {
		case sandbox.Dir:
			err = root.Mkdir(at, 0o700)
		case sandbox.Link:
			err = root.Symlink(n.Target, at)
		case sandbox.File:
			uses[n.Sum]--
			err = content(root, at, n, uses[n.Sum] == 0)
		}
		if err == nil {
			err = root.Lchown(at, s.config.User.UID, s.config.User.GID)
		}
		if err == nil && n.Type == sandbox.File {
			when := time.Unix(0, n.Mtime)
			err = errors.Join(root.Chmod(at, fs.FileMode(n.Mode)), root.Chtimes(at, when, when))
		}
		if err != nil {
			return err
		}
	}
	// Folders last and from below, so that one without rights does not matter.
	for i := len(m.Nodes) - 1; i >= 0; i-- {
		if n := &m.Nodes[i]; n.Type == sandbox.Dir {
			if err := root.Chmod(path.Join(tree, n.Path), fs.FileMode(n.Mode)); err != nil {
				return err
			}
		}
	}
	return own(s.tree(), s.config.User)
}

// content makes a file of a content that has come, whose last use is by moving
// it.
func content(root *os.Root, at string, n *sandbox.Node, last bool) error {
	from := path.Join(contents, n.Sum)
	if n.Size > 0 && last {
		return root.Rename(from, at)
	}
	file, err := root.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if n.Size == 0 {
		return nil
	}
	source, err := root.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	_, err = io.Copy(file, source)
	return err
}

// remember notes the contents of the files just made, so that the next save
// need not read them. What was made a moment ago is read again nevertheless.
func (s *Store) remember(m *sandbox.Manifest) {
	now := time.Now()
	s.known = make(map[string]remembered, len(m.Nodes))
	root, err := unix.Open(s.config.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(root)
	for i := range m.Nodes {
		n := &m.Nodes[i]
		var st unix.Stat_t
		if n.Type == sandbox.File && unix.Fstatat(root, n.Path, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			s.known[n.Path] = remembered{seen: identify(&st), sum: n.Sum, at: now}
		}
	}
}
