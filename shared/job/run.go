package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"instar/shared/bucket"
)

// RunState is what became of a run.
type RunState string

const (
	Done      RunState = "done"
	Failed    RunState = "failed"    // Error says why; it may be tried again
	Skipped   RunState = "skipped"   // it was too late for the job's Grace
	Unchanged RunState = "unchanged" // what the job's check looks at had not changed
)

// Run is the record of one run of a job. A run that is tried again has one
// record, of its last try.
type Run struct {
	V        int       `json:"v"` // 1
	Job      string    `json:"job"`
	Due      time.Time `json:"due"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Cost     float64   `json:"cost,omitempty"` // US dollars
	// Delivered are the platform's ids of the messages sent; none: not delivered.
	Delivered []string `json:"delivered,omitempty"`
	Error     string   `json:"error,omitempty"`
	State     RunState `json:"state"`
	Attempts  int      `json:"attempts,omitempty"` // tries made
}

func (r Run) encode() ([]byte, error) {
	r.V = 1
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode run of job %s: %w", r.Job, err)
	}
	return data, nil
}

// maxRuns is how many records Runs returns at most.
const maxRuns = 100

// runKey counts time backwards, so that a listing begins with the newest run.
func (s *Store) runKey(id string, due time.Time) string {
	return fmt.Sprintf("%s/runs/%s/%010d", s.Agent, id, lastUnix-due.Unix())
}

// Record stores what became of a run, and replaces what was stored of it: of
// several at once the last one stays.
func (s *Store) Record(ctx context.Context, r Run) error {
	if !plain(r.Job) || r.Due.Unix() < 0 || r.Due.Unix() > lastUnix {
		return errors.New("record run: it names no job or no due time")
	}
	data, err := r.encode()
	if err != nil {
		return err
	}
	key := s.runKey(r.Job, r.Due)
	for range 5 {
		o, found := s.Bucket.Get(ctx, key)
		switch {
		case errors.Is(found, bucket.ErrNotFound):
			_, err = s.Bucket.PutIfAbsent(ctx, key, data)
		case found != nil:
			return fmt.Errorf("record run of job %s: %w", r.Job, found)
		default:
			_, err = s.Bucket.PutIfMatch(ctx, key, o.ETag, data)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			break
		}
	}
	return fmt.Errorf("record run of job %s: %w", r.Job, err)
}

// Runs returns the records of a job's runs, newest first, at most limit of them
// (0 means 10, never more than 100): one listing and a read for each, six at a
// time. They outlive the job. When some cannot be read the others come with the
// error.
func (s *Store) Runs(ctx context.Context, id string, limit int) ([]Run, error) {
	if !plain(id) {
		return nil, fmt.Errorf("job %.20q: %w", id, ErrNotFound)
	}
	if limit <= 0 {
		limit = 10
	}
	page, err := s.Bucket.List(ctx, bucket.ListOptions{Prefix: s.Agent + "/runs/" + id + "/", Limit: min(limit, maxRuns)})
	if err != nil {
		return nil, fmt.Errorf("list runs of job %s: %w", id, err)
	}
	runs, err := gather(page.Entries, func(e bucket.Entry) (Run, error) {
		var r Run
		o, err := s.Bucket.Get(ctx, e.Key)
		if err == nil {
			err = json.Unmarshal(o.Data, &r)
		}
		if err == nil && r.V != 1 {
			err = fmt.Errorf("version %d is newer than this program", r.V)
		}
		if err != nil {
			return Run{}, fmt.Errorf("read a run of job %s: %w", id, err)
		}
		return r, nil
	})
	return slices.DeleteFunc(runs, func(r Run) bool { return r.V == 0 }), err
}
