package turn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"

	"instar/shared/bucket"
	"instar/shared/session"
	"instar/shared/tool"
)

// maxFiles is how many files go with one reply.
const maxFiles = 10

// giving keeps the files of one call in the bucket until the reply takes them
// along. The same file of a call that is made again is the same object.
func (p *progress) giving(call string) func(ctx context.Context, f tool.File) error {
	return func(ctx context.Context, f tool.File) error {
		sum := sha256.New()
		fmt.Fprintf(sum, "%s\x00%s\x00", call, f.Name)
		sum.Write(f.Data)
		file := session.File{
			Key:  p.engine.folder(p.who.session) + "given/" + hex.EncodeToString(sum.Sum(nil)[:16]),
			Name: f.Name, MediaType: f.MediaType, Size: len(f.Data),
		}
		p.mu.Lock()
		n, there := len(p.files), slices.Contains(p.files, file)
		p.mu.Unlock()
		if there {
			return nil
		}
		if n >= maxFiles {
			return fmt.Errorf("%d files go with one answer, and there are as many already", maxFiles)
		}
		if _, err := p.engine.Bucket.PutIfAbsent(ctx, file.Key, f.Data); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
			slog.Error("file not kept", "session", p.who.session, "error", err.Error())
			return errors.New("the file could not be kept; try again")
		}
		p.mu.Lock()
		p.files = append(slices.Clip(p.files), file)
		p.mu.Unlock()
		return nil
	}
}

// Given is a file that came with a turn's reply, as a page shows it.
type Given struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int    `json:"size"` // bytes
	URL       string `json:"url"`  // the console's, where it lies
}

// FilesOf are the files of a turn's reply.
func FilesOf(t *session.Turn) []Given {
	var list []Given
	for i, f := range t.Files {
		where := url.Values{"session": {session.Name(t.Session)}, "turn": {strconv.Itoa(t.Seq)}, "n": {strconv.Itoa(i)}}
		list = append(list, Given{f.Name, f.MediaType, f.Size, "/api/file?" + where.Encode()})
	}
	return list
}

// given reads a file that goes with a reply.
func (e *Engine) given(ctx context.Context, f session.File) ([]byte, error) {
	o, err := e.Bucket.Get(ctx, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read file of the reply: %w", err)
	}
	return o.Data, nil
}
