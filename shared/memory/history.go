package memory

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"instar/shared/bucket"
)

// The history is one object for each change that takes something away, beside
// the files and not among them:
//
//	main/files-history/<10^13 - 1 - milliseconds since 1970>-<8 random letters>
//
// so that a listing begins with the newest. It is written before the change,
// and the change then only succeeds on the very bytes that were recorded:
// whatever dies in between, nothing is lost. A record of a change that never
// happened is harmless, since what it holds is still in the file and Restore
// finds it there. Nothing is ever removed from the history.

// What is what was done.
type What string

const (
	Promoted What = "promoted" // made the owner's word
	Edited   What = "edited"   // by the owner
	Deleted  What = "deleted"  // by the owner, or by the agent's Replace
	Replaced What = "replaced" // by the agent
	Written  What = "written"  // a whole file
	Restored What = "restored" // what an earlier change had taken away
	// Unreadable stands for a record that cannot be read. It has only an ID and a time.
	Unreadable What = "unreadable"
)

// Change is one line of the history.
type Change struct {
	ID   string // for Restore
	At   time.Time
	File string
	What What
	// Whole: Before is the text of a whole file, and After is empty: that is in
	// the file, or before the next change.
	Whole         bool
	Before, After Entry // Text "" says that there was, or is, none; Time is left out
	By            Source
}

const (
	// maxKept is the most bytes of a file or an entry that a record holds. What is
	// larger came from elsewhere, and is not changed before it is made smaller there.
	maxKept = 1 << 20
	// MaxHistory is the most changes that one History returns.
	MaxHistory = 200
)

// record is a change as it is stored.
type record struct {
	V      int       `json:"v"` // 1
	At     time.Time `json:"at"`
	File   string    `json:"file"`
	What   What      `json:"what"`
	Whole  bool      `json:"whole,omitempty"`
	Before string    `json:"before"`
	After  string    `json:"after"`
	// Source and what follows are those of Before.
	Source string  `json:"source,omitempty"`
	Label  string  `json:"label"`
	Origin string  `json:"origin"`
	Now    *Source `json:"now,omitempty"` // of After
	By     Source  `json:"by"`
	// Form is Before byte by byte as the file had it, with its comment; of a
	// whole file only when those bytes are not UTF-8.
	Form []byte `json:"form,omitempty"`
}

// lostBlock is the record of a block's change into b.
func lostBlock(file string, what What, raw string, old, b block, by Source) *record {
	return &record{
		V: 1, File: file, What: what, Before: old.Text, After: b.Text, Source: old.ID, Label: old.Label, Origin: old.Origin,
		Now: &b.Source, By: by, Form: []byte(raw[old.start:old.end]),
	}
}

// lostFile is the record of a file that is about to be overwritten.
func lostFile(file string, what What, raw []byte, by Source) *record {
	r := &record{V: 1, File: file, What: what, Whole: true, Before: string(raw), By: by}
	if !utf8.Valid(raw) {
		r.Form = bytes.Clone(raw)
	}
	return r
}

func (r *record) encode(at time.Time) []byte {
	r.At = at.UTC().Truncate(time.Millisecond)
	data, err := json.Marshal(r)
	if err != nil {
		panic("memory: " + err.Error()) // strings, bytes and a clock's time
	}
	return data
}

// decode reads a record; ok is false for one that does not fit together.
func decodeRecord(data []byte) (r record, ok bool) {
	if json.Unmarshal(data, &r) != nil || r.V != 1 {
		return r, false
	}
	day, known := readable(r.File)
	if r.Whole || !known || r.File == Soul {
		return r, r.Whole && known
	}
	b, ok := single(string(r.Form), day)
	return r, ok && b.Text == r.Before && b.Source == r.before() && r.Now != nil
}

// single reads a text that is one block.
func single(form string, day time.Time) (block, bool) {
	blocks := parse(form, day)
	if len(blocks) != 1 {
		return block{}, false
	}
	return blocks[0], true
}

func (r *record) before() Source { return Source{ID: r.Source, Origin: r.Origin, Label: r.Label} }

func (r *record) change(id string) Change {
	c := Change{ID: id, At: r.At, File: r.File, What: r.What, Whole: r.Whole, By: r.By}
	c.Before = Entry{Source: r.before(), Text: r.Before}
	c.After.Text = r.After
	if r.Now != nil {
		c.After.Source = *r.Now
	}
	return c
}

// newest is more than any time in milliseconds: that of the year 2286.
const newest = 9_999_999_999_999

func (s *Store) history() string { return strings.TrimSuffix(s.prefix, "/") + "-history/" }

// keep puts a record into the history.
func (s *Store) keep(ctx context.Context, at time.Time, data []byte) error {
	id := fmt.Sprintf("%013d-%s", newest-min(max(at.UnixMilli(), 0), newest), rand.Text()[:8])
	if _, err := s.b.PutIfAbsent(ctx, s.history()+id, data); err != nil {
		return fmt.Errorf("keep what was there: %w", err)
	}
	return nil
}

// keepFile puts a file of that etag into the history, unless its text stays.
func (s *Store) keepFile(ctx context.Context, name, etag string, data []byte) error {
	o, err := s.b.Get(ctx, s.prefix+name)
	switch {
	case errors.Is(err, bucket.ErrNotFound), err == nil && o.ETag != etag:
		return bucket.ErrPrecondition
	case err != nil:
		return err
	case bytes.Equal(o.Data, data):
		return nil
	case len(o.Data) > maxKept:
		return errKept
	}
	at := s.now()
	return s.keep(ctx, at, lostFile(name, Written, o.Data, Source{Label: "owner"}).encode(at))
}

var errKept = fmt.Errorf("%w: what is there has over %d KB, which the history does not keep: make it smaller where it came from", ErrInvalid, maxKept>>10)

// idTime reads when the change with that id was made.
func idTime(id string) (at time.Time, ok bool) {
	if len(id) != 22 || id[13] != '-' {
		return at, false
	}
	var ms int64
	for _, c := range id[:13] {
		if c < '0' || c > '9' {
			return at, false
		}
		ms = ms*10 + int64(c-'0')
	}
	for _, c := range id[14:] {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return at, false
		}
	}
	return time.UnixMilli(newest - ms).UTC(), true
}

// History returns the newest changes, at most limit of them (0 means 50, never
// more than MaxHistory); those after another when that one's ID is given. Costs
// one List and a read for each. An ID that is none is an error wrapping ErrRef.
func (s *Store) History(ctx context.Context, after string, limit int) ([]Change, error) {
	o := bucket.ListOptions{Prefix: s.history(), Limit: min(limit, MaxHistory)}
	if limit <= 0 {
		o.Limit = 50
	}
	if after != "" {
		if _, ok := idTime(after); !ok {
			return nil, fmt.Errorf("history: %w", ErrRef)
		}
		o.After = o.Prefix + after
	}
	page, err := s.b.List(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("list the history: %w", err)
	}
	changes := make([]Change, len(page.Entries))
	errs := make([]error, len(changes))
	each(len(changes), func(i int) {
		id := strings.TrimPrefix(page.Entries[i].Key, o.Prefix)
		r, err := s.record(ctx, id)
		if changes[i] = r.change(id); errors.Is(err, errRecord) {
			at, _ := idTime(id)
			changes[i], err = Change{ID: id, At: at, What: Unreadable}, nil
		}
		errs[i] = err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	return changes, nil
}

var errRecord = errors.New("the record cannot be read")

func (s *Store) record(ctx context.Context, id string) (record, error) {
	o, err := s.b.Get(ctx, s.history()+id)
	if err != nil {
		return record{}, err
	}
	if r, ok := decodeRecord(o.Data); ok {
		return r, nil
	}
	return record{}, errRecord
}
