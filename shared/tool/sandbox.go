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
	"instar/shared/task"
)

// Sandbox is what the tools of the sandbox work with: a computer of the
// conversation's own, which holds no secret.
type Sandbox struct {
	Open func(ctx context.Context) (*client.Client, error)
	// Network: commands can reach hosts outside.
	Network bool
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
	defaultTime = 30 * time.Minute
	maxUpload   = 20 << 20 // bytes of an attachment
	maxPart     = 12 << 10 // bytes of a file that are read at once
)

// Tools are sandbox_run, sandbox_read and sandbox_write.
func (s *Sandbox) Tools() []Tool { return []Tool{s.run(), s.read(), s.write()} }

func (s *Sandbox) run() Tool {
	m := own(policy.WriteOwn, map[string]policy.ArgRole{"command": policy.Content, "wait_s": policy.Flag, "minutes": policy.Flag})
	m.Intent = [][]string{{"run", "execute", "build", "test", "compile", "compute", "calculate", "convert", "analyze", "analyse", "process", "install", "check", "try", "code", "program", "script"}}
	if s.Network {
		m.Effect, m.Intent = policy.RunCode, nil
	}
	return Tool{
		Tool: model.Tool{
			Name:        "sandbox_run",
			Description: "Run a shell command on a Linux computer of this conversation's own (git, python3, node, jq, ripgrep). Files stay in its workspace. What does not end within wait_s goes on as a task: then say that you work on it, and end; you are woken with the result.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"command":{"type":"string"},"wait_s":{"type":"integer","minimum":0,"maximum":120,"description":"default 30"},"minutes":{"type":"integer","minimum":1,"maximum":360,"description":"how long it may take at most; default 30"}},"required":["command"],"additionalProperties":false}`),
		},
		Manifest: m,
		// The same call is the same job, but for a container that is a new one;
		// what only changes the workspace may be done again there.
		Idempotent: !s.Network,
		Run: func(ctx context.Context, c Call) (string, error) {
			in := struct {
				Command string `json:"command"`
				Wait    *int   `json:"wait_s"`
				Minutes int    `json:"minutes"`
			}{Minutes: int(defaultTime / time.Minute)}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			if strings.TrimSpace(in.Command) == "" || in.Minutes < 1 || in.Minutes > int(sandbox.MaxTime/time.Minute) {
				return "", fmt.Errorf("give a command, and minutes from 1 to %d", int(sandbox.MaxTime/time.Minute))
			}
			wait := defaultWait
			if in.Wait != nil {
				wait = min(max(time.Duration(*in.Wait)*time.Second, 0), maxWait)
			}
			return s.command(ctx, c, in.Command, wait, time.Duration(in.Minutes)*time.Minute)
		},
	}
}

func (s *Sandbox) command(ctx context.Context, c Call, command string, wait, limit time.Duration) (string, error) {
	if err := s.taint(ctx, c, s.Network); err != nil {
		return "", err
	}
	box, err := s.Open(ctx)
	if err != nil {
		return "", unreachable(err)
	}
	id := task.ID(c.ID)
	callback, err := s.Callback(ctx, id)
	if err != nil {
		return "", unreachable(err)
	}
	until := time.Now().Add(wait)
	j, err := box.Start(ctx, sandbox.Run{ID: id, Command: command, TimeS: int(limit / time.Second), Callback: callback}, min(wait, slice))
	for err == nil && j.State != sandbox.Ended {
		left := time.Until(until)
		if left < time.Second {
			break
		}
		j, err = box.Job(ctx, id, min(left, slice))
	}
	if ctx.Err() != nil { // stopped: the command with it
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		box.Stop(stop, id)
		return "", ctx.Err()
	}
	if err != nil {
		return "", unreachable(err)
	}
	if j.State == sandbox.Ended {
		return task.Outcome(j), nil
	}
	if err := s.Leave(ctx, c, id, command); err != nil {
		return "", errors.New("the command is running, but it could not be kept track of; try again")
	}
	return fmt.Sprintf("It goes on as the task %s. Say that you are working on it, and end your turn; you are woken with the result.", id), nil
}

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
			return fmt.Sprintf("Written: %d bytes.", len(content)), nil
		},
	}
}
