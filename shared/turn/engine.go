// Package turn runs turns: a message that lies in the inbox becomes an answer
// in its chat. Everything a turn does is recorded through package session
// before it is acted on, every tool call passes the gate in package policy, and
// every reply leaves through package delivery.
package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/delivery"
	"instar/shared/inbox"
	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/session"
	"instar/shared/settings"
)

// Bounds of a turn.
const (
	MaxSteps = 20               // model calls
	MaxTime  = 10 * time.Minute // from the claim; a queue consumer may run for 15
	MaxCost  = 2.0              // US dollars
	MaxSame  = 3                // times one tool may be called with the same input
)

// busyWait is how long a delivery waits for a busy session before it asks the
// queue to come again.
const busyWait = 8 * time.Second

// Web is the channel of the console's chat. Its sender was authenticated by
// the console and is the owner.
const Web = "web"

// Engine holds what turns need. It keeps nothing between them.
type Engine struct {
	Agent     string
	Bucket    bucket.Bucket
	Settings  settings.Store
	Owners    people.Owners
	Directory *people.Directory
	Policy    func(channel string) people.Policy
	Senders   map[string]channel.Sender // by channel; the web has none
	Models    func() *model.Router      // a fresh one for each turn
	Budget    *budget.Ledger
	Zone      *time.Location
	Now       func() time.Time
	Version   string
}

// Live is told what happens in a turn while somebody watches. Any of it may be nil.
type Live struct {
	Started func(session string, turn int)
	Text    func(delta string)
	Reset   func()
	Tool    func(id, name, state, summary string) // state: running, done, failed, refused
}

// ErrIgnored: the message is not for the agent, or from somebody who is not let in.
var ErrIgnored = errors.New("message is ignored")

func (e *Engine) sessions() *session.Store {
	return &session.Store{Bucket: e.Bucket, Agent: e.Agent, Now: e.Now, Fold: UserText}
}

// files is the memory of whoever the turn is for.
func (e *Engine) files(w *who) *memory.Store {
	if w.owner {
		return memory.Open(e.Bucket, e.Agent+"/files/")
	}
	return memory.Open(e.Bucket, e.Agent+"/guests/"+w.person+"/files/")
}

// Handle answers the message stored under key and returns the finished turn.
// redelivery says that the queue delivers it again. Errors: ErrIgnored and
// session.ErrTaken mean that there is nothing to do; *queue.Retry asks for
// another delivery; any other error does too.
func (e *Engine) Handle(ctx context.Context, key string, redelivery bool, live Live) (*session.Turn, error) {
	m, err := inbox.Get(ctx, e.Bucket, key)
	if err != nil {
		return nil, err
	}
	w, err := e.admit(ctx, m, redelivery)
	if err != nil {
		return nil, err
	}
	if w.command == "stop" && !w.stranger {
		return e.stop(ctx, m, w, key, redelivery)
	}
	deadline := time.Now().Add(busyWait)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		h, err := e.sessions().Claim(ctx, w.session, key, m, redelivery)
		var busy *session.Busy
		switch {
		case errors.As(err, &busy):
			if time.Now().Add(wait).After(deadline) {
				after := min(max(busy.Until.Sub(e.Now()), time.Second), 5*time.Second)
				return nil, &queue.Retry{After: after, Err: err}
			}
			if !pause(ctx, wait) {
				return nil, ctx.Err()
			}
		case err != nil:
			return nil, err
		case h.Orphan:
			// Its own message is not at hand in this delivery, so neither is
			// the one who watches: only the outcome counts.
			slog.Warn("finishing a turn whose worker died", "session", w.session, "turn", h.Turn.Seq)
			orphan, err := e.admit(ctx, h.Turn.Message, true)
			if err == nil {
				err = e.run(ctx, h, orphan, Live{})
			}
			if err != nil && !errors.Is(err, session.ErrLost) {
				return nil, fmt.Errorf("finish the turn before: %w", err)
			}
		default:
			return h.Turn, e.run(ctx, h, w, live)
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// run does what is left of a turn this worker holds.
func (e *Engine) run(ctx context.Context, h *session.Held, w *who, live Live) error {
	t := h.Turn
	if live.Started != nil {
		live.Started(t.Session, t.Seq)
	}
	again := t.State != session.Running
	if !again {
		if err := e.answer(ctx, h, w, live); err != nil {
			return err
		}
	}
	return e.deliver(ctx, h, again)
}

// deliver brings a finished turn's reply to its platform.
func (e *Engine) deliver(ctx context.Context, h *session.Held, again bool) error {
	t := h.Turn
	sender := e.Senders[t.Message.Channel]
	if sender == nil || len(t.Out) == 0 {
		return nil
	}
	err := delivery.Deliver(ctx, sender, t.Message.Address, quote(t.Message), t.Out, again, func(ctx context.Context, i int, id string) error {
		return h.Update(ctx, func(t *session.Turn) { t.Out[i].ID = id })
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

// quote is the message a reply quotes: in a group the one it answers, so that
// everyone sees whom it is for.
func quote(m *chat.Message) string {
	if m.Kind == chat.Group {
		return m.PlatformID
	}
	return ""
}
