package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"instar/shared/channel"
)

const (
	maxWait     = 30 * time.Second // a longer 429 is the caller's to wait out
	maxRepeats  = 2                // of an idempotent call after a 5xx or a broken connection
	maxResponse = 1 << 20          // bytes of an API response
	maxReason   = 200              // bytes of a platform's words in an error
)

// post calls a method with JSON parameters. Only an idempotent call is
// repeated after a 5xx or a broken connection.
func (s *Sender) post(ctx context.Context, method string, params any, idempotent bool) (gjson.Result, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("slack %s: write parameters: %w", method, err)
	}
	return s.call(ctx, method, idempotent, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/"+method, bytes.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json; charset=utf-8")
		}
		return req, err
	})
}

// get calls a method that only reads; Slack takes JSON for few of those.
func (s *Sender) get(ctx context.Context, method string, query url.Values) (gjson.Result, error) {
	address := s.base + "/" + method
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return s.call(ctx, method, true, func() (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	})
}

func (s *Sender) call(ctx context.Context, method string, idempotent bool, request func() (*http.Request, error)) (gjson.Result, error) {
	var answer gjson.Result
	err := s.attempts(ctx, method, idempotent, func() error {
		req, err := request()
		if err != nil {
			return s.broken(method, err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		data, resp, err := s.exchange(req, method, maxResponse)
		if err != nil {
			return err
		}
		answer, _ = parse(string(data)) // a proxy's page is no object and so not ok
		if !answer.Get("ok").Bool() || resp.StatusCode/100 != 2 {
			return s.refusal(method, resp, answer.Get("error").Str)
		}
		return nil
	})
	if err != nil {
		return gjson.Result{}, err
	}
	return answer, nil
}

func (s *Sender) refusal(method string, resp *http.Response, reason string) error {
	if reason == "" {
		reason = "no error code"
	}
	e := &channel.APIError{Channel: Name, Method: method, Status: resp.StatusCode, Reason: s.redact(reason)}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds < 1<<30 {
		e.Retry = time.Duration(seconds) * time.Second
	}
	return e
}

// attempts runs try, waits out one 429, and repeats what failed in passing.
func (s *Sender) attempts(ctx context.Context, method string, idempotent bool, try func() error) error {
	waited, repeats := false, 0
	for {
		err := try()
		var refused *channel.APIError
		if err == nil || !errors.As(err, &refused) {
			return err
		}
		var pause time.Duration
		switch {
		case limited(refused) && !waited && refused.Retry > 0 && refused.Retry <= maxWait:
			waited, pause = true, refused.Retry
		case doubtful(refused) && idempotent && repeats < maxRepeats:
			pause = 200 * time.Millisecond << repeats
			repeats++
		default:
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return err // the wait would outlast the caller
		}
		if ctxErr := s.wait(ctx, pause); ctxErr != nil {
			return fmt.Errorf("slack %s: wait: %w", method, ctxErr)
		}
	}
}

func limited(e *channel.APIError) bool {
	return e.Status == http.StatusTooManyRequests || e.Reason == "ratelimited" || e.Reason == "rate_limited"
}

// doubtful reports whether Slack may have done what it was asked, or not.
func doubtful(e *channel.APIError) bool {
	switch e.Reason {
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout":
		return true
	}
	return e.Status == 0 || e.Status >= 500
}

// exchange sends one request and reads at most limit bytes of the response.
func (s *Sender) exchange(req *http.Request, method string, limit int64) ([]byte, *http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, nil, fmt.Errorf("slack %s: %w", method, err)
	}
	resp, err := s.do.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(resp.Body, limit+1)); err == nil {
			return data, resp, nil
		}
	}
	if ctxErr := req.Context().Err(); ctxErr != nil {
		return nil, nil, fmt.Errorf("slack %s: %w", method, ctxErr)
	}
	return nil, nil, s.broken(method, err)
}

// broken is the error of a connection. It does not repeat the URL, which may
// name a private file.
func (s *Sender) broken(method string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &channel.APIError{Channel: Name, Method: method, Reason: "connection failed: " + s.redact(err.Error())}
}

func (s *Sender) redact(text string) string {
	for _, form := range []string{s.token, url.QueryEscape(s.token), url.PathEscape(s.token)} {
		text = strings.ReplaceAll(text, form, "<token>")
	}
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}

// sleep waits for d or until ctx ends, and leaves no timer behind: a Wasm
// instance with a pending timer cannot be reused.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
