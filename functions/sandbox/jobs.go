//go:build linux

package sandbox

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"instar/functions/sandbox/job"
	"instar/shared/sandbox"
)

// jobs routes what is below /v1/jobs.
func (h *Handler) jobs(w http.ResponseWriter, r *http.Request, rest string) {
	id, part, _ := strings.Cut(rest, "/")
	switch r.Method + " " + part {
	case "POST ":
		if id == "" {
			h.start(w, r)
			return
		}
	case "GET ":
		if id == "" {
			h.listJobs(w)
			return
		}
		h.job(w, r, id)
		return
	case "GET output":
		h.output(w, r, id)
		return
	case "POST signal":
		h.signal(w, r, id)
		return
	}
	h.unknown(w)
}

// start runs a job: 201, or 200 when there is one of that id. With ?wait= it
// answers when the job has ended, or as it is after so many seconds.
func (h *Handler) start(w http.ResponseWriter, r *http.Request) {
	var run sandbox.Run
	if !read(w, r, maxRequest, &run) {
		return
	}
	done, ok := h.change(w)
	if !ok {
		return
	}
	j, fresh, err := h.Jobs.Start(r.Context(), run)
	done()
	if err != nil {
		h.fail(w, "start job", err)
		return
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	h.show(w, r, status, j)
}

func (h *Handler) listJobs(w http.ResponseWriter) {
	all := []sandbox.Job{}
	for _, j := range h.Jobs.List() {
		all = append(all, j.View(0))
	}
	reply(w, http.StatusOK, map[string]any{"jobs": all})
}

func (h *Handler) job(w http.ResponseWriter, r *http.Request, id string) {
	j, err := h.Jobs.Get(id)
	if err != nil {
		h.fail(w, "find job", err)
		return
	}
	h.show(w, r, http.StatusOK, j)
}

// show answers a job, after ?wait= seconds at most, with ?text= bytes of each
// end of its output.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, status int, j *job.Job) {
	wait, ok := number(w, r, "wait", 0, int64(sandbox.MaxWait.Seconds()))
	if !ok {
		return
	}
	text, ok := number(w, r, "text", sandbox.DefaultText, sandbox.MaxText)
	if !ok {
		return
	}
	if wait > 0 {
		timer := time.NewTimer(time.Duration(wait) * time.Second)
		defer timer.Stop()
		select {
		case <-j.Done():
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	reply(w, status, j.View(text))
}

// output answers raw bytes from ?offset= on, at most ?limit=, and with ?follow=1
// those that are still to come as they come.
func (h *Handler) output(w http.ResponseWriter, r *http.Request, id string) {
	j, err := h.Jobs.Get(id)
	if err != nil {
		h.fail(w, "find job", err)
		return
	}
	offset, ok := number(w, r, "offset", 0, math.MaxInt64)
	if !ok {
		return
	}
	limit, ok := number(w, r, "limit", -1, math.MaxInt64)
	if !ok {
		return
	}
	begin := func(at int64) {
		v := j.View(0)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(sandbox.HeaderOffset, strconv.FormatInt(at, 10))
		w.Header().Set(sandbox.HeaderTotal, strconv.FormatInt(v.OutputBytes, 10))
		w.Header().Set(sandbox.HeaderState, v.State)
		w.WriteHeader(http.StatusOK)
	}
	flush := func() { http.NewResponseController(w).Flush() }
	if err := j.CopyOutput(r.Context(), w, offset, limit, r.URL.Query().Get("follow") == "1", begin, flush); err != nil {
		panic(http.ErrAbortHandler) // so that the answer is not taken for whole
	}
}

// signal sends one to a job's whole tree and answers the job, also that of one
// that has ended.
func (h *Handler) signal(w http.ResponseWriter, r *http.Request, id string) {
	var in sandbox.Signal
	if !read(w, r, 1<<20, &in) {
		return
	}
	j, err := h.Jobs.Signal(id, in.Signal)
	if err != nil {
		h.fail(w, "signal job", err)
		return
	}
	h.show(w, r, http.StatusOK, j)
}
