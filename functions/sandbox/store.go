//go:build linux

package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"instar/functions/sandbox/files"
	"instar/shared/sandbox"
)

// files reads, writes and deletes one file of the workspace. Bodies are its raw
// bytes; a Range is honoured.
func (h *Handler) files(w http.ResponseWriter, r *http.Request, path string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		file, info, err := h.Files.Open(path)
		if err != nil {
			h.fail(w, "read file", err)
			return
		}
		defer file.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(sandbox.HeaderMode, fmt.Sprintf("%04o", info.Mode().Perm()))
		http.ServeContent(w, r, "", info.ModTime(), file)
	case http.MethodPut:
		h.put(w, r, path)
	case http.MethodDelete:
		done, ok := h.change(w)
		if !ok {
			return
		}
		defer done()
		if err := h.Files.Delete(path, r.URL.Query().Get("all") == "1"); err != nil {
			h.fail(w, "delete file", err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		h.unknown(w)
	}
}

// put writes a file, with ?mode= in octal (0644).
func (h *Handler) put(w http.ResponseWriter, r *http.Request, path string) {
	mode := uint64(0o644)
	if text := r.URL.Query().Get("mode"); text != "" {
		var err error
		if mode, err = strconv.ParseUint(text, 8, 32); err != nil || mode > 0o777 {
			reply(w, http.StatusBadRequest, failure("mode must be octal, at most 777"))
			return
		}
	}
	if r.ContentLength > h.Files.Max {
		h.fail(w, "write file", files.ErrTooLarge)
		return
	}
	done, ok := h.change(w)
	if !ok {
		return
	}
	defer done()
	n, err := h.Files.Put(path, fs.FileMode(mode), r.Body)
	if err != nil {
		h.fail(w, "write file", err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"bytes": n})
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, path string) {
	if r.Method != http.MethodGet {
		h.unknown(w)
		return
	}
	l, err := h.Files.List(path)
	if err != nil {
		h.fail(w, "list folder", err)
		return
	}
	reply(w, http.StatusOK, l)
}

// save answers the workspace's manifest as one line of JSON and, right behind
// it, the bytes of the pack that Manifest.New names. The body is the manifest of
// the save before, or nothing.
func (h *Handler) save(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		h.unknown(w)
		return
	}
	before := &sandbox.Manifest{}
	if r.ContentLength != 0 && !read(w, r, sandbox.MaxManifest, before) {
		return
	}
	saved, err := h.Workspace.Save(r.Context(), before)
	if err != nil {
		h.fail(w, "save workspace", err)
		return
	}
	defer saved.Close()
	line, err := json.Marshal(saved.Manifest)
	if err != nil {
		h.fail(w, "save workspace", err)
		return
	}
	line = append(line, '\n')
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(int64(len(line))+saved.Bytes, 10))
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(line); err == nil && saved.Pack != nil {
		io.Copy(w, saved.Pack)
	}
}

// restore begins one with a manifest, takes its packs, and finishes it.
func (h *Handler) restore(w http.ResponseWriter, r *http.Request, rest string) {
	id, isPack := strings.CutPrefix(rest, "packs/")
	var answer sandbox.Restore
	var err error
	switch {
	case r.Method == http.MethodPost && rest == "":
		var m sandbox.Manifest
		if !read(w, r, sandbox.MaxManifest, &m) {
			return
		}
		answer, err = h.Workspace.Begin(&m)
	case r.Method == http.MethodPut && isPack:
		offset, ok := number(w, r, "offset", 0, 1<<62)
		if !ok {
			return
		}
		answer, err = h.Workspace.Take(id, offset, r.Body)
	case r.Method == http.MethodPost && rest == "finish":
		if !h.finish(w) {
			return
		}
		answer.Packs = []sandbox.Wanted{}
	case r.Method == http.MethodDelete && rest == "":
		if err = h.Workspace.Abandon(); err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	default:
		h.unknown(w)
		return
	}
	if err != nil {
		h.fail(w, "restore workspace", err)
		return
	}
	reply(w, http.StatusOK, answer)
}

// finish puts the restored workspace in place, when nothing works in the old
// one.
func (h *Handler) finish(w http.ResponseWriter) bool {
	if !h.gate.TryLock() {
		reply(w, http.StatusConflict, failure("files are being written or a job is being started, try again"))
		return false
	}
	defer h.gate.Unlock()
	if h.Jobs.Running() > 0 {
		reply(w, http.StatusConflict, failure("jobs are running: end them first"))
		return false
	}
	if err := h.Workspace.Finish(); err != nil {
		h.fail(w, "restore workspace", err)
		return false
	}
	return true
}
