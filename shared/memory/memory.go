// Package memory is the owner's files: SOUL.md (persona), USER.md, MEMORY.md
// (curated facts) and memory/YYYY-MM-DD.md (the daily log), kept in the bucket
// as plain Markdown under the names that OpenClaw uses, so that a person can
// read them, edit them and carry them away. They are text and not records:
// the rule that stored objects carry "v":1 does not apply to them. What the
// agent itself needs to know of an entry (when, from whom, in which step)
// stands in an HTML comment at the entry's end, which a Markdown viewer hides;
// see entry.go for the form.
//
// Files that a person broke (other encodings, no list items, half a comment)
// read as what can be read of them and never fail a turn.
//
// The owner looks through the entries with Items and changes them with Promote,
// Edit and Delete. What any change but an addition takes away is kept beside
// the files, where History finds it and Restore brings it back: see history.go.
package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"instar/shared/bucket"
)

// The names of the files that are not daily logs.
const (
	Soul    = "SOUL.md"
	User    = "USER.md"
	Curated = "MEMORY.md"
)

// Bounds in bytes. They keep one file, parsed, far inside the 128 MB of an
// isolate and one entry far inside a model's context.
const (
	MaxFile  = 256 << 10 // a file this package writes
	MaxEntry = 4 << 10   // the text of an entry, or either side of a Replace
)

var (
	// ErrFile: the name is not one of the owner's files.
	ErrFile = errors.New("no such memory file: use MEMORY.md, USER.md or memory/YYYY-MM-DD.md")
	// ErrReadOnly: the agent may read the file and not change it.
	ErrReadOnly = errors.New("SOUL.md is the owner's: the agent cannot change its own persona")
	// ErrInvalid is wrapped with the reason for a text, id or origin that cannot be stored.
	ErrInvalid = errors.New("not a valid memory entry")
	// ErrFull: the file would grow over MaxFile.
	ErrFull = fmt.Errorf("file is full (%d KB): remove or shorten entries first", MaxFile>>10)
	// ErrNoMatch: the text to replace is not in the file.
	ErrNoMatch = errors.New("text to replace is not in the file; quote it exactly as it stands, within one entry")
	// ErrAmbiguous: the text to replace is in the file more than once.
	ErrAmbiguous = errors.New("text to replace is in the file more than once; quote more of it")
	// ErrChanged: the entry that a ref names is not in the file any more, or not as
	// it was looked at.
	ErrChanged = errors.New("this entry is not there any more, or has changed: look at it again")
	// ErrRef: a ref that Items, or an id that History, never gave out.
	ErrRef = errors.New("no such entry")
	// ErrOwner: the change is one that only the owner makes, on their own word.
	ErrOwner = errors.New("only the owner can do this")
	// ErrBusy: other writers changed the file every time; nothing was written.
	ErrBusy = errors.New("file is being changed by others; try again")
	// ErrIncomplete is returned by Search beside valid hits when some files
	// could not be read.
	ErrIncomplete = errors.New("some memory files could not be read")
)

// Store is the files of one person. It keeps nothing between calls.
type Store struct {
	b      bucket.Bucket
	prefix string
	now    func() time.Time
}

// Open returns the store whose files have keys starting with prefix, such as
// "main/files/"; a missing final slash is added. It reads nothing.
func Open(b bucket.Bucket, prefix string) *Store {
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &Store{b: b, prefix: prefix, now: time.Now}
}

// File is one line of Files.
type File struct {
	Name string // "MEMORY.md", "memory/2026-01-05.md"
	ETag string
	Size int64 // bytes
}

// Files lists what there is: SOUL.md, USER.md, MEMORY.md, then the daily logs,
// newest first. One List call for each 1,000 objects.
func (s *Store) Files(ctx context.Context) ([]File, error) {
	var files []File
	for after := ""; ; {
		page, err := s.b.List(ctx, bucket.ListOptions{Prefix: s.prefix, After: after})
		if err != nil {
			return nil, fmt.Errorf("list memory files: %w", err)
		}
		for _, e := range page.Entries {
			name := strings.TrimPrefix(e.Key, s.prefix)
			if _, ok := readable(name); ok {
				files = append(files, File{Name: name, ETag: e.ETag, Size: e.Size})
			}
		}
		if page.Next == "" {
			break
		}
		after = page.Next
	}
	slices.SortFunc(files, func(a, b File) int {
		if d := place(a.Name) - place(b.Name); d != 0 {
			return d
		}
		return strings.Compare(b.Name, a.Name)
	})
	return files, nil
}

func place(name string) int {
	switch name {
	case Soul:
		return 0
	case User:
		return 1
	case Curated:
		return 2
	}
	return 3
}

// Read returns a file as it is stored, for the owner to view and edit, and
// the etag for Write. A missing file is an error wrapping bucket.ErrNotFound.
func (s *Store) Read(ctx context.Context, name string) (data []byte, etag string, err error) {
	if _, ok := readable(name); !ok {
		return nil, "", ErrFile
	}
	o, err := s.b.Get(ctx, s.prefix+name)
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", name, err)
	}
	return o.Data, o.ETag, nil
}

// Write replaces a file with what the owner made of it, SOUL.md included, and
// returns the new etag. It must never be reachable by the agent: what it
// writes counts as the owner's own words. etag is the one Read returned, or ""
// to create the file; when the file has changed since, nothing is written and
// the error wraps bucket.ErrPrecondition. What was there goes into the history
// first: one read and one write more.
func (s *Store) Write(ctx context.Context, name, etag string, data []byte) (newETag string, err error) {
	if _, ok := readable(name); !ok {
		return "", ErrFile
	}
	if len(data) > MaxFile {
		return "", fmt.Errorf("write %s: %w", name, ErrFull)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("write %s: %w: not UTF-8", name, ErrInvalid)
	}
	if etag != "" {
		if err := s.keepFile(ctx, name, etag, data); err != nil {
			return "", fmt.Errorf("write %s: %w", name, err)
		}
	}
	newETag, err = s.put(ctx, name, etag, data)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return newETag, nil
}

func (s *Store) put(ctx context.Context, name, etag string, data []byte) (string, error) {
	if etag == "" {
		return s.b.PutIfAbsent(ctx, s.prefix+name, data)
	}
	return s.b.PutIfMatch(ctx, s.prefix+name, etag, data)
}

// attempts bounds the compare-and-swap loop. Every lost round means that
// another writer got through, and an object store may take no more than one write
// a second for a key, so a longer queue than this is better reported than waited
// for.
const attempts = 20

// errUnchanged ends an edit without a write.
var errUnchanged = errors.New("unchanged")

// edit reads a file (a missing one is ""), lets change make the new text and
// writes it if nobody else has written in between, else starts over. An error
// of change ends it; errUnchanged does so without being an error. What change
// says that is lost by it, if it is not nil, goes into the history before.
func (s *Store) edit(ctx context.Context, name string, change func(old string) (text string, lost *record, err error)) error {
	at := s.now()
	var kept []byte // the newest record; the same one need not be there twice
	for try := range attempts {
		o, err := s.b.Get(ctx, s.prefix+name)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("read %s: %w", name, err)
		}
		text, lost, err := change(string(o.Data))
		if errors.Is(err, errUnchanged) {
			return nil
		}
		if err == nil && len(text) > MaxFile && len(text) > len(o.Data) {
			err = ErrFull
		}
		if err == nil && lost != nil && len(lost.Before) > maxKept {
			err = errKept
		}
		if err != nil {
			return fmt.Errorf("edit %s: %w", name, err)
		}
		if lost != nil {
			if data := lost.encode(at); !bytes.Equal(data, kept) {
				if err := s.keep(ctx, at, data); err != nil {
					return fmt.Errorf("edit %s: %w", name, err)
				}
				kept = data
			}
		}
		_, err = s.put(ctx, name, o.ETag, []byte(text))
		if err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := pause(ctx, try); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return fmt.Errorf("write %s: %w", name, ErrBusy)
}

// pause waits up to 1 ms after the first lost round, twice as long each time,
// at most 128 ms: random, so that writers who collided do not collide again.
func pause(ctx context.Context, try int) error {
	longest := time.Millisecond << min(try, 7)
	t := time.NewTimer(rand.N(longest))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// readable reports whether name is one of the owner's files, and its day when
// it is a daily log. "memory/2026-01-05-trip.md", as OpenClaw names the notes
// of one conversation, counts as a log of that day; the agent only ever
// writes "memory/2026-01-05.md".
func readable(name string) (day time.Time, ok bool) {
	if place(name) < 3 {
		return time.Time{}, true
	}
	base, inFolder := strings.CutPrefix(name, "memory/")
	base, markdown := strings.CutSuffix(base, ".md")
	if !inFolder || !markdown || len(base) < len(time.DateOnly) || len(base) > 100 || strings.ContainsAny(base, "/\\") {
		return time.Time{}, false
	}
	date, slug := base[:len(time.DateOnly)], base[len(time.DateOnly):]
	day, err := time.Parse(time.DateOnly, date)
	return day, err == nil && (slug == "" || slug[0] == '-')
}

// Daily returns the name of the log that an entry of time t goes into. The
// date is the one of t's own location: give it in the owner's time zone.
func Daily(t time.Time) string { return "memory/" + t.Format(time.DateOnly) + ".md" }
