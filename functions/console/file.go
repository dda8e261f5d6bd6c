package console

import (
	"errors"
	"mime"
	"net/http"
	"strconv"

	"instar/shared/bucket"
)

// pictures are the media types that the page shows by itself. Everything else is
// saved and never opened here: it may be a stranger's page or script.
var pictures = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true}

// file answers with a file that came with a reply: ?session=, ?turn= and ?n=.
func (h *Handler) file(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	seq, err := strconv.Atoi(q.Get("turn"))
	n, other := strconv.Atoi(q.Get("n"))
	if !validSession(q.Get("session")) || err != nil || other != nil || n < 0 {
		reply(w, http.StatusBadRequest, failure("no such file"))
		return
	}
	t, _, err := h.store().Turn(r.Context(), sessionID(q.Get("session")), seq)
	switch {
	case errors.Is(err, bucket.ErrNotFound), err == nil && n >= len(t.Files):
		reply(w, http.StatusNotFound, failure("no such file"))
		return
	case err != nil:
		h.internal(w, "read the conversation", err)
		return
	}
	f := t.Files[n]
	o, err := h.Bucket.Get(r.Context(), f.Key)
	if err != nil {
		h.internal(w, "read the file", err)
		return
	}
	kind, place := "application/octet-stream", "attachment"
	if pictures[f.MediaType] {
		kind, place = f.MediaType, "inline"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType(place, map[string]string{"filename": f.Name}))
	w.Header().Set("Content-Length", strconv.Itoa(len(o.Data)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.WriteHeader(http.StatusOK)
	w.Write(o.Data)
}
