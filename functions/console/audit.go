package console

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"instar/shared/audit"
)

const (
	// pageEntries is how many entries of the audit log the page is shown at once.
	pageEntries = 100
	// maxQuery is the longest text to look for, in characters.
	maxQuery = 200
)

type pageEntry struct {
	Seq     int64             `json:"seq"`
	At      time.Time         `json:"at"`
	Kind    audit.Kind        `json:"kind"`
	Session string            `json:"session,omitempty"`
	Turn    int               `json:"turn,omitempty"`
	Tool    string            `json:"tool,omitempty"`
	Outcome string            `json:"outcome,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
	Forged  bool              `json:"forged,omitempty"`
}

// audit answers with entries of the audit log, the newest first, 100 at a time:
// ?kind= keeps those of a kind, ?q= those with that text in tool, outcome,
// session or detail, ?before= those with a lower number, which next of the page
// before says. checked is about the part of the log that was read for it.
func (h *Handler) audit(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q := audit.Query{Kind: audit.Kind(values.Get("kind")), Text: values.Get("q"), Limit: pageEntries}
	if text := values.Get("before"); text != "" {
		var err error
		if q.Before, err = strconv.ParseInt(text, 10, 64); err != nil || q.Before < 1 {
			reply(w, http.StatusBadRequest, failure("before is an entry's number"))
			return
		}
	}
	if utf8.RuneCountInString(q.Text) > maxQuery || len(q.Kind) > maxQuery {
		reply(w, http.StatusBadRequest, failure("look for at most 200 characters"))
		return
	}
	if h.Audit == nil {
		reply(w, http.StatusServiceUnavailable, failure("there is no audit log here"))
		return
	}
	log, err := h.Audit(r.Context())
	if err != nil {
		h.internal(w, "open the audit log", err)
		return
	}
	found, checked, err := log.Browse(r.Context(), q)
	if err != nil {
		h.internal(w, "read the audit log", err)
		return
	}
	entries := make([]pageEntry, 0, len(found.Records))
	for _, e := range found.Records {
		entries = append(entries, pageEntry{e.Seq, e.At, e.Kind, e.Session, e.Turn, e.Tool, e.Outcome, e.Detail, e.Forged})
	}
	state := map[string]any{"ok": checked.Broken == nil, "from": checked.From, "through": checked.Through}
	if checked.Broken != nil {
		state["problem"] = checked.Broken.Error()
	}
	reply(w, http.StatusOK, map[string]any{"entries": entries, "next": found.Next, "checked": state})
}
