//go:build linux

// Package workspace saves the workspace and puts it back: see sandbox.Manifest
// for what a save is made of.
//
// A save reads only what may have changed since the last one (by size, mtime,
// ctime and inode) and hands out only contents that the manifest it is given
// does not know. A restore builds the whole tree where no job can reach it,
// checks every content against its SHA-256 on the way, and then changes places
// with the workspace in one system call: until then, and after any failure, the
// old one stands.
//
// Files and folders of the jobs' user are saved, with their permission bits and
// files' mtimes, and symbolic links as text. Sockets, fifos, devices, what
// belongs to somebody else, names that are no UTF-8, and, by a daemon that is not
// root, what its owner has no right to read are not; the manifest lists them. Hard links come back as separate files.
package workspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// ErrTooLarge is wrapped with the numbers and what is largest.
var ErrTooLarge = errors.New("workspace is too large to save")

// ErrBusy is the error of a save or restore step while another one runs.
var ErrBusy = errors.New("another save or restore is running")

// Bad is the error for what a caller sent wrong: a manifest, a pack.
type Bad struct{ Problem string }

func (b Bad) Error() string { return b.Problem }

// Config is what a Store needs to know. Dir and State are on one file system.
type Config struct {
	Dir   string // the workspace
	State string // a folder that only root can enter
	User  user.User
	Max   int64 // bytes of a workspace
}

// Store saves and restores one workspace.
type Store struct {
	config Config

	mu      sync.Mutex // one save or restore step at a time
	known   map[string]remembered
	restore *restore // the one begun, or nil
}

// remembered is a file as it was when its content was last read.
type remembered struct {
	seen identity
	sum  string
	at   time.Time // when it was read
}

// identity changes when a file's content does, unless within settle.
type identity struct {
	inode        uint64
	size         int64
	mtime, ctime int64 // nanoseconds
}

// settle is how long a file must have been left alone before it was read, for
// its ctime to tell of the next change: the kernel's clock ticks every 1 to 10
// ms.
const settle = 100 * time.Millisecond

func identify(st *unix.Stat_t) identity {
	return identity{inode: st.Ino, size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano()}
}

// New makes the workspace, if it is not there, and an empty place for restores.
func New(c Config) (*Store, error) {
	s := &Store{config: c, known: map[string]remembered{}}
	if err := user.RemoveAll(s.staging()); err != nil {
		return nil, fmt.Errorf("clear restores: %w", err)
	}
	if err := os.Mkdir(c.Dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	return s, own(c.Dir, c.User)
}

// own gives the top of a workspace to its user.
func own(dir string, u user.User) error {
	if err := errors.Join(os.Lchown(dir, u.UID, u.GID), os.Chmod(dir, 0o755)); err != nil {
		return fmt.Errorf("give workspace to its user: %w", err)
	}
	return nil
}

func (s *Store) staging() string { return filepath.Join(s.config.State, "restore") }

// unchanged answers the content of a file that is as it was when last read.
func (s *Store) unchanged(path string, now identity) (sum string, ok bool) {
	r, ok := s.known[path]
	if !ok || r.seen != now || time.Unix(0, now.ctime).After(r.at.Add(-settle)) {
		return "", false
	}
	return r.sum, true
}

// Limits says what holds here, as far as workspaces go.
func (s *Store) Limits(l *sandbox.Limits) {
	l.MaxSaved, l.MaxEntries = s.config.Max, sandbox.MaxNodes
}
