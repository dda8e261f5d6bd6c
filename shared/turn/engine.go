// Package turn runs turns: a message that lies in the inbox becomes an answer
// in its chat. Everything a turn does is recorded through package session
// before it is acted on, every tool call passes the gate in package policy, and
// every reply leaves through package delivery.
package turn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
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
// queue to come again. While it waits it keeps an instance from others.
const busyWait = 3 * time.Second

// Web is the channel of the console's chat. Its sender was authenticated by
// the console and is the owner.
const Web = "web"

// SessionName is what a session is called towards whoever talks to the web
// chat: the name they gave it, where its id is made of one.
func SessionName(id string) string { return strings.TrimPrefix(id, "web-") }

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
		case errors.Is(err, session.ErrTaken) && redelivery:
			return nil, cmp.Or(e.late(ctx, w.session, key, m), err)
		case err != nil:
			return nil, err
		case h.Orphan:
			slog.Warn("finishing a turn whose worker died", "session", w.session, "turn", h.Turn.Seq)
			if err := e.orphan(ctx, h); err != nil && !errors.Is(err, session.ErrLost) {
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
