package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"instar/shared/web/visible"
)

// Bounds of one fetch.
const (
	maxTime      = 20 * time.Second
	maxBody      = 5 << 20 // bytes, unpacked
	maxRedirects = 5
	maxValidator = 256 // bytes of an ETag or a date; a longer one is left out
)

// userAgent and accept are the same for every request.
const (
	userAgent = "Mozilla/5.0 (compatible; Instar/1.0; personal assistant)"
	accept    = "text/html,application/xhtml+xml,text/markdown;q=0.9,application/pdf;q=0.8,application/atom+xml;q=0.8,application/rss+xml;q=0.8,application/json;q=0.7,text/plain;q=0.7,*/*;q=0.1"
)

// Doer sends one request under its context and follows no redirects, as
// platform.Env's Web does, and Direct.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Fetcher reads pages. It sends no cookies, no credentials and no referrer.
type Fetcher struct {
	Do  Doer
	Now func() time.Time // the clock; never nil
}

// Page is a page as text. All but URL, Bytes, Truncated and Time is the page's
// own word.
type Page struct {
	URL          string // where it was in the end, without a fragment
	Canonical    string // where the page says that it is, or ""; never fetched
	Title        string // one line, at most 300 bytes, or ""
	Type         string // of the media, in small letters: text/html
	Text         string // Markdown of HTML and feeds, text of a PDF, else as it is
	Bytes        int    // of the body, unpacked, as far as it was read
	Truncated    bool   // there is more than was read
	ETag         string // for a conditional request, or ""
	LastModified string // the same
	Time         time.Time
}

// Fetch reads one page within 20 seconds. Redirects are followed, at most five,
// each checked as CheckURL does; one from https to http is not. Errors are for
// the model and hold nothing of the page but its status and media type.
func (f *Fetcher) Fetch(ctx context.Context, address string) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	page, err := f.fetch(ctx, address)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Page{}, errors.New("the page did not arrive within 20 seconds")
	}
	if err != nil && ctx.Err() != nil {
		return Page{}, ctx.Err()
	}
	return page, err
}

func (f *Fetcher) fetch(ctx context.Context, address string) (Page, error) {
	if err := CheckURL(address); err != nil {
		return Page{}, err
	}
	at, err := url.Parse(address)
	if err != nil {
		return Page{}, errAddress
	}
	at.Fragment, at.RawFragment = "", ""
	for hops := 0; ; hops++ {
		response, err := f.get(ctx, at)
		if err != nil {
			return Page{}, err
		}
		next, err := redirect(at, response)
		if err != nil {
			response.Body.Close()
			return Page{}, err
		}
		if next == nil {
			defer response.Body.Close()
			return f.read(at, response)
		}
		response.Body.Close()
		if hops == maxRedirects {
			return Page{}, fmt.Errorf("the page redirects more than %d times", maxRedirects)
		}
		at = next
	}
}

func (f *Fetcher) get(ctx context.Context, at *url.URL) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, errAddress
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", accept)
	response, err := f.Do.Do(r)
	if err != nil {
		if errors.Is(err, errResolved) {
			return nil, errResolved
		}
		return nil, fmt.Errorf("%s could not be reached", at.Hostname())
	}
	return response, nil
}

// redirect is where a response leads, or nil when it is the page.
func redirect(from *url.URL, response *http.Response) (*url.URL, error) {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	location := response.Header.Get("Location")
	if location == "" || len(location) > maxURL {
		return nil, errors.New("the page redirects to no address that can be followed")
	}
	to, err := from.Parse(location)
	if err != nil {
		return nil, errors.New("the page redirects to no address that can be followed")
	}
	to.Fragment, to.RawFragment = "", ""
	if err := CheckURL(to.String()); err != nil {
		return nil, fmt.Errorf("the page redirects to where it may not: %w", err)
	}
	if from.Scheme == "https" && to.Scheme == "http" {
		return nil, errors.New("the page redirects from https to http, which is not followed")
	}
	return to, nil
}

// read makes a page of the last response.
func (f *Fetcher) read(at *url.URL, response *http.Response) (Page, error) {
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return Page{}, refusal(response)
	}
	p := Page{
		URL: at.String(), Time: f.Now(),
		ETag: validator(response, "ETag"), LastModified: validator(response, "Last-Modified"),
	}
	data, cut, err := body(response)
	if err != nil {
		return Page{}, err
	}
	p.Bytes, p.Truncated = len(data), cut
	return p, p.convert(at, response.Header, data)
}

// refusal is what a status that is no success means.
func refusal(response *http.Response) error {
	code := response.StatusCode
	text := fmt.Sprintf("the page answered %d %s", code, http.StatusText(code))
	if after := response.Header.Get("Retry-After"); after != "" && len(after) < 40 && (code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable) {
		if s := seconds(after); s > 0 {
			text += fmt.Sprintf("; try again after %d seconds", s)
		}
	}
	return errors.New(strings.TrimSpace(text))
}

func validator(response *http.Response, name string) string {
	v := response.Header.Get(name)
	if len(v) > maxValidator || visible.Line(v, maxValidator) != v {
		return ""
	}
	return v
}
