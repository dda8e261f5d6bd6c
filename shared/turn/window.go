package turn

import (
	"context"
	"slices"

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
		made := label.ParseMark(m.Job.Label)
		return label.New(min(made.Integrity, label.Owner), made.Confidentiality, []string{"job:" + m.Job.ID}, nil)
	}
	if m.Task != nil { // what a command wrote
		return label.ParseMark(m.Task.Label).AtMost(label.Untrusted)
	}
	if m.Forwarded || quoted || len(m.Attachments) > 0 || m.Kind == chat.Group && !w.owner {
		l = l.AtMost(label.Untrusted)
	}
	return l
}

// own reports whether what set a turn off is the owner's own words.
func (e *Engine) own(t *session.Turn) bool {
	own := func(m *chat.Message) bool {
		w := &who{person: m.Person(), owner: m.Channel == Web || e.Owners.Has(m.Person())}
		return m.Approval == "" && m.Job == nil && m.Task == nil && !labelOf(m, w).Tainted()
	}
	return own(t.Message) && !slices.ContainsFunc(t.Arrived, func(a session.Arrival) bool {
		return a.Taken == session.Joined && !own(a.Message)
	})
}

// openWindow makes what the gate knows of the turn's context: everything that
// the model is shown at its start, and what the steps of a dead holder brought
// in. Memory that the owner does not vouch for is not loaded, so the briefing
// taints nothing; that it has a secret in it, it says. A turn that does what the owner has said yes to, or that goes
// on with the result of a task, goes on with the turn before: its words and
// values ground here as they did there.
func (p *progress) openWindow(ctx context.Context) error {
	t, w := p.held.Turn, p.who
	before, err := p.before(ctx)
	if err != nil {
		return err
	}
	l := label.Program()
	var said []policy.Said
	words := func(m *chat.Message) {
		// What somebody else's text put into a job is not the owner's word.
		if !m.Forwarded && m.Task == nil && (m.Job == nil || !labelOf(m, w).Tainted()) {
			said = append(said, policy.Said{Text: m.Text, At: m.Time.In(p.engine.Zone)})
		}
	}
	heard := func(m *chat.Message, arrived []session.Arrival) {
		l = label.Join(l, labelOf(m, w))
		words(m)
		for _, a := range arrived {
			if a.Taken == session.Joined || a.Taken == session.Steered {
				l = label.Join(l, labelOf(a.Message, w))
				words(a.Message)
			}
		}
	}
	heard(t.Message, p.held.Arrived())
	for _, asked := range before {
		heard(asked.Message, asked.Arrived)
	}
	if t.Message.Job == nil {
		l = label.Join(l, p.held.Head.Label())
	}
	if p.secret {
		l = label.Join(l, label.New(label.System, label.Secret, []string{"memory"}, nil))
	}
	p.window = policy.NewWindow(l, said, append([]string{w.person}, p.engine.Self...)...)
	for _, asked := range before {
		p.retrace(asked)
	}
	p.retrace(t)
	p.mu.Lock()
	p.cards = t.Cards
	p.mu.Unlock()
	p.tools.Window, p.tools.Nobody, p.tools.Ask, p.tools.Granted = p.window, t.Message.Job != nil, p.ask, p.engine.approvals().Granted
	return nil
}

// retrace has the window know what the steps of a turn brought in: their
// labels, and the values that their results vouch for. A question is open to
// more calls when the turn's last call was asked about.
func (p *progress) retrace(t *session.Turn) {
	var asked session.Step
	p.open = ""
	for _, s := range t.Steps {
		p.window.Join(s.Label)
		for _, r := range s.Results {
			i := slices.IndexFunc(asked.Calls, func(c model.ToolCall) bool { return c.ID == r.ID })
			state := tool.State(r)
			if p.open = ""; state == "asked" && len(t.Cards) > 0 {
				p.open = t.Cards[len(t.Cards)-1]
			}
			if i < 0 || state != "done" && state != "failed" {
				continue
			}
			if from, ok := p.tools.Find(asked.Calls[i].Name); ok {
				p.window.Saw(from.Manifest, from.Name, []byte(r.Text), asked.Label)
			}
		}
		asked = s
	}
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
