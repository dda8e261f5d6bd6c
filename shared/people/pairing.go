package people

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"instar/shared/bucket"
)

const (
	// CodeValid is how long a pairing code can be approved.
	CodeValid = time.Hour
	// MaxPending is how many requests can wait at once, over all channels.
	MaxPending = 3
	// MaxTries is how many wrong codes are taken in any hour. With 40 bits in
	// a code and three codes pending, guessing one takes more than a million years.
	MaxTries = 10

	alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32 letters without 0, O, 1, I
	codeLen  = 8
	maxName  = 64 // characters
)

var (
	// ErrTooManyPending: MaxPending other people are waiting already.
	ErrTooManyPending = errors.New("too many pairing requests are pending; try again in an hour")
	// ErrApproved: the person who asks for pairing is approved already.
	ErrApproved = errors.New("already approved")
	// ErrCodeUnknown: no such code, or it was used, has expired or was revoked.
	ErrCodeUnknown = errors.New("pairing code is unknown or has expired; ask the person to write again for a new one")
	// ErrTooManyTries: MaxTries wrong codes were tried in the last hour.
	ErrTooManyTries = errors.New("too many wrong pairing codes; try again in an hour")
)

// Request is someone waiting for the owner's approval.
type Request struct {
	Code    string    `json:"code"`
	Person  string    `json:"person"`         // "telegram:4242"
	Name    string    `json:"name,omitempty"` // their own choice, never trusted
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
}

// request is a Request as it is stored.
type request struct {
	Request
	// Claimed is set by the approval before it writes the person's record. A
	// claimed request has been approved: it does not expire, and whoever comes
	// across it finishes it.
	Claimed bool `json:"claimed,omitempty"`
}

// pairing is the one object that every guess and every request has to write,
// so that the bounds hold however many run at once.
type pairing struct {
	V        int         `json:"v"` // 1
	Requests []request   `json:"requests"`
	Misses   []time.Time `json:"misses,omitempty"` // wrong codes of the last hour
}

// Request returns the code with which the owner can approve a person, who is
// told it; fresh is false when they already have it. Errors: ErrPerson,
// ErrTooManyPending, ErrApproved, ErrBusy, or the bucket's.
func (d *Directory) Request(ctx context.Context, person, name string, now time.Time) (code string, fresh bool, err error) {
	channel, id, err := split(person)
	if err != nil {
		return "", false, err
	}
	person = channel + ":" + id
	var r request
	err = d.change(ctx, func(s *pairing) error {
		s.purge(now)
		if i := s.index(func(r *request) bool { return r.Person == person }); i >= 0 {
			r, fresh = s.Requests[i], false
			return errUnchanged
		}
		if s.pending() >= MaxPending {
			return ErrTooManyPending
		}
		r, fresh = request{Request: Request{
			Code: newCode(), Person: person, Name: cleanName(name), Asked: now, Expires: now.Add(CodeValid),
		}}, true
		s.Requests = append(s.Requests, r)
		return nil
	})
	if err == nil && r.Claimed {
		if _, err = d.finish(ctx, r, now); err == nil || errors.Is(err, ErrCodeUnknown) {
			err = ErrApproved
		}
	}
	if err != nil {
		return "", false, fmt.Errorf("request pairing: %w", err)
	}
	return r.Code, fresh, nil
}

// Approve lets the person in who was given the code. Case, spaces and dashes
// do not matter. A code works once: of several approvals at once one succeeds.
// An approval that was cut short is finished by calling again, even after the
// code's hour. Errors: ErrCodeUnknown, ErrTooManyTries, ErrBusy, or the bucket's.
func (d *Directory) Approve(ctx context.Context, code string, now time.Time) (Person, error) {
	code, ok := cleanCode(code)
	if !ok {
		return Person{}, ErrCodeUnknown // cannot be one, so it is no guess either
	}
	var r request
	var wrong error
	err := d.change(ctx, func(s *pairing) error {
		s.purge(now)
		wrong = nil
		i := s.match(code)
		if i >= 0 && s.Requests[i].Claimed {
			r = s.Requests[i]
			return errUnchanged
		}
		if len(s.Misses) >= MaxTries {
			return ErrTooManyTries
		}
		if i < 0 {
			s.Misses = append(s.Misses, now)
			wrong = ErrCodeUnknown
			return nil
		}
		s.Requests[i].Claimed = true
		r = s.Requests[i]
		return nil
	})
	if err = errors.Join(err, wrong); err != nil {
		return Person{}, fmt.Errorf("approve pairing: %w", err)
	}
	p, err := d.finish(ctx, r, now)
	if err != nil {
		return Person{}, fmt.Errorf("approve pairing: %w", err)
	}
	return p, nil
}

// finish carries out a claimed approval: the person's record first, then the
// request is removed. Cut short between the two it can be done again. Whoever
// removes the request has done it; for others the code is used.
func (d *Directory) finish(ctx context.Context, r request, now time.Time) (Person, error) {
	p, err := d.admit(ctx, r, now)
	if err != nil && !errors.Is(err, ErrCodeUnknown) {
		return Person{}, err
	}
	gone := d.change(ctx, func(s *pairing) error {
		return s.drop(ErrCodeUnknown, func(other *request) bool {
			return other.Person == r.Person && other.Code == r.Code
		})
	})
	if err = cmp.Or(err, gone); err != nil {
		return Person{}, err
	}
	return p, nil
}

// admit writes the record of the person whose request was approved, unless
// they were revoked since they asked: that is ErrCodeUnknown.
func (d *Directory) admit(ctx context.Context, r request, now time.Time) (Person, error) {
	for range attempts {
		p, etag, err := d.load(ctx, r.Person)
		switch {
		case err != nil:
			return Person{}, err
		case p.Status == Approved:
			return p, nil
		case p.Status == Revoked && !r.Asked.After(p.Since):
			return Person{}, ErrCodeUnknown
		}
		p.Status, p.Name, p.Since = Approved, r.Name, now
		if err = d.store(ctx, p, etag); !errors.Is(err, bucket.ErrPrecondition) {
			return p, err
		}
	}
	return Person{}, ErrBusy
}

// Pending returns the requests that can be approved, in the order in which
// they were made. One read.
func (d *Directory) Pending(ctx context.Context, now time.Time) ([]Request, error) {
	s, _, err := d.pairing(ctx)
	if err != nil {
		return nil, fmt.Errorf("list pairing requests: %w", err)
	}
	s.purge(now)
	var out []Request
	for _, r := range s.Requests {
		if !r.Claimed {
			out = append(out, r.Request)
		}
	}
	return out, nil
}

// errUnchanged ends a change without a write and is no error.
var errUnchanged = errors.New("unchanged")

// change reads the pairing object, lets edit alter it, and writes it if nobody
// else has meanwhile, else starts over.
func (d *Directory) change(ctx context.Context, edit func(*pairing) error) error {
	for range attempts {
		s, etag, err := d.pairing(ctx)
		if err != nil {
			return err
		}
		if err := edit(&s); errors.Is(err, errUnchanged) {
			return nil
		} else if err != nil {
			return err
		}
		data, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("write pairing requests: %w", err)
		}
		err = d.put(ctx, d.prefix+"pairing.json", etag, data)
		if err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("write pairing requests: %w", err)
		}
	}
	return ErrBusy
}

func (d *Directory) pairing(ctx context.Context) (s pairing, etag string, err error) {
	o, err := d.b.Get(ctx, d.prefix+"pairing.json")
	if errors.Is(err, bucket.ErrNotFound) {
		return pairing{V: 1}, "", nil
	}
	if err != nil {
		return s, "", fmt.Errorf("read pairing requests: %w", err)
	}
	if err := json.Unmarshal(o.Data, &s); err != nil || s.V != 1 {
		return s, "", errors.New("read pairing requests: not an object of version 1")
	}
	return s, o.ETag, nil
}

// purge forgets requests that have expired and wrong tries of over an hour ago.
func (s *pairing) purge(now time.Time) {
	s.Requests = slices.DeleteFunc(s.Requests, func(r request) bool {
		return !r.Claimed && !now.Before(r.Expires)
	})
	s.Misses = slices.DeleteFunc(s.Misses, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
}

// pending counts the requests that wait for the owner.
func (s *pairing) pending() (n int) {
	for _, r := range s.Requests {
		if !r.Claimed {
			n++
		}
	}
	return n
}

func (s *pairing) index(is func(*request) bool) int {
	for i := range s.Requests {
		if is(&s.Requests[i]) {
			return i
		}
	}
	return -1
}

// drop removes the requests that match, or returns none when there are none.
func (s *pairing) drop(none error, is func(*request) bool) error {
	before := len(s.Requests)
	s.Requests = slices.DeleteFunc(s.Requests, func(r request) bool { return is(&r) })
	if len(s.Requests) == before {
		return none
	}
	return nil
}

// match returns the request with that code, or -1. It looks at all of them in
// the same time whatever the code is.
func (s *pairing) match(code string) int {
	found := -1
	for i := range s.Requests {
		equal := subtle.ConstantTimeCompare([]byte(s.Requests[i].Code), []byte(code))
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	return found
}

func newCode() string {
	code := make([]byte, codeLen)
	rand.Read(code) // never fails: it ends the program instead
	for i := range code {
		code[i] = alphabet[code[i]%byte(len(alphabet))] // 256 is a multiple of 32: no bias
	}
	return string(code)
}

// cleanCode takes a code as people type it; ok is false for what cannot be one.
func cleanCode(typed string) (code string, ok bool) {
	if len(typed) > 64 {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed)
	return code, len(code) == codeLen && strings.Trim(code, alphabet) == ""
}

// cleanName makes a display name fit to be shown in a list: one line, no
// control or direction characters, at most 64 characters.
func cleanName(name string) string {
	kept := []rune{}
	for _, r := range strings.ToValidUTF8(name, "") {
		if unicode.IsSpace(r) {
			r = ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			continue
		}
		if kept = append(kept, r); len(kept) == maxName {
			break
		}
	}
	return strings.TrimSpace(string(kept))
}
