//go:build !js

package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"instar/shared/aws/api"
	"instar/shared/platform"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

// Bounds of the sandbox as a function (functions/sandbox/invoke). An invocation
// lasts for 15 minutes, of which the daemon keeps 15 seconds, and brings 6 MB, of
// which base64 takes a quarter.
const (
	longest = 14 * time.Minute
	maxBody = 4400 << 10 // bytes
	// settling is for how long a call is tried again while another one's invocation
	// may only be about to end.
	settling = 1500 * time.Millisecond
)

// sandboxes are the containers of all sessions: a function that has room for one
// invocation at a time (reserved concurrency).
type sandboxes struct{ caller }

// Sandbox is the sandbox as the function of this name.
func Sandbox(c *api.Client, name string) platform.Sandbox {
	return platform.Sandbox{Do: sandboxes{caller{c, name}}.Do, Longest: longest, Closed: true, Forgets: true, MaxBody: maxBody}
}

// Do is a client.Do. No command can be ended before its time while it runs: there
// is no way in then.
func (s sandboxes) Do(session, publicKey string, r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(sandbox.HeaderSession, session)
	r.Header.Set(sandbox.HeaderKey, publicKey)
	payload, err := invocation(r)
	if err != nil {
		return nil, err
	}
	began, wait := time.Now(), 10*time.Millisecond
	for {
		response, err := s.send(r, payload)
		said, _ := errors.AsType[*api.Error](err)
		switch {
		case said != nil && said.Status == http.StatusTooManyRequests:
			if time.Since(began)+wait > settling {
				return nil, client.ErrBusy
			}
		case errors.Is(err, errFailed):
			return nil, client.ErrGone
		case err != nil:
			return nil, err
		default:
			response.Body = whole{response.Body}
			return response, refused(response)
		}
		if err := pause(r.Context(), wait); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// refused is the error of an answer that is not the daemon's.
func refused(r *http.Response) error {
	kind := r.Header.Get(sandbox.HeaderError)
	if kind == "" {
		return nil
	}
	defer r.Body.Close()
	var said struct{ Error string }
	json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&said)
	switch kind {
	case sandbox.NotAwake:
		return client.ErrAsleep
	case sandbox.NotNow:
		return client.ErrBusy
	}
	return fmt.Errorf("sandbox: %s", strings.TrimSpace(said.Error))
}

// whole is a body that ends with client.ErrGone when the function failed before it
// was all there.
type whole struct{ io.ReadCloser }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if errors.Is(err, errFailed) {
		err = client.ErrGone
	}
	return n, err
}
