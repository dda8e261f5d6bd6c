package console

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"instar/shared/approval"
	"instar/shared/chat"
	"instar/shared/session"
	"instar/shared/turn"
)

// tap marks a message as a tapped button. The page has no handle for a tap, and
// nothing has to be told that it has arrived.
const tap = turn.Web

func (h *Handler) approvals() *approval.Store {
	return &approval.Store{Bucket: h.Bucket, Agent: h.Agent, Now: h.Now}
}

// answer takes the owner's answer to a question: {"data":"/yes CODE","session":"..."},
// what a button of its card says and the conversation that the page is in. It
// runs the answer's turn and replies with the card as it is then and what the
// turn said: {"card":{...},"reply":"..."}. What the owner allowed happens in a
// turn after that, in the conversation that asked.
//
// 202: the answer is stored and does not count yet; another may be given first.
// 404: there is no such question. 409, with the card: it was answered before, or
// has lapsed.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Data    string `json:"data"`
		Session string `json:"session"`
	}
	if !read(w, r, &in) {
		return
	}
	verdict, code, ok := chat.Command(strings.TrimSpace(in.Data), chat.Self{})
	id, nonce, known := approval.ParseCode(code)
	switch {
	case !ok || !known || !slices.Contains([]string{"yes", "no", "always"}, verdict):
		reply(w, http.StatusBadRequest, failure("data is /yes, /no or /always and the code of a question"))
		return
	case !validSession(in.Session):
		reply(w, http.StatusBadRequest, failure(badSession))
		return
	}
	question, err := h.approvals().Get(r.Context(), id)
	if err != nil && !errors.Is(err, approval.ErrUnknown) {
		h.internal(w, "read the question", err)
		return
	}
	// A question that is put twice changes its code in between.
	stale := err == nil && question.Code() != id+nonce
	switch {
	case err != nil, stale && !(question.Twice && question.State != approval.Asked):
		reply(w, http.StatusNotFound, failure(approval.ErrUnknown.Error()))
	case stale, !question.Open(h.Now()):
		h.conflict(w, r.Context(), id)
	default:
		h.decide(w, r.Context(), question, verdict, in.Session)
	}
}

// decide gives the answer to a question that is open, in a turn like any other.
func (h *Handler) decide(w http.ResponseWriter, ctx context.Context, question *approval.Request, verdict, name string) {
	key, err := h.accept(ctx, "/"+verdict+" "+question.Code(), name, tap)
	if err != nil {
		h.internal(w, "store the answer", err)
		return
	}
	var said struct {
		Reply string `json:"reply"`
	}
	if events, err := h.turn(ctx, key); err != nil {
		slog.Error("turn of an answer not started directly", "error", err.Error())
	} else {
		defer events.Close()
		if name, data := last(events); name == "done" {
			json.Unmarshal(data, &said)
		}
	}
	card, err := h.card(ctx, question.ID)
	switch {
	case err != nil:
		h.internal(w, "read the question", err)
	case card.State == question.State && len(card.Buttons) > 0:
		reply(w, http.StatusAccepted, map[string]any{"card": card, "reply": "Your answer is stored and counts within two minutes. Until then you can change it."})
	case card.State == question.State, (card.State == approval.Denied) != (verdict == "no"):
		h.conflict(w, ctx, question.ID)
	default:
		reply(w, http.StatusOK, map[string]any{"card": card, "reply": said.Reply})
	}
}

// conflict replies that a question is not open to this answer any more.
func (h *Handler) conflict(w http.ResponseWriter, ctx context.Context, id string) {
	card, err := h.card(ctx, id)
	if err != nil {
		h.internal(w, "read the question", err)
		return
	}
	why := approval.ErrAnswered
	if len(card.Buttons) == 0 && (card.State == approval.Asked || card.State == approval.Once) {
		why = approval.ErrLapsed
	}
	reply(w, http.StatusConflict, map[string]any{"error": why.Error(), "card": card})
}

// card is a question as it is now.
func (h *Handler) card(ctx context.Context, id string) (turn.Card, error) {
	list, err := turn.Cards(ctx, h.approvals(), h.Rules.Zone, &session.Turn{Cards: []string{id}})
	if err == nil && len(list) == 0 {
		err = approval.ErrUnknown
	}
	if err != nil {
		return turn.Card{}, err
	}
	return list[0], nil
}

// cards are the questions of turns as they are now, by the turns' numbers. One
// that cannot be read says so, and hides nothing else.
func (h *Handler) cards(ctx context.Context, turns []*session.Turn) map[int][]turn.Card {
	var (
		mu    sync.Mutex
		cards = map[int][]turn.Card{}
	)
	six(len(turns), func(i int) {
		t := turns[i]
		list, err := turn.Cards(ctx, h.approvals(), h.Rules.Zone, t)
		if err != nil {
			slog.Error("questions not read", "session", t.Session, "turn", t.Seq, "error", err.Error())
			list = nil
			for _, id := range t.Cards {
				list = append(list, turn.Card{ID: id, Text: "This question could not be read just now."})
			}
		}
		mu.Lock()
		defer mu.Unlock()
		cards[t.Seq] = list
	})
	return cards
}
