package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"instar/shared/channel"
	"instar/shared/inbox"
	"instar/shared/task"
)

// report answers POST /hooks/sandbox, by which the daemon in a container says
// that a job has ended. All that it brings about is that the agent looks at the
// task now: what the job wrote is read from the container, and not from here.
// Of a task that is not kept (any more) it answers 410, so that a report that is
// repeated does nothing.
func (h *Handler) report(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "reports are sent with POST")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, channel.MaxBody+1))
	if err != nil || len(body) > channel.MaxBody {
		refuse(w, http.StatusRequestEntityTooLarge, "body is too large, or could not be read")
		return
	}
	var said struct {
		V   int    `json:"v"`
		Job string `json:"job"`
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if json.Unmarshal(body, &said) != nil || said.V != 1 || !bearer {
		refuse(w, http.StatusUnauthorized, "not a report of ours")
		return
	}
	key, err := h.TaskKey(r.Context())
	if err != nil {
		slog.Error("report not checked", "error", err.Error())
		refuse(w, http.StatusInternalServerError, "try again")
		return
	}
	if !task.Proves(key, said.Job, token) {
		refuse(w, http.StatusUnauthorized, "not a report of ours")
		return
	}
	switch err := h.look(r.Context(), said.Job); {
	case errors.Is(err, task.ErrNotFound):
		refuse(w, http.StatusGone, "nobody waits for this")
	case err != nil:
		slog.Error("report not passed on", "error", err.Error())
		refuse(w, http.StatusInternalServerError, "try again")
	default:
		w.WriteHeader(http.StatusOK)
	}
}

func (h *Handler) look(ctx context.Context, id string) error {
	t, err := (&task.Store{Bucket: h.Bucket, Agent: h.Agent}).Get(ctx, id)
	if err != nil {
		return err
	}
	return inbox.Send(ctx, h.Queue, inbox.Wake{Task: id, Look: t.Looks}, 0)
}
