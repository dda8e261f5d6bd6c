//go:build js && wasm

package workers

import (
	"context"
	"fmt"
	"time"

	"github.com/syumai/workers/cloudflare/queues"

	"instar/shared/queue"
)

// producer is a Cloudflare Queue. Bodies travel as bytes. Queues allows 128 KB a
// message, about 100 bytes of metadata included, and a delay of 12 hours, which is
// where queue.MaxBody and queue.MaxDelay come from
// (developers.cloudflare.com/queues/platform/limits/).
type producer struct{ name string }

func (p *producer) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if len(body) > queue.MaxBody {
		return fmt.Errorf("%w: %d bytes, at most %d", queue.ErrTooLarge, len(body), queue.MaxBody)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q, err := queues.NewProducer(p.name)
	if err != nil {
		return fmt.Errorf("send to queue: %w", err)
	}
	var options []queues.SendOption
	if delay > 0 {
		options = append(options, queues.WithDelaySeconds(queue.RoundDelay(delay)))
	}
	if err := q.SendBytes(body, options...); err != nil {
		return fmt.Errorf("send to queue: %w", err)
	}
	return nil
}
