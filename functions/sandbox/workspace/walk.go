//go:build linux

package workspace

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/files"
	"instar/shared/sandbox"
)

// maxSkips is how many skipped paths a manifest lists.
const maxSkips = 100

// found is something in the workspace as the walk saw it.
type found struct {
	node sandbox.Node // of a file: without its content
	seen identity
}

// walk lists a workspace. It goes from descriptor to descriptor and follows no
// link, so it stays below the one it began with whatever moves meanwhile.
type walk struct {
	uid     uint32
	max     int64
	found   []found
	bytes   int64
	skips   []sandbox.Skip
	skipped int
}

// size is where the bytes are, for who has too many of them.
type size struct {
	name  string
	bytes int64
}

// walk walks the workspace and sorts it as a manifest is.
func (s *Store) walk() (*walk, error) {
	w := &walk{uid: uint32(s.config.User.UID), max: s.config.Max}
	fd, err := unix.Open(s.config.Dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	if err := w.folder(fd, "", 1); err != nil {
		return nil, err
	}
	slices.SortFunc(w.found, func(a, b found) int { return cmp.Compare(a.node.Path, b.node.Path) })
	if w.bytes > w.max {
		return nil, fmt.Errorf("%w: %d MB, at most %d MB; largest are %s", ErrTooLarge, w.bytes>>20, w.max>>20, w.largest())
	}
	return w, nil
}

func (w *walk) skip(path, why string) {
	w.skipped++
	if len(w.skips) < maxSkips {
		if !utf8.ValidString(path) {
			path = strconv.Quote(path)
		}
		w.skips = append(w.skips, sandbox.Skip{Path: path, Why: why})
	}
}

// folder lists one folder and closes its descriptor.
func (w *walk) folder(fd int, path string, depth int) error {
	dir := os.NewFile(uintptr(fd), "folder")
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			at := name
			if path != "" {
				at = path + "/" + name
			}
			if err := w.entry(fd, name, at, depth); err != nil {
				return err
			}
		}
		if err == io.EOF || errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if err != nil {
			return fmt.Errorf("list workspace: %w", err)
		}
	}
}

func (w *walk) entry(dir int, name, path string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil // gone meanwhile
	}
	switch {
	case strings.HasPrefix(name, files.TempPrefix):
		return nil // being written, and then renamed
	case !utf8.ValidString(name):
		w.skip(path, "name is not UTF-8")
		return nil
	case st.Uid != w.uid:
		w.skip(path, "belongs to another user")
		return nil
	case depth > sandbox.MaxDepth || sandbox.CheckPath(path) != nil:
		w.skip(path, "too deep")
		return nil
	}
	if len(w.found) == sandbox.MaxNodes {
		return fmt.Errorf("%w: more than %d files and folders", ErrTooLarge, sandbox.MaxNodes)
	}
	f := found{node: sandbox.Node{Path: path, Mode: st.Mode & 0o777}, seen: identify(&st)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.node.Type, f.node.Size, f.node.Mtime = sandbox.File, st.Size, st.Mtim.Nano()
		w.bytes += st.Size
	case unix.S_IFLNK:
		target, ok := readlink(dir, name)
		if !ok {
			w.skip(path, "link is not UTF-8, or gone")
			return nil
		}
		f.node.Type, f.node.Mode, f.node.Target = sandbox.Link, 0, target
	case unix.S_IFDIR:
		f.node.Type = sandbox.Dir
		below, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if errors.Is(err, fs.ErrPermission) {
			w.skip(path, "its owner may not read it")
			return nil
		}
		if err != nil {
			return nil // gone, or something else by now
		}
		w.found = append(w.found, f)
		return w.folder(below, path, depth+1)
	default:
		w.skip(path, "a socket, fifo or device")
		return nil
	}
	w.found = append(w.found, f)
	return nil
}

func readlink(dir int, name string) (string, bool) {
	var target [4096]byte
	n, err := unix.Readlinkat(dir, name, target[:])
	if err != nil || n == 0 || n == len(target) || !utf8.Valid(target[:n]) {
		return "", false
	}
	return string(target[:n]), true
}

// largest names the three top entries with the most bytes.
func (w *walk) largest() string {
	byTop := map[string]int64{}
	for _, f := range w.found {
		top, _, _ := strings.Cut(f.node.Path, "/")
		byTop[top] += f.node.Size
	}
	sizes := make([]size, 0, len(byTop))
	for name, bytes := range byTop {
		sizes = append(sizes, size{name, bytes})
	}
	slices.SortFunc(sizes, func(a, b size) int { return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.name, b.name)) })
	var text []string
	for _, s := range sizes[:min(3, len(sizes))] {
		text = append(text, fmt.Sprintf("%q with %d MB", s.name, s.bytes>>20))
	}
	return strings.Join(text, ", ")
}
