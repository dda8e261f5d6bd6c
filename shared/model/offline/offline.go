// Package offline is the built-in stand-in for a language model: a handful of
// fixed phrases that exercise the whole way through tools and channels with no
// key and no network. It never pretends to be more.
package offline

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"instar/shared/model"
)

// Provider implements model.Provider. It uses no tokens.
type Provider struct{}

// New returns the stand-in.
func New() Provider { return Provider{} }

// Stream answers the last user message by rule. When that message holds tool
// results it tells what came of the calls before it.
func (Provider) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	text, call := answer(r)
	if err := stream(ctx, text, onText); err != nil {
		return model.Reply{}, &model.Error{Provider: "offline", Reason: "the call was cancelled", Err: err}
	}
	if call == nil {
		return model.Reply{Text: text, Stop: model.StopEnd}, nil
	}
	return model.Reply{Text: text, Calls: []model.ToolCall{*call}, Stop: model.StopTools}, nil
}

// stream hands out text a few characters at a time, as a model would.
func stream(ctx context.Context, text string, onText func(string)) error {
	const size = 16 // characters a delta
	runes := []rune(text)
	for len(runes) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(size, len(runes))
		if onText != nil {
			onText(string(runes[:n]))
		}
		runes = runes[n:]
	}
	return ctx.Err()
}

func answer(r model.Request) (string, *model.ToolCall) {
	last, i := lastUser(r.Messages)
	if len(last.Results) > 0 {
		return outcome(r.Messages[:i], last.Results), nil
	}
	say := english
	if isJapanese(last.Text) {
		say = japanese
	}
	in := parse(last.Text)
	switch in.kind {
	case greet:
		return say.hello + "\n\n" + say.help, nil
	case clock:
		return say.clock(r.Context), nil
	case remember:
		return call(r, say, "memory_write", input{Text: in.text})
	case recall:
		return call(r, say, "memory_search", input{Query: in.text})
	case send:
		return call(r, say, "message_send", input{Channel: in.channel, Text: in.text})
	case schedule:
		order, ok := in.when.order(r.Context)
		if !ok {
			return say.noTime, nil
		}
		order.Text, order.Kind = in.text, "reminder"
		return call(r, say, "schedule_create", order)
	case jobs:
		return call(r, say, "schedule_list", input{})
	}
	return say.unknown + "\n\n" + say.help, nil
}

type input struct {
	Channel string `json:"channel,omitempty"`
	Text    string `json:"text,omitempty"`
	Query   string `json:"query,omitempty"`
	At      string `json:"at,omitempty"`
	Every   string `json:"every,omitempty"`
	Cron    string `json:"cron,omitempty"`
	Kind    string `json:"kind,omitempty"`
}

// call asks for a tool, or says that it is not offered here.
func call(r model.Request, say words, tool string, in input) (string, *model.ToolCall) {
	for _, t := range r.Tools {
		if t.Name == tool {
			body, _ := json.Marshal(in)
			// The conversation only grows, so its length makes the id unique.
			id := "offline_" + strconv.Itoa(len(r.Messages))
			return "", &model.ToolCall{ID: id, Name: tool, Input: body}
		}
	}
	return say.noTool(tool), nil
}

// outcome tells the results of the calls that the assistant made last.
func outcome(before []model.Message, results []model.ToolResult) string {
	say := english
	if asked, _ := lastUser(before); isJapanese(asked.Text) {
		say = japanese
	}
	var parts []string
	for _, res := range results {
		parts = append(parts, say.result(toolOf(before, res.ID), res))
	}
	return strings.Join(parts, "\n\n")
}

func toolOf(messages []model.Message, id string) string {
	for i := len(messages) - 1; i >= 0; i-- {
		for _, c := range messages[i].Calls {
			if c.ID == id {
				return c.Name
			}
		}
	}
	return ""
}

// lastUser returns the last user message and its place, or a zero one.
func lastUser(messages []model.Message) (model.Message, int) {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role != model.Assistant {
			return messages[i], i
		}
	}
	return model.Message{}, 0
}
