package slack

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"unicode/utf16"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
	"instar/shared/markdown"
)

// The limits of https://docs.slack.dev/reference/block-kit/: characters of a
// section's text and of a button's label, elements of an actions block.
const (
	maxSection = 3000
	maxLabel   = 75
	maxActions = 25
)

type section struct {
	Type string `json:"type"`
	Text words  `json:"text"`
}

type actions struct {
	Type     string   `json:"type"`
	Elements []button `json:"elements"`
}

type button struct {
	Type     string `json:"type"`
	ActionID string `json:"action_id"`
	Text     words  `json:"text"`
	Value    string `json:"value"`
}

type words struct {
	Type string `json:"type"`
	Text string `json:"text"`
	// Verbatim keeps Slack from making links and mentions of what looks so.
	Verbatim bool `json:"verbatim,omitempty"`
}

// SendCard implements channel.Sender with chat.postMessage.
func (s *Sender) SendCard(ctx context.Context, to chat.Address, card channel.Card) (string, error) {
	blocks, err := s.blocks(card)
	if err != nil {
		return "", err
	}
	return s.send(ctx, to, card.Text, blocks)
}

// EditCard implements channel.Sender with chat.update. A card without buttons
// has blocks, too: what becomes of the old ones where a call has none, Slack's
// documentation has said both ways.
func (s *Sender) EditCard(ctx context.Context, to chat.Address, id string, card channel.Card) error {
	blocks, err := s.blocks(card)
	if err != nil {
		return err
	}
	return s.edit(ctx, to, id, card.Text, blocks)
}

// Seen implements channel.Sender. The answer to Slack's request was all that
// its button waits for.
func (s *Sender) Seen(context.Context, string) error { return nil }

// blocks checks a card and lays it out: sections of text, then a block of
// buttons for each row.
func (s *Sender) blocks(card channel.Card) (blocks []any, err error) {
	if err := platform.CheckButtons(Name, card.Buttons); err != nil {
		return nil, err
	}
	if len(s.Split(card.Text)) > 1 {
		return nil, errors.New("slack: the card's text does not fit one message")
	}
	for _, part := range markdown.Split(card.Text, func(part string) bool { return platform.Units(mrkdwn(part)) <= maxSection }) {
		blocks = append(blocks, section{"section", words{"mrkdwn", mrkdwn(part), true}})
	}
	n := 0
	for _, row := range card.Buttons {
		for part := range slices.Chunk(row, maxActions) {
			var buttons []button
			for _, b := range part {
				buttons = append(buttons, button{"button", strconv.Itoa(n), words{Type: "plain_text", Text: label(b.Label)}, b.Data})
				n++
			}
			blocks = append(blocks, actions{"actions", buttons})
		}
	}
	return blocks, nil
}

// label cuts what a button says to what Slack takes, counted in UTF-16 units.
func label(text string) string {
	if platform.Units(text) <= maxLabel {
		return text
	}
	units := 1 // the ellipsis
	for i, r := range text {
		if units += utf16.RuneLen(r); units > maxLabel {
			return text[:i] + "…"
		}
	}
	return text
}
