package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"

	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/model"
	"instar/shared/policy"
)

// MessageSend sends to the same person on another of their channels. reach
// gives the person's private address there; there is no way to name anybody else.
func MessageSend(senders map[string]channel.Sender, reach func(channel string) (chat.Address, bool)) Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "message_send",
			Description: "Send a message to the same person on another of their own channels, for example from Slack to their Telegram. It cannot reach anybody else. Your normal answer needs no tool.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"channel":{"type":"string","enum":["telegram","slack"]},"text":{"type":"string","description":"Markdown"}},"required":["channel","text"],"additionalProperties":false}`),
		},
		Manifest: own(policy.SendSelf, map[string]policy.ArgRole{"channel": policy.Flag, "text": policy.Content}),
		Run: func(ctx context.Context, c Call) (string, error) {
			var in struct {
				Channel string `json:"channel"`
				Text    string `json:"text"`
			}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			sender := senders[in.Channel]
			to, ok := reach(in.Channel)
			if sender == nil || !ok {
				return "", fmt.Errorf("this person cannot be reached on that channel; there is: %s", reachable(senders, reach))
			}
			parts := sender.Split(in.Text)
			if len(parts) == 0 {
				return "", errors.New("text is empty")
			}
			var ids []string
			for i, part := range parts {
				id, err := sender.Send(ctx, to, part, "")
				if err != nil {
					return "", unsent(err, i+1, len(parts))
				}
				ids = append(ids, id)
			}
			return "Sent, message " + strings.Join(ids, ", ") + ".", nil
		},
	}
}

// unsent says what is known about a part that was not confirmed: a platform's
// refusal means that it is not there, silence means nothing.
func unsent(err error, part, parts int) error {
	var api *channel.APIError
	if errors.As(err, &api) && api.Status > 0 && api.Status < http.StatusInternalServerError {
		return fmt.Errorf("part %d of %d was not sent: %w", part, parts, err)
	}
	return fmt.Errorf("part %d of %d may or may not have arrived (%w). Do not send it again; tell the person", part, parts, err)
}

func reachable(senders map[string]channel.Sender, reach func(string) (chat.Address, bool)) string {
	var names []string
	for name := range senders {
		if _, ok := reach(name); ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
