//go:build linux

package workspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// open makes a store of our own user's, with files in it.
func open(t testing.TB, content map[string]string) *Store {
	t.Helper()
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	os.Mkdir(state, 0o700)
	s, err := New(Config{Dir: filepath.Join(dir, "workspace"), State: state, User: user.User{UID: os.Getuid(), GID: os.Getgid()}, Max: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, content)
	return s
}

func (s *Store) put(t testing.TB, content map[string]string) {
	t.Helper()
	for name, text := range content {
		path := filepath.Join(s.config.Dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *Store) all(t testing.TB) map[string]string {
	t.Helper()
	got := map[string]string{}
	filepath.Walk(s.config.Dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			text, _ := os.ReadFile(path)
			name, _ := filepath.Rel(s.config.Dir, path)
			got[name] = string(text)
		}
		return nil
	})
	return got
}

func (s *Store) saved(t testing.TB, before *sandbox.Manifest) (*sandbox.Manifest, []byte) {
	t.Helper()
	saved, err := s.Save(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	if err := saved.Manifest.Check(); err != nil {
		t.Fatal(err)
	}
	var pack []byte
	if saved.Pack != nil {
		pack, _ = io.ReadAll(saved.Pack)
	}
	if int64(len(pack)) != saved.Bytes {
		t.Fatalf("%d bytes, want %d", len(pack), saved.Bytes)
	}
	return &saved.Manifest, pack
}

func same(a, b map[string]string) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// A file whose content is that of two others, in the order of their pack, makes
// a pack of the same bytes. It must not make one of the same id.
func TestPacksOfTheSameBytesAreTwo(t *testing.T) {
	s := open(t, map[string]string{"a": "one", "b": "two"})
	first, pack1 := s.saved(t, &sandbox.Manifest{})
	s.put(t, map[string]string{"c": "onetwo"})
	second, pack2 := s.saved(t, first)
	if !bytes.Equal(pack1, pack2) || len(second.Packs) != 2 || second.Packs[0].ID == second.Packs[1].ID {
		t.Errorf("%q %q %+v", pack1, pack2, second.Packs)
	}
}

func TestAPackThatNothingUsesIsLeftOut(t *testing.T) {
	s := open(t, map[string]string{"a": "one"})
	first, _ := s.saved(t, &sandbox.Manifest{})
	s.put(t, map[string]string{"a": "other"})
	second, pack := s.saved(t, first)
	if len(second.Packs) != 1 || second.Packs[0].ID != second.New || string(pack) != "other" {
		t.Errorf("%+v %q", second, pack)
	}
	// With nothing known, everything is new, though it was read before.
	third, pack := s.saved(t, &sandbox.Manifest{})
	if string(pack) != "other" || len(third.Packs) != 1 {
		t.Errorf("%+v %q", third, pack)
	}
}

func TestAManifestThatContradictsItselfIsRefused(t *testing.T) {
	s := open(t, map[string]string{"a": "one"})
	m, _ := s.saved(t, &sandbox.Manifest{})
	m.Nodes[0].Offset = 1
	var bad Bad
	if _, err := s.Save(t.Context(), m); !errors.As(err, &bad) {
		t.Errorf("save: %v", err)
	}
	if _, err := s.Begin(m); !errors.As(err, &bad) {
		t.Errorf("restore: %v", err)
	}
}

func TestARestoreLargerThanTheBoundIsRefused(t *testing.T) {
	s := open(t, map[string]string{"a": "one"})
	m, _ := s.saved(t, &sandbox.Manifest{})
	m.Packs[0].Bytes, m.Nodes[0].Size = 1<<21, 1<<21
	if _, err := s.Begin(m); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// Parts of any size, sent again, cut off or damaged: the workspace is the old
// one until it is the saved one.
func FuzzRestore(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, seed%3 == 0)
	}
	want := map[string]string{"a": "alpha", "b/c": string(bytes.Repeat([]byte("xyz"), 500)), "b/d": "delta", "b/e": "alpha", "empty": "", "z": "omega"}
	f.Fuzz(func(t *testing.T, seed uint64, damage bool) {
		random := rand.New(rand.NewPCG(seed, 1))
		m, pack := open(t, want).saved(t, &sandbox.Manifest{})
		old := map[string]string{"old": "text"}
		s := open(t, old)
		r, err := s.Begin(m)
		if err != nil {
			t.Fatal(err)
		}
		for steps := 0; len(r.Packs) > 0 && steps < 10_000; steps++ {
			received := r.Packs[0].Received
			from := received - int64(random.IntN(int(received)+1))
			if random.IntN(8) == 0 {
				from = received + int64(random.IntN(20))
			}
			part := bytes.Clone(pack[min(from, int64(len(pack))):])
			part = part[:random.IntN(len(part)+1)]
			if damage && len(part) > 0 && random.IntN(4) == 0 {
				part[random.IntN(len(part))] ^= 1
			}
			var body io.Reader = bytes.NewReader(part)
			if random.IntN(5) == 0 {
				body = io.MultiReader(body, broken{})
			}
			if answer, err := s.Take(m.New, from, body); err == nil || len(answer.Packs) > 0 {
				r = answer
			}
			if random.IntN(10) == 0 && len(r.Packs) > 0 {
				if err := s.Finish(); !errors.Is(err, ErrIncomplete) {
					t.Fatalf("finished too early: %v", err)
				}
			}
			if !same(s.all(t), old) {
				t.Fatal("the old workspace is not what it was")
			}
		}
		if len(r.Packs) > 0 {
			t.Skip("not by luck")
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		if !same(s.all(t), want) {
			t.Fatalf("restored %q", s.all(t))
		}
		if again, pack := s.saved(t, m); len(pack) != 0 || len(again.Nodes) != len(m.Nodes) {
			t.Fatalf("saved again: %d bytes", len(pack))
		}
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
