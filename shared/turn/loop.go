package turn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"instar/shared/budget"
	"instar/shared/delivery"
	"instar/shared/model"
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
	grant  budget.Grant
	shown  strings.Builder // what the person has seen of the present reply
	usage  model.Usage
	cost   float64
}

// answer works out the reply and records it as the turn's end. What the person
// then gets is up to deliver. An error means that the turn is not at its end:
// it was lost, or the bucket failed.
func (e *Engine) answer(ctx context.Context, h *session.Held, w *who, live Live) error {
	p := &progress{engine: e, held: h, who: w, live: live, usage: h.Turn.Usage, cost: h.Turn.Cost}
	p.grant = h.Head.Grant
	if h.Turn.Grant != nil {
		p.grant = *h.Turn.Grant
	}
	ctx, cancel := context.WithCancelCause(ctx)
	work, stopWork := context.WithTimeoutCause(ctx, MaxTime, errTooLong)
	defer stopWork()
	defer cancel(nil)

	if sender := e.Senders[h.Turn.Message.Channel]; sender != nil {
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
		end = p.stopped()
	case errors.Is(cause, errTooLong):
		end = ending{state: session.Failed, reply: fmt.Sprintf("I stopped after %s, the longest one turn may take. Ask again, perhaps for a part of it.", MaxTime)}
	case end.err != nil:
		return end.err
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
	reset    bool
	err      error
}

// placed records the placeholder of the reply.
func (p *progress) placed(ctx context.Context, id string) error {
	return p.update(ctx, func(t *session.Turn) { t.Out = []session.Part{{ID: id}} })
}

func (p *progress) update(ctx context.Context, change func(t *session.Turn)) error {
	return p.held.Update(ctx, func(t *session.Turn) {
		change(t)
		grant := p.grant
		t.Usage, t.Cost, t.Grant = p.usage, p.cost, &grant
	})
}

// watch looks twice a second, from the first second on, whether the turn was
// stopped or lost, and keeps its lease alive.
func (p *progress) watch(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, 500*time.Millisecond) {
			err := p.held.Check(ctx)
			if errors.Is(err, session.ErrStop) || errors.Is(err, session.ErrLost) {
				cancel(err)
				return
			}
			if err != nil && ctx.Err() == nil {
				slog.Warn("turn not checked", "error", err.Error())
			}
		}
	}()
	return func() { end(); <-ended }
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
	files := e.files(p.who)
	p.tools = e.tools(t.Message, p.who, files, t.Started)
	p.router = p.openRouter()
	request := model.Request{
		System: system, Tools: p.tools.Schemas(),
		Context: e.briefing(ctx, t.Message, p.who, files),
	}
	pictures, note := images(ctx, t.Message, e.Senders[t.Message.Channel])
	for {
		if err := p.repair(ctx); err != nil {
			return ending{err: err}
		}
		if n := p.replies(); n >= MaxSteps {
			return ending{state: session.Failed, reply: fmt.Sprintf("I stopped after %d steps without coming to an end. Tell me how to go on.", n)}
		}
		if p.cost >= MaxCost {
			return ending{state: session.Failed, reply: fmt.Sprintf("I stopped because this turn has cost $%.2f; one may cost $%.2f. Tell me if I shall go on.", p.cost, MaxCost)}
		}
		request.Messages = p.messages(pictures, note)
		reply, err := p.router.Stream(ctx, request, model.Sink{OnText: p.text, OnReset: p.reset})
		if err != nil {
			return p.modelFailed(ctx, err)
		}
		step := &session.Step{At: e.Now(), Message: model.Message{Role: model.Assistant, Text: reply.Text, Calls: reply.Calls}}
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
		return e.Budget.Allow(ctx, p.held.Turn.Session, &p.grant)
	}
	r.After = func(_ context.Context, name string, used model.Usage, err error) {
		usd, known := model.Cost(name, used)
		if !known && usd > 0 {
			slog.Warn("price of model is not known; counted as the dearest", "model", name)
		}
		p.usage, p.cost, p.grant.Spent = p.usage.Add(used), p.cost+usd, p.grant.Spent+usd
	}
	return r
}

// messages is the conversation: the history, the person's message, what this
// turn has done so far.
func (p *progress) messages(pictures []model.Image, note string) []model.Message {
	var list []model.Message
	for _, turn := range p.held.Head.History {
		list = append(list, turn...)
	}
	own := p.held.Turn.Messages(UserText(p.held.Turn.Message) + note)
	own[0].Images = pictures
	return append(list, own...)
}

func (p *progress) replies() (n int) {
	for _, s := range p.held.Turn.Steps {
		if s.Role == model.Assistant {
			n++
		}
	}
	return n
}

// repair answers the tool calls that a dead holder left without results: those
// that may be repeated are, of the others the model is told that nobody knows.
func (p *progress) repair(ctx context.Context) error {
	steps := p.held.Turn.Steps
	if len(steps) == 0 || steps[len(steps)-1].Role != model.Assistant || len(steps[len(steps)-1].Calls) == 0 {
		return nil
	}
	calls := steps[len(steps)-1].Calls
	var results []model.ToolResult
	for _, c := range calls {
		t, ok := p.tools.Find(c.Name)
		if ok && !t.Idempotent {
			results = append(results, model.ToolResult{ID: c.ID, Error: true,
				Text: "Outcome unknown: the system restarted while this ran, so it may or may not have happened. Do not repeat it; tell the person."})
			continue
		}
		results = append(results, p.runTool(ctx, c).ToolResult)
	}
	return p.update(ctx, func(t *session.Turn) {
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Unknown: true, Message: model.Message{Role: model.User, Results: results}})
	})
}

func (p *progress) runTools(ctx context.Context, calls []model.ToolCall) error {
	if p.writer != nil {
		p.writer.Nudge()
	}
	results := make([]model.ToolResult, 0, len(calls))
	for _, c := range calls {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if p.repeated(c) > MaxSame {
			results = append(results, model.ToolResult{ID: c.ID, Error: true,
				Text: fmt.Sprintf("Not run: this exact call was made %d times in this turn already. Use its results or do something else.", MaxSame)})
			continue
		}
		results = append(results, p.runTool(ctx, c).ToolResult)
	}
	return p.update(ctx, func(t *session.Turn) {
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Message: model.Message{Role: model.User, Results: results}})
	})
}

// runTool runs one call and shows it to whoever watches.
func (p *progress) runTool(ctx context.Context, c model.ToolCall) tool.Outcome {
	t := p.held.Turn
	show := func(state, summary string) {
		if p.live.Tool != nil {
			p.live.Tool(c.ID, c.Name, state, oneLine(summary, 300))
		}
	}
	show("running", "")
	// The provider's call id is unique within a reply at best, so the key
	// names the turn and the step too.
	sum := sha256.Sum256([]byte(c.ID))
	id := fmt.Sprintf("%s.%d.%d.%s", t.Session, t.Seq, len(t.Steps), hex.EncodeToString(sum[:6]))
	out := p.tools.Run(ctx, c, tool.Call{ID: id, Message: t.Message})
	show(out.State, out.Text)
	slog.Info("tool call", "tool", c.Name, "state", out.State, "session", t.Session, "turn", t.Seq)
	return out
}

// repeated counts how often a call was asked for in this turn, this time included.
func (p *progress) repeated(c model.ToolCall) (n int) {
	for _, s := range p.held.Turn.Steps {
		for _, earlier := range s.Calls {
			if earlier.Name == c.Name && string(earlier.Input) == string(c.Input) && earlier.Garbled == c.Garbled {
				n++
			}
		}
	}
	return n
}

func (p *progress) text(delta string) {
	p.shown.WriteString(delta)
	if p.writer != nil {
		p.writer.Text(delta)
	}
	if p.live.Text != nil {
		p.live.Text(delta)
	}
}

func (p *progress) reset() {
	p.shown.Reset()
	if p.writer != nil {
		p.writer.Reset()
	}
	if p.live.Reset != nil {
		p.live.Reset()
	}
}
