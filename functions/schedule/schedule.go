// Package schedule is the function that cron triggers every minute.
//
// May touch: the inbox, the jobs, the owner's HEARTBEAT.md, its own records, the
// queue. Must never hold: any secret but the one that opens the bucket. It does
// four things:
//
// A message leaves the inbox when its answer has arrived, so what is there for
// longer than two minutes was lost on the way, its worker died, or its answer
// could not be delivered: it is put on the queue again, less and less often,
// until it is given up as a dead letter.
//
// A job that is due within the next minute is put into the inbox and on the
// queue, delayed to the second. How many jobs wait makes no difference: what is
// due is found by time, with one listing.
//
// A heartbeat, where the owner's file asks for one, is put there likewise.
//
// A task of the sandbox whose look is late is looked at.
//
// An idle minute costs two List calls and one read, and a List more where there
// is a sandbox.
package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/job"
	"instar/shared/queue"
	"instar/shared/task"
)

// ahead is how long before its time a job is put on the queue: the time until
// the clock's next look.
const ahead = time.Minute

// Clock is what is done each minute.
type Clock struct {
	Agent  string
	Bucket bucket.Bucket
	Queue  queue.Sender
	Zone   *time.Location
	// Tasks: there is a sandbox, whose tasks may have to be looked after.
	Tasks bool
	// Owner is where the owner is written to of the clock's own accord.
	Owner chat.Address
	Now   func() time.Time
}

// Minute does all of it; each part is done whatever becomes of the others. at
// is when the run was due.
func (c *Clock) Minute(ctx context.Context, at time.Time) error {
	s := &Sweeper{Agent: c.Agent, Bucket: c.Bucket, Queue: c.Queue}
	swept, sweepErr := s.Sweep(ctx, at)
	fired, jobsErr := c.jobs(ctx)
	beatErr := c.heartbeat(ctx)
	tasksErr := c.tasks(ctx)
	if swept+fired > 0 {
		slog.Info("clock", "swept", swept, "jobs", fired)
	}
	return errors.Join(sweepErr, jobsErr, beatErr, tasksErr)
}

// tasks has those tasks of the sandbox looked at whose look is late, since
// whoever was to look has died or its queue message was lost.
func (c *Clock) tasks(ctx context.Context) (err error) {
	if !c.Tasks {
		return nil
	}
	list, err := (&task.Store{Bucket: c.Bucket, Agent: c.Agent}).Overdue(ctx, c.Now())
	for _, t := range list {
		err = errors.Join(err, inbox.Send(ctx, c.Queue, inbox.Wake{Task: t.ID, Look: t.Looks}, 0))
	}
	return err
}

// jobs sets off what is due. One job that cannot be does not hold up the others.
func (c *Clock) jobs(ctx context.Context) (fired int, err error) {
	store := &job.Store{Bucket: c.Bucket, Agent: c.Agent, Now: c.Now}
	due, err := store.Due(ctx, c.Now().Add(ahead))
	if err != nil {
		return 0, err
	}
	for _, d := range due {
		f, fireErr := store.Fire(ctx, d, c.accept)
		if fireErr != nil {
			err = errors.Join(err, fireErr)
		} else if f.Queued {
			fired++
		}
	}
	return fired, err
}

func (c *Clock) accept(ctx context.Context, m *chat.Message, delay time.Duration) error {
	_, err := inbox.Accept(ctx, c.Bucket, c.Queue, c.Agent, m, c.Now(), delay)
	return err
}

// beats is the last beat that was set off.
type beats struct {
	V    int       `json:"v"` // 1
	Last time.Time `json:"last"`
}

// heartbeat sets the present beat off, if there is one and nobody has. The beat
// is recorded after it is in the inbox: its id is made from its time, so that a
// repetition is the same message.
func (c *Clock) heartbeat(ctx context.Context) error {
	h, err := job.ReadHeartbeat(ctx, c.Bucket, c.Agent)
	if err != nil {
		return err
	}
	slot, ok := h.Beat(c.Now(), c.Zone)
	if !h.On() || !ok {
		return nil
	}
	key := c.Agent + "/heartbeat"
	var b beats
	o, err := c.Bucket.Get(ctx, key)
	if err == nil && (json.Unmarshal(o.Data, &b) != nil || b.V != 1) {
		b = beats{} // begun anew: a beat more, at worst
	} else if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("read last heartbeat: %w", err)
	}
	if !b.Last.Before(slot) {
		return nil
	}
	if err := c.accept(ctx, h.Message(slot, c.Owner), 0); err != nil {
		return err
	}
	data, err := json.Marshal(beats{V: 1, Last: slot})
	if err != nil {
		return fmt.Errorf("encode heartbeat: %w", err)
	}
	if o.ETag == "" {
		_, err = c.Bucket.PutIfAbsent(ctx, key, data)
	} else {
		_, err = c.Bucket.PutIfMatch(ctx, key, o.ETag, data)
	}
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) { // another run was faster: as good
		return fmt.Errorf("record heartbeat: %w", err)
	}
	return nil
}
