// Package slack is the channel for Slack: Receiver reads events, slash
// commands and taps on buttons, Sender calls the Web API.
//
// Requests are read with gjson, field by field, for the reason that package
// telegram gives.
package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// Name is the channel's name in addresses and message ids.
const Name = "slack"

// window is how far a request's time may be from now, either way
// (https://docs.slack.dev/authentication/verifying-requests-from-slack).
const window = 5 * time.Minute

// Receiver proves and reads requests from Slack.
type Receiver struct{ secret []byte }

var _ channel.Receiver = (*Receiver)(nil)

// NewReceiver returns a receiver for an app's signing secret, or a
// *channel.Missing when it is empty.
func NewReceiver(signingSecret string) (*Receiver, error) {
	if signingSecret == "" {
		return nil, &channel.Missing{Variable: "SLACK_SIGNING_SECRET"}
	}
	return &Receiver{secret: []byte(signingSecret)}, nil
}

// Receive implements channel.Receiver.
//
// A post's message id is "slack:<channel>:<ts>", so that app_mention and
// message, and a repeated delivery, are one message; an edit's id ends with
// the time of the edit too. A slash command and a tapped button have the id
// "slack:trigger:<trigger_id>".
//
// In a channel the answer belongs into a thread: a post outside of one gets
// its own ts as Thread. Of what is said in channels only app_mention, posts
// that mention the app's user, and replies to its posts are kept.
//
// Of a post that shares another message only the sender's own words are read:
// what is shared stands in the post's attachments (is_share, is_msg_unfurl). So
// no message is Forwarded, and a post without words of its own is none.
//
// A tapped button becomes a Direct message of the person who tapped it: its
// text is the button's data, and it replies to the message with the button,
// whose words it does not quote. A person can type the same words, so they must
// prove nothing by themselves. Other interactions are of no interest.
func (r *Receiver) Receive(header http.Header, body []byte, now time.Time) (channel.Event, error) {
	if err := r.verify(header, body, now); err != nil {
		return channel.Event{}, err
	}
	if len(body) > channel.MaxBody || !utf8.Valid(body) {
		return channel.Event{}, malformed("not text")
	}
	if strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return readForm(string(body), now)
	}
	request, err := parse(string(body))
	if err != nil {
		return channel.Event{}, err
	}
	switch request.Get("type").Str {
	case "url_verification":
		challenge := request.Get("challenge").Str
		return channel.Event{Response: []byte(challenge), ContentType: "text/plain; charset=utf-8"}, nil
	case "event_callback":
		return one(readEvent(request.Get("event"), request.Get("authorizations.0.user_id").Str))
	case "":
		return channel.Event{}, malformed("no type")
	}
	return channel.Event{}, nil // app_rate_limited and what may come
}

func (r *Receiver) verify(header http.Header, body []byte, now time.Time) error {
	stamp := header.Get("X-Slack-Request-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("slack: %w: no timestamp", channel.ErrUnauthorized)
	}
	age := now.Unix() - seconds
	if seconds < 0 || age > int64(window/time.Second) || age < -int64(window/time.Second) {
		return fmt.Errorf("slack: %w: signed at another time", channel.ErrUnauthorized)
	}
	mac := hmac.New(sha256.New, r.secret)
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	given, err := hex.DecodeString(strings.TrimPrefix(header.Get("X-Slack-Signature"), "v0="))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return fmt.Errorf("slack: %w: wrong signature", channel.ErrUnauthorized)
	}
	return nil
}

// readForm reads a slash command, or the payload of a tap.
func readForm(body string, now time.Time) (channel.Event, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return channel.Event{}, malformed("not a form")
	}
	switch {
	case form.Get("payload") != "":
		payload, err := parse(form.Get("payload"))
		if err != nil {
			return channel.Event{}, err
		}
		return one(readTap(payload, now))
	case form.Get("ssl_check") != "":
		return channel.Event{}, nil // Slack looks whether the certificate is good
	}
	return one(readCommand(form, now))
}

// parse reads a JSON object.
func parse(text string) (gjson.Result, error) {
	object, ok := platform.Object(text)
	if !ok {
		return gjson.Result{}, malformed("not a JSON object")
	}
	return object, nil
}

func one(m *chat.Message, err error) (channel.Event, error) {
	if err != nil || m == nil {
		return channel.Event{}, err
	}
	return channel.Event{Messages: []chat.Message{*m}}, nil
}

func malformed(what string) error { return fmt.Errorf("slack: %w: %s", channel.ErrMalformed, what) }
