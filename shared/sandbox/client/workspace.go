package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"instar/shared/bucket"
	"instar/shared/sandbox"
)

const (
	// piece is how many bytes of a pack one object holds: a function has 128 MB.
	piece = 4 << 20
	// maxManifest is the largest manifest in bytes that a function handles, some
	// 60,000 files.
	maxManifest = 12 << 20
	// A save begins anew when the packs hold more than this, and that is over
	// three times what is still used of them.
	worthPacking = 32 << 20
)

// ErrLarge: the workspace has too many files to be saved.
var ErrLarge = errors.New("the workspace has too many files to be saved")

// Workspace is where a session's workspace is kept while its container sleeps:
//
//	<prefix>manifest            what is in it, and where
//	<prefix>packs/<id>.<n>      the n'th 4 MB of a pack of contents
//
// A content that was saved is not saved again.
type Workspace struct {
	Bucket bucket.Bucket
	Prefix string // "main/sandbox/<session>/"
}

// read returns the manifest, an empty one when nothing was saved.
func (w *Workspace) read(ctx context.Context) (m sandbox.Manifest, data []byte, etag string, err error) {
	o, err := w.Bucket.Get(ctx, w.Prefix+"manifest")
	if errors.Is(err, bucket.ErrNotFound) {
		return m, nil, "", nil
	}
	if err != nil {
		return m, nil, "", fmt.Errorf("read saved workspace: %w", err)
	}
	if err := json.Unmarshal(o.Data, &m); err != nil || m.V != sandbox.ManifestVersion {
		return m, nil, "", fmt.Errorf("read saved workspace: version %d is not readable by this program", m.V)
	}
	return m, o.Data, o.ETag, nil
}

// Save keeps the workspace of a container as it is now. Of two saves at once the
// later manifest stands; contents are never lost by it. A container that has not
// done anything yet has an empty one, which is not kept.
func (w *Workspace) Save(ctx context.Context, c *Client) error {
	before, data, etag, err := w.read(ctx)
	if err != nil {
		return err
	}
	var all, live int64
	for _, p := range before.Packs {
		all, live = all+p.Bytes, live+p.Live
	}
	if all > worthPacking && all > 3*live {
		data = nil
	}
	var body io.Reader
	if data != nil {
		body = bytes.NewReader(data)
	}
	response, err := c.call(ctx, http.MethodPost, "/v1/save", body, http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	stream := bufio.NewReaderSize(response.Body, 64<<10)
	most := maxManifest
	if c.MaxBody > 0 { // it has to get back there
		most = min(most, int(c.MaxBody))
	}
	line, err := readLine(stream, most)
	if err != nil {
		return err
	}
	var m sandbox.Manifest
	if err := json.Unmarshal(line, &m); err != nil {
		return errors.New("the sandbox's manifest cannot be read")
	}
	if err := m.Check(); err != nil {
		return errors.New("the sandbox's manifest does not hold together") // err names files, and this is logged
	}
	if len(m.Nodes) == 0 && len(before.Nodes) > 0 {
		io.Copy(io.Discard, stream)
		response.Body.Close()
		if jobs, err := c.Jobs(ctx); err != nil || len(jobs) == 0 {
			return err
		}
	}
	if m.New != "" {
		if err := w.keep(ctx, m.New, stream); err != nil {
			return err
		}
	}
	if etag == "" {
		_, err = w.Bucket.PutIfAbsent(ctx, w.Prefix+"manifest", line)
	} else {
		_, err = w.Bucket.PutIfMatch(ctx, w.Prefix+"manifest", etag, line)
	}
	if err != nil {
		return fmt.Errorf("keep workspace: %w", err)
	}
	return w.sweep(ctx, before, m)
}

func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > most:
			return nil, ErrLarge
		case err == nil:
			return bytes.TrimSuffix(line, []byte("\n")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("the sandbox's answer broke off: %w", err)
		}
	}
}

func (w *Workspace) piece(id string, n int) string {
	return fmt.Sprintf("%spacks/%s.%06d", w.Prefix, id, n)
}

// keep stores a pack in pieces. Whatever dies in between, the manifest does not
// speak of it yet.
func (w *Workspace) keep(ctx context.Context, id string, pack io.Reader) error {
	buffer := make([]byte, piece)
	for n := 0; ; n++ {
		size, err := io.ReadFull(pack, buffer)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("the sandbox's answer broke off: %w", err)
		}
		if size > 0 {
			if _, err := w.Bucket.PutIfAbsent(ctx, w.piece(id, n), buffer[:size]); err != nil && !errors.Is(err, bucket.ErrPrecondition) {
				return fmt.Errorf("keep workspace: %w", err)
			}
		}
		if size < piece {
			return nil
		}
	}
}

// sweep deletes the packs that are not needed any more.
func (w *Workspace) sweep(ctx context.Context, before, now sandbox.Manifest) error {
	needed := map[string]bool{}
	for _, p := range now.Packs {
		needed[p.ID] = true
	}
	for _, p := range before.Packs {
		if needed[p.ID] {
			continue
		}
		for n := range int((p.Bytes + piece - 1) / piece) {
			if err := w.Bucket.Delete(ctx, w.piece(p.ID, n)); err != nil {
				return fmt.Errorf("forget old contents: %w", err)
			}
		}
	}
	return nil
}

// Prepare brings a saved workspace into a container that has just started, and
// does nothing in one that has done something.
func (w *Workspace) Prepare(ctx context.Context, c *Client) error {
	jobs, err := c.Jobs(ctx)
	if err != nil || len(jobs) > 0 {
		return err
	}
	top, err := c.List(ctx, "")
	if err != nil || len(top.Entries) > 0 {
		return err
	}
	m, data, _, err := w.read(ctx)
	if err != nil || len(m.Nodes) == 0 {
		return err
	}
	var wanted sandbox.Restore
	if err := c.exchange(ctx, http.MethodPost, "/v1/restore", json.RawMessage(data), &wanted); err != nil {
		return err
	}
	for _, p := range wanted.Packs {
		if err := w.bring(ctx, c, p); err != nil {
			return err
		}
	}
	return c.exchange(ctx, http.MethodPost, "/v1/restore/finish", nil, nil)
}

// bring sends a pack, from where it broke off.
func (w *Workspace) bring(ctx context.Context, c *Client, p sandbox.Wanted) error {
	for at := p.Received; at < p.Bytes; {
		o, err := w.Bucket.Get(ctx, w.piece(p.ID, int(at/piece)))
		if err != nil {
			return fmt.Errorf("read saved workspace: %w", err)
		}
		part := o.Data[min(at%piece, int64(len(o.Data))):]
		if len(part) == 0 {
			return errors.New("read saved workspace: a part of it is missing")
		}
		response, err := c.call(ctx, http.MethodPut, fmt.Sprintf("/v1/restore/packs/%s?offset=%d", p.ID, at), bytes.NewReader(part), nil)
		if err != nil {
			return err
		}
		response.Body.Close()
		at += int64(len(part))
	}
	return nil
}
