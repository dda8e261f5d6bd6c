package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/label"
)

// Item is an entry in a review.
type Item struct {
	// Ref names the entry as it is: its file, its source and its exact text.
	// After any change of those it names nothing. Two entries that are the same
	// in all of it have one.
	Ref  string
	File string
	Entry
}

// Listing is what Items found.
type Listing struct {
	Items []Item
	// LeftOut is how many daily logs were not read, because they are too many or
	// too large; those of over two years ago are not counted.
	LeftOut int
}

// Items lists what is remembered, the newest first, then what has no time: the
// list items and paragraphs of MEMORY.md, USER.md and of the daily logs that
// Search reads, with its bounds and its costs. Untrusted ones are among them:
// it is for the owner's eyes and not for a model.
//
// When some files cannot be read the others are listed, with an error wrapping
// ErrIncomplete.
func (s *Store) Items(ctx context.Context) (Listing, error) {
	names, left, err := s.logs(ctx)
	if err != nil {
		return Listing{}, err
	}
	names = append(names, Curated, User)
	texts, err := s.gather(ctx, names)
	found := Listing{LeftOut: left}
	for i, name := range names {
		day, _ := readable(name)
		blocks := parse(texts[i], day)
		slices.Reverse(blocks) // what stands last was added last
		for _, b := range blocks {
			if b.kind != heading && b.Text != "" {
				found.Items = append(found.Items, Item{Ref: refOf(name, b), File: name, Entry: b.Entry})
			}
		}
	}
	slices.SortStableFunc(found.Items, func(x, y Item) int { return y.Time.Compare(x.Time) })
	return found, err
}

// refOf makes the ref of a block. The hash is long enough that nobody finds two
// texts with one: what the owner agreed to could else be exchanged.
func refOf(file string, b block) string {
	h := sha256.New()
	for _, part := range []string{file, b.ID, b.Origin, b.Label, b.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return file + "#" + hex.EncodeToString(h.Sum(nil)[:refSize])
}

const refSize = 16 // bytes of a ref's hash

// ParseRef returns the file that a ref is about, and its hash, which names the
// entry without saying what it is; or an error wrapping ErrRef.
func ParseRef(ref string) (file, hash string, err error) {
	at := strings.LastIndexByte(ref, '#')
	if at < 0 || len(ref)-at-1 != 2*refSize || strings.Trim(ref[at+1:], "0123456789abcdef") != "" {
		return "", "", ErrRef
	}
	file, hash = ref[:at], ref[at+1:]
	if _, ok := readable(file); !ok || file == Soul || bucket.CheckKey(file) != nil {
		return "", "", ErrRef
	}
	return file, hash, nil
}

// Promote makes an entry the owner's own word. Its text stays byte by byte what
// it is, and where it came from stays beside who promoted it. An entry that is
// the owner's already stays as it is.
//
// Promote, Edit and Delete are the owner's alone and must never be reachable by
// the agent: by.Label has to say owner, else ErrOwner. They act on the entry as
// it was looked at, else they fail with ErrChanged; what was there goes into
// the history first. Each costs a read and two writes. Other errors wrap ErrRef,
// ErrInvalid, ErrFull, ErrBusy or are the bucket's.
func (s *Store) Promote(ctx context.Context, ref string, by Source) error {
	return s.review(ctx, ref, Promoted, by, func(b *block) error {
		if b.Trusted() {
			return errUnchanged
		}
		b.Source = vouched(b.Source, Promoted, by)
		return nil
	})
}

// Edit gives an entry another text, which is the owner's since the owner wrote
// it. Where the old one came from stays beside that. To edit nothing
// is no way to promote: an untrusted text that stays as it is, is ErrInvalid.
func (s *Store) Edit(ctx context.Context, ref, text string, by Source) error {
	text, err := normal(text)
	if err != nil {
		return err
	}
	if text == "" {
		return fmt.Errorf("%w: empty text; delete the entry instead", ErrInvalid)
	}
	return s.review(ctx, ref, Edited, by, func(b *block) error {
		switch {
		case b.Text == text && b.Trusted():
			return errUnchanged
		case b.Text == text:
			return fmt.Errorf("%w: the text is what it was; promote the entry instead", ErrInvalid)
		}
		b.Text, b.Source = text, vouched(b.Source, Edited, by)
		return nil
	})
}

// Delete takes an entry out of its file. The history keeps it.
func (s *Store) Delete(ctx context.Context, ref string, by Source) error {
	return s.review(ctx, ref, Deleted, by, func(b *block) error {
		b.Text, b.Source = "", Source{}
		return nil
	})
}

// review has change make something else of the block that ref names.
func (s *Store) review(ctx context.Context, ref string, what What, by Source, change func(*block) error) error {
	if err := by.owns(); err != nil {
		return err
	}
	file, _, err := ParseRef(ref)
	if err != nil {
		return err
	}
	day, _ := readable(file)
	return s.edit(ctx, file, func(raw string) (string, *record, error) {
		blocks := parse(raw, day)
		i := slices.IndexFunc(blocks, func(b block) bool { return b.kind != heading && refOf(file, b) == ref })
		if i < 0 {
			return "", nil, ErrChanged
		}
		b := blocks[i]
		if err := change(&b); err != nil {
			return "", nil, err
		}
		var same []string // the text as it stands, when that stays
		if b.Text == blocks[i].Text {
			same = []string{raw[b.start:b.textEnd] + comment(b.stored())}
		}
		text, err := rewrite(raw, blocks, i, b, day, same...)
		return text, lostBlock(file, what, raw, blocks[i], b, by), err
	})
}

// stored is the entry with the time that its comment says, if it says one.
func (b block) stored() Entry {
	e := b.Entry
	if !b.stamped {
		e.Time = time.Time{}
	}
	return e
}

// maxBy bounds the origin of who reviews, so that it fits behind another.
const maxBy = 200

// owns reports, as an error, a source that does not speak for the owner.
func (s Source) owns() error {
	if err := s.check(); err != nil {
		return err
	}
	if label.ParseMark(s.Label).Integrity < label.Owner {
		return ErrOwner
	}
	if len(s.Origin) > maxBy || strings.Contains(s.Origin, ",") {
		return fmt.Errorf("%w: the origin of a review is one, of at most %d bytes", ErrInvalid, maxBy)
	}
	return nil
}

// vouched is the source of a text that was old's and that by, the owner, has
// promoted or edited. What that made of somebody else's text stays to be seen.
// When the origins are too many the last give way to "many".
func vouched(old Source, how What, by Source) Source {
	ids := union(old.ID, by.ID)
	last := by.Origin
	if !old.Trusted() {
		last = string(how) + ":" + by.Origin
	}
	origins := union(old.Origin, "")
	origins = slices.DeleteFunc(origins, func(o string) bool { return o == last })
	join := func() string { return strings.Join(append(slices.Clone(origins), last), ",") }
	for n := len(origins); n > 0 && len(join()) > maxSource; n-- {
		origins = append(origins[:n-1:n-1], label.Many)
	}
	mark := label.New(label.Owner, label.Private, nil, nil)
	if how == Promoted && old.Secret() { // whose word it is changes, and not who may see it
		mark.Confidentiality = label.Secret
	}
	return Source{ID: strings.Join(ids[max(0, len(ids)-keptIDs):], ","), Origin: join(), Label: mark.Mark()}
}
