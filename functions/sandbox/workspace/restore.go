//go:build linux

package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// ErrNone is the error of a restore step before Begin.
var ErrNone = errors.New("no restore has been begun")

// What is in the folder of a restore: contents by their sums, and the tree that
// is built from them.
const (
	contents = "contents"
	tree     = "tree"
)

// restore is one that has been begun.
type restore struct {
	manifest *sandbox.Manifest
	packs    map[string]*incoming // by id
	order    []string
}

// incoming takes apart a pack as its bytes come.
type incoming struct {
	id       string
	bytes    int64
	received int64
	places   []sandbox.Place // still to come, in order
	file     *os.File        // of the first of them, or nil
	sum      hash.Hash
}

// Begin starts a restore of a workspace, in place of any that was not finished,
// and answers which packs it takes. The workspace stays as it is until Finish.
func (s *Store) Begin(m *sandbox.Manifest) (sandbox.Restore, error) {
	if err := m.Check(); err != nil {
		return sandbox.Restore{}, Bad{err.Error()}
	}
	var total int64
	for i := range m.Nodes {
		total += m.Nodes[i].Size
	}
	if total > s.config.Max {
		return sandbox.Restore{}, fmt.Errorf("%w: %d MB, at most %d MB", ErrTooLarge, total>>20, s.config.Max>>20)
	}
	if !s.mu.TryLock() {
		return sandbox.Restore{}, ErrBusy
	}
	defer s.mu.Unlock()
	s.abandon()
	if err := os.MkdirAll(s.contents(), 0o700); err != nil {
		return sandbox.Restore{}, fmt.Errorf("make room: %w", err)
	}
	r := &restore{manifest: m, packs: map[string]*incoming{}}
	for _, place := range m.Places() {
		p := m.Packs[place.Pack]
		in := r.packs[p.ID]
		if in == nil {
			in = &incoming{id: p.ID, bytes: p.Bytes}
			r.packs[p.ID] = in
			r.order = append(r.order, p.ID)
		}
		in.places = append(in.places, place)
	}
	s.restore = r
	return r.wanted(), nil
}

func (s *Store) contents() string { return filepath.Join(s.staging(), contents) }

func (s *Store) tree() string { return filepath.Join(s.staging(), tree) }

// abandon forgets a restore that was begun. s.mu is held.
func (s *Store) abandon() {
	if s.restore != nil {
		for _, in := range s.restore.packs {
			in.close()
		}
	}
	s.restore = nil
	user.RemoveAll(s.staging())
}

// Abandon ends a restore that will not be finished.
func (s *Store) Abandon() error {
	if !s.mu.TryLock() {
		return ErrBusy
	}
	defer s.mu.Unlock()
	s.abandon()
	return nil
}

func (r *restore) wanted() sandbox.Restore {
	answer := sandbox.Restore{Packs: []sandbox.Wanted{}}
	for _, id := range r.order {
		if in := r.packs[id]; len(in.places) > 0 {
			answer.Packs = append(answer.Packs, sandbox.Wanted{ID: id, Bytes: in.bytes, Received: in.received})
		}
	}
	return answer
}

// Take takes bytes of a pack from an offset on: all of it, or one part after
// another. Bytes that have come before are passed over, so that a part can be
// sent again; a part that begins later than the one before ended is Bad. A
// content that is not what its sum says is Bad, and the pack begins anew. What
// is still wanted is the answer: a pack is done as soon as no content of it is.
func (s *Store) Take(id string, offset int64, body io.Reader) (sandbox.Restore, error) {
	if !s.mu.TryLock() {
		return sandbox.Restore{}, ErrBusy
	}
	defer s.mu.Unlock()
	r := s.restore
	if r == nil {
		return sandbox.Restore{}, ErrNone
	}
	in := r.packs[id]
	if in == nil {
		return sandbox.Restore{}, Bad{"that pack is not wanted"}
	}
	if len(in.places) == 0 {
		return r.wanted(), nil
	}
	if offset < 0 || offset > in.received {
		return r.wanted(), Bad{fmt.Sprintf("pack has come as far as byte %d: send it from there", in.received)}
	}
	if skip := in.received - offset; skip > 0 {
		if n, err := io.CopyN(io.Discard, body, skip); err == io.EOF {
			return r.wanted(), nil
		} else if err != nil {
			return r.wanted(), fmt.Errorf("read pack after %d bytes: %w", n, err)
		}
	}
	if err := in.take(s.contents(), body); err != nil {
		if bad := (Bad{}); errors.As(err, &bad) {
			in.again(r.manifest)
		}
		return r.wanted(), err
	}
	return r.wanted(), nil
}

// again forgets how far a pack has come. Contents that were found good are kept.
func (in *incoming) again(m *sandbox.Manifest) {
	in.close()
	in.received = 0
	in.places = in.places[:0:0]
	for _, place := range m.Places() {
		if m.Packs[place.Pack].ID == in.id {
			in.places = append(in.places, place)
		}
	}
}

func (in *incoming) close() {
	if in.file != nil {
		in.file.Close()
		in.file = nil
	}
}

// take goes through bytes of the pack from where it stands.
func (in *incoming) take(dir string, body io.Reader) error {
	for len(in.places) > 0 {
		place := in.places[0]
		if gap := place.Offset - in.received; gap > 0 {
			n, err := io.CopyN(io.Discard, body, gap)
			in.received += n
			if err == io.EOF {
				return nil
			} else if err != nil {
				return fmt.Errorf("read pack: %w", err)
			}
		}
		if in.file == nil {
			file, err := os.OpenFile(filepath.Join(dir, place.Sum), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return fmt.Errorf("keep content: %w", err)
			}
			in.file, in.sum = file, sha256.New()
		}
		n, err := io.CopyN(io.MultiWriter(in.sum, in.file), body, place.Offset+place.Size-in.received)
		in.received += n
		if err == io.EOF {
			return nil // the next part brings the rest
		}
		if err != nil {
			return fmt.Errorf("read pack: %w", err)
		}
		in.close()
		if got := hex.EncodeToString(in.sum.Sum(nil)); got != place.Sum {
			os.Remove(filepath.Join(dir, place.Sum))
			return Bad{fmt.Sprintf("pack is damaged: content %s is %s", place.Sum, got)}
		}
		in.places = in.places[1:]
	}
	return nil
}
