//go:build !js

package bucket_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"instar/shared/bucket"
	"instar/shared/bucket/buckettest"
)

func openFolder(t *testing.T) bucket.Bucket { return reopen(t, t.TempDir()) }

func reopen(t *testing.T, dir string) *bucket.Folder {
	t.Helper()
	f, err := bucket.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFolderIsABucket(t *testing.T) {
	buckettest.Run(t, openFolder)
	t.Run("full pages", func(t *testing.T) { buckettest.RunFullPages(t, openFolder) })
}

func TestFolderKeepsObjectsWhenReopened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	f := reopen(t, dir)
	etag, err := f.PutIfAbsent(t.Context(), "main/SOUL.md", []byte("kind"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	half := filepath.Join(dir, "tmp", "put-123") // as a crash leaves it
	if err := os.WriteFile(half, []byte("ki"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := reopen(t, dir).Get(t.Context(), "main/SOUL.md")
	if _, err := os.Stat(half); err == nil {
		t.Error("a half-written file stays for ever")
	}
	if err != nil || o.ETag != etag || string(o.Data) != "kind" {
		t.Errorf("got %+v, error %v", o, err)
	}
}

func TestFolderIsOpenOnlyOnce(t *testing.T) {
	dir := t.TempDir()
	f := reopen(t, dir)
	if second, err := bucket.OpenFolder(dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opening it again gave %v, error %v", second, err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	reopen(t, dir)
	if _, err := f.PutIfAbsent(t.Context(), "k", nil); err == nil {
		t.Error("a closed folder was written to")
	}
	if _, err := f.List(t.Context(), bucket.ListOptions{}); err == nil {
		t.Error("a closed folder was listed")
	}
}

func TestFolderIgnoresFilesThatAreNotItsObjects(t *testing.T) {
	dir := t.TempDir()
	f := reopen(t, dir)
	if _, err := f.PutIfAbsent(t.Context(), "notes/today.md", nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"today.md~", ".DS_Store"} {
		if err := os.WriteFile(filepath.Join(dir, "objects", "notes+", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := f.List(t.Context(), bucket.ListOptions{})
	if err != nil || len(page.Entries) != 1 {
		t.Errorf("listed %v, error %v", page.Entries, err)
	}
}

func TestFolderLeavesNothingBehindADeletedObject(t *testing.T) {
	dir := t.TempDir()
	f := reopen(t, dir)
	f.PutIfAbsent(t.Context(), "a/b/c", nil)
	if err := f.Delete(t.Context(), "a/b/c"); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"objects", "tmp"} {
		if left, err := os.ReadDir(filepath.Join(dir, sub)); err != nil || len(left) > 0 {
			t.Errorf("%s has %v, error %v", sub, left, err)
		}
	}
}

const (
	crashDir = "INSTAR_BUCKET_CRASH_DIR"
	crashKey = "main/state"
)

// TestFolderWriter is the process that TestFolderSurvivesAKilledWriter kills:
// it replaces one large object for ever and reports each finished write.
func TestFolderWriter(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("runs as a child process")
	}
	f := reopen(t, dir)
	etag := ""
	if o, err := f.Get(context.Background(), crashKey); err == nil {
		etag = o.ETag
	}
	for i := 0; ; i++ {
		data := bytes.Repeat([]byte(fmt.Sprintf("%08d", i)), 32<<10)
		var err error
		if etag == "" {
			etag, err = f.PutIfAbsent(context.Background(), crashKey, data)
		} else {
			etag, err = f.PutIfMatch(context.Background(), crashKey, etag, data)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("wrote", i)
	}
}

func TestFolderSurvivesAKilledWriter(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestFolderWriter$")
		child.Env = append(os.Environ(), crashDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		written := -1
		for lines := bufio.NewScanner(out); written < 10+round && lines.Scan(); {
			fmt.Sscanf(lines.Text(), "wrote %d", &written)
		}
		child.Process.Kill()
		child.Wait()

		f := reopen(t, dir)
		o, err := f.Get(t.Context(), crashKey)
		if err != nil {
			t.Fatal(err)
		}
		var last int
		fmt.Sscanf(string(o.Data[:8]), "%d", &last)
		if want := bytes.Repeat(o.Data[:8], 32<<10); !bytes.Equal(o.Data, want) || last < written || written < 10 {
			t.Fatalf("after write %d the object has %d bytes and starts with %q", written, len(o.Data), o.Data[:8])
		}
		files := 0
		filepath.WalkDir(dir, func(_ string, d fs.DirEntry, _ error) error {
			if d.Type().IsRegular() {
				files++
			}
			return nil
		})
		if files != 2 { // the object and the lock
			t.Errorf("%d files after reopening, want 2", files)
		}
		f.Close()
	}
}
