//go:build linux

// Package sandbox is the daemon in the container: the computer an agent has when
// it needs one.
//
// Triggered by the agent function, over HTTP, through the platform's binding to
// the session's container. May touch: processes and files of its own container,
// and the address of a job's callback. Must never hold: a secret. It is given a
// public key and the name of its session, and every request but GET /healthz
// carries a token of that session (package shared/sandbox); to all others it
// says 401 and nothing else.
//
// Jobs run in package job, single files are read and written by package files,
// and package workspace saves and restores everything. Requests are JSON unless
// said otherwise, and errors are {"error": text}. The log holds ids, numbers and
// reasons: no command, output, path or token.
package sandbox

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"instar/functions/sandbox/files"
	"instar/functions/sandbox/job"
	"instar/functions/sandbox/workspace"
	"instar/shared/sandbox"
)

// maxRequest bounds the JSON of a job in bytes: its command, environment and
// stdin, with room for escapes.
const maxRequest = 8 << 20

// Handler answers the agent.
type Handler struct {
	Key       ed25519.PublicKey
	Session   string
	Jobs      *job.Table
	Files     *files.Files
	Workspace *workspace.Store
	Now       func() time.Time

	// gate is held for reading by what changes the workspace, and for writing
	// while a restore takes its place.
	gate sync.RWMutex
}

// ServeHTTP lets in and routes. Paths are taken as they come, not cleaned: what
// is wrong with one is said, not repaired.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		// The server would log what the panic says, and that may be anything.
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				slog.Error("request failed: a fault of the daemon")
			}
			panic(http.ErrAbortHandler)
		}
	}()
	if r.URL.Path == "/healthz" {
		// The platform asks before it has the container sleep.
		reply(w, http.StatusOK, map[string]any{"status": "ok", "running": h.Jobs.Running()})
		return
	}
	if !h.allowed(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	route, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case !strings.HasPrefix(r.URL.Path, "/v1/"):
		h.unknown(w)
	case route == "jobs":
		h.jobs(w, r, rest)
	case route == "files":
		h.files(w, r, rest)
	case route == "list":
		h.list(w, r, rest)
	case route == "save":
		h.save(w, r)
	case route == "restore":
		h.restore(w, r, rest)
	case route == "limits" && r.Method == http.MethodGet:
		l := h.Jobs.Limits()
		h.Workspace.Limits(&l)
		reply(w, http.StatusOK, l)
	default:
		h.unknown(w)
	}
}

// allowed reports whether the request carries a token of this session.
func (h *Handler) allowed(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return false
	}
	c, err := sandbox.Verify(h.Key, token, h.Session, h.Now())
	return err == nil && c.Purpose == sandbox.PurposeAPI
}

func (h *Handler) unknown(w http.ResponseWriter) {
	reply(w, http.StatusNotFound, failure("no such route"))
}

// change lets the workspace be changed until done is called; false has answered
// that it cannot be now.
func (h *Handler) change(w http.ResponseWriter) (done func(), ok bool) {
	if !h.gate.TryRLock() {
		reply(w, http.StatusConflict, failure("the workspace is being restored, try again"))
		return nil, false
	}
	return h.gate.RUnlock, true
}

// fail answers an error: the caller's faults as such, the rest as ours.
func (h *Handler) fail(w http.ResponseWriter, doing string, err error) {
	status := http.StatusInternalServerError
	var request job.Request
	var bad workspace.Bad
	text := err.Error()
	switch {
	case errors.As(err, &request), errors.As(err, &bad), errors.Is(err, files.ErrPath):
		status = http.StatusBadRequest
	case errors.Is(err, job.ErrUnknown):
		status = http.StatusNotFound
	case errors.Is(err, job.ErrGone):
		status = http.StatusGone
	case errors.Is(err, job.ErrFull), errors.Is(err, job.ErrAlone):
		status = http.StatusTooManyRequests
	case errors.Is(err, job.ErrClosed):
		status = http.StatusServiceUnavailable
	case errors.Is(err, files.ErrOutside):
		status = http.StatusForbidden
	case errors.Is(err, files.ErrTooLarge), errors.Is(err, workspace.ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, files.ErrKind), errors.Is(err, workspace.ErrBusy), errors.Is(err, workspace.ErrNone), errors.Is(err, workspace.ErrIncomplete):
		status = http.StatusConflict
	default:
		status, text = system(err)
	}
	if status == http.StatusInternalServerError {
		slog.Error("request failed", "doing", doing, "error", text)
		text = "could not " + doing + ": " + text
	}
	reply(w, status, failure(text))
}

// system is the answer to an error of the operating system's, without the path
// that it is about.
func system(err error) (status int, text string) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound, "no such file or folder"
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden, "the sandbox's user may not do that"
	case errors.Is(err, syscall.ENOSPC):
		return http.StatusInsufficientStorage, "the disk is full"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST),
		errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENXIO):
		return http.StatusConflict, errno(err).Error()
	}
	if number := errno(err); number != 0 {
		return http.StatusInternalServerError, number.Error()
	}
	return http.StatusInternalServerError, "not possible just now"
}

func errno(err error) (number syscall.Errno) {
	errors.As(err, &number)
	return number
}

// read decodes a JSON body of bounded size, or answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, most int64, into any) bool {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		reply(w, http.StatusRequestEntityTooLarge, failure("request is larger than "+strconv.FormatInt(most>>20, 10)+" MB"))
	case err != nil:
		reply(w, http.StatusBadRequest, failure("request could not be read"))
	case json.Unmarshal(data, into) != nil:
		reply(w, http.StatusBadRequest, failure("request is not the JSON object this route takes"))
	default:
		return true
	}
	return false
}

// number is a whole number of the query, not below 0 and at most most; otherwise
// when it is not given. It answers what is wrong with another.
func number(w http.ResponseWriter, r *http.Request, name string, otherwise, most int64) (int64, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		reply(w, http.StatusBadRequest, failure(name+" must be a whole number"))
		return 0, false
	}
	return min(n, most), true
}

func failure(text string) map[string]any { return map[string]any{"error": text} }

func reply(w http.ResponseWriter, status int, body any) {
	data, _ := json.Marshal(body)
	data = append(data, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	w.Write(data)
}
