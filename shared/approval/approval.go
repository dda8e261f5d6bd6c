// Package approval keeps what the owner is asked and what they answered. An
// approval is for one exact effect: it is bound by a hash to the tool, its
// canonical arguments and the session, answers once, is used once, and lapses
// after half an hour. A grant is the owner's standing "always" for one tool and
// one destination.
//
// Who may answer is the caller's affair; what an answer allows is decided by
// package policy.
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
	"slices"
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
)

// MaxItems is how many calls one question is about at most.
const MaxItems = 10

// Request is one question: whether a tool may be called, once or several times
// in a row.
type Request struct {
	V       int    `json:"v"`  // 1
	ID      string `json:"id"` // made of the first call's id, so that one call asks once
	Nonce   string `json:"nonce"`
	Hash    string `json:"hash"` // of session, tool, nonce and the calls' arguments
	Session string `json:"session"`
	Turn    int    `json:"turn"` // the turn of the session that asked
	Tool    string `json:"tool"`
	Items   []Item `json:"items"`
	Twice   bool   `json:"twice,omitempty"`
	// Grant is what "always" would allow: destinations of this tool; none
	// offers no such choice.
	Grant  []string  `json:"grant,omitempty"`
	Asked  time.Time `json:"asked"`
	State  State     `json:"state"`
	Person string    `json:"person,omitempty"` // who answered
	At     time.Time `json:"at,omitzero"`      // when
	Always bool      `json:"always,omitempty"` // that, too, was the answer
	Begun  int       `json:"begun,omitempty"`  // of the items; each is used once
}

// Item is one call that is asked about.
type Item struct {
	Call  string          `json:"call"`  // the tool call's id, unique over all turns
	Input json.RawMessage `json:"input"` // canonical JSON
	Why   string          `json:"why"`   // in words for the owner
	Args  []Argument      `json:"args,omitempty"`
	// Unseen: the arguments hold text of others that the model has not seen.
	Unseen bool `json:"unseen,omitempty"`
}

// Argument is one value of a call, and where it came from, in words.
type Argument struct {
	Path  string `json:"path"`
	Value string `json:"value"`
	Yours bool   `json:"yours,omitempty"` // from the owner's own words
	From  string `json:"from,omitempty"`
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

// hash binds an answer to what it is for.
func (r *Request) hash() string {
	h := sha256.New()
	part := func(text string) { fmt.Fprintf(h, "%d:%s", len(text), text) }
	part(r.Session)
	part(r.Tool)
	part(r.Nonce)
	for _, item := range r.Items {
		part(item.Call)
		part(string(item.Input))
		part(fmt.Sprint(item.Unseen))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Ask stores a question about a call and returns it; the same call's question
// asked before is returned as it is now. Where open names a question of the
// same turn about the same tool, which nobody has answered yet, the call is
// added to that one.
func (s *Store) Ask(ctx context.Context, open string, r Request, item Item) (*Request, error) {
	var err error
	if item.Input, err = Canonical(item.Input); err != nil {
		return nil, err
	}
	if open != "" {
		there, err := s.change(ctx, open, func(old *Request) error { return old.add(r, item) })
		if err == nil || errors.Is(err, errThere) {
			return there, nil
		}
		if !errors.Is(err, errOwn) && !errors.Is(err, ErrUnknown) {
			return nil, err
		}
	}
	r.V, r.ID, r.State, r.Asked, r.Nonce, r.Items = 1, ID(item.Call), Asked, s.Now().UTC(), nonce(), []Item{item}
	r.Hash = r.hash()
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

func nonce() string { return rand.Text()[:16] }

var (
	errThere = errors.New("the call is asked about already")
	errOwn   = errors.New("the call needs a question of its own")
)

// add has a question be about one more call.
func (r *Request) add(like Request, item Item) error {
	if slices.ContainsFunc(r.Items, func(there Item) bool { return there.Call == item.Call }) {
		return errThere
	}
	if r.Session != like.Session || r.Turn != like.Turn || r.Tool != like.Tool || r.State != Asked || r.Twice || like.Twice || len(r.Items) == MaxItems {
		return errOwn
	}
	r.Items, r.Grant = append(r.Items, item), both(r.Grant, like.Grant)
	r.Hash = r.hash()
	return nil
}

// both are the destinations that "always" would have to allow for either call;
// none when it could not for one of them.
func both(a, b []string) []string {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
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

// Lapsed reports that it is too late for an answer, or for its use.
func (r *Request) Lapsed(now time.Time) bool {
	since := r.Asked
	if !r.At.IsZero() {
		since = r.At
	}
	return now.Sub(since) > Lapse
}

// Verdict is the owner's answer.
type Verdict int

const (
	No Verdict = iota
	Yes
	Always // yes, and from now on for these destinations; a Yes where that is not offered
)

// Answer records the owner's answer. The caller has made sure that person is
// the owner. The question comes back as it is then; ErrAnswered comes with it,
// so that a second tap can be told what the first one did.
func (s *Store) Answer(ctx context.Context, id, nonceGiven string, answer Verdict, person string) (*Request, error) {
	return s.change(ctx, id, func(r *Request) error {
		switch {
		case subtle.ConstantTimeCompare([]byte(r.Nonce), []byte(nonceGiven)) != 1:
			return ErrUnknown
		case r.State != Asked && r.State != Once:
			return ErrAnswered
		case r.Lapsed(s.Now()):
			return ErrLapsed
		}
		r.Person, r.At = person, s.Now().UTC()
		switch {
		case answer == No:
			r.State = Denied
		case r.Twice && r.State == Asked:
			// Another nonce: the same tap twice is not two answers.
			r.State, r.Nonce = Once, nonce()
			r.Hash = r.hash()
		default:
			r.State, r.Always = Approved, answer == Always && len(r.Grant) > 0
		}
		return nil
	})
}

// Use makes use of an approval for its item i, once, and returns the question
// with the call exactly as it was approved. ErrAnswered: it was used before.
func (s *Store) Use(ctx context.Context, id, session string, i int) (*Request, error) {
	return s.change(ctx, id, func(r *Request) error {
		switch {
		case r.Session != session || r.Hash != r.hash() || i < 0 || i >= len(r.Items):
			return ErrOther
		case r.State != Approved || i < r.Begun:
			return ErrAnswered
		case r.Lapsed(s.Now()):
			return ErrLapsed
		}
		r.Begun = i + 1
		return nil
	})
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
