package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"instar/shared/access"
	"instar/shared/audit"
	"instar/shared/label"
	"instar/shared/memory"
	"instar/shared/turn"
)

const (
	// pageItems is how many entries the page is shown at once.
	pageItems = 300
	// pageChanges is how many lines of the history.
	pageChanges = 50
	// pageFile is how many bytes of a whole file that was overwritten.
	pageFile = 4 << 10
)

// reviewer is the owner, who does here what no turn can: only who went through
// the door comes so far.
func reviewer() memory.Source {
	return memory.Source{Origin: turn.Web + ":owner", Label: label.Owner.String()}
}

func (h *Handler) files() *memory.Store { return memory.Open(h.Bucket, h.Agent+"/files/") }

type pageItem struct {
	Ref  string     `json:"ref"`
	File string     `json:"file"`
	Text string     `json:"text"`
	Time *time.Time `json:"time"` // null when nothing says it
	pageSource
}

type pageSource struct {
	Label   string `json:"label"`  // a mark as "owner" or "untrusted,secret"; "" of what was written by hand
	Origin  string `json:"origin"` // "" likewise
	Trusted bool   `json:"trusted"`
}

func sourceOf(s memory.Source) pageSource { return pageSource{s.Label, s.Origin, s.Trusted()} }

// memory answers with what is remembered, the newest first. ?q= keeps those with
// these words in text, file or origin, ?from=others those that the owner does
// not vouch for. left_out counts what was found and is over the page's bound,
// logs_left_out the daily logs that were not looked at.
func (h *Handler) memory(w http.ResponseWriter, r *http.Request) {
	found, err := h.files().Items(r.Context())
	incomplete := errors.Is(err, memory.ErrIncomplete)
	if err != nil && !incomplete {
		h.internal(w, "read the memory", err)
		return
	}
	words := strings.Fields(strings.ToLower(r.URL.Query().Get("q")))
	others := r.URL.Query().Get("from") == "others"
	items, left := []pageItem{}, 0
	for _, item := range found.Items {
		switch {
		case others && item.Trusted() || !holds(item.Text+"\n"+item.File+"\n"+item.Origin, words):
		case len(items) == pageItems:
			left++
		default:
			items = append(items, pageItem{Ref: item.Ref, File: item.File, Text: item.Text, Time: known(item.Time), pageSource: sourceOf(item.Source)})
		}
	}
	reply(w, http.StatusOK, map[string]any{"items": items, "left_out": left, "logs_left_out": found.LeftOut, "incomplete": incomplete})
}

// holds reports whether a text has all of these words in lower case.
func holds(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// review changes an entry: {"action":"promote"|"edit"|"delete","ref":"...","text":"..."}.
func (h *Handler) review(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Action string `json:"action"`
		Ref    string `json:"ref"`
		Text   string `json:"text"`
	}
	if !read(w, r, &in) {
		return
	}
	var err error
	files := h.files()
	switch in.Action {
	case "promote":
		err = files.Promote(r.Context(), in.Ref, reviewer())
	case "edit":
		err = files.Edit(r.Context(), in.Ref, in.Text, reviewer())
	case "delete":
		err = files.Delete(r.Context(), in.Ref, reviewer())
	default:
		reply(w, http.StatusBadRequest, failure("action is promote, edit or delete"))
		return
	}
	if err != nil {
		h.unchanged(w, "change the memory", err)
		return
	}
	file, hash, _ := memory.ParseRef(in.Ref)
	h.note(r, in.Action, map[string]string{"file": file, "entry": hash})
	reply(w, http.StatusOK, map[string]any{})
}

// restore brings back what a change took away: {"id":"..."}.
func (h *Handler) restore(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID string `json:"id"`
	}
	if !read(w, r, &in) {
		return
	}
	if err := h.files().Restore(r.Context(), in.ID, reviewer()); err != nil {
		h.unchanged(w, "restore it", err)
		return
	}
	h.note(r, "restored", map[string]string{"change": in.ID})
	reply(w, http.StatusOK, map[string]any{})
}

// unchanged answers why a change was not made.
func (h *Handler) unchanged(w http.ResponseWriter, doing string, err error) {
	for _, known := range []struct {
		err    error
		status int
	}{
		{memory.ErrRef, http.StatusNotFound}, {memory.ErrChanged, http.StatusConflict}, {memory.ErrBusy, http.StatusConflict},
		{memory.ErrFull, http.StatusConflict},
	} {
		if errors.Is(err, known.err) {
			reply(w, known.status, failure(known.err.Error()))
			return
		}
	}
	if errors.Is(err, memory.ErrInvalid) { // which says what is not
		reply(w, http.StatusBadRequest, failure(err.Error()))
		return
	}
	h.internal(w, doing, err)
}

// note puts what the owner did to memory into the audit log: which entry, and
// never its text.
func (h *Handler) note(r *http.Request, what string, detail map[string]string) {
	if h.Note == nil {
		return
	}
	detail["from"] = access.Source(r.RemoteAddr)
	h.Note(audit.Event{At: h.Now(), Kind: audit.Memory, Outcome: what, Detail: detail})
}

type pageChange struct {
	ID     string      `json:"id"`
	At     time.Time   `json:"at"`
	File   string      `json:"file"`
	What   memory.What `json:"what"`
	Whole  bool        `json:"whole"`
	Cut    bool        `json:"cut"` // before is only the beginning
	Before string      `json:"before"`
	After  string      `json:"after"`
	By     string      `json:"by"`
	pageSource
}

// changes answers with the newest changes, or those after ?after=ID. next is the
// after of the following page.
func (h *Handler) changes(w http.ResponseWriter, r *http.Request) {
	found, err := h.files().History(r.Context(), r.URL.Query().Get("after"), pageChanges)
	if err != nil {
		h.unchanged(w, "read the history", err)
		return
	}
	changes := make([]pageChange, 0, len(found))
	for _, c := range found {
		p := pageChange{ID: c.ID, At: c.At, File: c.File, What: c.What, Whole: c.Whole, Before: c.Before.Text, After: c.After.Text, By: c.By.Origin, pageSource: sourceOf(c.Before.Source)}
		if c.Whole {
			// Not who vouches for it: each of its entries has a label of its own.
			p.Cut, p.pageSource = len(p.Before) > pageFile, pageSource{}
			p.Before = strings.ToValidUTF8(p.Before[:min(len(p.Before), pageFile)], "")
		}
		changes = append(changes, p)
	}
	next := ""
	if len(found) == pageChanges {
		next = found[len(found)-1].ID
	}
	reply(w, http.StatusOK, map[string]any{"changes": changes, "next": next})
}
