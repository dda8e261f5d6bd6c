package turn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/people"
	"instar/shared/policy"
	"instar/shared/session"
)

// who is what is known about a message before its turn: who sent it, which
// session it belongs to, and whether it is a command.
type who struct {
	person   string // "channel:id"
	owner    bool
	stranger bool // only told how to be let in
	session  string
	command  string // "" when it is not one
	rest     string // of the command
	code     string // a stranger's pairing code
}

func (w *who) role() policy.Role {
	if w.owner {
		return policy.Owner
	}
	return policy.Guest
}

var errNoToken = errors.New("no bot token")

// admit decides whether a message gets a turn at all. The error is ErrIgnored
// when it does not.
func (e *Engine) admit(ctx context.Context, m *chat.Message, redelivery bool) (*who, error) {
	w := &who{person: m.Person()}
	w.owner = m.Channel == Web || m.Job != nil || e.Owners.Has(w.person)
	text := strings.TrimSpace(m.Text)
	var self chat.Self
	if sender := e.Senders[m.Channel]; sender == nil && m.Channel != Web {
		return nil, fmt.Errorf("channel %s has %w configured", m.Channel, errNoToken)
	} else if m.Kind == chat.Group || strings.Contains(text, "@") && strings.HasPrefix(text, "/") {
		var err error
		if self, err = e.self(ctx, m.Channel); err != nil {
			return nil, err
		}
	}
	if !chat.Addressed(m, self) {
		return nil, ErrIgnored
	}
	w.session = session.ID(m, w.owner)
	if m.Job == nil && m.Approval == "" && m.Task == nil {
		w.command, w.rest, _ = m.Command(self)
	}
	if w.owner {
		return w, nil
	}
	return w, e.admitGuest(ctx, m, w, redelivery)
}

// admitGuest lets in whom the owner has approved or an open policy allows, and
// gives a stranger who writes in private a pairing code. In groups only people
// who are known are answered, whatever the policy for private messages.
func (e *Engine) admitGuest(ctx context.Context, m *chat.Message, w *who, redelivery bool) error {
	rule := e.Policy(m.Channel)
	if m.Kind == chat.Group && rule == people.Open {
		rule = people.Pairing
	}
	p, err := e.Directory.Status(ctx, w.person)
	if err != nil {
		return err
	}
	switch people.Decide(e.Owners, rule, w.person, p.Status) {
	case people.Allow:
		return nil
	case people.AskPairing:
		if m.Kind == chat.Group {
			return ErrIgnored
		}
		code, fresh, err := e.Directory.Request(ctx, w.person, m.Sender.Name, e.Now())
		if errors.Is(err, people.ErrApproved) { // just now
			return nil
		}
		if err != nil && !errors.Is(err, people.ErrTooManyPending) {
			return err
		}
		// A stranger is told once: what else they write while their code is
		// valid, or while others wait, gets no answer. But whoever made the
		// code may have died before they told it.
		if err != nil || !fresh && !redelivery {
			return ErrIgnored
		}
		if !fresh {
			if told, err := e.told(ctx, w.session, m.ID, code); told || err != nil {
				return cmp.Or(err, ErrIgnored)
			}
		}
		w.stranger, w.code = true, code
		return nil
	}
	return ErrIgnored
}

// told reports whether a stranger knows their code from the answer to another
// message, or is about to.
func (e *Engine) told(ctx context.Context, id, message, code string) (bool, error) {
	head, _, err := e.sessions().Head(ctx, id)
	if err != nil || head.Turn.Seq == 0 || head.Turn.Message == message {
		return false, err
	}
	t, _, err := e.sessions().Turn(ctx, id, head.Turn.Seq)
	if errors.Is(err, bucket.ErrNotFound) {
		return true, nil
	}
	return err == nil && (t.State == session.Running || strings.Contains(t.Reply, code)), err
}

// self is the agent's own identity on a channel, asked of the platform once
// and then kept in the settings.
func (e *Engine) self(ctx context.Context, channel string) (chat.Self, error) {
	var self chat.Self
	key := "self/" + channel
	if text, ok, err := e.Settings.Get(ctx, key); err == nil && ok && json.Unmarshal([]byte(text), &self) == nil && self.ID != "" {
		return self, nil
	}
	sender := e.Senders[channel]
	if sender == nil {
		return self, nil
	}
	self, err := sender.Self(ctx)
	if err != nil {
		return self, fmt.Errorf("ask the platform who we are: %w", err)
	}
	if data, err := json.Marshal(self); err == nil {
		e.Settings.Put(ctx, key, string(data)) // only a cache
	}
	return self, nil
}
