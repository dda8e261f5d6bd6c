//go:build linux

package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"instar/functions/sandbox/user"
)

func open(t testing.TB) *Files {
	return &Files{Dir: t.TempDir(), User: user.User{UID: os.Getuid(), GID: os.Getgid()}, Max: 100}
}

func TestErrorsSayWhatIsWrongWithThePath(t *testing.T) {
	s := open(t)
	os.Symlink("/", filepath.Join(s.Dir, "root"))
	os.Symlink("..", filepath.Join(s.Dir, "up"))
	os.Mkdir(filepath.Join(s.Dir, "dir"), 0o755)
	for path, want := range map[string]error{
		"": ErrPath, "/a": ErrPath, "a/../b": ErrPath, "a//b": ErrPath, "root/etc/hosts": ErrOutside, "up/x": ErrOutside, "up": ErrOutside,
		"dir": ErrKind, "none": os.ErrNotExist,
	} {
		if _, _, err := s.Open(path); !errors.Is(err, want) {
			t.Errorf("open %q: %v, want %v", path, err, want)
		}
	}
	for path, want := range map[string]error{"": ErrPath, "../x": ErrPath, "root/tmp/x": ErrOutside, "up/x": ErrOutside, "dir": ErrKind} {
		if _, err := s.Put(path, 0o644, strings.NewReader("x")); !errors.Is(err, want) {
			t.Errorf("put %q: %v, want %v", path, err, want)
		}
	}
	if _, err := s.Put("large", 0o644, strings.NewReader(strings.Repeat("x", 101))); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if names, _ := os.ReadDir(s.Dir); len(names) != 3 {
		t.Errorf("left behind: %v", names)
	}
}

// Whatever the path: what is read, written or deleted by it is below the folder.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"a", "../a", "in/../../out", "up/out", "in/up/../up/out", "root/tmp", "\x00", "in\\..\\..\\out", "./a", "in/link/x"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		top := t.TempDir()
		s := open(t)
		s.Dir = filepath.Join(top, "box")
		os.MkdirAll(filepath.Join(s.Dir, "in"), 0o755)
		os.WriteFile(filepath.Join(top, "out"), []byte("out"), 0o644)
		os.Symlink("..", filepath.Join(s.Dir, "up"))
		os.Symlink("../..", filepath.Join(s.Dir, "in", "up"))
		os.Symlink(top, filepath.Join(s.Dir, "in", "link"))
		if file, _, err := s.Open(path); err == nil {
			text, _ := io.ReadAll(file)
			file.Close()
			if string(text) == "out" {
				t.Fatalf("%q reads outside", path)
			}
		}
		s.Put(path, 0o644, strings.NewReader("in"))
		s.Delete(path, true)
		s.List(path)
		names, _ := os.ReadDir(top)
		text, _ := os.ReadFile(filepath.Join(top, "out"))
		if len(names) != 2 || string(text) != "out" {
			t.Fatalf("%q changes outside: %v, %q", path, names, text)
		}
	})
}
