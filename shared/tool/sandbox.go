package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

// Sandbox is what the tools of the sandbox work with: a computer of the
// conversation's own, which holds no secret.
type Sandbox struct {
	Open func(ctx context.Context) (*client.Client, error)
	// Network: commands can reach hosts outside.
	Network bool
	// Longest is how long a command may take here; 0 is sandbox.MaxTime.
	Longest time.Duration
	// Keep saves the workspace when something has been done to it; nil where the
	// platform sees to that. Its errors are the client's.
	Keep func(ctx context.Context) error
	// Label is that of the workspace.
	Label interface {
		Join(ctx context.Context, l label.Label) (label.Label, error)
	}
	// Callback is where the end of a job is reported; it may be nil.
	Callback func(ctx context.Context, id string) (*sandbox.Callback, error)
	// Leave keeps a job that goes on after the turn.
	Leave func(ctx context.Context, c Call, id, command string) error
	// Attachment is the n'th file of the person's message, from 1.
	Attachment func(ctx context.Context, n int, limit int64) ([]byte, error)
}

// Bounds of the tools.
const (
	defaultWait = 30 * time.Second
	maxWait     = 2 * time.Minute
	slice       = 20 * time.Second // of a wait, so that a connection is never silent for long
	busyPause   = time.Second      // before a busy sandbox is asked again
	defaultTime = 30 * time.Minute
	maxUpload   = 20 << 20 // bytes of an attachment
	maxPart     = 12 << 10 // bytes of a file that are read at once
)

// Tools are sandbox_run, sandbox_read and sandbox_write.
func (s *Sandbox) Tools() []Tool { return []Tool{s.run(), s.read(), s.write()} }

// taint joins what goes into the workspace with what is in it, and has the
// window know what comes out.
func (s *Sandbox) taint(ctx context.Context, c Call, open bool) error {
	l := c.Label
	if open {
		l = l.AtMost(label.Untrusted)
	}
	is, err := s.Label.Join(ctx, l)
	if err != nil {
		return errors.New("the workspace could not be looked after; try again")
	}
	c.taint(label.New(is.Integrity, is.Confidentiality, []string{"sandbox"}, nil))
	return nil
}

// unreachable is an error for the model.
func unreachable(err error) error {
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		return errors.New(refused.Text)
	case errors.Is(err, client.ErrOff):
		return errors.New("there is no sandbox here; the owner can turn it on")
	case errors.Is(err, client.ErrBusy):
		return errors.New("the sandbox works on another command, and does one at a time: end your turn, and try again when that has ended")
	case errors.Is(err, client.ErrGone):
		return errors.New("the sandbox went away meanwhile, and what was done in it and not saved is lost; try again")
	}
	return errors.New("the sandbox could not be reached; try again")
}

func (s *Sandbox) read() Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "sandbox_read",
			Description: "Read a text file of the workspace, list a folder (a path that ends with /), or, with give, send the person the file itself, a picture too, with your answer.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"},"offset":{"type":"integer","minimum":0},"give":{"type":"boolean"}},"required":["path"],"additionalProperties":false}`),
		},
		// What is given goes where the answer goes: to whoever asked, in private.
		Manifest:   own(policy.ReadOwn, map[string]policy.ArgRole{"path": policy.Selector, "offset": policy.Flag, "give": policy.Flag}),
		Idempotent: true,
		Run: func(ctx context.Context, c Call) (string, error) {
			var in struct {
				Path   string `json:"path"`
				Offset int64  `json:"offset"`
				Give   bool   `json:"give"`
			}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			if err := s.taint(ctx, c, false); err != nil {
				return "", err
			}
			box, err := s.Open(ctx)
			if err != nil {
				return "", unreachable(err)
			}
			if in.Path == "" || strings.HasSuffix(in.Path, "/") {
				return listed(ctx, box, strings.TrimSuffix(in.Path, "/"))
			}
			file, err := box.Read(ctx, in.Path)
			if err != nil {
				return "", unreachable(err)
			}
			defer file.Close()
			if in.Give {
				return given(ctx, c, in.Path, file)
			}
			if _, err := io.CopyN(io.Discard, file, max(in.Offset, 0)); err != nil && err != io.EOF {
				return "", unreachable(err)
			}
			data, err := io.ReadAll(io.LimitReader(file, maxPart+1))
			if err != nil {
				return "", unreachable(err)
			}
			if bytes.IndexByte(data, 0) >= 0 {
				return "", errors.New("this is no text file")
			}
			if len(data) > maxPart {
				return fmt.Sprintf("%s\n[go on with offset %d]", strings.ToValidUTF8(string(data[:maxPart]), "\ufffd"), max(in.Offset, 0)+maxPart), nil
			}
			return strings.ToValidUTF8(string(data), "\ufffd"), nil
		},
	}
}

// given puts a file of the workspace into the answer.
func given(ctx context.Context, c Call, name string, file io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(file, MaxGiven+1))
	if err != nil {
		return "", unreachable(err)
	}
	f := File{Name: path.Base(name), MediaType: fileType(name), Data: data}
	if err := c.give(ctx, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%q (%d bytes) goes to the person with your answer.", f.Name, len(data)), nil
}

func listed(ctx context.Context, box *client.Client, path string) (string, error) {
	l, err := box.List(ctx, path)
	if err != nil {
		return "", unreachable(err)
	}
	var b strings.Builder
	for i, e := range l.Entries {
		if i == 200 {
			l.Truncated = true
			break
		}
		fmt.Fprintf(&b, "%s %s %d bytes\n", e.Type, e.Name, e.Size)
	}
	if l.Truncated {
		b.WriteString("[there are more]\n")
	}
	if b.Len() == 0 {
		return "The folder is empty.", nil
	}
	return b.String(), nil
}

func (s *Sandbox) write() Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "sandbox_write",
			Description: "Put a file into the workspace: text, or the n-th file that the person has just sent (attachment: n).",
			Schema:      json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"},"text":{"type":"string"},"attachment":{"type":"integer","minimum":1}},"required":["path"],"additionalProperties":false}`),
		},
		Manifest:   own(policy.WriteOwn, map[string]policy.ArgRole{"path": policy.Content, "text": policy.Content, "attachment": policy.Flag}),
		Idempotent: true,
		Run: func(ctx context.Context, c Call) (string, error) {
			var in struct {
				Path       string  `json:"path"`
				Text       *string `json:"text"`
				Attachment int     `json:"attachment"`
			}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			if (in.Text == nil) == (in.Attachment == 0) {
				return "", errors.New("give either text or attachment")
			}
			if err := s.taint(ctx, c, in.Attachment > 0); err != nil {
				return "", err
			}
			var content []byte
			if in.Text != nil {
				content = []byte(*in.Text)
			} else {
				var err error
				if content, err = s.Attachment(ctx, in.Attachment, maxUpload); err != nil {
					return "", errors.New("the attachment could not be fetched: " + err.Error())
				}
			}
			box, err := s.Open(ctx)
			if err != nil {
				return "", unreachable(err)
			}
			if err := box.Write(ctx, in.Path, bytes.NewReader(content)); err != nil {
				return "", unreachable(err)
			}
			return fmt.Sprintf("Written: %d bytes.", len(content)) + s.keep(ctx), nil
		},
	}
}
