package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// call posts params to a method and returns its result. Only an idempotent
// call is repeated after a 5xx or a broken connection.
func (s *Sender) call(ctx context.Context, method string, params any, idempotent bool) (gjson.Result, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("telegram %s: write parameters: %w", method, err)
	}
	var result gjson.Result
	err = s.attempts(ctx, method, idempotent, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/bot"+s.token+"/"+method, bytes.NewReader(body))
		if err != nil {
			return s.broken(method, err)
		}
		req.Header.Set("Content-Type", "application/json")
		data, resp, err := s.exchange(req, method, maxResponse)
		if err != nil {
			return err
		}
		var answer gjson.Result // of a proxy's page: none
		if shallow(data) && gjson.ValidBytes(data) {
			answer = gjson.ParseBytes(data)
		}
		if !answer.Get("ok").Bool() || resp.StatusCode/100 != 2 {
			return s.refusal(method, resp.StatusCode, answer)
		}
		result = answer.Get("result")
		return nil
	})
	return result, err
}

// refusal reads Telegram's error object.
func (s *Sender) refusal(method string, status int, answer gjson.Result) error {
	if code, ok := integer(answer.Get("error_code")); ok && status/100 == 2 && code >= 400 && code < 600 {
		status = int(code)
	}
	reason := answer.Get("description").Str
	if reason == "" {
		reason = "no description"
	}
	e := &channel.APIError{Channel: Name, Method: method, Status: status, Reason: s.redact(reason)}
	if seconds, ok := integer(answer.Get("parameters.retry_after")); ok && seconds > 0 && seconds < 1<<30 {
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
		case refused.Status == http.StatusTooManyRequests && !waited && refused.Retry > 0 && refused.Retry <= maxWait:
			waited, pause = true, refused.Retry
		case (refused.Status == 0 || refused.Status >= 500) && idempotent && repeats < maxRepeats:
			pause = 200 * time.Millisecond << repeats
			repeats++
		default:
			return err
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return err // the wait would outlast the caller
		}
		if ctxErr := s.wait(ctx, pause); ctxErr != nil {
			return fmt.Errorf("telegram %s: wait: %w", method, ctxErr)
		}
	}
}

// exchange sends one request and reads at most limit bytes of the response.
func (s *Sender) exchange(req *http.Request, method string, limit int64) ([]byte, *http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, nil, fmt.Errorf("telegram %s: %w", method, err)
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
		return nil, nil, fmt.Errorf("telegram %s: %w", method, ctxErr)
	}
	return nil, nil, s.broken(method, err)
}

// broken is the error of a connection. Its words come from below, where the
// URL is known, and the URL holds the token.
func (s *Sender) broken(method string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &channel.APIError{Channel: Name, Method: method, Reason: "connection failed: " + s.redact(err.Error())}
}

func (s *Sender) redact(text string) string {
	_, secret, ok := strings.Cut(s.token, ":")
	if !ok || secret == "" {
		secret = s.token
	}
	for _, form := range []string{s.token, url.PathEscape(s.token), url.QueryEscape(s.token), secret} {
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
