package native

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// Assets serves a folder of static files under the rules of the file _headers in
// it, which is not served: lines "/*", then indented headers for all of them. /
// is index.html, and what is not there is 404. All of it is held in memory.
func Assets(folder fs.FS) (http.Handler, error) {
	a := assets{files: map[string]file{}, header: http.Header{}}
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		if name == "_headers" {
			return a.rules(string(data))
		}
		sum := sha256.Sum256(data)
		a.files["/"+name] = file{data, `"` + hex.EncodeToString(sum[:16]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	if index, ok := a.files["/index.html"]; ok {
		a.files["/"] = index
	}
	return a, nil
}

type file struct {
	data []byte
	etag string
}

type assets struct {
	files  map[string]file
	header http.Header
}

func (a assets) rules(text string) error {
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case line[0] != ' ' && line[0] != '\t':
			if strings.TrimSpace(line) != "/*" {
				return fmt.Errorf("_headers: only rules for /* are understood, not %q", strings.TrimSpace(line))
			}
		case !ok:
			return fmt.Errorf("_headers: not a header: %q", strings.TrimSpace(line))
		default:
			a.header.Add(name, value)
		}
	}
	return nil
}

func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	f, ok := a.files[r.URL.Path]
	switch {
	case !ok:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		kind := mime.TypeByExtension(path.Ext(r.URL.Path))
		if r.URL.Path == "/" {
			kind = "text/html; charset=utf-8"
		}
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.Header().Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}
}
