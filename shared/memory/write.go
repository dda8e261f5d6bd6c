package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Append adds an entry to the daily log of e.Time's date and returns it as it
// stands in the file. Time and Origin are required; give Time in the owner's
// zone, and the same Time when repeating a call. When the log already has an
// entry with the same ID it is returned and nothing is written, so that a
// repeated step changes nothing. Costs one read and one write when nobody else
// writes. Errors wrap ErrInvalid, ErrFull, ErrBusy or the bucket's.
func (s *Store) Append(ctx context.Context, e Entry) (Entry, error) {
	e, err := valid(e)
	if err != nil {
		return Entry{}, err
	}
	day := e.Time.Format(time.DateOnly)
	return s.add(ctx, Daily(e.Time), "# "+day, e, clockOf(e.Time))
}

// Remember adds an entry at the end of MEMORY.md or USER.md, as Append does to
// a daily log.
func (s *Store) Remember(ctx context.Context, file string, e Entry) (Entry, error) {
	var title string
	switch file {
	case Curated:
		title = "# Memory"
	case User:
		title = "# User"
	case Soul:
		return Entry{}, ErrReadOnly
	default:
		return Entry{}, ErrFile
	}
	e, err := valid(e)
	if err != nil {
		return Entry{}, err
	}
	return s.add(ctx, file, title, e, "")
}

// add appends e to a file, starting it with a title when it is new.
func (s *Store) add(ctx context.Context, name, title string, e Entry, clock string) (Entry, error) {
	day, _ := readable(name)
	stored := e
	err := s.edit(ctx, name, func(old string) (string, *record, error) {
		stored = e
		blocks := parse(old, day)
		if i := indexID(blocks, e.ID); i >= 0 {
			stored = blocks[i].Entry
			return "", nil, errUnchanged
		}
		if len(blocks) == 0 {
			return title + "\n\n" + format(e, "- ", clock) + "\n", nil, nil
		}
		// What follows the last block is white space, kept short here so that
		// the new item joins the list, and apart from anything else.
		last := blocks[len(blocks)-1]
		gap := "\n"
		if last.kind != item {
			gap = "\n\n"
		}
		return old[:last.end] + gap + format(e, "- ", clock) + "\n", nil, nil
	})
	if err != nil {
		return Entry{}, err
	}
	return stored, nil
}

// Replace changes old to new within one entry, paragraph or heading of
// MEMORY.md, USER.md or a daily log; new == "" removes old, and the entry with
// it when nothing else is left. old must be in the file exactly once (else
// ErrNoMatch or ErrAmbiguous), as Core and Search show it: without comments,
// with or without the list marker. It cannot span two entries.
//
// The changed entry keeps its time. When its whole text was replaced its
// source becomes by; when some of the old words remain, its sources become the
// old ones and by's, so that a correction never makes a stranger's words look
// like the owner's. A repeat with the same by.ID changes nothing, but a
// repeated removal of a whole entry is ErrNoMatch: nothing is left to say so.
//
// What was there goes into the history first: one read and two writes.
func (s *Store) Replace(ctx context.Context, file, old, new string, by Source) error {
	day, ok := readable(file)
	switch {
	case !ok:
		return ErrFile
	case file == Soul:
		return ErrReadOnly
	}
	if err := by.check(); err != nil {
		return err
	}
	old, err := normal(old)
	if err != nil {
		return err
	}
	new, err = normal(new)
	if err != nil {
		return err
	}
	return s.edit(ctx, file, func(raw string) (string, *record, error) {
		blocks := parse(raw, day)
		if indexID(blocks, by.ID) >= 0 {
			return "", nil, errUnchanged
		}
		exact, wanted := old, new
		i, err := find(blocks, exact)
		if errors.Is(err, ErrNoMatch) {
			exact, wanted = undress(old, day), undress(new, day)
			i, err = find(blocks, exact)
		}
		if err != nil {
			return "", nil, err
		}
		b := blocks[i]
		// Words that come back around or within the new ones are still there.
		b.Source, err = merge(b.Source, by, b.Text == exact && !strings.Contains(wanted, exact))
		if err != nil {
			return "", nil, err
		}
		b.Text = strings.TrimSpace(strings.Replace(b.Text, exact, wanted, 1))
		what := Replaced
		if b.Text == "" {
			what = Deleted
		}
		text, err := rewrite(raw, blocks, i, b, day)
		return text, lostBlock(file, what, raw, blocks[i], b, by), err
	})
}

// find returns the only block whose text holds old, once.
func find(blocks []block, old string) (int, error) {
	count, at := 0, 0
	if old != "" {
		for i := range blocks {
			if n := strings.Count(blocks[i].Text, old); n > 0 {
				count, at = count+n, i
			}
		}
	}
	switch count {
	case 0:
		return 0, ErrNoMatch
	case 1:
		return at, nil
	}
	return 0, ErrAmbiguous
}

// undress takes list marker, clock and indentation off a text that is one
// whole entry as the file has it.
func undress(text string, day time.Time) string {
	if blocks := parse(text, day); len(blocks) == 1 && blocks[0].kind == item {
		return blocks[0].Text
	}
	return text
}

// rewrite puts b in the place of block i. It tries the block's own form first
// and a list item second, and takes the first after which the file parses to
// the same blocks as before but for this one: otherwise new text could start
// blocks of its own that have no source, or swallow a neighbour's. A form that
// is given is tried before those.
func rewrite(raw string, blocks []block, i int, b block, day time.Time, form ...string) (string, error) {
	want := slices.Clone(blocks)
	if b.Text == "" {
		want = slices.Delete(want, i, i+1)
	} else {
		want[i] = b
	}
	for _, form := range append(form, forms(b)...) {
		text := raw[:b.start] + form + raw[b.end:]
		if form == "" {
			text = raw[:b.start] + strings.TrimPrefix(strings.TrimPrefix(raw[b.end:], "\r"), "\n")
		}
		if sameEntries(parse(text, day), want) {
			return text, nil
		}
	}
	return "", fmt.Errorf("%w: the new text does not fit where the old one stands", ErrInvalid)
}

// forms are the ways to write a block, the best first.
func forms(b block) []string {
	if b.Text == "" {
		return []string{"", "\n"}
	}
	e := b.stored()
	if b.kind == item {
		return []string{format(e, b.marker, b.clock)}
	}
	return []string{escape(e.Text) + comment(e), format(e, "- ", "")}
}

// sameEntries compares texts and sources. A clock may move between a text and
// its time, when a correction puts one in front of an entry that had none.
func sameEntries(got, want []block) bool {
	return slices.EqualFunc(got, want, func(g, w block) bool {
		return g.Source == w.Source && strings.TrimSpace(g.clock+g.Text) == strings.TrimSpace(w.clock+w.Text)
	})
}

// indexID returns the block that was written, or last changed, under id, or -1.
func indexID(blocks []block, id string) int {
	if id == "" {
		return -1
	}
	return slices.IndexFunc(blocks, func(b block) bool {
		return slices.Contains(strings.Split(b.ID, ","), id)
	})
}

// keptIDs is how many ids an entry keeps: as many corrections can be told
// from their repeats.
const keptIDs = 4

// merge returns the sources of a text that was old's and is now, wholly or in
// part, by's.
func merge(old, by Source, whole bool) (Source, error) {
	ids := union(old.ID, by.ID)
	ids = ids[max(0, len(ids)-keptIDs):]
	merged := Source{ID: strings.Join(ids, ","), Origin: by.Origin, Label: by.Label}
	if !whole {
		merged.Origin = strings.Join(union(old.Origin, by.Origin), ",")
		merged.Label = strings.Join(union(old.Label, by.Label), ",")
	}
	if max(len(merged.Origin), len(merged.Label)) > maxSource {
		return Source{}, fmt.Errorf("%w: the entry has too many sources; replace the whole of it", ErrInvalid)
	}
	return merged, nil
}

// union joins two comma-separated lists, the old before the new.
func union(a, b string) []string {
	var out []string
	for value := range strings.SplitSeq(a+","+b, ",") {
		if value != "" && !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	return out
}
