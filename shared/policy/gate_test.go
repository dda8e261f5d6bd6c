package policy

import (
	"testing"

	"instar/shared/chat"
)

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		effect Effect
		role   Role
		kind   chat.Kind
		allow  bool
	}{
		{ReadOwn, Owner, chat.Private, true},
		{ReadOwn, Guest, chat.Private, true},
		{ReadOwn, Owner, chat.Group, false},
		{WriteOwn, Owner, chat.Private, true},
		{WriteOwn, Guest, chat.Group, false},
		{SendSelf, Owner, chat.Private, true},
		{SendSelf, Guest, chat.Private, false},
		{SendSelf, Owner, chat.Group, false},
		{"", Owner, chat.Private, false},
		{"delete_everything", Owner, chat.Private, false},
	} {
		d := Decide(Call{Tool: "t", Effect: c.effect, Role: c.role, Kind: c.kind})
		if d.Allow != c.allow {
			t.Errorf("%s by %s in %s: allow %v, want %v", c.effect, c.role, c.kind, d.Allow, c.allow)
		}
		if !d.Allow && d.Reason == "" {
			t.Errorf("%s by %s in %s is refused without a reason", c.effect, c.role, c.kind)
		}
	}
}
