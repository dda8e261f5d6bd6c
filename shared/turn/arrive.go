package turn

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/session"
)

// People press Enter in the middle of what they want to say, and chat apps cut
// a long paste into messages. What follows one message within its window is
// read as one with it. The model is asked at once all the same: a message that
// still comes has it asked again, before it has said much, so that nobody's
// single message is slower for it. Only a message as long as a part of a paste
// is waited for, since the next part is likely and asking twice is dear.
const (
	shortWindow = 300 * time.Millisecond
	pasteWindow = 1500 * time.Millisecond
	pasted      = 4000 // characters; Telegram cuts at 4,096, Slack at about 4,000
)

// errJoined: more was said that belongs to the turn's message.
var errJoined = errors.New("more was said")

// series is the state of joining: the last message that was joined, when it
// came, and how to end the model's call that runs without the next one.
type series struct {
	mu     sync.Mutex
	last   *chat.Message
	at     time.Time
	cancel context.CancelCauseFunc
}

func window(m *chat.Message) time.Duration {
	if utf8.RuneCountInString(m.Text) >= pasted {
		return pasteWindow
	}
	return shortWindow
}

// mode is what becomes of messages that arrive.
func (p *progress) mode() session.Mode {
	if m := p.held.Head.Queue; m != "" {
		return m
	}
	return session.Steer
}

// together reports whether a message can go along with the turn's own: from
// the same sender in the same place, and neither of them a command. Somebody
// else has other rights, and another place sees another answer.
func (p *progress) together(m *chat.Message) bool {
	own := p.held.Turn.Message
	return p.who.command == "" && !p.who.stranger && own.Job == nil && m.Job == nil && own.Approval == "" && m.Approval == "" && own.Task == nil && m.Task == nil &&
		m.Person() == own.Person() && m.Address == own.Address && m.Session == own.Session &&
		(m.Forwarded || !strings.HasPrefix(strings.TrimSpace(m.Text), "/"))
}

// joinWaiting has the messages that waited for this turn, and may go along,
// read as one with its own.
func (p *progress) joinWaiting() {
	t := p.held.Turn
	p.series.last, p.series.at = t.Message, t.Started
	if p.mode() == session.Followup || len(t.Steps) > 0 {
		return
	}
	p.held.Join(func(a session.Arrival) bool { return p.together(a.Message) })
}

// follows reports whether an arrival continues what was said last.
func (p *progress) follows(a session.Arrival) bool {
	early := p.mode() == session.Followup && a.At.Before(p.series.at) // it waits for its own turn
	return !early && p.together(a.Message) && a.At.Sub(p.series.at) <= window(p.series.last)
}

// joinSeries joins what has followed the turn's message within its window. It
// reports whether there was anything.
func (p *progress) joinSeries() bool {
	if len(p.held.Turn.Steps) > 0 {
		return false
	}
	p.series.mu.Lock()
	defer p.series.mu.Unlock()
	joined := p.held.Join(func(a session.Arrival) bool {
		if !p.follows(a) {
			return false
		}
		p.series.last, p.series.at = a.Message, a.At
		return true
	})
	return len(joined) > 0
}

// awaitSeries waits for the next part after a pasted one.
func (p *progress) awaitSeries(ctx context.Context) error {
	for len(p.held.Turn.Steps) == 0 {
		p.series.mu.Lock()
		last, at := p.series.last, p.series.at
		p.series.mu.Unlock()
		left := at.Add(window(last)).Sub(p.engine.Now())
		if window(last) != pasteWindow || left <= 0 {
			return nil
		}
		if !pause(ctx, left) {
			return context.Cause(ctx)
		}
		if err := p.held.Look(ctx); err != nil {
			return err
		}
		p.joinSeries()
	}
	return nil
}

// begins reports that the turn is one in which more may be said.
func (p *progress) begins() bool {
	return len(p.held.Turn.Steps) == 0 && p.who.command == "" && !p.who.stranger && p.held.Turn.Message.Job == nil
}

// watchSeries looks once, at the end of the window, whether more was said, and
// then has the model asked again. It reports false when the turn is over.
func (p *progress) watchSeries(ctx context.Context, cancel context.CancelCauseFunc) bool {
	if !pause(ctx, shortWindow) {
		return false
	}
	if p.over(ctx, p.held.Look(ctx), cancel) {
		return false
	}
	p.series.mu.Lock()
	defer p.series.mu.Unlock()
	for _, a := range p.held.Arrived() {
		if a.Taken != "" {
			continue
		}
		if p.series.cancel != nil && p.follows(a) {
			p.series.cancel(errJoined)
		}
		break
	}
	return true
}

// askModel asks the model. The error is errJoined when more was said that the
// model has to hear first.
func (p *progress) askModel(ctx context.Context, request model.Request) (model.Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := len(p.held.Turn.Steps) == 0
	if first {
		p.series.mu.Lock()
		p.series.cancel = cancel
		p.series.mu.Unlock()
		defer func() {
			p.series.mu.Lock()
			p.series.cancel = nil
			p.series.mu.Unlock()
		}()
	}
	reply, err := p.router.Stream(ctx, request, model.Sink{OnText: p.text, OnReset: p.reset})
	p.write(p.stream.Close())
	if first && errors.Is(context.Cause(ctx), errJoined) && p.joinSeries() {
		return model.Reply{}, errJoined
	}
	return reply, err
}

// steer shows the model, between its tool calls, what was said meanwhile.
// Messages with attachments wait for a turn that shows them.
func (p *progress) steer(t *session.Turn) {
	if p.mode() != session.Steer {
		return
	}
	for _, a := range t.Take(session.Steered, func(a session.Arrival) bool {
		return p.together(a.Message) && len(a.Message.Attachments) == 0
	}) {
		p.heard(a.Message)
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Message: model.Message{Role: model.User, Text: UserText(a.Message)}})
	}
}

// drop takes what was said to a turn that is then stopped: it is part of the
// conversation, and not acted on.
func (p *progress) drop(t *session.Turn) (dropped int) {
	for _, a := range t.Take(session.Dropped, func(a session.Arrival) bool { return p.together(a.Message) }) {
		p.heard(a.Message)
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Message: model.Message{Role: model.User, Text: UserText(a.Message)}})
		dropped++
	}
	return dropped
}
