// Package channeltest is the conformance suite of channel.Sender: every
// platform's package runs it against answers that its platform would give.
package channeltest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/channel"
	"instar/shared/chat"
)

// Platform says how one platform is spoken to and how it answers.
type Platform struct {
	// New makes a sender that calls base through do, and waits with wait.
	New func(t *testing.T, base string, do channel.Doer, wait func(context.Context, time.Duration) error) channel.Sender
	// Token is the token that New gives the sender.
	Token string
	// To is an address on the platform.
	To chat.Address
	// Check judges a call by the platform's published description.
	Check func(t *testing.T, call Call)
	// Text is the text that a call posts, as the platform would show it.
	Text func(call Call) string
	// Buttons are the rows of buttons that a call gives its message; said
	// reports that the call says which, so that an edit with none removes them.
	Buttons func(call Call) (rows [][]chat.Button, said bool)
	// Length measures a part as the platform does, and Most is its limit.
	Length func(part string) int
	Most   int

	Posted    func(id string) Answer          // success of Send and Edit
	Unchanged Answer                          // an edit to the same text
	Unknown   Answer                          // no such chat
	Limited   func(wait time.Duration) Answer // 429
	Seen      Answer                          // success of Seen; the zero Answer where it makes no call
	Late      []Answer                        // refusals of Seen for taps that are too old
	// Markup refuses a text's markup; the zero Answer where the platform never does.
	Markup Answer

	// File reads what the calls of one SendFile post, by an address of p.To's form.
	File func(t *testing.T, calls []Call) Posted
	// Steps are the successes of the calls that SendFile makes before the one
	// that posts the file. What they say is at base, where addresses are below.
	Steps func(base string) []Answer
	// Filed is the success of the call that posts the file.
	Filed Answer
	// Pictures says that the platform has another call for pictures, and Unfit
	// are its refusals of one that it only takes as a document.
	Pictures bool
	Unfit    []Answer
	// MostCaption is the longest caption in UTF-16 units, as shown.
	MostCaption int
}

// Answer is one scripted response. With Err the connection breaks, with an
// error like net/http's that names the URL.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	Err    error
}

// Respond is an answer with a body made by fmt.Sprintf.
func Respond(status int, format string, args ...any) Answer {
	return Answer{Status: status, Body: fmt.Sprintf(format, args...)}
}

// Call is one request that the sender made.
type Call struct {
	Verb, URL string
	Header    http.Header
	Body      string
}

// Method is the platform's method: the last part of the path.
func (c Call) Method() string {
	path, _, _ := strings.Cut(c.URL, "?")
	return path[strings.LastIndex(path, "/")+1:]
}

// Script is a channel.Doer that gives the answers in turn and records calls.
// Past its end it answers 500.
type Script struct {
	mu      sync.Mutex
	answers []Answer
	Calls   []Call
}

// NewScript returns a script of answers.
func NewScript(answers ...Answer) *Script { return &Script{answers: answers} }

// Do implements channel.Doer.
func (s *Script) Do(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	call := Call{Verb: req.Method, URL: req.URL.String(), Header: req.Header.Clone()}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		call.Body = string(body)
	}
	s.Calls = append(s.Calls, call)
	answer := Answer{Status: http.StatusInternalServerError}
	if len(s.answers) > 0 {
		answer, s.answers = s.answers[0], s.answers[1:]
	}
	if answer.Err != nil {
		return nil, answer.Err
	}
	header := answer.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: answer.Status, Header: header, Request: req,
		Body: io.NopCloser(strings.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)),
	}, nil
}

// Waits is a clock that only records what it was asked to wait.
type Waits struct {
	For  []time.Duration
	Then func() // called instead of waiting, when set
}

// Wait returns at once, with the context's error if it has one.
func (w *Waits) Wait(ctx context.Context, d time.Duration) error {
	w.For = append(w.For, d)
	if w.Then != nil {
		w.Then()
	}
	return ctx.Err()
}
