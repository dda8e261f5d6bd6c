// Package wire holds what the HTTP providers share: sending a request, reading
// what a provider says went wrong, repairing a conversation, and putting a
// streamed reply together.
package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"instar/shared/model"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error response that are read
	maxReason    = 300      // characters of it that are kept
)

// Send posts body and returns a 2xx response, whose body the caller closes, or
// an *model.Error. Values of header are secrets: they are cut out of what the
// provider says should it repeat them.
func Send(ctx context.Context, provider string, do model.Doer, url string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, &model.Error{Provider: provider, Reason: "the base URL is not a URL", Err: model.ErrConfig}
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	resp, err := do.Do(req)
	if err != nil {
		return nil, Broken(ctx, provider, "the connection failed", err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refused(provider, resp, header)
}

// Broken is the error of a connection or a stream that ended too early. It is
// worth a retry unless the caller itself gave up. err's own words are kept out
// of the reason: they name addresses and URLs.
func Broken(ctx context.Context, provider, reason string, err error) *model.Error {
	switch {
	case ctx.Err() != nil:
		return &model.Error{Provider: provider, Reason: "the call was cancelled", Err: ctx.Err()}
	case errors.Is(err, model.ErrIdle):
		reason = model.ErrIdle.Error()
	}
	return &model.Error{Provider: provider, Reason: reason, Temporary: true, Err: err}
}

func refused(provider string, resp *http.Response, header http.Header) *model.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	kind, message := Describe(body)
	return &model.Error{
		Provider:  provider,
		Status:    resp.StatusCode,
		Reason:    Reason(kind, message, http.StatusText(resp.StatusCode), header),
		Temporary: temporaryStatus(resp.StatusCode) && kind != "insufficient_quota",
		Retry:     retryAfter(resp.Header, time.Now()),
	}
}

// temporaryStatus: 529 is Anthropic's "overloaded". OpenAI's 429 with the type
// insufficient_quota is the one that waiting does not cure.
func temporaryStatus(status int) bool {
	return status == 408 || status == 409 || status == 429 || status >= 500
}

// Describe finds the kind and the words of an error in the shapes that
// providers use: {"error":{"type","message"}} (Anthropic, OpenAI), the same in
// an array (Google), {"error":"words"} (Ollama), {"errors":[{"message"}]} (the
// gateway), {"message":"words"}.
func Describe(body []byte) (kind, message string) {
	if !gjson.ValidBytes(body) {
		return "", ""
	}
	doc := gjson.ParseBytes(body)
	if doc.IsArray() {
		doc = doc.Get("0")
	}
	e := doc.Get("error")
	switch {
	case e.IsObject():
		kind = first(e.Get("type"), e.Get("status"), e.Get("code"))
		if e.Get("code").Str == "insufficient_quota" {
			kind = "insufficient_quota"
		}
		return kind, e.Get("message").String()
	case e.Type == gjson.String:
		return "", e.Str
	case doc.Get("errors.0.message").Exists():
		return doc.Get("errors.0.code").String(), doc.Get("errors.0.message").String()
	}
	return "", doc.Get("message").String()
}

func first(values ...gjson.Result) string {
	for _, v := range values {
		if s := v.String(); s != "" {
			return s
		}
	}
	return ""
}

// Reason writes "kind: message" on one line, without secrets and links, cut to
// 300 characters; otherwise when the provider said nothing.
func Reason(kind, message, otherwise string, secrets http.Header) string {
	s := message
	if kind != "" {
		s = strings.TrimSuffix(kind+": "+message, ": ")
	}
	if s = strings.TrimSpace(s); s == "" {
		s = strings.TrimSpace(otherwise)
	}
	for _, values := range secrets {
		for _, v := range values {
			if v = strings.TrimPrefix(v, "Bearer "); len(v) >= 8 {
				s = strings.ReplaceAll(s, v, "(secret)")
			}
		}
	}
	words := strings.Fields(strings.ToValidUTF8(s, "?"))
	for i, w := range words {
		// Providers repeat a wrong key in part: "sk-abc***xyz".
		switch {
		case strings.Contains(w, "sk-"):
			words[i] = "(secret)"
		case strings.Contains(w, "://"):
			words[i] = "(link)"
		}
	}
	return cut(strings.Join(words, " "), maxReason)
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// retryAfter reads Retry-After in seconds or as an HTTP date (RFC 9110,
// section 10.2.3), and OpenAI's retry-after-ms.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return seconds(ms / 1000)
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return seconds(s)
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// seconds keeps the value between 0 and a day, which also sorts out NaN.
func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 86400) * float64(time.Second))
}
