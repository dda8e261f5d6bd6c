package standin

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// FIFO is one FIFO queue, with its dead-letter queue and the event source mapping
// that delivers to a function. It refuses what Amazon SQS refuses
// (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference).
type FIFO struct {
	URL        string
	Visibility time.Duration // how long a message that was received is hidden
	MaxReceive int

	mu       sync.Mutex
	messages []*message
	dedup    map[string]time.Time
	serial   int
	dead     int
	down     bool
}

type message struct {
	id, group, body string
	attributes      map[string]attribute
	sent, first     time.Time
	visible         time.Time
	received        int
	receipt         string
}

type attribute struct{ DataType, StringValue string }

// NewFIFO returns an empty queue.
func NewFIFO(url string) *FIFO {
	return &FIFO{URL: url, Visibility: 16 * time.Minute, MaxReceive: 100, dedup: map[string]time.Time{}}
}

type sqsError struct{ code, text string }

func (e *sqsError) Error() string { return e.code + ": " + e.text }

func invalid(text string) error { return &sqsError{"InvalidParameterValue", text} }

var token = regexp.MustCompile(`^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~]{1,128}$`)

// call answers an action of the service.
func (q *FIFO) call(action string, body []byte) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		return nil, &sqsError{"ServiceUnavailable", "down"}
	}
	switch action {
	case "SendMessage":
		return q.send(body)
	case "ChangeMessageVisibility":
		return q.hide(body)
	}
	return nil, &sqsError{"InvalidAction", action}
}

func (q *FIFO) send(data []byte) (any, error) {
	var in struct {
		QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId string
		DelaySeconds                                                  *int
		MessageAttributes                                             map[string]attribute
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, invalid("not JSON")
	}
	switch {
	case in.QueueUrl != q.URL:
		return nil, &sqsError{"QueueDoesNotExist", in.QueueUrl}
	case in.DelaySeconds != nil:
		return nil, invalid("a message of a FIFO queue has no delay of its own")
	case !token.MatchString(in.MessageGroupId):
		return nil, invalid("MessageGroupId")
	case !token.MatchString(in.MessageDeduplicationId):
		return nil, invalid("MessageDeduplicationId")
	case in.MessageBody == "" || len(in.MessageBody) > 1<<20 || !allowed(in.MessageBody):
		return nil, &sqsError{"InvalidMessageContents", "body"}
	}
	for name, a := range in.MessageAttributes {
		if a.StringValue == "" || a.DataType != "String" && a.DataType != "Number" {
			return nil, invalid("attribute " + name)
		}
	}
	now := time.Now()
	if at, ok := q.dedup[in.MessageDeduplicationId]; !ok || now.Sub(at) > 5*time.Minute {
		q.dedup[in.MessageDeduplicationId] = now
		q.serial++
		q.messages = append(q.messages, &message{
			id: fmt.Sprintf("%08x-1111-4111-8111-111111111111", q.serial), group: in.MessageGroupId, body: in.MessageBody,
			attributes: in.MessageAttributes, sent: now, visible: now,
		})
	}
	sum := md5.Sum([]byte(in.MessageBody))
	return map[string]string{"MessageId": fmt.Sprintf("%08x", q.serial), "MD5OfMessageBody": hex.EncodeToString(sum[:]), "SequenceNumber": fmt.Sprint(q.serial)}, nil
}

// allowed are the characters of XML 1.0, which SQS asks for.
func allowed(text string) bool {
	for _, r := range text {
		ok := r == 9 || r == 10 || r == 13 || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
		if !ok {
			return false
		}
	}
	return utf8.ValidString(text)
}

func (q *FIFO) hide(data []byte) (any, error) {
	var in struct {
		QueueUrl, ReceiptHandle string
		VisibilityTimeout       *int
	}
	if err := json.Unmarshal(data, &in); err != nil || in.VisibilityTimeout == nil || *in.VisibilityTimeout < 0 || *in.VisibilityTimeout > 43200 {
		return nil, invalid("VisibilityTimeout")
	}
	for _, m := range q.messages {
		if m.receipt == in.ReceiptHandle && m.receipt != "" {
			if !m.visible.After(time.Now()) {
				return nil, &sqsError{"MessageNotInflight", m.id}
			}
			m.visible = time.Now().Add(time.Duration(*in.VisibilityTimeout) * time.Second)
			return struct{}{}, nil
		}
	}
	return nil, &sqsError{"ReceiptHandleIsInvalid", in.ReceiptHandle}
}

// receive hides and returns the first message of a group with none in flight.
func (q *FIFO) receive(now time.Time) *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	blocked := map[string]bool{}
	for i, m := range q.messages {
		if blocked[m.group] {
			continue
		}
		blocked[m.group] = true
		if m.visible.After(now) {
			continue
		}
		if m.received >= q.MaxReceive {
			q.dead++
			q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
			return nil
		}
		if m.received++; m.received == 1 {
			m.first = now
		}
		q.serial++
		m.visible, m.receipt = now.Add(q.Visibility), fmt.Sprint("receipt-", q.serial)
		copied := *m
		return &copied
	}
	return nil
}

// Next hides the next message and returns it as the mapping hands it to a function.
func (q *FIFO) Next() (r events.SQSMessage, ok bool) {
	m := q.receive(time.Now())
	if m == nil {
		return r, false
	}
	return m.record(), true
}

// Remove deletes a message.
func (q *FIFO) Remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, m := range q.messages {
		if m.id == id {
			q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
			return
		}
	}
}

// Waiting is how many messages there are, hidden ones included, and Dead how many
// are in the dead-letter queue.
func (q *FIFO) Waiting() (waiting, dead int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages), q.dead
}

// Deliver delivers to the function until ctx ends, with so many pollers and one
// message in each batch.
func (q *FIFO) Deliver(ctx context.Context, f *Function, pollers int) {
	var all sync.WaitGroup
	for range pollers {
		all.Go(func() {
			for ctx.Err() == nil {
				if m := q.receive(time.Now()); m != nil {
					q.deliver(ctx, f, m)
				} else {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}

// record is a message as the mapping hands it to a function.
func (m *message) record() events.SQSMessage {
	ms := func(t time.Time) string { return fmt.Sprint(t.UnixMilli()) }
	r := events.SQSMessage{
		MessageId: m.id, ReceiptHandle: m.receipt, Body: m.body, EventSource: "aws:sqs", AWSRegion: Region,
		EventSourceARN: QueueARN, MessageAttributes: map[string]events.SQSMessageAttribute{},
		Attributes: map[string]string{
			"ApproximateReceiveCount": fmt.Sprint(m.received), "SentTimestamp": ms(m.sent), "MessageGroupId": m.group,
			"ApproximateFirstReceiveTimestamp": ms(m.first), "SenderId": "AROATEST:instar",
		},
	}
	for name, a := range m.attributes {
		r.MessageAttributes[name] = events.SQSMessageAttribute{StringValue: &a.StringValue, DataType: a.DataType}
	}
	return r
}

// deliver hands a message to the function and deletes it unless that failed.
func (q *FIFO) deliver(ctx context.Context, f *Function, m *message) {
	payload, _ := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{m.record()}})
	i, err := f.Invoke(context.WithoutCancel(ctx), payload)
	if err != nil {
		log.Printf("queue: %v", err)
		time.Sleep(100 * time.Millisecond)
		return
	}
	<-i.Began
	data, err := io.ReadAll(i.Body)
	<-i.Done
	var out events.SQSEventResponse
	if err != nil || i.Err != nil || json.Unmarshal(data, &out) != nil || len(out.BatchItemFailures) > 0 {
		return // it comes again when it is no longer hidden
	}
	q.Remove(m.id)
}
