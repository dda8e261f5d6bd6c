package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"instar/shared/bucket"
	"instar/shared/label"
	"instar/shared/model"
)

// Bounds of the history in bytes of JSON, and in turns. Past historyLong or
// turnsLong it should be compacted: then the oldest turns become a summary
// until it is short again, seldom and much at once, because each time the
// provider's cache of the prefix becomes worthless. Past historyMost they do so
// without anybody's help.
const (
	historyLong  = 24 << 10
	historyShort = 12 << 10
	historyMost  = 64 << 10
	turnsLong    = 40
	turnsShort   = 20
	turnsMost    = 100
	// MaxSummary bounds the summary, in bytes.
	MaxSummary = 8 << 10
	// maxWords bounds what is kept word for word beside it, and maxSaid one turn's
	// share; the rest is in the log.
	maxWords = 6 << 10
	maxSaid  = 2 << 10
)

// A head object is a line of JSON and then a line for each turn of history.
func decodeHead(data []byte) (*Head, error) {
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	h := new(Head)
	if err := json.Unmarshal(first, h); err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	if h.V != 1 || h.Turn.Seq < 0 {
		return nil, fmt.Errorf("read session: version %d, turn %d is not readable by this program", h.V, h.Turn.Seq)
	}
	for line := range bytes.Lines(rest) {
		var past Past
		into := any(&past)
		if line[0] == '[' { // as it was before turns were numbered there
			into = &past.Messages
		}
		if err := json.Unmarshal(line, into); err != nil {
			return nil, fmt.Errorf("read session history: %w", err)
		}
		if past.Messages == nil {
			return nil, errors.New("read session history: a line is no turn")
		}
		past.json = bytes.TrimSuffix(line, []byte("\n"))
		h.History = append(h.History, past)
	}
	return h, nil
}

func encodeHead(h *Head) ([]byte, error) {
	for i := range h.History {
		past := &h.History[i]
		if past.json != nil {
			continue // as it was read: a turn that has ended does not change
		}
		var err error
		if past.json, err = json.Marshal(past); err != nil {
			return nil, err
		}
	}
	if h.bytes() > historyMost || len(h.History) > turnsMost {
		old := h.Oldest()
		for _, past := range h.History[:old] {
			h.SummaryLabel = label.Join(h.summaryLabel(), past.Label)
			h.Summary = condense(h.Summary, past)
			h.Through = past.Seq
			h.quote(past)
		}
		h.History = h.History[old:]
	}
	data, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	data = slices.Grow(data, h.bytes()+len(h.History))
	for _, past := range h.History {
		data = append(append(data, '\n'), past.json...)
	}
	return data, nil
}

// bytes is the size of the history.
func (h *Head) bytes() (total int) {
	for _, past := range h.History {
		total += len(past.json)
	}
	return total
}

// Long reports that the history should be compacted.
func (h *Head) Long() bool { return h.bytes() > historyLong || len(h.History) > turnsLong }

// Oldest is how many turns at the beginning of the history are to be replaced
// by a summary so that it is short again. The last turn always stays.
func (h *Head) Oldest() (n int) {
	total := h.bytes()
	for n < len(h.History)-1 && (total > historyShort || len(h.History)-n > turnsShort) {
		total -= len(h.History[n].json)
		n++
	}
	return n
}

// Compact replaces the turns up to through by a summary that covers them and
// the summary before. It changes nothing when they are gone already: others
// have compacted, or the conversation was started over.
func (s *Store) Compact(ctx context.Context, id string, through int, summary string) error {
	return s.change(ctx, id, func(h *Head) bool {
		if h.Through >= through {
			return false
		}
		h.SummaryLabel = h.summaryLabel()
		for _, past := range h.History {
			if past.Seq <= through {
				h.SummaryLabel = label.Join(h.SummaryLabel, past.Label)
				h.quote(past)
			}
		}
		h.Summary, h.Through = Clip(summary, MaxSummary), through
		h.History = slices.DeleteFunc(h.History, func(p Past) bool { return p.Seq <= through })
		return true
	})
}

// quote keeps what the person said in a turn that a summary is to stand for.
func (h *Head) quote(past Past) {
	if past.Own && len(past.Messages) > 0 {
		h.Words = append(h.Words, Words{At: past.At, Text: Clip(past.Messages[0].Text, maxSaid)})
	}
	total := 0
	for i, w := range slices.Backward(h.Words) {
		if total += len(w.Text); total > maxWords {
			h.Words = h.Words[i+1:]
			return
		}
	}
}

// Logged records that the turns up to through are in the searchable log.
func (s *Store) Logged(ctx context.Context, id string, through int) error {
	return s.change(ctx, id, func(h *Head) bool {
		fresh := h.Logged < through
		h.Logged = max(h.Logged, through)
		return fresh
	})
}

// Audited records that the entries of the turns up to through are in the audit log.
func (s *Store) Audited(ctx context.Context, id string, through int) error {
	return s.change(ctx, id, func(h *Head) bool {
		fresh := h.Audited < through
		h.Audited = max(h.Audited, through)
		return fresh
	})
}

// change changes a head between or during turns, if change says that there is
// something to write.
func (s *Store) change(ctx context.Context, id string, change func(h *Head) bool) error {
	for range 8 {
		head, etag, err := s.Head(ctx, id)
		if err != nil {
			return err
		}
		if !change(head) {
			return nil
		}
		if err := s.putHead(ctx, id, head, etag); !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
	}
	return errors.New("change session: too many concurrent changes, try again")
}

// condense is the summary of a turn that no model has made one of, added to the
// one before: the first words of each side, the newest last. It always succeeds.
func condense(summary string, past Past) string {
	var b strings.Builder
	for _, m := range past.Messages {
		if text := strings.Join(strings.Fields(m.Text), " "); text != "" {
			who := "They"
			if m.Role == model.Assistant {
				who = "You"
			}
			fmt.Fprintf(&b, "- %s: %s\n", who, Clip(text, 160))
		}
		for _, c := range m.Calls {
			fmt.Fprintf(&b, "- You called %s\n", Clip(c.Name, 64))
		}
	}
	summary = strings.TrimSpace(summary + "\n" + b.String())
	if over := len(summary) - MaxSummary*3/4; over > 0 {
		// The oldest lines go.
		summary = summary[over:]
		if _, rest, ok := strings.Cut(summary, "\n"); ok {
			summary = rest
		}
		summary = strings.ToValidUTF8(summary, "")
	}
	return summary
}

// Clip cuts text to at most the given number of bytes.
func Clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}

// summaryLabel is the label of the summary, which is of nothing at first.
func (h *Head) summaryLabel() label.Label {
	if h.Summary == "" {
		return label.Program()
	}
	return h.SummaryLabel
}

// Label is that of everything a turn is shown of the conversation before it.
func (h *Head) Label() label.Label {
	l := h.summaryLabel()
	for _, past := range h.History {
		l = label.Join(l, past.Label)
	}
	return l
}

// remember keeps the id of a message that has got its turn.
func (h *Head) remember(id string) {
	h.Recent = append(h.Recent, id)
	h.Recent = h.Recent[max(0, len(h.Recent)-recent):]
}

// fold adds a finished turn to the head.
func (s *Store) fold(h *Head, t *Turn) {
	for _, a := range t.Arrived {
		if a.Taken != "" {
			h.remember(a.Message.ID)
		}
	}
	if t.Reset {
		h.History, h.Summary, h.Words, h.Through = nil, "", nil, t.Seq
	} else if len(t.Steps) > 0 {
		messages := t.Messages(t.Said(s.Fold))
		if s.Shorten != nil {
			shorten(messages, s.Shorten)
		}
		h.History = append(h.History, Past{Seq: t.Seq, At: t.Started, Messages: messages, Label: t.Label, Own: s.Own != nil && s.Own(t)})
	}
	if t.SetModel != nil {
		h.Model = *t.SetModel
	}
	if t.SetQueue != nil {
		h.Queue = *t.SetQueue
	}
	if t.Grant != nil {
		h.Grant = *t.Grant
	}
}

func shorten(messages []model.Message, shorten func(string) string) {
	for i, m := range messages {
		if len(m.Results) == 0 {
			continue
		}
		messages[i].Results = slices.Clone(m.Results)
		for j := range m.Results {
			messages[i].Results[j].Text = shorten(m.Results[j].Text)
		}
	}
}
