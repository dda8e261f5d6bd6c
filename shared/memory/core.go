package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"instar/shared/bucket"
)

// MaxCore is how many bytes of each file Core loads, the note about what was
// left out not counted.
const MaxCore = 8 << 10

// Core is what goes into the context of every turn. The texts are the files'
// Markdown without the comments about sources; a missing file is "".
type Core struct {
	Soul   string
	User   string
	Memory string
	// Origins and Labels are the different sources of the entries loaded into
	// User and Memory, in the order in which they appear. Text of a person's
	// own hand adds none.
	Origins []string
	Labels  []string
	// Secret: one of the loaded entries must not leave the owner.
	Secret bool
}

// Core reads SOUL.md, USER.md and MEMORY.md at once: three reads. Only for
// private sessions of the person the files belong to. Entries that are not
// Trusted are counted, and not shown. When a file cannot be
// read the others are still returned, beside the error.
//
// A file over MaxCore loads as its beginning and its end (SOUL.md: its
// beginning), cut at line ends, with a note in place of the rest: the
// beginning holds what a person put first, the end what was learnt last.
func (s *Store) Core(ctx context.Context) (Core, error) {
	names := [3]string{Soul, User, Curated}
	var texts [3]string
	var errs [3]error
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() { texts[i], errs[i] = s.text(ctx, name) })
	}
	wait.Wait()
	c := Core{Soul: loadSoul(texts[0])}
	c.User = c.load(User, texts[1])
	c.Memory = c.load(Curated, texts[2])
	return c, errors.Join(errs[:]...)
}

// Persona is Core for everyone and everywhere else: it reads SOUL.md alone, so
// that what the owner keeps cannot be asked out of the agent in a group.
func (s *Store) Persona(ctx context.Context) (Core, error) {
	text, err := s.text(ctx, Soul)
	return Core{Soul: loadSoul(text)}, err
}

// text reads a file, at most MaxFile bytes of it; a missing one is "".
func (s *Store) text(ctx context.Context, name string) (string, error) {
	o, err := s.b.Get(ctx, s.prefix+name)
	if errors.Is(err, bucket.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(o.Data[:min(len(o.Data), MaxFile)]), nil
}

func loadSoul(raw string) string {
	text := clean(raw)
	head, tail := window(text, MaxCore, 0)
	return cut(text, head, tail, "%d more lines of "+Soul+" are not loaded")
}

// load returns what is shown of a file and notes the sources of just that.
func (c *Core) load(name, raw string) (loaded string) {
	raw = clean(raw)
	blocks := parse(raw, time.Time{})
	var shown strings.Builder
	spans := make([][2]int, len(blocks)) // of each block in what is shown
	done, hidden := 0, 0
	for i, b := range blocks {
		if !b.Trusted() { // only what the owner vouches for is shown unasked
			shown.WriteString(strings.TrimRight(raw[done:b.start], " "))
			spans[i] = [2]int{-1, -1}
			done, hidden = b.end, hidden+1
			continue
		}
		shown.WriteString(raw[done:b.start])
		spans[i][0] = shown.Len()
		shown.WriteString(raw[b.start:b.textEnd])
		spans[i][1], done = shown.Len(), b.end
	}
	text := strings.TrimSpace(shown.String())
	if hidden > 0 {
		defer func() {
			loaded = strings.TrimLeft(loaded+fmt.Sprintf("\n[%d entries of %s come from others and are not shown; memory_search finds them]", hidden, name), "\n")
		}()
	}
	head, tail := window(text, MaxCore/2, MaxCore/2)
	for i, b := range blocks {
		if spans[i][0] >= 0 && (spans[i][0] < head || spans[i][1] > tail) {
			c.Origins = addTo(c.Origins, b.Origin)
			c.Labels = addTo(c.Labels, b.Label)
			c.Secret = c.Secret || b.Secret()
		}
	}
	return cut(text, head, tail, "%d lines of "+name+" are left out here; memory_search finds them")
}

func addTo(set []string, values string) []string {
	for value := range strings.SplitSeq(values, ",") {
		if value != "" && !slices.Contains(set, value) {
			set = append(set, value)
		}
	}
	return set
}

// clean makes any bytes text with \n for line ends.
func clean(raw string) string {
	raw = strings.ToValidUTF8(strings.TrimPrefix(raw, "\ufeff"), "\ufffd")
	return strings.TrimSpace(strings.ReplaceAll(raw, "\r\n", "\n"))
}

// window says which part of text to show: text[:head] and text[tail:], at most
// first and last bytes and each whole lines, unless one line is longer than
// that. A text of at most first+last bytes is shown whole (head == tail).
func window(text string, first, last int) (head, tail int) {
	if len(text) <= first+last {
		return len(text), len(text)
	}
	head = first
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	if i := strings.LastIndexByte(text[:head], '\n'); i >= 0 {
		head = i + 1
	}
	tail = len(text) - last
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	if i := strings.IndexByte(text[tail:], '\n'); i >= 0 && text[tail-1] != '\n' {
		tail += i + 1
	}
	return head, tail
}

// cut puts a note, made with the number of lines, in place of text[head:tail].
func cut(text string, head, tail int, note string) string {
	if head == tail {
		return text
	}
	lines := strings.Count(strings.TrimRight(text[head:tail], "\n"), "\n") + 1
	return strings.TrimRight(text[:head], "\n") + "\n[" + fmt.Sprintf(note, lines) + "]\n" + text[tail:]
}
