package turn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"instar/shared/approval"
	"instar/shared/audit"
	"instar/shared/chat"
	"instar/shared/session"
)

// grants lists what the owner always allows, or takes one back.
func (p *progress) grants(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	if !p.who.owner || p.held.Turn.Message.Kind != chat.Private {
		return say("Only the owner has grants, in a private chat with me.")
	}
	store := p.engine.approvals()
	words := strings.Fields(p.who.rest)
	switch {
	case len(words) == 2 && strings.EqualFold(words[0], "revoke"):
		id := strings.ToLower(words[1])
		err := store.Revoke(ctx, id)
		if errors.Is(err, approval.ErrUnknown) {
			return say("There is no grant " + oneLine(id, 20) + ". /grants shows them.")
		}
		if err != nil {
			return ending{err: err}
		}
		p.audit(audit.Event{Kind: audit.Answered, Outcome: "revoked", Detail: map[string]string{"grant": id, "person": p.who.person}})
		return say("Revoked. I ask again from now on.")
	case len(words) > 0:
		return say("/grants, or /grants revoke ID.")
	}
	list, err := store.Grants(ctx)
	if err != nil {
		return ending{err: err}
	}
	if len(list) == 0 {
		return say("There are no grants: I ask each time. When I ask, “Always” makes one.")
	}
	var b strings.Builder
	for _, g := range list {
		fmt.Fprintf(&b, "- `%s`: %s always to %s (since %s)\n", g.ID, g.Tool, g.Destination, g.At.In(p.engine.Zone).Format("2 Jan 2006"))
	}
	return say(b.String() + "\n/grants revoke ID takes one back.")
}
