// Package platform holds what the packages of chat platforms have in common
// and that is no platform's own: sending one call to an API over HTTP, reading
// JSON from outside, sorting files by their type, measuring and cutting text.
package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"instar/shared/channel"
)

// MaxAnswer is the limit in bytes for the answer of an API method.
const MaxAnswer = 1 << 20

const (
	maxWait    = 30 * time.Second // a longer 429 is the caller's to wait out
	maxRepeats = 2                // of an idempotent request after a 5xx or a broken connection
	maxReason  = 200              // bytes of a platform's words in an error
)

// Client sends requests to one platform.
type Client struct {
	Channel string   // the channel's name, for errors
	Secrets []string // what no error may hold, as it is or escaped for a URL
	Doer    channel.Doer
	Wait    func(context.Context, time.Duration) error // Sleep, but for tests
	// Limited and Doubtful are reasons that mean the same as the statuses 429
	// and 5xx, for a platform that gives them with other statuses.
	Limited, Doubtful []string
}

// Request is one HTTP request, which may be sent more than once.
type Request struct {
	Method     string // the platform's name for what is called, for errors
	Verb, URL  string
	Header     http.Header
	Body       []byte // nil sends none
	Limit      int64  // bytes of the answer
	Idempotent bool   // to send it twice does the same as to send it once
}

// Answer is a response of any status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // one byte more than the limit when it is longer than that
}

// RetryAfter is the header of that name in seconds, or 0.
func (a Answer) RetryAfter() int64 {
	seconds, _ := strconv.ParseInt(a.Header.Get("Retry-After"), 10, 32)
	return seconds
}

// Send sends a request and hands the answer to read, whose error is the
// request's; read makes a refusal with Refusal. One refusal for too many
// requests is waited out, by the platform's own time if that is at most 30 s;
// an idempotent request is repeated at most twice after a 5xx or a broken
// connection. No wait is begun that would outlast ctx.
func (c *Client) Send(ctx context.Context, r Request, read func(Answer) error) error {
	waited, repeats := false, 0
	for {
		answer, err := c.exchange(ctx, r)
		if err == nil {
			err = read(answer)
		}
		var refused *channel.APIError
		if err == nil || !errors.As(err, &refused) {
			return err
		}
		var pause time.Duration
		switch {
		case c.limited(refused) && !waited && refused.Retry > 0 && refused.Retry <= maxWait:
			waited, pause = true, refused.Retry
		case c.doubtful(refused) && r.Idempotent && repeats < maxRepeats:
			pause = 200 * time.Millisecond << repeats
			repeats++
		default:
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return err
		}
		if ctxErr := c.Wait(ctx, pause); ctxErr != nil {
			return fmt.Errorf("%s %s: wait: %w", c.Channel, r.Method, ctxErr)
		}
	}
}

// Download gets a file of at most limit bytes, and the media type that its
// server says.
func (c *Client) Download(ctx context.Context, url string, header http.Header, limit int64) (data []byte, served string, err error) {
	const method = "download"
	r := Request{Method: method, Verb: http.MethodGet, URL: url, Header: header, Limit: limit, Idempotent: true}
	err = c.Send(ctx, r, func(a Answer) error {
		if a.Status != http.StatusOK {
			return c.Refusal(method, a.Status, "file not served", a.RetryAfter())
		}
		data, served = a.Body, a.Header.Get("Content-Type")
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if int64(len(data)) > limit {
		return nil, "", c.TooLarge(limit)
	}
	return data, served, nil
}

// TooLarge is the error of a file with more than limit bytes.
func (c *Client) TooLarge(limit int64) error {
	return fmt.Errorf("%s download: the file is larger than %d bytes", c.Channel, limit)
}

// Refusal is a platform's refusal: reason in its own words, and in how many
// seconds to try again, 0 when it does not say.
func (c *Client) Refusal(method string, status int, reason string, retryAfter int64) error {
	e := &channel.APIError{Channel: c.Channel, Method: method, Status: status, Reason: c.redact(reason)}
	if retryAfter > 0 && retryAfter < 1<<30 {
		e.Retry = time.Duration(retryAfter) * time.Second
	}
	return e
}

func (c *Client) limited(e *channel.APIError) bool {
	return e.Status == http.StatusTooManyRequests || slices.Contains(c.Limited, e.Reason)
}

// doubtful reports whether the platform may have done what it was asked, or not.
func (c *Client) doubtful(e *channel.APIError) bool {
	return e.Status == 0 || e.Status >= 500 || slices.Contains(c.Doubtful, e.Reason)
}

// exchange sends a request once.
func (c *Client) exchange(ctx context.Context, r Request) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", c.Channel, r.Method, err)
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Verb, r.URL, body)
	if err != nil { // its words quote the URL
		return Answer{}, fmt.Errorf("%s %s: the API's base address and the token make no URL", c.Channel, r.Method)
	}
	maps.Copy(req.Header, r.Header)
	resp, err := c.Doer.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(resp.Body, r.Limit+1)); err == nil {
			return Answer{resp.StatusCode, resp.Header, data}, nil
		}
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", c.Channel, r.Method, ctxErr)
	}
	return Answer{}, c.broken(r, err)
}

// broken is the error of a connection. It does not repeat the URL, which may
// hold the token, name a private file or be all that it takes to write one.
func (c *Client) broken(r Request, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	words := strings.ReplaceAll(err.Error(), r.URL, "<address>")
	return &channel.APIError{Channel: c.Channel, Method: r.Method, Reason: "connection failed: " + c.redact(words)}
}

// redact leaves the secrets out of words, and cuts what is too long.
func (c *Client) redact(words string) string {
	for _, secret := range c.Secrets {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret)} {
			words = strings.ReplaceAll(words, form, "<token>")
		}
	}
	return strings.ToValidUTF8(words[:min(len(words), maxReason)], "")
}

// Sleep waits for d or until ctx ends, and leaves no timer behind: a Wasm
// instance with a pending timer cannot be reused.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
