// Package approval keeps what the owner is asked and what they answered. An
// approval is for one exact effect: it is bound by a hash to the tool, its
// canonical arguments and the session, answers once, is used once, and lapses
// after half an hour. A grant is the owner's standing "always" for one tool and
// one destination.
package approval

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"instar/shared/bucket"
)

// Lapse is how long the owner has for an answer, and the answer for its use.
const Lapse = 30 * time.Minute

var (
	// ErrUnknown: there is no such question, or its answer came with the wrong nonce.
	ErrUnknown = errors.New("there is no such question")
	// ErrLapsed: the question is older than half an hour.
	ErrLapsed = errors.New("the question has lapsed; ask for the action again")
	// ErrAnswered: the question was answered, or its answer used, before.
	ErrAnswered = errors.New("the question was answered before")
	// ErrOther: what is to be done is not what was approved.
	ErrOther = errors.New("this is not what was approved")
)

// State is how far a question is.
type State string

const (
	Asked    State = "asked"
	Once     State = "asked-again" // approved once of the two times that it takes
	Approved State = "approved"
	Denied   State = "denied"
	Used     State = "used"
)

// Request is one question.
type Request struct {
	V       int             `json:"v"`  // 1
	ID      string          `json:"id"` // made of the call's id, so that one call asks once
	Nonce   string          `json:"nonce"`
	Hash    string          `json:"hash"` // of session, tool and input
	Session string          `json:"session"`
	Call    string          `json:"call"` // the tool call's id, unique over all turns
	Tool    string          `json:"tool"`
	Input   json.RawMessage `json:"input"` // canonical JSON
	Why     string          `json:"why"`   // in words for the owner
	Twice   bool            `json:"twice,omitempty"`
	// Grant is what "always" would allow: a destination of this tool; "" offers
	// no such choice.
	Grant  string    `json:"grant,omitempty"`
	Asked  time.Time `json:"asked"`
	State  State     `json:"state"`
	Person string    `json:"person,omitempty"` // who answered
	At     time.Time `json:"at,omitzero"`      // when
}

// Store keeps one agent's questions and grants.
type Store struct {
	Bucket bucket.Bucket
	Agent  string
	Now    func() time.Time
}

func (s *Store) key(id string) string { return s.Agent + "/approvals/" + id }

// ID is that of the question about a call.
func ID(call string) string {
	sum := sha256.Sum256([]byte(call))
	return hex.EncodeToString(sum[:10])
}

// Canonical is JSON with its object keys sorted and without spaces: the same
// arguments are the same bytes. Numbers keep their digits.
func Canonical(input json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("arguments are not JSON: %w", err)
	}
	if d.More() {
		return nil, errors.New("arguments are more than one JSON value")
	}
	return json.Marshal(v)
}

// Hash binds an answer to what it is for.
func Hash(session, tool string, input json.RawMessage) (string, error) {
	canonical, err := Canonical(input)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, part := range []string{session, tool, string(canonical)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Ask stores a question about a call and returns it; the same call's question
// asked before is returned as it is now.
func (s *Store) Ask(ctx context.Context, r Request) (*Request, error) {
	hash, err := Hash(r.Session, r.Tool, r.Input)
	if err != nil {
		return nil, err
	}
	r.V, r.ID, r.Hash, r.State, r.Asked, r.Nonce = 1, ID(r.Call), hash, Asked, s.Now().UTC(), rand.Text()[:16]
	if r.Input, err = Canonical(r.Input); err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode question: %w", err)
	}
	_, err = s.Bucket.PutIfAbsent(ctx, s.key(r.ID), data)
	if errors.Is(err, bucket.ErrPrecondition) {
		there, _, err := s.read(ctx, r.ID)
		return there, err
	}
	if err != nil {
		return nil, fmt.Errorf("store question: %w", err)
	}
	return &r, nil
}

// Get returns a question.
func (s *Store) Get(ctx context.Context, id string) (*Request, error) {
	r, _, err := s.read(ctx, id)
	return r, err
}

func (s *Store) read(ctx context.Context, id string) (*Request, string, error) {
	if len(id) != 20 || strings.Trim(id, "0123456789abcdef") != "" {
		return nil, "", ErrUnknown
	}
	o, err := s.Bucket.Get(ctx, s.key(id))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, "", ErrUnknown
	}
	if err != nil {
		return nil, "", fmt.Errorf("read question: %w", err)
	}
	r := new(Request)
	if err := json.Unmarshal(o.Data, r); err != nil || r.V != 1 || r.ID != id {
		return nil, "", fmt.Errorf("read question: version %d is not readable by this program", r.V)
	}
	return r, o.ETag, nil
}

func (r *Request) lapsed(now time.Time) bool {
	since := r.Asked
	if !r.At.IsZero() {
		since = r.At
	}
	return now.Sub(since) > Lapse
}

// Answer records the owner's answer. The caller has made sure that person is
// the owner. The question comes back as it is then; ErrAnswered comes with it,
// so that a second tap can be told what the first one did.
func (s *Store) Answer(ctx context.Context, id, nonce string, approve bool, person string) (*Request, error) {
	return s.change(ctx, id, func(r *Request) error {
		switch {
		case subtle.ConstantTimeCompare([]byte(r.Nonce), []byte(nonce)) != 1:
			return ErrUnknown
		case r.State != Asked && r.State != Once:
			return ErrAnswered
		case r.lapsed(s.Now()):
			return ErrLapsed
		}
		r.Person, r.At = person, s.Now().UTC()
		switch {
		case !approve:
			r.State = Denied
		case r.Twice && r.State == Asked:
			// Another nonce: the same tap twice is not two answers.
			r.State, r.Nonce = Once, rand.Text()[:16]
		default:
			r.State = Approved
		}
		return nil
	})
}

// Use makes use of an approval, once: for this call's id, and for exactly what
// was approved.
func (s *Store) Use(ctx context.Context, call, session, tool string, input json.RawMessage) error {
	hash, err := Hash(session, tool, input)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, ID(call), func(r *Request) error {
		switch {
		case r.Hash != hash || r.Call != call:
			return ErrOther
		case r.State != Approved:
			return ErrAnswered
		case r.lapsed(s.Now()):
			return ErrLapsed
		}
		r.State = Used
		return nil
	})
	return err
}

// change changes a question by compare-and-swap.
func (s *Store) change(ctx context.Context, id string, change func(*Request) error) (*Request, error) {
	for range 8 {
		r, etag, err := s.read(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := change(r); err != nil {
			return r, err
		}
		data, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("encode question: %w", err)
		}
		if _, err = s.Bucket.PutIfMatch(ctx, s.key(id), etag, data); err == nil {
			return r, nil
		} else if !errors.Is(err, bucket.ErrPrecondition) {
			return nil, fmt.Errorf("store answer: %w", err)
		}
	}
	return nil, errors.New("store answer: too many at once, try again")
}
