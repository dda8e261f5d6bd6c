package job

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
)

// orphan is how long after its due time a marker without a job is removed. The
// job of a younger one may be about to be written.
const orphan = 5 * time.Minute

// Due is one run that is due: the job and the time. It is a marker's name.
type Due struct {
	ID string
	At time.Time
}

// Due returns the runs that are due up to and including a time, at most 1,000,
// the longest waiting first. It is one listing, however many jobs there are.
func (s *Store) Due(ctx context.Context, until time.Time) ([]Due, error) {
	page, err := s.Bucket.List(ctx, bucket.ListOptions{Prefix: s.dues(), Limit: most})
	if err != nil {
		return nil, fmt.Errorf("list what is due: %w", err)
	}
	var dues []Due
	for _, e := range page.Entries {
		stamp, id, _ := strings.Cut(strings.TrimPrefix(e.Key, s.dues()), "-")
		unix, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil || !plain(id) {
			continue // nothing that this program wrote
		}
		if unix > until.Unix() {
			break
		}
		dues = append(dues, Due{ID: id, At: time.Unix(unix, 0).UTC()})
	}
	return dues, nil
}

// Fired is what Fire did. Job is nil when there is none any more; then there
// was nothing to do, and neither was there when all else is zero: the job is not
// due then, as its schedule was changed.
type Fired struct {
	Job     *Job
	Queued  bool      // accept has the run's message
	Skipped bool      // it was too late for the job's Grace; the run is recorded
	Next    time.Time // when the job is due again; zero: never
}

// Fire sets a run off: it hands the run's message to accept, with the time left
// until it is due, and marks when the job is due next. What was missed meanwhile
// is not made up for: the next time is one to come, so that after an outage a
// job runs once.
//
// accept must be idempotent by message id. Every step here is idempotent as
// well and the marker goes last, so after a failure, or when two call Fire for
// the same run, there are one message and one next marker.
func (s *Store) Fire(ctx context.Context, d Due, accept func(ctx context.Context, m *chat.Message, delay time.Duration) error) (Fired, error) {
	now := s.Now()
	j, err := s.Get(ctx, d.ID)
	if errors.Is(err, ErrNotFound) {
		if now.Sub(d.At) <= orphan {
			return Fired{}, nil
		}
		return Fired{}, s.unmark(ctx, d)
	}
	if err == nil {
		err = j.check() // such as a zone that this program does not know
	}
	if err != nil {
		return Fired{}, fmt.Errorf("fire job %s: %w", d.ID, err)
	}
	f := Fired{Job: j}
	switch {
	case !j.Schedule.due(d.At):
	case j.Grace > 0 && now.Sub(d.At) > j.Grace:
		f.Skipped = true
		err = s.skip(ctx, d, now, j.Grace)
	default:
		f.Queued = true
		err = accept(ctx, Message(j, d.At, 0), max(d.At.Sub(now), 0))
	}
	if err != nil {
		return Fired{}, fmt.Errorf("fire job %s: %w", d.ID, err)
	}
	last := now
	if d.At.After(now) {
		last = d.At
	}
	if next, ok := j.Schedule.Next(last); ok {
		f.Next = next
		if err := s.mark(ctx, d.ID, next); err != nil {
			return Fired{}, fmt.Errorf("fire job %s: %w", d.ID, err)
		}
	} else if f.Skipped {
		if err := s.End(ctx, j); err != nil {
			return Fired{}, err
		}
	}
	return f, s.unmark(ctx, d)
}

func (s *Store) unmark(ctx context.Context, d Due) error {
	if err := s.Bucket.Delete(ctx, s.dueKey(d.ID, d.At)); err != nil {
		return fmt.Errorf("remove due marker: %w", err)
	}
	return nil
}

// skip records that a run did not happen, unless there is a record already: the
// run was set off by somebody who died before the marker was gone.
func (s *Store) skip(ctx context.Context, d Due, now time.Time, grace time.Duration) error {
	late := now.Sub(d.At).Round(time.Second)
	r := Run{Job: d.ID, Due: d.At, Finished: now.UTC(), State: Skipped, Error: fmt.Sprintf("it was %s late, and %s are allowed", late, grace)}
	data, err := r.encode()
	if err != nil {
		return err
	}
	_, err = s.Bucket.PutIfAbsent(ctx, s.runKey(r.Job, r.Due), data)
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("record skipped run: %w", err)
	}
	return nil
}
