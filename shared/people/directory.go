package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/bucket"
)

// ErrBusy: others changed the same object every time; try again.
var ErrBusy = errors.New("the directory is being changed by others; try again")

// Person is one record of the directory.
type Person struct {
	V      int    `json:"v"`              // 1
	ID     string `json:"id"`             // "telegram:4242"
	Name   string `json:"name,omitempty"` // display name when they asked: their own choice, never trusted
	Status Status `json:"status"`
	// Since is when they were approved or revoked.
	Since time.Time `json:"since,omitzero"`
}

// Directory is the people of one agent, in the bucket:
//
//	<prefix><channel>/<id>   one object a person who is or was approved
//	<prefix>pairing.json     requests that wait for approval, and wrong tries
//
// Other objects under the prefix, such as people's files under
// <prefix><channel>:<id>/, are left alone.
type Directory struct {
	b      bucket.Bucket
	prefix string
}

// NewDirectory returns the directory under a key prefix such as "main/people/"; a
// missing final slash is added. It reads nothing.
func NewDirectory(b bucket.Bucket, prefix string) *Directory {
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &Directory{b: b, prefix: prefix}
}

// attempts bounds each compare-and-swap loop; nearly always the first succeeds.
const attempts = 20

// Status returns what is known of a person; one who is not in the directory
// is a Stranger. One read. Errors wrap ErrPerson or are the bucket's; a caller
// lets nobody in on an error.
func (d *Directory) Status(ctx context.Context, person string) (Person, error) {
	p, _, err := d.load(ctx, person)
	return p, err
}

// Revoke takes an approval, and any request made before now, back. A later
// request can be approved again. Revoking a stranger who asked for nothing
// changes nothing. Cut short, it is finished by calling again.
func (d *Directory) Revoke(ctx context.Context, person string, now time.Time) error {
	channel, id, err := split(person)
	if err != nil {
		return err
	}
	person = channel + ":" + id
	asked := func(r *request) bool { return r.Person == person }
	s, _, err := d.pairing(ctx)
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	// The record first, and it stays: an approval that is under way finds it
	// and does not bring the person back.
	if err := d.expel(ctx, person, s.index(asked) >= 0, now); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	err = d.change(ctx, func(s *pairing) error { return s.drop(errUnchanged, asked) })
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	return nil
}

// expel marks an approved person revoked, and one who asked to be approved.
func (d *Directory) expel(ctx context.Context, person string, asked bool, now time.Time) error {
	for range attempts {
		p, etag, err := d.load(ctx, person)
		if err != nil {
			return err
		}
		if p.Status != Approved && !asked {
			return nil
		}
		p.Status, p.Since = Revoked, now
		if err = d.store(ctx, p, etag); !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
	}
	return ErrBusy
}

// List returns the approved people in the order of their keys. It costs one
// read a record, one listing for each 1,000 records, and one for each folder
// of files under the same prefix.
func (d *Directory) List(ctx context.Context) ([]Person, error) {
	var people []Person
	for after := ""; ; {
		page, err := d.b.List(ctx, bucket.ListOptions{Prefix: d.prefix, After: after})
		if err != nil {
			return nil, fmt.Errorf("list people: %w", err)
		}
		next := page.Next
		for _, e := range page.Entries {
			first, rest, deep := strings.Cut(strings.TrimPrefix(e.Key, d.prefix), "/")
			if strings.Contains(first, ":") && deep {
				// A person's files: go on behind the last of them. "0"
				// is the character after "/".
				next = d.prefix + first + "0"
				break
			}
			if !deep || strings.Contains(rest, "/") {
				continue
			}
			p, _, err := d.load(ctx, first+":"+rest)
			if errors.Is(err, ErrPerson) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("list people: %w", err)
			}
			if p.Status == Approved {
				people = append(people, p)
			}
		}
		if next == "" {
			return people, nil
		}
		after = next
	}
}

// load reads a person's record; etag is "" when there is none.
func (d *Directory) load(ctx context.Context, person string) (p Person, etag string, err error) {
	channel, id, err := split(person)
	if err != nil {
		return Person{}, "", err
	}
	p = Person{V: 1, ID: channel + ":" + id, Status: Stranger}
	o, err := d.b.Get(ctx, d.prefix+channel+"/"+id)
	if errors.Is(err, bucket.ErrNotFound) {
		return p, "", nil
	}
	if err != nil {
		return Person{}, "", fmt.Errorf("read person: %w", err)
	}
	// Read on every message of a person who is not the owner, so without
	// reflection. Whatever is not plainly a record of version 1 is an error:
	// nobody gets in by a broken one.
	root := gjson.ParseBytes(o.Data)
	status := Status(root.Get("status").Str)
	if !gjson.ValidBytes(o.Data) || root.Get("v").Int() != 1 || (status != Approved && status != Revoked) {
		return Person{}, "", errors.New("read person: not a record of version 1")
	}
	p.Status = status
	p.Name = root.Get("name").Str
	p.Since = root.Get("since").Time()
	return p, o.ETag, nil
}

// store writes a person's record over the one with that etag; "" creates it.
func (d *Directory) store(ctx context.Context, p Person, etag string) error {
	channel, id, err := split(p.ID)
	if err != nil {
		return err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write person: %w", err)
	}
	if err := d.put(ctx, d.prefix+channel+"/"+id, etag, data); err != nil {
		return fmt.Errorf("write person: %w", err)
	}
	return nil
}

func (d *Directory) put(ctx context.Context, key, etag string, data []byte) (err error) {
	if etag == "" {
		_, err = d.b.PutIfAbsent(ctx, key, data)
	} else {
		_, err = d.b.PutIfMatch(ctx, key, etag, data)
	}
	return err
}
