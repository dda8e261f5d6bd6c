// Package telegram is the channel for the Telegram Bot API
// (https://core.telegram.org/bots/api): Receiver reads webhook updates, Sender
// calls the API's methods.
//
// Updates are read with gjson, field by field. Decoding the first one into the
// bot library's models.Update with encoding/json takes 5 to 8 ms in a new Wasm
// instance, because reflection visits every type the API knows; reading the
// same fields with gjson takes 0.1 to 0.3 ms (Node 24, 2 idle cores). The
// library's types judge this reader in the tests.
package telegram

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// Name is the channel's name in addresses and message ids.
const Name = "telegram"

const secretHeader = "X-Telegram-Bot-Api-Secret-Token"

// Receiver proves and reads webhook updates.
type Receiver struct{ secret []byte }

var _ channel.Receiver = (*Receiver)(nil)

// NewReceiver returns a receiver for the secret_token that setWebhook was
// given, or a *channel.Missing when it is empty.
func NewReceiver(secret string) (*Receiver, error) {
	if secret == "" {
		return nil, &channel.Missing{Variable: "TELEGRAM_WEBHOOK_SECRET"}
	}
	return &Receiver{secret: []byte(secret)}, nil
}

// Receive implements channel.Receiver. An update carries at most one message:
// from message, edited_message or callback_query. Everything else is authentic
// and of no interest, and so is what a bot wrote, and in a group what cannot
// be meant for a bot (no mention, no command, no reply to a bot).
//
// A tapped button becomes a Direct message of the person who tapped it: its
// text is the button's data, and it replies to the message with the button,
// whose words it does not quote. A person can type the same words, and a client
// can send any, so they must prove nothing by themselves.
//
// What was forwarded, by whomever it was written, is marked as such.
func (r *Receiver) Receive(header http.Header, body []byte, now time.Time) (channel.Event, error) {
	if subtle.ConstantTimeCompare([]byte(header.Get(secretHeader)), r.secret) != 1 {
		return channel.Event{}, fmt.Errorf("telegram: %w: wrong or no secret token", channel.ErrUnauthorized)
	}
	if len(body) > channel.MaxBody {
		return channel.Event{}, fmt.Errorf("telegram: %w: too large", channel.ErrMalformed)
	}
	update, ok := platform.Object(string(body))
	if !ok {
		return channel.Event{}, fmt.Errorf("telegram: %w: not a JSON object", channel.ErrMalformed)
	}
	id, ok := integer(update.Get("update_id"))
	if !ok {
		return channel.Event{}, fmt.Errorf("telegram: %w: no update_id", channel.ErrMalformed)
	}
	var m *chat.Message
	var err error
	if post := update.Get("message"); post.IsObject() {
		m, err = readMessage(post, false)
	} else if post := update.Get("edited_message"); post.IsObject() {
		m, err = readMessage(post, true)
	} else if tap := update.Get("callback_query"); tap.IsObject() {
		m, err = readTap(tap, now)
	}
	if err != nil || m == nil {
		return channel.Event{}, err
	}
	m.ID = Name + ":" + strconv.FormatInt(id, 10)
	return channel.Event{Messages: []chat.Message{*m}}, nil
}

// integer reads an id exactly; gjson's numbers are floats.
func integer(v gjson.Result) (int64, bool) {
	if v.Type != gjson.Number {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Raw, 10, 64)
	return n, err == nil
}

// decimal is an id as text, or "".
func decimal(v gjson.Result) string {
	if n, ok := integer(v); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}
