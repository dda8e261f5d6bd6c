package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"instar/shared/approval"
	"instar/shared/audit"
	"instar/shared/chat"
	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/session"
	"instar/shared/tool"
)

// labelOf is the label of a message's text. A person's own words are theirs to
// answer for where only they can write, which for a guest means the guest's own
// files; what they forwarded, quoted from somebody else, or attached is not
// their words.
func labelOf(m *chat.Message, w *who) label.Label {
	l := label.New(label.Owner, label.Private, []string{m.Person()}, nil)
	// The agent's own message, too: it may have told of a page, in a job's turn.
	quoted := m.ReplyTo != nil && m.ReplyTo.Text != "" && m.ReplyTo.From != m.Sender.ID
	if m.Job != nil {
		// A job's text is whoever's it was when the job was made.
		return label.New(min(label.ParseIntegrity(m.Job.Label), label.Owner), label.Private, []string{"job:" + m.Job.ID}, nil)
	}
	if m.Forwarded || quoted || len(m.Attachments) > 0 || m.Kind == chat.Group && !w.owner {
		l = l.AtMost(label.Untrusted)
	}
	return l
}

// openWindow makes what the gate knows of the turn's context: everything that
// the model is shown at its start, and what the steps of a dead holder brought
// in. Memory that the owner does not vouch for is not loaded, so the briefing
// taints nothing.
func (p *progress) openWindow() {
	t, w := p.held.Turn, p.who
	l := label.Join(label.Program(), labelOf(t.Message, w))
	var said []policy.Said
	words := func(m *chat.Message) {
		// What somebody else's text put into a job is not the owner's word.
		if !m.Forwarded && (m.Job == nil || !labelOf(m, w).Tainted()) {
			said = append(said, policy.Said{Text: m.Text, At: m.Time.In(p.engine.Zone)})
		}
	}
	words(t.Message)
	for _, a := range p.held.Arrived() {
		if a.Taken == session.Joined || a.Taken == session.Steered {
			l = label.Join(l, labelOf(a.Message, w))
			words(a.Message)
		}
	}
	if t.Message.Job == nil {
		l = label.Join(l, p.held.Head.Label())
	}
	p.window = policy.NewWindow(l, said, p.who.person)
	for _, s := range t.Steps {
		p.window.Join(s.Label)
	}
	p.tools.Window, p.tools.Nobody, p.tools.Ask = p.window, t.Message.Job != nil, p.ask
}

// heard adds what was said meanwhile to the window.
func (p *progress) heard(m *chat.Message) {
	if p.window == nil {
		return
	}
	p.window.Join(labelOf(m, p.who))
	if !m.Forwarded {
		p.window.Say(policy.Said{Text: m.Text, At: m.Time.In(p.engine.Zone)})
	}
}

// label is that of everything in the turn's window; before it is opened, that
// of nothing.
func (p *progress) label() label.Label {
	if p.window == nil {
		return labelOf(p.held.Turn.Message, p.who)
	}
	return p.window.Label()
}

func (e *Engine) approvals() *approval.Store {
	return &approval.Store{Bucket: e.Bucket, Agent: e.Agent, Now: e.Now}
}

// maxShown is how many characters of an argument the owner is shown.
const maxShown = 600

// ask puts a call before the owner. The question stands under the turn's reply,
// so that it arrives as surely as the reply does.
func (p *progress) ask(ctx context.Context, c tool.Call, name string, v policy.Verdict) (string, error) {
	if !p.who.owner {
		return "", errors.New("only the owner is asked")
	}
	r, err := p.engine.approvals().Ask(ctx, approval.Request{
		Session: p.held.Turn.Session, Call: c.ID, Tool: name, Input: c.Input, Why: v.Reason, Twice: v.Outcome == policy.AskTwice,
	})
	if err != nil {
		slog.Error("question not stored", "tool", name, "error", err.Error())
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**May I do this?** %s", name)
	for _, a := range v.Arguments {
		mark := "from your words"
		if !a.Grounded {
			mark = "not from you"
		}
		fmt.Fprintf(&b, "\n- %s (%s): %s", a.Path, mark, quoted(a.Value))
	}
	fmt.Fprintf(&b, "\n\nI ask because %s.\n\n`/yes %s` or `/no %s`, within 30 minutes.", v.Reason, code(r), code(r))
	p.questions = append(p.questions, b.String())
	p.audit(audit.Event{Kind: audit.Asked, Tool: name, Outcome: string(v.Outcome), Detail: map[string]string{"question": r.ID, "hash": r.Hash}})
	return "the owner is asked (" + v.Reason + "). It happens when they say yes, and you will be told. Do not call it again; say in a word that you have asked.", nil
}

func quoted(text string) string {
	return "`" + strings.ReplaceAll(oneLine(text, maxShown), "`", "'") + "`"
}

// code is what the owner types to answer a question.
func code(r *approval.Request) string { return r.ID + strings.ToLower(r.Nonce[:6]) }

// decide carries out the owner's /yes or /no.
func (p *progress) decide(ctx context.Context, approve bool) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	e, m := p.engine, p.held.Turn.Message
	if !p.who.owner {
		return say("Only the owner can answer that.")
	}
	given := strings.ToLower(strings.TrimSpace(p.who.rest))
	if len(given) != 26 {
		return say("Which question? Copy the whole line, such as /yes 0123….")
	}
	r, err := e.approvals().Get(ctx, given[:20])
	if err == nil && !strings.EqualFold(r.Nonce[:6], given[20:]) {
		err = approval.ErrUnknown
	}
	if err == nil {
		r, err = e.approvals().Answer(ctx, r.ID, r.Nonce, approve, p.who.person)
	}
	if r != nil {
		outcome := string(r.State)
		if err != nil {
			outcome = "not-counted"
		}
		p.audit(audit.Event{Kind: audit.Answered, Tool: r.Tool, Outcome: outcome, Detail: map[string]string{"question": r.ID, "hash": r.Hash, "person": p.who.person}})
	}
	again := r != nil && errors.Is(err, approval.ErrAnswered) && r.State == approval.Approved && approve && r.Person == p.who.person
	switch {
	case again: // this very answer, before a crash: what follows can be repeated
	case errors.Is(err, approval.ErrUnknown):
		return say("There is no such question.")
	case errors.Is(err, approval.ErrLapsed), errors.Is(err, approval.ErrAnswered):
		return say(strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + ".")
	case err != nil:
		return ending{err: err}
	case r.State == approval.Denied:
		return say("I do not do it.")
	case r.State == approval.Once:
		return say(fmt.Sprintf("Something secret would leave you with this. If you are sure, answer once more: `/yes %s`", code(r)))
	}
	next := &chat.Message{
		V: 1, ID: "approval:" + r.ID, PlatformID: "approval:" + r.ID, Time: m.Time, Address: m.Address, Kind: chat.Private,
		Sender: m.Sender, Session: session.Name(r.Session), Approval: r.ID,
	}
	if err := e.accept(ctx, next, 0); err != nil {
		return ending{err: err}
	}
	return say("I do it now.")
}

// approved runs the call that the owner has approved, as the first thing of its
// own turn. The approval is used before the call runs, so that no crash has it
// run twice.
func (p *progress) approved(ctx context.Context, id string) error {
	if len(p.held.Turn.Steps) > 0 {
		return nil
	}
	e, t := p.engine, p.held.Turn
	r, err := e.approvals().Get(ctx, id)
	if err != nil && !errors.Is(err, approval.ErrUnknown) {
		return err
	}
	text := "The approval is not known any more, so nothing was done."
	if err == nil {
		c := tool.Call{ID: r.Call, Message: t.Message}
		switch err := e.approvals().Use(ctx, r.Call, t.Session, r.Tool, r.Input); {
		case err == nil:
			out := p.tools.RunApproved(ctx, model.ToolCall{ID: "approved", Name: r.Tool, Input: r.Input}, c)
			text = fmt.Sprintf("The owner said yes to %s, and it ran (%s):\n%s", r.Tool, out.State, out.Text)
			p.audit(audit.Event{Kind: audit.Decision, Tool: r.Tool, Outcome: "approved", Detail: map[string]string{"question": r.ID, "hash": r.Hash}})
		case errors.Is(err, approval.ErrAnswered):
			text = fmt.Sprintf("The owner said yes to %s. Outcome unknown: the system restarted while it ran, so it may or may not have happened. Do not repeat it; tell the person.", r.Tool)
		case errors.Is(err, approval.ErrLapsed), errors.Is(err, approval.ErrOther):
			text = fmt.Sprintf("%s was not done: %v.", r.Tool, err)
		default:
			return err
		}
	}
	return p.update(ctx, func(t *session.Turn) {
		t.Steps = append(t.Steps, session.Step{At: e.Now(), Label: p.label(), Message: model.Message{Role: model.User, Text: "[" + text + "]"}})
	})
}
