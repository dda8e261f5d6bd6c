package console

import (
	"context"
	"errors"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"instar/shared/bucket"
	"instar/shared/model"
	"instar/shared/session"
)

// pageTurns is how many turns the page is shown of a conversation.
const pageTurns = 30

type pageMessage struct {
	Role  model.Role `json:"role"`
	Text  string     `json:"text"`
	Time  time.Time  `json:"time"`
	Tools []pageTool `json:"tools,omitempty"`
	Model string     `json:"model,omitempty"`
	Cost  *float64   `json:"cost_usd,omitempty"`
}

type pageTool struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Summary string `json:"summary"`
}

// session answers with the last turns of a conversation.
func (h *Handler) session(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("session")
	if !validSession(name) {
		reply(w, http.StatusBadRequest, failure("no such session"))
		return
	}
	id := sessionID(name)
	turns, err := h.lastTurns(r.Context(), id)
	if err != nil {
		h.internal(w, "read the conversation", err)
		return
	}
	busy := false
	messages := []pageMessage{}
	for _, t := range turns {
		if t.Reset {
			messages = messages[:0]
		}
		messages = append(messages, pageMessage{Role: model.User, Text: t.Message.Text, Time: t.Message.Time})
		if t.State == session.Running {
			busy = h.Now().Before(t.Until)
			continue
		}
		cost := t.Cost
		messages = append(messages, pageMessage{Role: model.Assistant, Text: t.Reply, Time: t.Ended, Tools: toolsOf(t), Model: t.Model, Cost: &cost})
	}
	reply(w, http.StatusOK, map[string]any{"session": id, "busy": busy, "messages": messages})
}

// lastTurns reads the newest turns, oldest first, six at once.
func (h *Handler) lastTurns(ctx context.Context, id string) ([]*session.Turn, error) {
	store := h.store()
	head, _, err := store.Head(ctx, id)
	if err != nil {
		return nil, err
	}
	first := max(1, head.Turn.Seq-pageTurns+1)
	turns := make([]*session.Turn, max(0, head.Turn.Seq-first+1))
	errs := make([]error, len(turns))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 6)
	for i := range turns {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			turns[i], _, errs[i] = store.Turn(ctx, id, first+i)
		})
	}
	wait.Wait()
	found := turns[:0]
	for i, t := range turns {
		switch {
		case errs[i] == nil:
			found = append(found, t)
		case !errors.Is(errs[i], bucket.ErrNotFound): // claimed, nothing recorded yet
			return nil, errs[i]
		}
	}
	return found, nil
}

func toolsOf(t *session.Turn) []pageTool {
	var tools []pageTool
	byID := map[string]int{}
	for _, s := range t.Steps {
		for _, c := range s.Calls {
			byID[c.ID] = len(tools)
			tools = append(tools, pageTool{Name: c.Name, State: "running"})
		}
		for _, result := range s.Results {
			i, ok := byID[result.ID]
			if !ok {
				continue
			}
			tools[i].State = "done"
			if result.Error {
				tools[i].State = "failed"
			}
			tools[i].Summary = summary(result.Text)
		}
	}
	return tools
}

func summary(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return text
}

// sessions lists the owner's conversations that the page can open.
func (h *Handler) sessions(w http.ResponseWriter, r *http.Request) {
	type line struct {
		Name    string    `json:"name"`
		Updated time.Time `json:"updated"`
	}
	lines := []line{}
	prefix := h.Agent + "/sessions/"
	store := h.store()
	for after := prefix; after != "" && len(lines) < 100; {
		// One session has many objects: jump over them to the next one.
		page, err := h.Bucket.List(r.Context(), bucket.ListOptions{Prefix: prefix, After: after, Limit: 1})
		if err != nil {
			h.internal(w, "list conversations", err)
			return
		}
		if len(page.Entries) == 0 {
			break
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(page.Entries[0].Key, prefix), "/")
		after = prefix + id + "0" // "0" is the byte after "/"
		if id != session.Main && !strings.HasPrefix(id, "web-") {
			continue
		}
		head, _, err := store.Head(r.Context(), id)
		if err != nil {
			h.internal(w, "read a conversation", err)
			return
		}
		lines = append(lines, line{strings.TrimPrefix(id, "web-"), head.Turn.Until.Add(-session.Lease)})
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].Updated.After(lines[j].Updated) })
	reply(w, http.StatusOK, map[string]any{"sessions": lines})
}
