package job

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"instar/shared/bucket"
)

// ErrNotFound is wrapped by the error for a job that does not exist: it never
// did, it was cancelled, or it was to be done once and is done.
var ErrNotFound = errors.New("no such job")

const (
	// most is how many jobs a listing reads, and how many markers.
	most = bucket.MaxList
	// readers is how many objects are read at once: as many connections as a
	// Worker may wait for.
	readers = 6
)

// Store keeps one agent's jobs:
//
//	<agent>/jobs/<id>               the job, changed by compare-and-swap
//	<agent>/due/<unix>-<id>         a marker: the job is due then
//	<agent>/runs/<id>/<9999999999-unix>  what became of the run that was due then
//
// A job that will run has a marker at its next due time, or at an earlier one.
// Everything that may leave a marker too many does: Fire moves one that is not
// at a due time of its job on to one that is, and markers of one job meet there.
type Store struct {
	Bucket bucket.Bucket
	Agent  string
	Now    func() time.Time
}

type marker struct {
	V int `json:"v"` // 1
}

// ID is the id of the job that a tool call or message makes.
func ID(by string) string {
	sum := sha256.Sum256([]byte(by))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5])) // 40 bits, 8 letters and digits
}

func (s *Store) jobs() string         { return s.Agent + "/jobs/" }
func (s *Store) dues() string         { return s.Agent + "/due/" }
func (s *Store) key(id string) string { return s.jobs() + id }

func (s *Store) dueKey(id string, due time.Time) string {
	return fmt.Sprintf("%s%010d-%s", s.dues(), due.Unix(), id)
}

// Create stores a job under an id made of j.By and returns it; V, ID and
// Created (when it is zero) are filled in. The same By again returns the job as
// it was made the first time.
//
// The marker is written first. A crash after it leaves a marker without a job,
// which Fire removes; the other way round it would leave a job that is listed
// and never runs.
func (s *Store) Create(ctx context.Context, j *Job) (*Job, error) {
	made := *j
	made.V, made.ID = 1, ID(j.By)
	if made.Created.IsZero() {
		made.Created = s.Now().UTC()
	}
	// Markers, and so runs, are to the second.
	made.Schedule.At, made.Schedule.From = made.Schedule.At.Truncate(time.Second), made.Schedule.From.Truncate(time.Second)
	if err := made.check(); err != nil {
		return nil, fmt.Errorf("create job: %w", err)
	}
	due, ok := made.Schedule.first(made.Created)
	if !ok {
		return nil, fmt.Errorf("create job: %s never comes; write another time", made.Schedule)
	}
	if err := s.mark(ctx, made.ID, due); err != nil {
		return nil, fmt.Errorf("create job: %w", err)
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	_, err = s.Bucket.PutIfAbsent(ctx, s.key(made.ID), data)
	if errors.Is(err, bucket.ErrPrecondition) {
		there, err := s.Get(ctx, made.ID)
		if err == nil && there.By != made.By {
			err = fmt.Errorf("create job: the id %s is taken; ask for the job again", made.ID)
		}
		if err != nil {
			return nil, err
		}
		return there, nil
	}
	if err != nil {
		return nil, fmt.Errorf("create job %s: %w", made.ID, err)
	}
	return &made, nil
}

// mark makes sure that there is a marker for the job at a time.
func (s *Store) mark(ctx context.Context, id string, due time.Time) error {
	data, err := json.Marshal(marker{V: 1})
	if err != nil {
		return fmt.Errorf("encode due marker: %w", err)
	}
	_, err = s.Bucket.PutIfAbsent(ctx, s.dueKey(id, due), data)
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("write due marker: %w", err)
	}
	return nil
}

// Get reads a job; the error wraps ErrNotFound when there is none.
func (s *Store) Get(ctx context.Context, id string) (*Job, error) {
	j, _, err := s.read(ctx, id)
	return j, err
}

func (s *Store) read(ctx context.Context, id string) (*Job, string, error) {
	if !plain(id) {
		return nil, "", fmt.Errorf("job %.20q: %w", id, ErrNotFound)
	}
	o, err := s.Bucket.Get(ctx, s.key(id))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, "", fmt.Errorf("job %s: %w; it may have been cancelled, or done", id, ErrNotFound)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read job %s: %w", id, err)
	}
	j := new(Job)
	if err := json.Unmarshal(o.Data, j); err != nil {
		return nil, "", fmt.Errorf("read job %s: %w", id, err)
	}
	if j.V != 1 {
		return nil, "", fmt.Errorf("read job %s: version %d is newer than this program", id, j.V)
	}
	return j, o.ETag, nil
}

// plain reports whether an id can be a job's: 1 to 32 lower-case letters and
// digits. A model writes ids, so anything may come.
func plain(id string) bool {
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return id != "" && len(id) <= 32
}

// List reads all jobs, at most 1,000, the oldest first: one listing and a read
// for each, six at a time. When some cannot be read the others come with the
// error.
func (s *Store) List(ctx context.Context) ([]*Job, error) {
	page, err := s.Bucket.List(ctx, bucket.ListOptions{Prefix: s.jobs(), Limit: most})
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	jobs, err := gather(page.Entries, func(e bucket.Entry) (*Job, error) {
		j, err := s.Get(ctx, strings.TrimPrefix(e.Key, s.jobs()))
		if errors.Is(err, ErrNotFound) { // cancelled meanwhile
			return nil, nil
		}
		return j, err
	})
	jobs = slices.DeleteFunc(jobs, func(j *Job) bool { return j == nil })
	slices.SortFunc(jobs, func(a, b *Job) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return jobs, err
}

// gather calls read for each entry, six at a time, and returns the results in
// order. A failed one leaves its zero value; the error joins them all.
func gather[T any](entries []bucket.Entry, read func(bucket.Entry) (T, error)) ([]T, error) {
	results, errs := make([]T, len(entries)), make([]error, len(entries))
	next := make(chan int, len(entries))
	for i := range entries {
		next <- i
	}
	close(next)
	var wait sync.WaitGroup
	for range min(readers, len(entries)) {
		wait.Go(func() {
			for i := range next {
				results[i], errs[i] = read(entries[i])
			}
		})
	}
	wait.Wait()
	return results, errors.Join(errs...)
}

// Cancel removes a job; the error wraps ErrNotFound when there is none. Its
// marker is removed too, if that works: one that stays is removed when it is due.
// A run that is on the queue already is for its turn to drop.
func (s *Store) Cancel(ctx context.Context, id string) error {
	j, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Bucket.Delete(ctx, s.key(id)); err != nil {
		return fmt.Errorf("cancel job %s: %w", id, err)
	}
	if due, ok := j.Schedule.Next(s.Now()); ok {
		_ = s.Bucket.Delete(ctx, s.dueKey(id, due))
	}
	return nil
}

// Update changes a job by compare-and-swap. change may be called several
// times, each time with the job as it is stored; ID and By stay. A change that
// makes no valid job is refused.
func (s *Store) Update(ctx context.Context, id string, change func(*Job)) error {
	for range 5 {
		j, etag, err := s.read(ctx, id)
		if err != nil {
			return err
		}
		before := *j
		change(j)
		j.V, j.ID, j.By = before.V, before.ID, before.By
		if err := j.check(); err != nil {
			return fmt.Errorf("update job %s: %w", id, err)
		}
		if j.Schedule != before.Schedule {
			due, ok := j.Schedule.Next(s.Now())
			if !ok {
				return fmt.Errorf("update job %s: %s never comes; write another time", id, j.Schedule)
			}
			if err := s.mark(ctx, id, due); err != nil {
				return fmt.Errorf("update job %s: %w", id, err)
			}
		}
		data, err := json.Marshal(j)
		if err != nil {
			return fmt.Errorf("encode job: %w", err)
		}
		_, err = s.Bucket.PutIfMatch(ctx, s.key(id), etag, data)
		if err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("update job %s: %w", id, err)
		}
	}
	return fmt.Errorf("update job %s: too many changes at once, try again", id)
}

// End removes a job that was to be done once, when its run has ended for good.
// A job that is due again stays.
func (s *Store) End(ctx context.Context, j *Job) error {
	if !j.Schedule.Once() {
		return nil
	}
	if err := s.Bucket.Delete(ctx, s.key(j.ID)); err != nil {
		return fmt.Errorf("end job %s: %w", j.ID, err)
	}
	return nil
}
