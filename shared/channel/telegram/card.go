package telegram

import (
	"context"
	"errors"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// keyboard is an InlineKeyboardMarkup. One without rows takes the buttons of
// an edited message away.
type keyboard struct {
	InlineKeyboard [][]button `json:"inline_keyboard"`
}

type button struct {
	Text         string `json:"text"`
	CallbackData string `json:"callback_data"`
}

type answerCallbackQuery struct {
	CallbackQueryID string `json:"callback_query_id"`
}

// SendCard implements channel.Sender with sendMessage.
func (s *Sender) SendCard(ctx context.Context, to chat.Address, card channel.Card) (string, error) {
	keys, err := s.keyboard(card)
	if err != nil {
		return "", err
	}
	if len(keys.InlineKeyboard) == 0 {
		keys = nil
	}
	return s.send(ctx, to, card.Text, sendMessage{ReplyMarkup: keys})
}

// EditCard implements channel.Sender with editMessageText.
func (s *Sender) EditCard(ctx context.Context, to chat.Address, id string, card channel.Card) error {
	keys, err := s.keyboard(card)
	if err != nil {
		return err
	}
	return s.edit(ctx, to, id, card.Text, keys)
}

// Seen implements channel.Sender with answerCallbackQuery. Telegram takes an
// answer for some minutes at most.
func (s *Sender) Seen(ctx context.Context, tap string) error {
	if tap == "" {
		return nil
	}
	_, err := s.call(ctx, "answerCallbackQuery", answerCallbackQuery{tap}, true)
	if refusedFor(err, "query is too old") || refusedFor(err, "query id is invalid") {
		return nil
	}
	return err
}

// keyboard checks a card and reads its buttons.
func (s *Sender) keyboard(card channel.Card) (*keyboard, error) {
	if err := platform.CheckButtons(Name, card.Buttons); err != nil {
		return nil, err
	}
	if len(s.Split(card.Text)) > 1 {
		return nil, errors.New("telegram: the card's text does not fit one message")
	}
	keys := &keyboard{InlineKeyboard: [][]button{}}
	for _, row := range card.Buttons {
		var buttons []button
		for _, b := range row {
			buttons = append(buttons, button{b.Label, b.Data})
		}
		if buttons != nil {
			keys.InlineKeyboard = append(keys.InlineKeyboard, buttons)
		}
	}
	return keys, nil
}
