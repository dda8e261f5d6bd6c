// Package client calls the daemon in a session's container (functions/sandbox).
package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"instar/shared/sandbox"
)

// life is how long a token is good for: a call's way to the container, which may
// have to start.
const life = 2 * time.Minute

// Bounds of answers in bytes.
const (
	maxAnswer = 1 << 20
	maxError  = 4 << 10
)

var (
	// ErrOff: there is no sandbox here.
	ErrOff = errors.New("the sandbox is off here")
	// ErrAsleep: the container does not run, and the call was a quiet one.
	ErrAsleep = errors.New("the sandbox is asleep")
	// ErrBusy: there is one container, and it works on a command, or for another
	// session. It may be for minutes; the command may be this session's.
	ErrBusy = errors.New("the sandbox is busy")
	// ErrGone: the container ended during the call.
	ErrGone = errors.New("the sandbox went away")
)

// QuietHeader marks a call, whatever its value, that neither starts a container
// nor keeps it awake: to save a workspace because its container is about to
// sleep, or only to see how a job is getting on. build/worker/sandbox.mjs reads it.
const QuietHeader = sandbox.HeaderQuiet

// Error is the daemon's refusal. Text is its own words.
type Error struct {
	Status int
	Text   string
}

func (e *Error) Error() string { return e.Text }

// Do brings a request to the container of a session, which it starts if it must,
// and again if it was given another public key (base64). Only the path and the
// query of the URL count. Errors are ErrOff, ErrAsleep, ErrBusy, ErrGone, or say that
// there was no daemon to ask; reading an answer may fail with ErrGone too.
type Do func(session, publicKey string, r *http.Request) (*http.Response, error)

// Client speaks to the container of one session. Errors are an *Error, ErrOff,
// ErrAsleep, ErrBusy, ErrGone, or say that the container could not be reached.
type Client struct {
	Do      Do
	Key     ed25519.PrivateKey
	Session string
	Now     func() time.Time
	Quiet   bool // no call starts the container, or keeps it awake
	// MaxBody, if not 0, is how many bytes the way to the container takes at once.
	MaxBody int64
}

// call makes a request. The caller closes the response's body; its status is 2xx.
func (c *Client) call(ctx context.Context, method, path string, body io.Reader, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://sandbox"+path, body)
	if err != nil {
		return nil, err
	}
	if c.MaxBody > 0 && r.ContentLength > c.MaxBody {
		return nil, &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("this is %d KB, and at most %d KB get to the sandbox at once here", r.ContentLength>>10, c.MaxBody>>10)}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	token := sandbox.Sign(c.Key, sandbox.Claims{Session: c.Session, Expires: c.Now().Add(life), Purpose: sandbox.PurposeAPI})
	r.Header.Set("Authorization", "Bearer "+token)
	if c.Quiet {
		r.Header.Set(QuietHeader, "1")
	}
	response, err := c.Do(c.Session, sandbox.PublicText(c.Key), r)
	if errors.Is(err, ErrOff) || errors.Is(err, ErrAsleep) || errors.Is(err, ErrBusy) || errors.Is(err, ErrGone) || ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("the sandbox could not be reached: %w", err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(response.Body, maxError))
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(data, &said) != nil || said.Error == "" {
		said.Error = "the sandbox answered " + response.Status
	}
	return nil, &Error{response.StatusCode, said.Error}
}

// exchange sends JSON, or nothing, and reads JSON.
func (c *Client) exchange(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	header := http.Header{}
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
		header.Set("Content-Type", "application/json")
	}
	response, err := c.call(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("the sandbox's answer broke off: %w", err)
	}
	if out == nil {
		return nil
	}
	if len(data) > maxAnswer || json.Unmarshal(data, out) != nil {
		return errors.New("the sandbox's answer cannot be read")
	}
	return nil
}

// Start starts a job, or finds the one of the same id, and returns it when it
// has ended, or as it is after the wait.
func (c *Client) Start(ctx context.Context, r sandbox.Run, wait time.Duration) (j sandbox.Job, err error) {
	err = c.exchange(ctx, http.MethodPost, "/v1/jobs?wait="+seconds(wait), r, &j)
	return j, err
}

func seconds(wait time.Duration) string {
	return strconv.Itoa(int(min(wait, sandbox.MaxWait) / time.Second))
}

// Jobs lists the jobs that the container knows.
func (c *Client) Jobs(ctx context.Context) ([]sandbox.Job, error) {
	var all struct {
		Jobs []sandbox.Job `json:"jobs"`
	}
	err := c.exchange(ctx, http.MethodGet, "/v1/jobs", nil, &all)
	return all.Jobs, err
}

// Job returns a job when it has ended, or as it is after the wait.
func (c *Client) Job(ctx context.Context, id string, wait time.Duration) (j sandbox.Job, err error) {
	err = c.exchange(ctx, http.MethodGet, "/v1/jobs/"+url.PathEscape(id)+"?wait="+seconds(wait), nil, &j)
	return j, err
}

// Output is the first bytes of what a job has written, at most so many.
func (c *Client) Output(ctx context.Context, id string, most int64) ([]byte, error) {
	response, err := c.call(ctx, http.MethodGet, "/v1/jobs/"+url.PathEscape(id)+"/output?limit="+strconv.FormatInt(most, 10), nil, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return nil, fmt.Errorf("the sandbox's answer broke off: %w", err)
	}
	return data, nil
}

// Stop ends a job's whole tree.
func (c *Client) Stop(ctx context.Context, id string) error {
	return c.exchange(ctx, http.MethodPost, "/v1/jobs/"+url.PathEscape(id)+"/signal", sandbox.Signal{Signal: "TERM"}, nil)
}

// Limits says what holds in the container.
func (c *Client) Limits(ctx context.Context) (l sandbox.Limits, err error) {
	err = c.exchange(ctx, http.MethodGet, "/v1/limits", nil, &l)
	return l, err
}

// Read opens a file of the workspace.
func (c *Client) Read(ctx context.Context, path string) (io.ReadCloser, error) {
	response, err := c.call(ctx, http.MethodGet, "/v1/files/"+escape(path), nil, nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// Write puts a file into the workspace, whole or not at all.
func (c *Client) Write(ctx context.Context, path string, content io.Reader) error {
	response, err := c.call(ctx, http.MethodPut, "/v1/files/"+escape(path), content, http.Header{"Content-Type": {"application/octet-stream"}})
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Remove deletes a file of the workspace.
func (c *Client) Remove(ctx context.Context, path string) error {
	return c.exchange(ctx, http.MethodDelete, "/v1/files/"+escape(path), nil, nil)
}

// List lists a folder of the workspace; "" is the workspace.
func (c *Client) List(ctx context.Context, path string) (l sandbox.Listing, err error) {
	err = c.exchange(ctx, http.MethodGet, "/v1/list/"+escape(path), nil, &l)
	return l, err
}

func escape(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
