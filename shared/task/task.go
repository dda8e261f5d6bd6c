// Package task keeps the jobs of the sandbox that have outlived the turn that
// started them: from the hand-off until the result is in the inbox. Whoever
// learns first that one has ended (the daemon's callback, a look at it) puts a
// message into the inbox whose id is the task's, so that it is answered once.
package task

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
)

// ErrNotFound: there is no such task, or it has ended and been told.
var ErrNotFound = errors.New("there is no such task")

// Task is one of them.
type Task struct {
	V       int          `json:"v"`       // 1
	ID      string       `json:"id"`      // of the call, and the job's id in the container
	Session string       `json:"session"` // whose container it runs in, and who is told
	Turn    int          `json:"turn"`    // that started it
	Title   string       `json:"title"`   // the beginning of the command, on one line
	To      chat.Address `json:"to"`      // where the outcome goes
	Sender  chat.Sender  `json:"sender"`
	Label   string       `json:"label"` // of what it was started with, a mark of package label
	Started time.Time    `json:"started"`
	// Shown is the message that tells how it goes, "" while there is none.
	Shown string    `json:"shown,omitempty"`
	Looks int       `json:"looks,omitempty"` // at how it goes
	Next  time.Time `json:"next,omitzero"`   // when the next look is to be
	Lost  int       `json:"lost,omitempty"`  // of the last of them, that found no container
	Stop  bool      `json:"stop,omitempty"`  // somebody asked for its end
}

// ID is that of the task of a tool call, whose id is unique over all turns.
func ID(call string) string {
	sum := sha256.Sum256([]byte("task\x00" + call))
	return hex.EncodeToString(sum[:8])
}

func validID(id string) bool {
	return len(id) == 16 && strings.Trim(id, "0123456789abcdef") == ""
}

// Token is what the daemon proves with that a report is of this task. It is
// given to the daemon, and no command can read it.
func Token(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("instar task report\x00" + id))
	return hex.EncodeToString(mac.Sum(nil))
}

// Proves reports whether a token is a task's.
func Proves(key []byte, id, token string) bool {
	return hmac.Equal([]byte(Token(key, id)), []byte(token))
}

// Store keeps one agent's tasks.
type Store struct {
	Bucket bucket.Bucket
	Agent  string
}

func (s *Store) prefix() string { return s.Agent + "/tasks/" }

// Create keeps a task. Repeated, it changes nothing.
func (s *Store) Create(ctx context.Context, t Task) error {
	t.V = 1
	if !validID(t.ID) {
		return fmt.Errorf("keep task: %w", ErrNotFound)
	}
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode task: %w", err)
	}
	_, err = s.Bucket.PutIfAbsent(ctx, s.prefix()+t.ID, data)
	if err != nil && !errors.Is(err, bucket.ErrPrecondition) {
		return fmt.Errorf("keep task: %w", err)
	}
	return nil
}

// Get returns a task, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*Task, error) {
	t, _, err := s.read(ctx, id)
	return t, err
}

func (s *Store) read(ctx context.Context, id string) (*Task, string, error) {
	if !validID(id) {
		return nil, "", ErrNotFound
	}
	o, err := s.Bucket.Get(ctx, s.prefix()+id)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, "", ErrNotFound
	}
	if err != nil {
		return nil, "", fmt.Errorf("read task: %w", err)
	}
	t := new(Task)
	if err := json.Unmarshal(o.Data, t); err != nil || t.V != 1 || t.ID != id {
		return nil, "", fmt.Errorf("read task: version %d is not readable by this program", t.V)
	}
	return t, o.ETag, nil
}

// Overdue lists the tasks whose next look is late: its queue message was lost.
func (s *Store) Overdue(ctx context.Context, now time.Time) ([]*Task, error) {
	list, err := s.List(ctx)
	return slices.DeleteFunc(list, func(t *Task) bool { return now.Sub(t.Next) < late }), err
}

// late is how much later than it should be a look is taken for lost.
const late = time.Minute

// maxTasks bounds a listing; there are few at a time.
const maxTasks = 200

// List returns the tasks, in no order that means anything.
func (s *Store) List(ctx context.Context) (list []*Task, err error) {
	page, err := s.Bucket.List(ctx, bucket.ListOptions{Prefix: s.prefix(), Limit: maxTasks})
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	for _, e := range page.Entries {
		t, err := s.Get(ctx, strings.TrimPrefix(e.Key, s.prefix()))
		if errors.Is(err, ErrNotFound) {
			continue // ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// Update changes a task by compare-and-swap and returns it as it is then.
func (s *Store) Update(ctx context.Context, id string, change func(*Task)) (*Task, error) {
	for range 8 {
		t, etag, err := s.read(ctx, id)
		if err != nil {
			return nil, err
		}
		change(t)
		data, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("encode task: %w", err)
		}
		if _, err = s.Bucket.PutIfMatch(ctx, s.prefix()+id, etag, data); err == nil {
			return t, nil
		} else if !errors.Is(err, bucket.ErrPrecondition) {
			return nil, fmt.Errorf("change task: %w", err)
		}
	}
	return nil, errors.New("change task: too many at once, try again")
}

// End forgets a task whose result is in the inbox.
func (s *Store) End(ctx context.Context, id string) error {
	if !validID(id) {
		return ErrNotFound
	}
	return s.Bucket.Delete(ctx, s.prefix()+id)
}
