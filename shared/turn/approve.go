package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"instar/shared/approval"
	"instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/session"
	"instar/shared/tool"
)

func (e *Engine) approvals() *approval.Store {
	return &approval.Store{Bucket: e.Bucket, Agent: e.Agent, Now: e.Now}
}

// ask puts a call before the owner. The question stands on a card under the
// turn's reply; calls of one tool in a row are one question.
func (p *progress) ask(ctx context.Context, c tool.Call, name string, v policy.Verdict) (string, error) {
	if !p.who.owner {
		return "", errors.New("only the owner is asked")
	}
	t := p.held.Turn
	item := approval.Item{Call: c.ID, Input: c.Input, Why: v.Reason, Unseen: c.Unseen}
	for _, a := range v.Arguments {
		item.Args = append(item.Args, approval.Argument{Path: a.Path, Value: p.engine.Guard.Redact(a.Value), Yours: a.Grounded, From: a.Why})
	}
	r, err := p.engine.approvals().Ask(ctx, p.open, approval.Request{
		Session: t.Session, Turn: t.Seq, Tool: name, Twice: v.Outcome == policy.AskTwice, Grant: v.Destinations,
	}, item)
	if err != nil {
		slog.Error("question not stored", "tool", name, "error", err.Error())
		return "", err
	}
	if p.open = r.ID; !slices.Contains(p.cards, r.ID) {
		p.mu.Lock()
		p.cards = append(slices.Clip(p.cards), r.ID)
		p.mu.Unlock()
	}
	p.audit(audit.Event{Kind: audit.Asked, Tool: name, Outcome: string(v.Outcome), Detail: map[string]string{"question": r.ID, "hash": r.Hash}})
	return "the owner is asked (" + c.Reason(v) + "). It happens when they say yes, and you will be told. Do not call it again; say in a word that you have asked.", nil
}

// questions are the parts of the reply that put the turn's questions.
func (p *progress) questions(ctx context.Context) (parts []session.Part, err error) {
	e := p.engine
	for _, id := range p.cards {
		r, err := e.approvals().Get(ctx, id)
		if err != nil {
			return nil, err
		}
		text, buttons := r.Card(e.Now(), e.Zone)
		parts = append(parts, session.Part{Card: id, Text: text, Buttons: buttons, Begun: p.held.Turn.Message.Job != nil})
	}
	return parts, nil
}

// decide carries out the owner's answer to a question.
func (p *progress) decide(ctx context.Context, answer approval.Verdict) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	e, m := p.engine, p.held.Turn.Message
	if !p.who.owner {
		return say("Only the owner can answer that.")
	}
	if sender := e.Senders[m.Channel]; m.Tap != "" && sender != nil {
		if err := sender.Seen(ctx, m.Tap); err != nil {
			slog.Warn("tap not confirmed", "channel", m.Channel, "error", err.Error())
		}
	}
	id, nonce, ok := approval.ParseCode(p.who.rest)
	if !ok {
		return say("Which question? Tap its button, or copy the whole code.")
	}
	r, err := e.approvals().Get(ctx, id)
	if err == nil && !strings.EqualFold(r.Nonce[:len(nonce)], nonce) {
		err = approval.ErrUnknown
	}
	if err == nil {
		r, err = e.approvals().Answer(ctx, r.ID, r.Nonce, answer, p.who.person)
	}
	if r == nil {
		if errors.Is(err, approval.ErrUnknown) {
			return say("There is no such question.")
		}
		return ending{err: err}
	}
	p.auditAnswer(r, err)
	shown := !errors.Is(err, approval.ErrUnknown) && p.showOutcome(ctx, r)
	// This very answer, before a crash: what follows can be repeated.
	again := errors.Is(err, approval.ErrAnswered) && r.State == approval.Approved && r.Begun == 0 && answer != approval.No && r.Person == p.who.person
	text := "I do it now."
	switch {
	case err == nil && r.State == approval.Once:
		return ending{state: session.Done, reply: fmt.Sprintf("Something secret would leave you with this. If you are sure, say so once more: `/yes %s`", r.Code()), quiet: shown && m.Tap != ""}
	case err == nil && r.State == approval.Denied:
		return ending{state: session.Done, reply: "I do not do it.", quiet: shown && m.Tap != ""}
	case errors.Is(err, approval.ErrUnknown):
		return say("There is no such question.")
	case (errors.Is(err, approval.ErrLapsed) || errors.Is(err, approval.ErrAnswered)) && !again:
		return say(strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + ".")
	case err != nil && !again:
		return ending{err: err}
	}
	if r.Always {
		if err := e.approvals().Allow(ctx, r.Tool, r.Grant, p.who.person); errors.Is(err, approval.ErrFull) {
			text += " Only this once: " + err.Error() + "."
		} else if err != nil {
			return ending{err: err}
		}
	}
	next := &chat.Message{
		V: 1, ID: "approval:" + r.ID, PlatformID: "approval:" + r.ID, Time: m.Time, Address: m.Address, Kind: chat.Private,
		Sender: m.Sender, Session: session.Name(r.Session), Approval: r.ID,
	}
	if err := e.accept(ctx, next, 0); err != nil {
		return ending{err: err}
	}
	return ending{state: session.Done, reply: text, quiet: shown && m.Tap != ""}
}

func (p *progress) auditAnswer(r *approval.Request, err error) {
	outcome := string(r.State)
	switch {
	case err != nil:
		outcome = "not-counted"
	case r.Always:
		outcome = "always"
	}
	p.audit(audit.Event{Kind: audit.Answered, Tool: r.Tool, Outcome: outcome, Detail: map[string]string{"question": r.ID, "hash": r.Hash, "person": p.who.person}})
}

// showOutcome edits the card of a question to what became of it, and reports
// whether that is seen in the place of the answer.
func (p *progress) showOutcome(ctx context.Context, r *approval.Request) bool {
	e := p.engine
	t, _, err := e.sessions().Turn(ctx, r.Session, r.Turn)
	if err != nil {
		slog.Warn("card not found", "error", err.Error())
		return false
	}
	i := slices.IndexFunc(t.Out, func(part session.Part) bool { return part.Card == r.ID && part.ID != "" })
	to := t.Message.Address
	sender := e.Senders[to.Channel]
	if i < 0 || sender == nil {
		return false
	}
	text, buttons := r.Card(e.Now(), e.Zone)
	if err := sender.EditCard(ctx, to, t.Out[i].ID, channel.Card{Text: text, Buttons: buttons}); err != nil {
		slog.Warn("card not edited", "channel", to.Channel, "error", err.Error())
		return false
	}
	return to == p.held.Turn.Message.Address
}

// approved runs the calls that the owner has said yes to, as the first thing of
// a turn of its own: a step each. An approval is used before its call runs, so
// that no crash has one run twice.
func (p *progress) approved(ctx context.Context, id string) error {
	e, t := p.engine, p.held.Turn
	r, err := e.approvals().Get(ctx, id)
	if err != nil && !errors.Is(err, approval.ErrUnknown) {
		return err
	}
	if err != nil {
		if len(t.Steps) > 0 {
			return nil
		}
		return p.note(ctx, "The approval is not known any more, so nothing was done.")
	}
	for i := len(t.Steps); i < len(r.Items); i++ {
		text, err := p.useItem(ctx, r, i)
		if err != nil {
			return err
		}
		if err := p.note(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// useItem runs one call of an approved question and says what came of it.
func (p *progress) useItem(ctx context.Context, r *approval.Request, i int) (string, error) {
	used, err := p.engine.approvals().Use(ctx, r.ID, p.held.Turn.Session, i)
	switch {
	case err == nil:
		item := used.Items[i]
		out := p.tools.RunApproved(ctx, model.ToolCall{ID: "approved", Name: used.Tool, Input: item.Input}, tool.Call{ID: item.Call, Message: p.held.Turn.Message, Unseen: item.Unseen, Give: p.giving(item.Call)})
		p.audit(audit.Event{Kind: audit.Decision, Tool: used.Tool, Outcome: "approved", Detail: map[string]string{"question": used.ID, "hash": used.Hash}})
		return fmt.Sprintf("The owner said yes to %s, and it ran (%s):\n%s", used.Tool, out.State, out.Text), nil
	case errors.Is(err, approval.ErrAnswered):
		return fmt.Sprintf("The owner said yes to %s. Outcome unknown: the system restarted while it ran, so it may or may not have happened. Do not repeat it; tell the person.", r.Tool), nil
	case errors.Is(err, approval.ErrLapsed), errors.Is(err, approval.ErrOther):
		return fmt.Sprintf("%s was not done: %v.", r.Tool, err), nil
	}
	return "", err
}

// note records a step in which the program tells the model something.
func (p *progress) note(ctx context.Context, text string) error {
	return p.update(ctx, func(t *session.Turn) {
		t.Steps = append(t.Steps, session.Step{At: p.engine.Now(), Label: p.label(), Message: model.Message{Role: model.User, Text: "[" + text + "]"}})
	})
}

// before are the turns that a turn goes on with: that in which the owner was
// asked, or a task was started, and, where that one was such a turn too, those
// before it.
func (p *progress) before(ctx context.Context) (list []*session.Turn, err error) {
	for m := p.held.Turn.Message; (m.Approval != "" || m.Task != nil) && len(list) < maxChain; {
		in, seq := p.held.Turn.Session, 0
		if m.Task != nil {
			seq = m.Task.Turn
		} else {
			r, err := p.engine.approvals().Get(ctx, m.Approval)
			if errors.Is(err, approval.ErrUnknown) {
				break
			}
			if err != nil {
				return nil, err
			}
			in, seq = r.Session, r.Turn
		}
		t, _, err := p.engine.sessions().Turn(ctx, in, seq)
		if errors.Is(err, bucket.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		list, m = append(list, t), t.Message
	}
	return list, nil
}

// maxChain is how many turns back the owner's words go on grounding.
const maxChain = 8

// Card is a question as a page shows it.
type Card struct {
	ID      string          `json:"id"`
	Text    string          `json:"text"` // Markdown
	Buttons [][]chat.Button `json:"buttons,omitempty"`
	State   approval.State  `json:"state"`
}

// Cards are the questions of a turn, as they are now. The turn's agent has the
// given zone.
func Cards(ctx context.Context, store *approval.Store, zone *time.Location, t *session.Turn) ([]Card, error) {
	list := []Card{}
	for _, id := range t.Cards {
		r, err := store.Get(ctx, id)
		if errors.Is(err, approval.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		card := Card{ID: id, State: r.State}
		card.Text, card.Buttons = r.Card(store.Now(), zone)
		list = append(list, card)
	}
	return list, nil
}

// Cards are the questions of a turn of this agent.
func (e *Engine) Cards(ctx context.Context, t *session.Turn) ([]Card, error) {
	return Cards(ctx, e.approvals(), e.Zone, t)
}
