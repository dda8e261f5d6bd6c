package turn

import (
	"context"
	"fmt"
	"strings"

	"instar/shared/chat"
	"instar/shared/session"
)

// base is the session that the person's private messages belong to as long as
// they have not switched to another of their conversations.
func (p *progress) base() string { return session.ID(p.held.Turn.Message, p.who.owner) }

// elsewhere says why there are no other conversations here, or nothing.
func (p *progress) elsewhere() string {
	m := p.held.Turn.Message
	switch {
	case m.Kind != chat.Private:
		return "A group has one conversation. Use this in a private chat with me."
	case m.Channel == Web:
		return "This page shows one conversation; choose another one in its list."
	}
	return ""
}

// begin goes to the conversation of a name, new or not.
func (p *progress) begin(ctx context.Context, name string) ending {
	if no := p.elsewhere(); no != "" {
		return ending{state: session.Done, reply: no}
	}
	if !session.ValidName(name) || name == session.Main || strings.HasPrefix(name, jobPrefix) {
		return ending{state: session.Done, reply: "A conversation's name has 1 to 64 letters, digits, dots, dashes and underscores, and is not “main” or the name of a job."}
	}
	id := session.Named(p.base(), name)
	head, _, err := p.engine.sessions().Head(ctx, id)
	if err != nil {
		return ending{err: err}
	}
	if err := p.engine.sessions().Switch(ctx, p.base(), id); err != nil {
		return ending{err: err}
	}
	text := fmt.Sprintf("This is the new conversation “%s”. /switch main goes back.", name)
	if head.Turn.Seq > 0 {
		text = fmt.Sprintf("There is a conversation “%s” already; you are there now. /new starts it over, /switch main goes back.", name)
	}
	return ending{state: session.Done, reply: text}
}

// goTo goes to a conversation that exists.
func (p *progress) goTo(ctx context.Context, name string) ending {
	if no := p.elsewhere(); no != "" {
		return ending{state: session.Done, reply: no}
	}
	if name == "" {
		return ending{state: session.Done, reply: "Where to? /switch NAME; /sessions shows the names."}
	}
	id := p.base()
	if name != session.Main {
		if !session.ValidName(name) {
			return ending{state: session.Done, reply: "There is no conversation of that name. /sessions shows them, /new NAME begins one."}
		}
		id = session.Named(id, name)
		head, _, err := p.engine.sessions().Head(ctx, id)
		if err != nil {
			return ending{err: err}
		}
		if head.Turn.Seq == 0 {
			return ending{state: session.Done, reply: fmt.Sprintf("There is no conversation “%s”. /sessions shows them, /new %s begins it.", name, name)}
		}
	}
	if err := p.engine.sessions().Switch(ctx, p.base(), id); err != nil {
		return ending{err: err}
	}
	return ending{state: session.Done, reply: fmt.Sprintf("You are in the conversation “%s” now.", name)}
}

// conversations lists them, with the one the person is in marked.
func (p *progress) conversations(ctx context.Context) ending {
	if no := p.elsewhere(); no != "" {
		return ending{state: session.Done, reply: no}
	}
	ids, err := p.engine.sessions().Conversations(ctx, p.base())
	if err != nil {
		return ending{err: err}
	}
	current, err := p.engine.sessions().Where(ctx, p.base(), &chat.Message{})
	if err != nil {
		return ending{err: err}
	}
	var b strings.Builder
	b.WriteString("Your conversations:\n")
	for _, id := range append([]string{p.base()}, ids...) {
		mark := ""
		if id == current {
			mark = " (you are here)"
		}
		fmt.Fprintf(&b, "- %s%s\n", session.Name(id), mark)
	}
	return ending{state: session.Done, reply: b.String()}
}
