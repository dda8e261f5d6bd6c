//go:build !js

package lambda

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"instar/shared/aws/sqs"
	"instar/shared/platform"
	"instar/shared/queue"
)

// again is when a message comes again that failed without saying when. The
// queue's own visibility timeout is longer than the longest event, so it would be
// a quarter of an hour.
const again = 5 * time.Second

// batch handles a batch of the queue, one message after the other, and says
// which are to be delivered again (ReportBatchItemFailures). When one fails, the
// rest of its group comes again with it, unhandled, since a group is in order.
func (h *host) batch(ctx context.Context, e *env, records []events.SQSMessage) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	waits := map[string]time.Duration{} // of the groups that failed
	for i := range records {
		r := &records[i]
		group := r.Attributes["MessageGroupId"]
		wait, failed := waits[group]
		if !failed {
			if wait, failed = h.deliver(ctx, e, r); !failed {
				continue
			}
			waits[group] = wait
		}
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
		// Also when the time is up: otherwise it comes when the queue thinks fit.
		if err := h.queue.Hide(context.WithoutCancel(ctx), r.ReceiptHandle, wait); err != nil {
			slog.Error("message comes again late", "error", err.Error())
		}
	}
	return response
}

// deliver hands one message to the function, and says after how long it has to
// come again if it does.
func (h *host) deliver(ctx context.Context, e *env, r *events.SQSMessage) (wait time.Duration, failed bool) {
	m, early, err := sqs.Read(r, time.Now())
	if err != nil {
		slog.Error("queue message not understood", "error", err.Error())
		return 0, false // delivering it again would not make it any better
	}
	if early > 0 {
		return early, true
	}
	err = platform.Guard(func() error { return h.function.Queue(e)(ctx, m) })
	if err == nil {
		return 0, false
	}
	if later, ok := errors.AsType[*queue.Retry](err); ok {
		return later.After, true
	}
	slog.Error("event failed", "kind", "queue", "error", err.Error())
	return again, true
}
