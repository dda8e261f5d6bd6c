// Package channel is the port to chat platforms. It has two halves because
// two functions use it: a Receiver proves that a webhook came from the
// platform (it holds the webhook secret and no token), a Sender speaks to the
// platform (it holds the token and no webhook secret).
package channel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"instar/shared/chat"
)

// MaxBody is the largest webhook body in bytes that is read. Telegram and
// Slack send far less; a larger one is refused with 413 before it is parsed.
const MaxBody = 1 << 20

var (
	// ErrUnauthorized: the request did not prove that it comes from the platform.
	ErrUnauthorized = errors.New("request is not from the platform")
	// ErrMalformed: the request is authentic but not what the platform documents.
	ErrMalformed = errors.New("malformed event")
)

// Missing is the error of a constructor without a required variable. The
// route then answers 503 and names it.
type Missing struct{ Variable string }

func (m *Missing) Error() string { return m.Variable + " is not set" }

// Event is what one verified webhook request carried.
type Event struct {
	// Messages to store; empty when the event is authentic but of no interest.
	Messages []chat.Message
	// Response is the body to answer with once everything is stored
	// (Slack's url_verification challenge); nil answers an empty 200.
	Response    []byte
	ContentType string
}

// Receiver turns a webhook request into an event. There is no way to the
// event that does not verify: parsing is not exported.
type Receiver interface {
	// Receive verifies the request's headers and body at the time now and
	// parses it. Errors wrap ErrUnauthorized or ErrMalformed, and repeat
	// nothing of the request.
	Receive(header http.Header, body []byte, now time.Time) (Event, error)
}

// Doer sends one HTTP request, like *http.Client: non-2xx is not an error.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Card is a message with buttons, which can be edited to what became of it.
type Card struct {
	Text    string          // Markdown, like all text
	Buttons [][]chat.Button // rows; without any it is a plain message
}

// MaxFile is the largest file in bytes that is sent into a chat.
const MaxFile = 20 << 20

// File is one that is sent into a chat.
type File struct {
	Name      string // "report.pdf": no folder, not blank
	MediaType string // "image/png"; "" is taken for application/octet-stream
	Data      []byte // not empty, at most MaxFile
	Caption   string // Markdown, or ""; what does not fit the platform's caption is cut
}

// Sender speaks to a platform as the agent. Text is Markdown as models write
// it (CommonMark with tables and strikethrough); a Sender converts it to the
// platform's own form, and where the platform rejects that form sends the same
// words as plain text. A Sender waits out one 429 by the platform's own time,
// if that is at most 30 s, and repeats a 5xx or a broken connection at most
// twice when repeating cannot double a message.
type Sender interface {
	// Self is the agent's identity on the platform.
	Self(ctx context.Context) (chat.Self, error)
	// Typing shows that an answer is being prepared. Best effort: platforms
	// without it do nothing.
	Typing(ctx context.Context, to chat.Address) error
	// Split cuts text into parts that each fit one message once converted,
	// preferring paragraph, then line, then sentence, then word boundaries. A code fence
	// that is cut is closed in one part and reopened, with its language, in
	// the next. Text that fits comes back as it is; blank text gives no parts.
	Split(text string) []string
	// Send posts one part and returns the platform's message id. replyTo is
	// the platform id of a message to quote, or "".
	Send(ctx context.Context, to chat.Address, text, replyTo string) (id string, err error)
	// Edit replaces the text of a message this agent sent. Editing to the
	// text it already has is not an error, so an edit can be repeated.
	Edit(ctx context.Context, to chat.Address, id, text string) error
	// SendCard posts a card and returns the platform's message id, as Send does
	// and with the same doubt. The text has to fit one message. A button whose
	// Label is blank, or whose Data has not 1 to 64 bytes, is an error before
	// any call.
	SendCard(ctx context.Context, to chat.Address, card Card) (id string, err error)
	// EditCard replaces the text and the buttons of a card this agent sent; a
	// card without buttons removes them. It can be repeated, as Edit can, which
	// is not for cards: what becomes of the buttons then is the platform's choice.
	EditCard(ctx context.Context, to chat.Address, id string, card Card) error
	// Seen tells the platform that a tap (chat.Message.Tap) has arrived, so that
	// its button stops waiting. A tap that is too old for it is not an error, nor
	// is "".
	Seen(ctx context.Context, tap string) error
	// SendFile posts a file, with the same doubt as Send, and returns the
	// platform's id of it: of the message, or where that is not told, of the file.
	// What the platform shows as a picture (by the media type, within its bounds
	// for pictures) is posted as one, everything else as a document. A File that
	// is not as its fields say is an error before any call.
	SendFile(ctx context.Context, to chat.Address, f File) (id string, err error)
	// Fetch opens an attachment's bytes, at most limit of them (a larger file
	// is an error), with the media type the platform or the bytes say.
	Fetch(ctx context.Context, a chat.Attachment, limit int64) (data []byte, mediaType string, err error)
}

// APIError is a platform's refusal. It holds the platform's own words about
// the error, never the text that was sent, the token or the URL.
type APIError struct {
	Channel string
	Method  string        // "sendMessage", "chat.postMessage"
	Status  int           // HTTP status; 0 when the connection failed
	Reason  string        // "Bad Request: chat not found", "channel_not_found"
	Retry   time.Duration // how long the platform asks to wait; 0 when it does not
}

func (e *APIError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %s", e.Channel, e.Method, e.Status, e.Reason)
}
