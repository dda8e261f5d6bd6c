//go:build linux

package job

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
)

// output keeps both ends of what a job writes, in a file of at most twice end
// bytes: the first end bytes as they came, then a ring of the last ones. Of 100
// MB in a file of 8 MB nothing but the file and a count remains.
type output struct {
	end int64 // bytes kept at each end

	mu      sync.Mutex
	file    *os.File
	total   int64         // bytes written
	lost    bool          // the disk failed: what is kept has holes
	closed  bool          // nothing more comes
	changed chan struct{} // closed at the next change; nil when nobody waits
}

func newOutput(path string, end int64) (*output, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &output{end: end, file: file}, nil
}

// Write takes all it is given and never fails: a job does not hang or die of a
// full disk of the daemon's, its output is what suffers.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	if head := o.end - o.total; head > 0 {
		head = min(head, int64(len(p)))
		o.put(p[:head], o.total)
		o.total += head
		p = p[head:]
	}
	if skip := int64(len(p)) - o.end; skip > 0 {
		o.total += skip
		p = p[skip:]
	}
	for len(p) > 0 {
		at := (o.total - o.end) % o.end
		part := min(o.end-at, int64(len(p)))
		o.put(p[:part], o.end+at)
		o.total += part
		p = p[part:]
	}
	o.wake()
	return n, nil
}

func (o *output) put(p []byte, at int64) {
	if _, err := o.file.WriteAt(p, at); err != nil {
		o.lost = true
	}
}

func (o *output) wake() {
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// finish says that nothing more comes.
func (o *output) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.wake()
}

// remove forgets it all; who still reads gets an error.
func (o *output) remove() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	os.Remove(o.file.Name())
	o.file.Close()
	o.wake()
}

// size is how many bytes have been written.
func (o *output) size() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total
}

// damaged reports whether the disk failed, so that what is kept has holes.
func (o *output) damaged() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// kept is the first offset that is kept, from one on.
func (o *output) kept(offset int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.from(offset)
}

// from is kept. o.mu is held.
func (o *output) from(offset int64) int64 {
	if offset < o.end {
		return offset
	}
	return max(offset, o.total-o.end)
}

// readAt reads contiguous bytes from an offset in all that was written, or from
// the first one after it that is still kept, and answers where they begin.
// Nothing there is io.EOF when nothing more comes, and otherwise a channel that
// is closed when something may have.
func (o *output) readAt(p []byte, offset int64) (n int, at int64, more <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	offset = o.from(offset)
	if offset >= o.total {
		if o.closed {
			return 0, offset, nil, io.EOF
		}
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		return 0, offset, o.changed, nil
	}
	place, left := offset, min(o.end, o.total)-offset
	if offset >= o.end {
		turn := (offset - o.end) % o.end
		place, left = o.end+turn, min(o.end-turn, o.total-offset)
	}
	n, err = o.file.ReadAt(p[:min(int64(len(p)), left)], place)
	if n > 0 {
		err = nil
	}
	return n, offset, nil, err
}

// copyTo writes contiguous bytes from the offset on: at most limit of them
// (negative: all), and with follow also those that are still to come, until the
// job has ended. It stops early where the next ones are no longer kept.
// begin is called once, before the first byte, with where they begin.
func (o *output) copyTo(ctx context.Context, w io.Writer, offset, limit int64, follow bool, begin func(at int64), flush func()) error {
	offset = o.kept(offset)
	begin(offset)
	buffer := make([]byte, 32<<10)
	for limit != 0 {
		want := buffer
		if limit > 0 {
			want = buffer[:min(limit, int64(len(buffer)))]
		}
		n, at, more, err := o.readAt(want, offset)
		if n > 0 && at != offset {
			return nil // overwritten meanwhile
		}
		switch {
		case n > 0:
			if _, err := w.Write(want[:n]); err != nil {
				return err
			}
			offset += int64(n)
			limit -= min(int64(n), max(limit, 0))
			if limit == 0 {
				return nil
			}
		case err == io.EOF || err == nil && !follow:
			return nil
		case err != nil:
			return err
		default:
			flush()
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// text is both ends as text of at most n bytes each, and what is between them.
// When all fits into the head, the tail is empty.
func (o *output) text(n int64) (head, tail string, dropped int64) {
	total := o.size()
	if total <= 2*n {
		return o.part(0, total), "", 0
	}
	head, tail = o.part(0, n), o.part(total-n, total)
	return head, tail, total - 2*n
}

// part reads what is kept between two offsets, as text.
func (o *output) part(from, to int64) string {
	var b strings.Builder
	buffer := make([]byte, min(32<<10, max(to-from, 1)))
	for from < to {
		n, at, _, err := o.readAt(buffer[:min(int64(len(buffer)), to-from)], from)
		if n == 0 || err != nil || at >= to {
			break
		}
		b.Write(buffer[:n])
		from = at + int64(n)
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}
