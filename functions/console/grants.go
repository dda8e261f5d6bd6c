package console

import (
	"errors"
	"net/http"

	"instar/shared/access"
	"instar/shared/approval"
	"instar/shared/audit"
)

// grants answers with what the owner always allows, the oldest first.
func (h *Handler) grants(w http.ResponseWriter, r *http.Request) {
	list, err := h.approvals().Grants(r.Context())
	if err != nil {
		h.internal(w, "read the grants", err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"grants": append([]approval.Grant{}, list...)})
}

// revoke takes a grant back: {"id":"..."}.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID string `json:"id"`
	}
	if !read(w, r, &in) {
		return
	}
	err := h.approvals().Revoke(r.Context(), in.ID)
	switch {
	case errors.Is(err, approval.ErrUnknown):
		reply(w, http.StatusNotFound, failure("there is no such grant; it may have been revoked before"))
		return
	case err != nil:
		h.internal(w, "revoke the grant", err)
		return
	}
	if h.Note != nil {
		h.Note(audit.Event{At: h.Now(), Kind: audit.Answered, Outcome: "revoked", Detail: map[string]string{
			"grant": in.ID, "person": reviewer().Origin, "from": access.Source(r.RemoteAddr),
		}})
	}
	reply(w, http.StatusOK, map[string]any{})
}
