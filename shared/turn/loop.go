package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"instar/shared/audit"
	"instar/shared/budget"
	"instar/shared/delivery"
	"instar/shared/job"
	"instar/shared/leak"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/session"
	"instar/shared/tool"
)

// progress is one turn while it is worked on.
type progress struct {
	engine *Engine
	held   *session.Held
	who    *who
	live   Live
	writer *delivery.Writer // nil on the web, where live shows the answer
	router *model.Router
	tools  *tool.Set
	shown  strings.Builder // what the person has seen of the reply so far
	stream *leak.Stream    // of what the model writes now
	gap    bool            // what is shown next begins a paragraph
	broken error           // why the budget could not be checked
	opened atomic.Bool     // the turn object exists, or was tried to be written
	series series          // messages that come in quick succession are read as one
	window *policy.Window  // what the gate knows of the model's context
	secret bool            // something secret was loaded from memory
	open   string          // that of them to which the next call can be added
	due    *job.Job        // whose run this is; nil for a person's message, and the heartbeat
	seen   string          // by its check

	mu      sync.Mutex     // guards what follows: the placeholder is recorded meanwhile
	entries []audit.Entry  // for the audit log, not recorded yet
	files   []session.File // that the tools gave
	cards   []string       // the questions that the owner is asked
	account
}

// account is what the turn has used so far.
type account struct {
	grant budget.Grant
	usage model.Usage
	cost  float64
}

func (p *progress) spent() account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.account
}

// answer works out the reply and records it as the turn's end. What the person
// then gets is up to deliver. An error means that the turn is not at its end:
// it was lost, or the bucket failed.
func (e *Engine) answer(ctx context.Context, h *session.Held, w *who, live Live) error {
	p := &progress{engine: e, held: h, who: w, live: live}
	p.account = account{grant: h.Head.Grant, usage: h.Turn.Usage, cost: h.Turn.Cost}
	p.files = h.Turn.Files
	if h.Turn.Grant != nil {
		p.grant = *h.Turn.Grant
	}
	p.opened.Store(h.Turn.Fence > 1) // taking a turn over writes it
	p.joinWaiting()
	for {
		if err := p.attempt(ctx); !errors.Is(err, errJoined) {
			return err
		}
		p.reset()
	}
}

// attempt is answer until the turn has ended, or until more was said that
// belongs to it (errJoined).
func (p *progress) attempt(ctx context.Context) error {
	h := p.held
	ctx, cancel := context.WithCancelCause(ctx)
	work, stopWork := context.WithTimeoutCause(ctx, MaxTime, errTooLong)
	defer stopWork()
	defer cancel(nil)

	// A job's message comes when it is whole: nobody waits and watches. A tap is
	// answered on its card.
	if sender := p.engine.Senders[h.Turn.Message.Channel]; sender != nil && h.Turn.Message.Job == nil && h.Turn.Message.Tap == "" {
		p.writer = &delivery.Writer{Sender: sender, To: h.Turn.Message.Address, ReplyTo: quote(h.Turn.Message), Record: p.placed}
		placeholder := ""
		if len(h.Turn.Out) > 0 {
			placeholder = h.Turn.Out[0].ID
		}
		p.writer.Start(work, placeholder)
	}
	stopWatch := p.watch(work, cancel)
	end := p.work(work)
	stopWatch()

	cause := context.Cause(work)
	if p.writer != nil {
		if _, err := p.writer.Stop(context.WithoutCancel(ctx)); errors.Is(err, session.ErrLost) {
			return err
		} else if err != nil && !errors.Is(err, session.ErrStop) {
			// The platform is not there now; the answer is worked out all the
			// same and delivered when it is.
			slog.Warn("placeholder not sent", "channel", h.Turn.Message.Channel, "error", err.Error())
		}
	}
	switch {
	case errors.Is(cause, session.ErrLost) || errors.Is(end.err, session.ErrLost):
		return session.ErrLost
	case errors.Is(cause, session.ErrStop) || errors.Is(end.err, session.ErrStop):
		end = p.cutOff(session.Stopped, "(Stopped.)")
	case errors.Is(cause, errTooLong):
		end = p.cutOff(session.Failed, fmt.Sprintf("(I stopped after %d minutes, the longest one turn may take. Ask again, perhaps for a part of it.)", MaxTime/time.Minute))
	case end.err != nil:
		return end.err
	case p.joinSeries():
		return errJoined
	}
	return p.finish(context.WithoutCancel(ctx), end)
}

var errTooLong = errors.New("the turn took too long")

// ending is how a turn ends. err means that it does not end now.
type ending struct {
	state    session.State
	step     *session.Step // the last reply of the model, not recorded yet
	reply    string
	model    string
	setModel *string
	setQueue *session.Mode
	reset    bool
	run      job.RunState // of a job
	failure  string       // of a job: why it failed
	quiet    bool         // nobody is told
	err      error
}

// placed records the placeholder of the reply.
func (p *progress) placed(ctx context.Context, id string) error {
	return p.update(ctx, func(t *session.Turn) { t.Out = []session.Part{{ID: id}} })
}

func (p *progress) update(ctx context.Context, change func(t *session.Turn)) error {
	err := p.held.Update(ctx, func(t *session.Turn) {
		change(t)
		p.mu.Lock()
		t.Audit, p.entries = append(t.Audit, p.entries...), nil
		t.Files, t.Cards = slices.Clip(p.files), slices.Clip(p.cards)
		p.mu.Unlock()
		a := p.spent()
		t.Usage, t.Cost, t.Grant = a.usage, a.cost, &a.grant
	})
	p.opened.Store(true) // or will be by the next look
	return err
}

// openLate is how many looks of watch the placeholder is waited for.
const openLate = 6

// watch looks twice a second whether the turn was stopped or lost, and keeps
// its lease alive. While nothing is recorded there is nothing to look at: then
// it has the placeholder sent, whose id makes the turn's first record.
func (p *progress) watch(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	begins := p.begins()
	go func() {
		defer close(ended)
		if begins && !p.watchSeries(ctx, cancel) {
			return
		}
		for look := 1; pause(ctx, 500*time.Millisecond); look++ {
			if p.writer != nil && !p.opened.Load() && look <= openLate {
				p.writer.Nudge()
				continue
			}
			if p.over(ctx, p.held.Check(ctx), cancel) {
				return
			}
		}
	}()
	return func() { end(); <-ended }
}

// over ends the turn's work when a look at it says so.
func (p *progress) over(ctx context.Context, err error, cancel context.CancelCauseFunc) bool {
	if errors.Is(err, session.ErrStop) || errors.Is(err, session.ErrLost) {
		cancel(err)
		return true
	}
	if err != nil && ctx.Err() == nil {
		slog.Warn("turn not checked", "error", err.Error())
	}
	return false
}

// work finds the reply: by a command, or with the model and its tools.
func (p *progress) work(ctx context.Context) ending {
	e, t := p.engine, p.held.Turn
	if p.who.stranger {
		return ending{state: session.Done, reply: e.pairingText(p.who.code)}
	}
	if p.who.command != "" {
		return p.command(ctx)
	}
	if t.Message.Job != nil {
		if end, done := p.job(ctx); done {
			return end
		}
	}
	files := e.files(p.who)
	briefing, secret := e.briefing(ctx, t.Message, p.who, files)
	p.secret = secret
	p.tools = e.tools(t.Message, p.who, files, t.Started)
	if p.tools.Role == policy.Owner && len(p.tools.Tools) > 0 {
		p.tools.Tools = append(append(p.tools.Tools, p.readAs()), p.sandboxTools()...)
	}
	p.router = p.openRouter() // tools ask models, too: what was approved may be one
	if err := p.openWindow(ctx); err != nil {
		return ending{err: err}
	}
	if t.Message.Approval != "" {
		if err := p.approved(ctx, t.Message.Approval); err != nil {
			return ending{err: err}
		}
	}
	request := model.Request{
		System: system, Tools: p.tools.Schemas(),
		Context: briefing,
	}
	p.show(p.said()) // by a holder that died
	if t.Stop {
		return ending{err: session.ErrStop} // which it did not come to
	}
	if err := p.awaitSeries(ctx); err != nil {
		return ending{err: err}
	}
	if len(p.held.Arrived()) > 0 { // with what was joined
		if err := p.openWindow(ctx); err != nil {
			return ending{err: err}
		}
	}
	pictures, note := p.images(ctx)
	for {
		if err := p.repair(ctx); err != nil {
			return ending{err: err}
		}
		if n := p.replies(); n >= MaxSteps {
			return p.cutOff(session.Failed, fmt.Sprintf("(I stopped after %d steps without coming to an end. Tell me how to go on.)", n))
		}
		if cost := p.spent().cost; cost >= MaxCost {
			return p.cutOff(session.Failed, fmt.Sprintf("(I stopped because this turn has cost $%.2f; one may cost $%.2f. Tell me if I shall go on.)", cost, MaxCost))
		}
		p.gap = p.shown.Len() > 0
		p.stream = e.Guard.Stream()
		request.Messages = p.messages(pictures, note)
		reply, err := p.askModel(ctx, request)
		if errors.Is(err, errJoined) {
			p.reset()
			if err := p.openWindow(ctx); err != nil {
				return ending{err: err}
			}
			pictures, note = p.images(ctx)
			continue
		}
		if err != nil {
			return p.modelFailed(ctx, err)
		}
		reply.Text = e.Guard.Redact(reply.Text)
		step := &session.Step{At: e.Now(), Label: p.label(), Message: model.Message{Role: model.Assistant, Text: reply.Text, Calls: reply.Calls}}
		if len(reply.Calls) == 0 {
			return p.last(step, reply)
		}
		if err := p.update(ctx, func(t *session.Turn) { t.Steps = append(t.Steps, *step); t.Model = reply.Model }); err != nil {
			return ending{err: err}
		}
		if err := p.runTools(ctx, reply.Calls); err != nil {
			return ending{err: err}
		}
	}
}

// openRouter makes the turn's models: the session's own choice first, each call
// within the budget, each cost booked.
func (p *progress) openRouter() *model.Router {
	e := p.engine
	r := e.Models()
	if chosen := p.held.Head.Model; chosen != "" {
		r.Models = append([]string{chosen}, slices.DeleteFunc(r.Models, func(m string) bool { return m == chosen })...)
	}
	r.Before = func(ctx context.Context, name string) error {
		if price, known := model.Cost(name, model.Usage{Input: 1000, Output: 1000}); known && price == 0 {
			return nil
		}
		grant := p.spent().grant
		err := e.Budget.Allow(ctx, p.held.Turn.Session, &grant)
		var spent *budget.Spent
		if err != nil && !errors.As(err, &spent) {
			p.broken = err
		}
		p.mu.Lock()
		p.grant = grant
		p.mu.Unlock()
		return err
	}
	r.After = func(_ context.Context, name string, used model.Usage, err error) {
		usd, known := model.Cost(name, used)
		if !known && usd > 0 {
			slog.Warn("price of model is not known; counted as the dearest", "model", name)
		}
		p.mu.Lock()
		p.usage, p.cost, p.grant.Spent = p.usage.Add(used), p.cost+usd, p.grant.Spent+usd
		p.mu.Unlock()
	}
	return r
}

// messages is the conversation: the history, the person's message, what this
// turn has done so far.
func (p *progress) messages(pictures []model.Image, note string) []model.Message {
	var list []model.Message
	if p.held.Turn.Message.Job == nil { // a run begins with nothing, so that it costs the same each time
		if text := p.held.Head.Summary; text != "" {
			list = append(list, model.Message{Role: model.User, Text: "[What was said before, in short. memory_search finds the words themselves.]\n" + text + wordForWord(p.held.Head.Words)})
		}
		for _, past := range p.held.Head.History {
			list = append(list, past.Messages...)
		}
	}
	own := p.held.Turn.Messages(p.held.Said() + note)
	own[0].Images = pictures
	return append(list, own...)
}

// wordForWord is what the person said in turns that a summary stands for.
func wordForWord(words []session.Words) string {
	if len(words) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n\n[What the person said then, word for word.]")
	for _, w := range words {
		fmt.Fprintf(&b, "\n- %s: %s", w.At.Format(time.DateOnly), w.Text)
	}
	return b.String()
}

func (p *progress) replies() (n int) {
	for _, s := range p.held.Turn.Steps {
		if s.Role == model.Assistant {
			n++
		}
	}
	return n
}
