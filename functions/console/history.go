package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/model"
	"instar/shared/session"
	"instar/shared/tool"
	"instar/shared/turn"
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
	// Cards are what was asked with it, as it is now.
	Cards []turn.Card  `json:"cards,omitempty"`
	Files []turn.Given `json:"files,omitempty"`
	// Approval is the id of the question after whose answer the agent went on.
	Approval string `json:"approval,omitempty"`
}

type pageTool struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Summary string `json:"summary"`
}

// rescue is how long after its holder's lease a turn still counts as under way,
// and how long an accepted message as on its way: within it the queue or the
// sweep brings it to a worker.
const rescue = 3 * time.Minute

// session answers with the last turns of a conversation. busy holds from when a
// message is accepted, or an approval, until its reply is among them.
func (h *Handler) session(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("session")
	if !validSession(name) {
		reply(w, http.StatusBadRequest, failure("no such session"))
		return
	}
	id := sessionID(name)
	head, turns, err := h.lastTurns(r.Context(), id)
	if err != nil {
		h.internal(w, "read the conversation", err)
		return
	}
	waiting, err := h.waiting(r.Context(), id, head, turns)
	if err != nil {
		h.internal(w, "read the inbox", err)
		return
	}
	busy := len(waiting) > 0
	messages := []pageMessage{}
	say := func(m *chat.Message) {
		if m.Tap == "" && m.Approval == "" && m.Task == nil { // nobody's words
			messages = append(messages, pageMessage{Role: model.User, Text: m.Text, Time: m.Time})
		}
	}
	cards := h.cards(r.Context(), turns)
	for _, t := range turns {
		if t.Reset {
			messages = messages[:0]
		}
		say(t.Message)
		for _, a := range t.Arrived {
			if a.Taken != "" {
				say(a.Message)
			}
		}
		if t.State == session.Running {
			busy = busy || h.Now().Before(t.Until.Add(rescue))
			continue
		}
		if t.Message.Tap != "" { // its card shows the outcome
			continue
		}
		cost := t.Cost
		messages = append(messages, pageMessage{
			Role: model.Assistant, Text: t.Reply, Time: t.Ended, Tools: toolsOf(t), Model: t.Model, Cost: &cost,
			Cards: cards[t.Seq], Files: turn.FilesOf(t), Approval: t.Message.Approval,
		})
	}
	for _, m := range waiting {
		say(m)
	}
	reply(w, http.StatusOK, map[string]any{"session": session.Name(id), "busy": busy, "messages": messages})
}

// six does n things, six at a time.
func six(n int, do func(i int)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, 6)
	for i := range n {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			do(i)
		})
	}
	wait.Wait()
}

// lastTurns reads the head and the newest turns, oldest first, six at once.
func (h *Handler) lastTurns(ctx context.Context, id string) (*session.Head, []*session.Turn, error) {
	store := h.store()
	head, _, err := store.Head(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	first := max(1, head.Turn.Seq-pageTurns+1)
	turns := make([]*session.Turn, max(0, head.Turn.Seq-first+1))
	errs := make([]error, len(turns))
	six(len(turns), func(i int) { turns[i], _, errs[i] = store.Turn(ctx, id, first+i) })
	found := turns[:0]
	for i, t := range turns {
		switch {
		case errs[i] == nil:
			found = append(found, t)
		case !errors.Is(errs[i], bucket.ErrNotFound): // claimed, nothing recorded yet
			return nil, nil, errs[i]
		}
	}
	return head, found, nil
}

// waiting are the messages of a session that no recorded turn shows yet: the
// one whose turn was only claimed, and those accepted here, and what was
// approved, that no turn has taken.
func (h *Handler) waiting(ctx context.Context, id string, head *session.Head, turns []*session.Turn) ([]*chat.Message, error) {
	var list []*chat.Message
	since := h.Now().Add(-rescue)
	recorded := len(turns) > 0 && turns[len(turns)-1].Seq == head.Turn.Seq
	if head.Turn.Seq > 0 && !recorded && since.Before(head.Turn.Until) {
		m, err := inbox.Get(ctx, h.Bucket, head.Turn.Key)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	open, err := inbox.Open(ctx, h.Bucket, h.Agent, 0)
	if err != nil {
		return nil, err
	}
	for _, entry := range open {
		here := strings.HasPrefix(entry.ID, turn.Web+":") || strings.HasPrefix(entry.ID, "approval:") // whose ids package turn makes
		if !here || entry.Time.Before(since) ||
			slices.ContainsFunc(head.Recent, func(taken string) bool { return url.PathEscape(taken) == entry.ID }) {
			continue
		}
		m, err := inbox.Get(ctx, h.Bucket, entry.Key)
		if errors.Is(err, bucket.ErrNotFound) || err == nil && shown(turns, m) {
			continue // answered by now
		}
		if err != nil {
			return nil, err
		}
		// A /stop is no turn.
		if command, _, _ := chat.Command(strings.TrimSpace(m.Text), chat.Self{}); command != "stop" && sessionID(m.Session) == id {
			list = append(list, m)
		}
	}
	return list, nil
}

// shown reports whether one of the turns answers the message.
func shown(turns []*session.Turn, m *chat.Message) bool {
	return slices.ContainsFunc(turns, func(t *session.Turn) bool { return t.Answers(m.ID) })
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
			tools[i].State = tool.State(result)
			tools[i].Summary = summary(result.Text)
		}
	}
	for i := range tools {
		if tools[i].State == "running" { // the turn ended before its result
			tools[i].State, tools[i].Summary = "failed", "No result was recorded."
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
	store := h.store()
	add := func(id string) error {
		head, _, err := store.Head(r.Context(), id)
		if err == nil && head.Turn.Seq > 0 {
			lines = append(lines, line{session.Name(id), head.Turn.Until.Add(-session.Lease)})
		}
		return err
	}
	ids, err := store.Conversations(r.Context(), session.Main)
	for _, id := range append([]string{session.Main}, ids...) {
		if err == nil {
			err = add(id)
		}
	}
	if err != nil {
		h.internal(w, "list conversations", err)
		return
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].Updated.After(lines[j].Updated) })
	reply(w, http.StatusOK, map[string]any{"sessions": lines})
}
