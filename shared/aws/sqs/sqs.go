//go:build !js

// Package sqs is the queue port over a FIFO queue of Amazon SQS.
//
// What the port asks for is an at-least-once queue with delays and without an
// order. FIFO adds two things that help, and takes one away:
//
//   - A group has one message in flight. The group is the body's hash, so one
//     wake never runs twice at once, however often a platform sends its event,
//     and no wake waits for another. (The session would be the wrong group: what
//     somebody says while a turn runs must reach that turn.)
//   - A deduplication id, one for each Send, makes the repetition of a call whose
//     answer was lost harmless. The body's hash would be the wrong one: the same
//     wake sent again within five minutes, by the sweep, is meant.
//   - There is no delay for a single message. So a delayed one carries the time it
//     is due; who receives it before hides it until then (ChangeMessageVisibility,
//     up to 12 hours, which is queue.MaxDelay). That costs a second delivery and
//     no second queue, no schedule, and no right to make one.
//
// The SDK's clients of SQS and SSM in place of package api make a program that has
// S3's already 1.8 MB larger and its start 2 to 3 ms longer (measured 2026-11, 100
// starts each), which is half of what a cold start of a function takes here.
package sqs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"instar/shared/aws/api"
	"instar/shared/queue"
)

// Queue is one FIFO queue.
type Queue struct {
	API *api.Client
	URL string
}

var _ queue.Sender = (*Queue)(nil)

// Attributes of a message.
const (
	due      = "Due"      // Number: when it is due, in ms since 1970
	encoding = "Encoding" // String: base64
)

type attribute struct {
	DataType    string
	StringValue string
}

// Send sends one message (sqs:SendMessage).
func (q *Queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if len(body) > queue.MaxBody {
		return fmt.Errorf("send to queue: %w: %d bytes, at most %d", queue.ErrTooLarge, len(body), queue.MaxBody)
	}
	sum := sha256.Sum256(body)
	message := struct {
		QueueURL      string               `json:"QueueUrl"`
		Body          string               `json:"MessageBody"`
		Group         string               `json:"MessageGroupId"`
		Deduplication string               `json:"MessageDeduplicationId"`
		Attributes    map[string]attribute `json:"MessageAttributes,omitempty"`
	}{q.URL, string(body), hex.EncodeToString(sum[:]), rand.Text(), map[string]attribute{}}
	if !plain(message.Body) {
		// An empty body is not allowed, so there is something before it.
		message.Body = "=" + base64.StdEncoding.EncodeToString(body)
		message.Attributes[encoding] = attribute{"String", "base64"}
	}
	if delay = queue.RoundDelay(delay); delay > 0 {
		message.Attributes[due] = attribute{"Number", strconv.FormatInt(time.Now().Add(delay).UnixMilli(), 10)}
	}
	if err := q.API.Call(ctx, "sqs", api.JSON10, "AmazonSQS.SendMessage", message, nil); err != nil {
		return fmt.Errorf("send to queue: %w", err)
	}
	return nil
}

// plain reports whether SQS takes a text as it is: not empty, and of the
// characters that XML has (SendMessage in its API reference).
func plain(text string) bool {
	return text != "" && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
}

// Hide has a received message delivered again after a while, rounded up to a
// second (sqs:ChangeMessageVisibility).
func (q *Queue) Hide(ctx context.Context, receipt string, d time.Duration) error {
	err := q.API.Call(ctx, "sqs", api.JSON10, "AmazonSQS.ChangeMessageVisibility", struct {
		QueueURL string `json:"QueueUrl"`
		Receipt  string `json:"ReceiptHandle"`
		Seconds  int    `json:"VisibilityTimeout"`
	}{q.URL, receipt, int(queue.RoundDelay(d).Seconds())}, nil)
	if err != nil {
		return fmt.Errorf("have a message delivered again: %w", err)
	}
	return nil
}

// Read reads a delivery. early is how long before its time it came, 0 when it is
// due; such a delivery is not counted as an attempt.
func Read(r *events.SQSMessage, now time.Time) (m queue.Message, early time.Duration, err error) {
	m = queue.Message{ID: r.MessageId, Body: []byte(r.Body), Attempts: 1}
	if a, ok := r.MessageAttributes[encoding]; ok {
		text, marked := strings.CutPrefix(r.Body, "=")
		if m.Body, err = base64.StdEncoding.DecodeString(text); err != nil || !marked || a.StringValue == nil || *a.StringValue != "base64" {
			return m, 0, fmt.Errorf("message %s has an unknown encoding", r.MessageId)
		}
	}
	if n, err := strconv.Atoi(r.Attributes["ApproximateReceiveCount"]); err == nil {
		m.Attempts = max(n, 1)
	}
	a, ok := r.MessageAttributes[due]
	if !ok || a.StringValue == nil {
		return m, 0, nil
	}
	at, err := strconv.ParseInt(*a.StringValue, 10, 64)
	if err != nil {
		return m, 0, fmt.Errorf("message %s has no time", r.MessageId)
	}
	if first, err := strconv.ParseInt(r.Attributes["ApproximateFirstReceiveTimestamp"], 10, 64); err == nil && first < at {
		m.Attempts = max(m.Attempts-1, 1)
	}
	return m, max(time.UnixMilli(at).Sub(now), 0), nil
}
