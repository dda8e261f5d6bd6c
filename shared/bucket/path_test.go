package bucket

import (
	"path/filepath"
	"strings"
	"testing"
)

func FuzzObjectPathRoundTrip(f *testing.F) {
	long := strings.Repeat("x", maxName)
	for _, seed := range []string{"a", "a/b", "main/SOUL.md", "日記/é", long + ".", long + "..", long + "a/..b", strings.Repeat("É", 512), "%25+~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) != nil {
			t.Skip()
		}
		file := objectPath(key)
		if got, ok := objectKey(file); !ok || got != key {
			t.Fatalf("%q has the path %q, which is the key %q, %v", key, file, got, ok)
		}
		if !filepath.IsLocal(file) || len(file) > 3200 || file != strings.ToLower(file) {
			t.Errorf("%q has the unsafe path %q", key, file)
		}
		pieces := strings.Split(file, "/")
		for i, piece := range pieces {
			directory := strings.HasSuffix(piece, "+") || strings.HasSuffix(piece, "~")
			if len(piece) > 255 || piece == "." || piece == ".." || directory != (i < len(pieces)-1) {
				t.Errorf("%q has the piece %q in %q", key, piece, file)
			}
		}
		for i := range len(key) + 1 {
			if dir := objectDir(key[:i]); dir != "." && !strings.HasPrefix(file, dir+"/") {
				t.Fatalf("the prefix %q of %q is looked up in %q, not where %q is", key[:i], key, dir, file)
			}
		}
	})
}

func FuzzObjectKeyAcceptsOnlyItsOwnPaths(f *testing.F) {
	for _, seed := range []string{"a+/b", "a/b", "memory.md~", ".DS_Store", "%61", "%2F", "a%", "..+/x", "+/a", "~/a", "%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		if key, ok := objectKey(file); ok && (CheckKey(key) != nil || objectPath(key) != file) {
			t.Errorf("%q is taken for the key %q, whose path is %q", file, key, objectPath(key))
		}
	})
}

func TestAPrefixNeverLeavesTheFolder(t *testing.T) {
	for _, prefix := range []string{"../", "../../x", "/", "//", "/../", "./", "a/../", "\x00/", `..\`} {
		if dir := objectDir(prefix); !filepath.IsLocal(dir) || strings.Contains("/"+dir+"/", "/../") {
			t.Errorf("the prefix %q is looked up in %q", prefix, dir)
		}
	}
}
