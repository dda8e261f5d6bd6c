//go:build linux

package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

// Saved is a save: its manifest, and the pack that Manifest.New names, to be
// read and closed.
type Saved struct {
	Manifest sandbox.Manifest
	Pack     *os.File // nil when nothing is new
	Bytes    int64    // of the pack
}

// Close frees the pack's disk.
func (s *Saved) Close() {
	if s.Pack != nil {
		s.Pack.Close()
	}
}

// Save saves the workspace as it is, also while jobs run: each content is one
// that its file had, and the pack is a copy, so it does not change any more.
// It needs disk for what is new. The errors are Bad, ErrTooLarge and ErrBusy.
func (s *Store) Save(ctx context.Context, before *sandbox.Manifest) (*Saved, error) {
	if err := before.Check(); err != nil {
		return nil, Bad{err.Error()}
	}
	if !s.mu.TryLock() {
		return nil, ErrBusy
	}
	defer s.mu.Unlock()
	w, err := s.walk()
	if err != nil {
		return nil, err
	}
	p, err := newPack(s.config.State, before)
	if err != nil {
		return nil, err
	}
	m, err := s.read(ctx, w, p)
	if err != nil {
		p.file.Close()
		return nil, err
	}
	m.Skipped, m.SkippedAll = w.skips, w.skipped
	return p.saved(m, before), nil
}

// read makes the manifest of what the walk found, and puts what is new into the
// pack.
func (s *Store) read(ctx context.Context, w *walk, p *pack) (sandbox.Manifest, error) {
	m := sandbox.Manifest{V: sandbox.ManifestVersion, Nodes: make([]sandbox.Node, 0, len(w.found))}
	known := make(map[string]remembered, len(w.found))
	root, err := os.OpenRoot(s.config.Dir)
	if err != nil {
		return m, fmt.Errorf("open workspace: %w", err)
	}
	defer root.Close()
	gone := map[string]bool{}
	for _, f := range w.found {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		n := f.node
		if n.Type != sandbox.File {
			m.Nodes = append(m.Nodes, n)
			continue
		}
		r, old := s.known[n.Path]
		sum, ok := s.unchanged(n.Path, f.seen)
		// An unchanged file is read again only for who does not have its content.
		if !ok || !p.has(sum) && n.Size > 0 {
			if r, ok, err = p.add(root, n.Path, w); err != nil {
				return m, err
			} else if !ok {
				gone[n.Path] = true
				continue
			}
		} else if !old {
			continue
		}
		known[n.Path] = r
		n.Sum, n.Size, n.Mtime = r.sum, r.seen.size, r.seen.mtime
		m.Nodes = append(m.Nodes, n)
	}
	s.known = known
	return m, nil
}

// pack collects contents that are not yet in one.
type pack struct {
	file   *os.File // without a name: closing it frees the disk
	size   int64
	sums   hash.Hash // of the contents' sums: the pack's id
	before map[string]sandbox.Place
	added  map[string]sandbox.Place
}

func newPack(dir string, before *sandbox.Manifest) (*pack, error) {
	file, err := os.CreateTemp(dir, "pack-")
	if err != nil {
		return nil, fmt.Errorf("make pack: %w", err)
	}
	os.Remove(file.Name())
	p := &pack{file: file, sums: sha256.New(), before: map[string]sandbox.Place{}, added: map[string]sandbox.Place{}}
	for _, place := range before.Places() {
		p.before[place.Sum] = place
	}
	return p, nil
}

func (p *pack) has(sum string) bool {
	_, old := p.before[sum]
	_, new := p.added[sum]
	return old || new
}

// add reads a file and keeps its content if nobody has it. A file that is gone,
// or is another kind of thing by now, is not ok. One that changes while it is
// read is taken as it was read, and read again next time.
func (p *pack) add(root *os.Root, path string, w *walk) (r remembered, ok bool, err error) {
	file, err := root.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrPermission) {
		w.skip(path, "its owner may not read it")
	}
	if err != nil {
		return r, false, nil
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return r, false, fmt.Errorf("look at file: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != w.uid {
		return r, false, nil
	}
	r.at = time.Now()
	sum := sha256.New()
	if _, err := p.file.Seek(p.size, io.SeekStart); err != nil {
		return r, false, fmt.Errorf("write pack: %w", err)
	}
	if p.size+st.Size > w.max {
		return r, false, fmt.Errorf("%w: it grew while it was saved", ErrTooLarge)
	}
	size, err := io.Copy(io.MultiWriter(sum, p.file), io.LimitReader(file, st.Size))
	if err != nil {
		return r, false, fmt.Errorf("copy file into pack: %w", err)
	}
	digest := sum.Sum(nil)
	r.seen, r.sum = identify(&st), hex.EncodeToString(digest)
	var after unix.Stat_t
	if unix.Fstat(int(file.Fd()), &after) != nil || identify(&after) != r.seen || size != st.Size {
		r.seen.size, r.at = size, time.Time{}
	}
	if size > 0 && !p.has(r.sum) {
		p.added[r.sum] = sandbox.Place{Sum: r.sum, Offset: p.size, Size: size}
		p.size += size
		p.sums.Write(digest)
	}
	return r, true, nil
}

// saved gives every content of the manifest its place.
func (p *pack) saved(m sandbox.Manifest, before *sandbox.Manifest) *Saved {
	s := &Saved{Bytes: p.size}
	p.file.Truncate(p.size) // of what turned out to be known
	index := map[int]int{}  // of before's packs in m's
	fresh := -1
	if p.size > 0 {
		m.New = hex.EncodeToString(p.sums.Sum(nil))
		s.Pack = p.file
		p.file.Seek(0, io.SeekStart)
	} else {
		p.file.Close()
	}
	counted := map[string]bool{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Type != sandbox.File || n.Size == 0 {
			continue
		}
		place, added := p.added[n.Sum]
		if !added {
			place = p.before[n.Sum]
			at, ok := index[place.Pack]
			if !ok {
				at = len(m.Packs)
				index[place.Pack] = at
				old := before.Packs[place.Pack]
				m.Packs = append(m.Packs, sandbox.Pack{ID: old.ID, Bytes: old.Bytes})
			}
			place.Pack = at
		} else {
			if fresh < 0 {
				fresh = len(m.Packs)
				m.Packs = append(m.Packs, sandbox.Pack{ID: m.New, Bytes: p.size})
			}
			place.Pack = fresh
		}
		n.Pack, n.Offset = place.Pack, place.Offset
		if !counted[n.Sum] {
			counted[n.Sum] = true
			m.Packs[place.Pack].Live += n.Size
		}
	}
	s.Manifest = m
	return s
}
