package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"instar/shared/bucket"
)

// Restore brings back what a change has taken away, with the label that it had
// before the change: what was untrusted then is untrusted again. In place of
// what the change made of it, if that is still there, else at the end of the
// file. What is there as it was before, is left alone. A whole file is put back
// as a whole; what that takes away is in the history in its turn.
//
// It is the owner's alone, as Promote is. An id that is none is ErrRef; other
// errors are those of Edit.
func (s *Store) Restore(ctx context.Context, id string, by Source) error {
	if err := by.owns(); err != nil {
		return err
	}
	if _, ok := idTime(id); !ok {
		return ErrRef
	}
	r, err := s.record(ctx, id)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return ErrRef
	case errors.Is(err, errRecord):
		return fmt.Errorf("%w: the history's record of it cannot be read", ErrInvalid)
	case err != nil:
		return fmt.Errorf("read the history: %w", err)
	case r.Whole:
		return s.restoreFile(ctx, r, by)
	}
	return s.restoreEntry(ctx, r, by)
}

func (s *Store) restoreFile(ctx context.Context, r record, by Source) error {
	text := r.Before
	if r.Form != nil {
		text = string(r.Form)
	}
	return s.edit(ctx, r.File, func(raw string) (string, *record, error) {
		switch {
		case raw == text:
			return "", nil, errUnchanged
		case raw == "":
			return text, nil, nil
		}
		return text, lostFile(r.File, Restored, []byte(raw), by), nil
	})
}

func (s *Store) restoreEntry(ctx context.Context, r record, by Source) error {
	day, _ := readable(r.File)
	old, _ := single(string(r.Form), day)
	return s.edit(ctx, r.File, func(raw string) (string, *record, error) {
		blocks := parse(raw, day)
		is := indexEntry(blocks, old.Text, old.Source)
		if i := indexEntry(blocks, r.After, *r.Now); r.After != "" && i >= 0 && i != is {
			b := blocks[i]
			b.Entry, b.clock, b.stamped = old.Entry, old.clock, old.stamped
			if text, err := rewrite(raw, blocks, i, b, day, string(r.Form)); err == nil {
				return text, lostBlock(r.File, Restored, raw, blocks[i], b, by), nil
			}
		}
		if is >= 0 {
			return "", nil, errUnchanged
		}
		text, err := putBack(raw, blocks, old, day, string(r.Form))
		return text, nil, err
	})
}

func indexEntry(blocks []block, text string, of Source) int {
	return slices.IndexFunc(blocks, func(b block) bool { return b.Text == text && b.Source == of })
}

// putBack adds a block at the end of a file, as it stood if it can stand so there.
func putBack(raw string, blocks []block, b block, day time.Time, form string) (string, error) {
	want := append(slices.Clone(blocks), b)
	// As in add: an item joins the list, anything else stands apart.
	start, gap := "", ""
	if n := len(blocks); n > 0 {
		start, gap = raw[:blocks[n-1].end], "\n"
		if blocks[n-1].kind != item || b.kind != item {
			gap = "\n\n"
		}
	}
	for _, form := range []string{form, format(b.stored(), "- ", b.clock)} {
		if text := start + gap + form + "\n"; sameEntries(parse(text, day), want) {
			return text, nil
		}
	}
	return "", fmt.Errorf("%w: it does not fit into the file as it is now", ErrInvalid)
}
