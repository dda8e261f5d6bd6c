package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"instar/shared/bucket"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/delivery"
	"instar/shared/inbox"
	"instar/shared/queue"
	"instar/shared/session"
)

// run does what is left of a turn this worker holds.
func (e *Engine) run(ctx context.Context, h *session.Held, w *who, live Live) error {
	t := h.Turn
	if live.Started != nil {
		live.Started(t.Session, t.Seq)
	}
	again := t.State != session.Running
	switch {
	case again:
		if err := e.delivering(t); err != nil {
			return err
		}
	case given(t):
		if err := e.end(ctx, h, session.Failed, fmt.Sprintf("I began to answer this %d times, and each time something ended me before I was done. /retry lets me try again.", maxTries)); err != nil {
			return err
		}
	default:
		if err := e.answer(ctx, h, w, live); err != nil {
			return err
		}
	}
	if err := e.deliver(ctx, h, again); err != nil {
		return err
	}
	return e.settle(ctx, h)
}

// given reports that a turn is given up: too many workers have died of it.
func given(t *session.Turn) bool { return t.Fence > maxTries }

// settle is what a turn leaves behind when its reply has arrived: the messages
// that wait are woken, and those that it answered leave the inbox.
func (e *Engine) settle(ctx context.Context, h *session.Held) error {
	t := h.Turn
	if left := t.Waiting(); len(left) > 0 {
		if err := inbox.Send(ctx, e.Queue, inbox.Wake{Key: left[0].Key}, 0); err != nil {
			return fmt.Errorf("wake the next message: %w", err)
		}
	}
	if h.Head.Long() || t.Reset {
		if err := inbox.Send(ctx, e.Queue, inbox.Wake{Compact: t.Session}, 0); err != nil {
			slog.Warn("compaction not asked for", "session", t.Session, "error", err.Error()) // the next turn asks again
		}
	}
	if wait, due := gatherIn(t.Seq - h.Head.Audited); due && e.Audit != nil {
		if err := inbox.Send(ctx, e.Queue, inbox.Wake{Audit: t.Session}, wait); err != nil {
			slog.Warn("audit not asked for", "session", t.Session, "error", err.Error()) // the next turn asks again
		}
	}
	if t.Message.Job != nil {
		if err := e.ran(ctx, t); err != nil {
			return err
		}
	} else if given(t) {
		letter := inbox.Letter{At: e.Now(), Reason: "it ended its worker again and again", Session: t.Session, Message: t.Message}
		return inbox.Bury(ctx, e.Bucket, e.Agent, h.Head.Turn.Key, letter)
	}
	e.forget(ctx, h.Head.Turn.Key)
	for _, a := range t.Arrived {
		if a.Taken != "" {
			e.forget(ctx, a.Key)
		}
	}
	return nil
}

// delivering asks for a later delivery while whoever ended the turn may be
// sending the parts of its reply that are not known to be on the platform.
func (e *Engine) delivering(t *session.Turn) error {
	if left := t.Until.Sub(e.Now()); left > 0 && unsent(t) {
		return &queue.Retry{After: left, Err: errors.New("the reply is being delivered")}
	}
	return nil
}

// other runs a turn that comes before the one that was asked for. Who watched
// it is not at hand here: only the outcome counts.
func (e *Engine) other(ctx context.Context, h *session.Held) error {
	w, err := e.admit(ctx, h.Turn.Message, true)
	var text string
	switch {
	case err == nil:
		w.session = h.Turn.Session
		return e.run(ctx, h, w, Live{})
	case errors.Is(err, errNoToken):
		// For when the channel is back.
		text = "I could not answer this, because the channel was not connected. Please send it again."
	case !errors.Is(err, ErrIgnored):
		return err
	}
	// Nobody can be answered, and the session must not stand still for it.
	if err := e.end(ctx, h, session.Failed, text); err != nil || text != "" {
		return err
	}
	return e.settle(ctx, h)
}

// end records the end of a turn that is not worked on any more.
func (e *Engine) end(ctx context.Context, h *session.Held, state session.State, text string) error {
	change := func(t *session.Turn) {
		t.State, t.Reply, t.Ended = state, text, e.Now()
		switch {
		case text == "":
			t.Out = nil
		case len(t.Out) == 0:
			t.Out = []session.Part{{Text: text}}
		default:
			t.Out[0].Text = text
		}
	}
	err := h.Update(ctx, change)
	for errors.Is(err, session.ErrArrived) || errors.Is(err, session.ErrStop) {
		err = h.Update(ctx, func(*session.Turn) {})
	}
	return err
}

// deliver brings a finished turn's reply to its platform.
func (e *Engine) deliver(ctx context.Context, h *session.Held, again bool) error {
	if h.Turn.Message.Job != nil {
		return e.send(ctx, h, again)
	}
	return e.post(ctx, h.Turn, again, func(ctx context.Context, i int, id string) error {
		return h.Update(ctx, func(t *session.Turn) { t.Out[i].ID = id })
	})
}

func (e *Engine) post(ctx context.Context, t *session.Turn, again bool, record func(ctx context.Context, i int, id string) error) error {
	sender := e.Senders[t.Message.Channel]
	if sender == nil || len(t.Out) == 0 {
		return nil
	}
	err := delivery.Deliver(ctx, delivery.Reply{
		Sender: sender, To: t.Message.Address, Quote: quote(t.Message), Parts: t.Out,
		Again: again, Whole: t.Message.Job != nil, Record: record, Load: e.given,
	})
	if err != nil && delivery.Hopeless(err) {
		slog.Error("reply refused by the platform", "channel", t.Message.Channel, "error", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("deliver reply: %w", err)
	}
	return nil
}

// send brings a job's message to its platform. Where an earlier try may have
// sent it, it says so.
func (e *Engine) send(ctx context.Context, h *session.Held, again bool) error {
	doubt := func(p session.Part) bool { return p.Begun && p.ID == "" }
	if i := slices.IndexFunc(h.Turn.Out, doubt); again && i >= 0 && !strings.HasPrefix(h.Turn.Out[i].Text, sentAgain) {
		if err := h.Update(ctx, func(t *session.Turn) { t.Out[i].Text = sentAgain + t.Out[i].Text }); err != nil {
			return err
		}
	}
	err := e.post(ctx, h.Turn, again, func(ctx context.Context, i int, id string) error {
		return h.Update(ctx, func(t *session.Turn) { t.Out[i].ID = id })
	})
	var api *channel.APIError
	if errors.As(err, &api) && api.Status/100 == 4 { // it was refused, so it is not there
		return errors.Join(err, h.Update(ctx, func(t *session.Turn) {
			for i := range t.Out {
				t.Out[i].Begun = t.Out[i].ID != ""
			}
		}))
	}
	return err
}

// late delivers the reply of a turn that ended undelivered and is not the
// session's current one any more: somebody wrote again before the queue came
// back. Nobody holds such a turn, so that its unsent parts are sent by one
// delivery alone is up to an object of its own.
func (e *Engine) late(ctx context.Context, id, key string, m *chat.Message) error {
	t, _, err := e.find(ctx, id, m.ID)
	if err != nil || t == nil || t.State == session.Running {
		return err
	}
	sent := func(context.Context, int, string) error { return nil }
	if !unsent(t) || e.Senders[m.Channel] == nil {
		return e.post(ctx, t, true, sent)
	}
	if err := e.delivering(t); err != nil {
		return err
	}
	mark := strings.Replace(key, "/inbox/", "/late/", 1)
	if _, err := e.Bucket.PutIfAbsent(ctx, mark, []byte(`{"v":1}`)); errors.Is(err, bucket.ErrPrecondition) {
		return nil
	} else if err != nil {
		return fmt.Errorf("record late delivery: %w", err)
	}
	if err := e.post(ctx, t, true, sent); err != nil {
		return errors.Join(err, e.Bucket.Delete(ctx, mark))
	}
	return nil
}

// unsent reports that a part of a turn's reply is not known to be on the platform.
func unsent(t *session.Turn) bool {
	return slices.ContainsFunc(t.Out, func(p session.Part) bool { return p.ID == "" })
}

// quote is the message a reply quotes: in a group the one it answers, so that
// everyone sees whom it is for.
func quote(m *chat.Message) string {
	if m.Kind == chat.Group {
		return m.PlatformID
	}
	return ""
}
