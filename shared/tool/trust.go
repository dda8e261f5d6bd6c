package tool

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"instar/shared/label"
	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/policy"
)

// MemoryTrust makes a note that holds somebody else's words the owner's own. It
// runs when the owner has agreed to exactly this text, and never else.
func MemoryTrust(store *memory.Store) Tool {
	m := own(policy.TrustMemory, map[string]policy.ArgRole{"text": policy.Content})
	m.Setting = policy.Ask
	return Tool{
		Tool: model.Tool{
			Name:        "memory_trust",
			Description: "When the owner wants to rely on a note that was made from somebody else's text: ask them to vouch for it. text is the note word for word.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false}`),
		},
		Manifest:   m,
		Idempotent: true,
		Run: func(ctx context.Context, c Call) (string, error) {
			var in struct {
				Text string `json:"text"`
			}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			found, err := store.Items(ctx)
			if err != nil && !errors.Is(err, memory.ErrIncomplete) {
				return "", errors.New("the memory could not be read; try again")
			}
			there := false
			for _, item := range found.Items {
				if strings.TrimSpace(item.Text) != strings.TrimSpace(in.Text) {
					continue
				}
				there = true
				if item.Trusted() {
					continue
				}
				by := memory.Source{ID: c.ID, Origin: c.Message.Person(), Label: label.Owner.String()}
				if err := store.Promote(ctx, item.Ref, by); err != nil {
					return "", explain(err)
				}
				return "The note in " + item.File + " counts as the owner's own word from now on.", nil
			}
			if there {
				return "The owner vouches for it already.", nil
			}
			return "", errors.New("there is no note of exactly this text; quote it as memory_search shows it")
		},
	}
}
