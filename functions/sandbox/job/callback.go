//go:build linux

package job

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"instar/shared/sandbox"
)

// caller tells that a job has ended: again after 1 s, 2 s, 4 s, up to every
// minute, until somebody has taken it (2xx), does not want it any more (410), or
// a quarter of an hour is over. Who hears nothing asks GET /v1/jobs/{id}.
type caller struct {
	client      *http.Client
	first, most time.Duration // between tries
	give        time.Duration // after which no try begins
	one         time.Duration // of one try
	closing     chan struct{} // closed when there is time for one more try only
}

func newCaller(client *http.Client) caller {
	return caller{
		client: client, first: time.Second, most: time.Minute, give: 15 * time.Minute, one: 10 * time.Second,
		closing: make(chan struct{}),
	}
}

// NewClient is the client that callbacks need: it follows no redirect, since the
// token is for one address, and heeds no proxy of the environment.
func NewClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func report(session string, j sandbox.Job) sandbox.Report {
	return sandbox.Report{
		V: 1, Session: session, Job: j.ID, State: j.State, Why: j.Why, ExitCode: j.ExitCode, Signal: j.Signal, Error: j.Error,
		OutputBytes: j.OutputBytes, Head: j.Head, Tail: j.Tail,
	}
}

// report returns when there is no more to do.
func (c caller) report(to *sandbox.Callback, r sandbox.Report) {
	body, err := json.Marshal(r)
	if err != nil {
		slog.Error("callback cannot be written", "job", r.Job)
		return
	}
	end, last := time.Now().Add(c.give), false
	for try, pause := 1, c.first; ; try, pause = try+1, min(2*pause, c.most) {
		status, err := c.try(to, body)
		if err == nil && (status/100 == 2 || status == http.StatusGone) {
			slog.Info("callback answered", "job", r.Job, "status", status, "try", try)
			return
		}
		if last || time.Now().Add(pause).After(end) {
			slog.Warn("callback given up", "job", r.Job, "tries", try)
			return
		}
		// The error has the address in it; the status says enough.
		slog.Warn("callback not taken", "job", r.Job, "status", status, "try", try)
		select {
		case <-time.After(pause):
		case <-c.closing:
			last = true
		}
	}
}

func (c caller) try(to *sandbox.Callback, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.one)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("callback: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+to.Token)
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("callback: %w", err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, nil
}
