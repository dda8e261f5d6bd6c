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

	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/leak"
	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/people"
	"instar/shared/queue"
	"instar/shared/session"
	"instar/shared/settings"
	"instar/shared/tool"
	"instar/shared/transcript"
	"instar/shared/web"
)

// Bounds of a turn.
const (
	MaxSteps = 20               // model calls
	MaxTime  = 10 * time.Minute // from the claim; a queue consumer may run for 15
	MaxCost  = 2.0              // US dollars
	MaxSame  = 3                // times one tool may be called with the same input
)

// busyWait is how long a delivery waits for another worker that answers the
// same message, before it asks the queue to come again. While it waits it keeps
// an instance from others.
const busyWait = 3 * time.Second

// maxTries is how many workers may die of one turn before it is given up: more
// than an outage in which everything dies every few seconds takes from one, and
// at half a minute of lease each some five minutes of a turn that kills.
const maxTries = 10

// Web is the channel of the console's chat. Its sender was authenticated by
// the console and is the owner.
const Web = "web"

// Engine holds what turns need. It keeps nothing between them.
type Engine struct {
	Agent     string
	Bucket    bucket.Bucket
	Queue     queue.Sender // delivers what is put into the inbox or left in it
	Settings  settings.Store
	Owners    people.Owners
	Directory *people.Directory
	Policy    func(channel string) people.Policy
	Senders   map[string]channel.Sender // by channel; the web has none
	Models    func() *model.Router      // a fresh one for each turn
	Budget    *budget.Ledger
	Web       web.Doer     // fetches pages; nil fetches none
	Search    web.Searcher // searches the web; nil does not
	Sandbox   Sandbox
	Renderer  tool.Renderer // shows pages as a browser does; nil: only the sandbox's browser
	// Extra are the tools of integrations: the owner has them in private.
	Extra []tool.Tool
	// Self are the owner's own addresses and accounts: as destinations they need
	// not be named.
	Self []string
	// Guard keeps secrets out of what is said and of what tools are given; nil
	// knows keys by their shape only.
	Guard *leak.Guard
	// Audit opens the audit log; nil keeps none.
	Audit   func(ctx context.Context) (*audit.Log, error)
	Zone    *time.Location
	Now     func() time.Time
	Version string
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

// ErrWaiting: the message is in the care of the session's running turn, which
// takes it along or has it delivered again.
var ErrWaiting = errors.New("message waits in a running turn")

// Settled reports that an error of Handle means that there is nothing left to
// do for whoever delivered the message.
func Settled(err error) bool {
	return errors.Is(err, ErrIgnored) || errors.Is(err, ErrWaiting) || errors.Is(err, session.ErrTaken)
}

func (e *Engine) sessions() *session.Store {
	return &session.Store{Bucket: e.Bucket, Agent: e.Agent, Now: e.Now, Fold: UserText, Own: e.own, Shorten: shortened}
}

// shortened is a tool's result as later turns are shown it.
func shortened(text string) string { return tool.Excerpt(text, 2<<10) }

func (e *Engine) folder(id string) string { return e.Agent + "/sessions/" + id + "/" }

// log is the searchable text of a conversation.
func (e *Engine) log(id string) *transcript.Log {
	return &transcript.Log{Bucket: e.Bucket, Prefix: e.folder(id) + "log/"}
}

// files is the memory of whoever the turn is for.
func (e *Engine) files(w *who) *memory.Store {
	if w.owner {
		return memory.Open(e.Bucket, e.Agent+"/files/")
	}
	return memory.Open(e.Bucket, e.Agent+"/guests/"+w.person+"/files/")
}

// Delivery is one delivery of a message that lies in the inbox.
type Delivery struct {
	Key string // of the inbox entry
	// Message is what lies there; nil has it read.
	Message *chat.Message
	Again   bool // somebody has tried before
	Sweep   bool // and this try is the sweep's, which does not wait
	Last    bool // if this fails too, it becomes a dead letter
}

// Handle answers a message and returns the finished turn. Errors: those that
// are Settled mean that there is nothing to do; *queue.Retry asks for another
// delivery; any other error does too.
func (e *Engine) Handle(ctx context.Context, d Delivery, live Live) (*session.Turn, error) {
	if d.Message == nil {
		m, err := inbox.Get(ctx, e.Bucket, d.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			return nil, session.ErrTaken // and settled
		}
		if err != nil {
			return nil, err
		}
		d.Message = m
	}
	t, err := e.handle(ctx, d, live)
	var retry *queue.Retry
	switch {
	case errors.Is(err, ErrIgnored):
		e.forget(ctx, d.Key)
	case err != nil && d.Last && !Settled(err) && !errors.As(err, &retry):
		return nil, e.bury(ctx, d, err)
	}
	return t, err
}

func (e *Engine) handle(ctx context.Context, d Delivery, live Live) (*session.Turn, error) {
	m := d.Message
	w, err := e.admit(ctx, m, d.Again)
	if err != nil {
		return nil, err
	}
	if w.command == "stop" && !w.stranger {
		return e.stop(ctx, m, w, d)
	}
	deadline := time.Now().Add(busyWait)
	for wait := 50 * time.Millisecond; ; {
		h, err := e.sessions().Claim(ctx, w.session, d.Key, m, d.Again)
		var busy *session.Busy
		var moved *session.Moved
		switch {
		case errors.As(err, &moved):
			w.session = moved.Session
		case errors.As(err, &busy):
			if busy.Seq > 0 && busy.Message != m.ID {
				running, err := e.sessions().Arrive(ctx, w.session, busy.Seq, d.Key, m)
				if err == nil && running {
					return nil, ErrWaiting
				} else if err == nil {
					continue // it has ended meanwhile
				}
				slog.Warn("message not added to the running turn", "session", w.session, "error", err.Error())
			}
			if d.Sweep { // it has time: it asks again when the lease may have lapsed
				return nil, &queue.Retry{After: max(busy.Until.Sub(e.Now()), time.Second), Err: busy}
			}
			if time.Now().Add(wait).After(deadline) {
				after := min(max(busy.Until.Sub(e.Now()), time.Second), 5*time.Second)
				return nil, &queue.Retry{After: after, Err: busy}
			}
			if !pause(ctx, wait) {
				return nil, ctx.Err()
			}
			wait = min(2*wait, time.Second)
		case errors.Is(err, session.ErrTaken) && d.Again:
			if err := e.late(ctx, w.session, d.Key, m); err != nil {
				return nil, err
			}
			e.forget(ctx, d.Key)
			return nil, session.ErrTaken
		case err != nil:
			return nil, err
		case h.Other:
			slog.Info("running the turn before", "session", w.session, "turn", h.Turn.Seq, "tries", h.Turn.Fence)
			if err := e.other(ctx, h); err != nil && !errors.Is(err, session.ErrLost) {
				return nil, fmt.Errorf("finish the turn before: %w", err)
			}
		default:
			return h.Turn, e.run(ctx, h, w, live)
		}
	}
}

// forget takes a message that needs nothing more off the inbox. Where that
// fails the sweep comes upon it again.
func (e *Engine) forget(ctx context.Context, key string) {
	if err := e.Bucket.Delete(ctx, key); err != nil {
		slog.Warn("message not taken off the inbox", "error", err.Error())
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

// jobPrefix begins the names of the conversations that jobs have.
const jobPrefix = "job."
