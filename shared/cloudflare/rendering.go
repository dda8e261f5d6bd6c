// Package cloudflare calls Cloudflare's own services over their REST APIs, from
// whatever platform.
package cloudflare

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

	"instar/shared/tool"
)

// Doer sends one HTTP request, like *http.Client.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Bounds of an answer in bytes, and of one call in time.
const (
	maxText  = 2 << 20
	maxFile  = tool.MaxGiven
	longest  = 60 * time.Second
	pageWait = 30_000 // ms that a page may take to load
)

// Base is the API's address.
const Base = "https://api.cloudflare.com/client/v4"

// Rendering is Browser Rendering: a page as a browser shows it, with no browser of
// one's own and nothing kept between calls
// (developers.cloudflare.com/browser-rendering/rest-api/). The token needs the
// permission "Browser Rendering - Edit". Errors are for the model, and hold
// neither the token nor the address.
type Rendering struct {
	Account, Token string
	Base           string // "" is Base
	Do             Doer
}

var _ tool.Renderer = (*Rendering)(nil)

type request struct {
	URL      string    `json:"url"`
	Goto     gotoPage  `json:"gotoOptions"`
	Viewport *viewport `json:"viewport,omitempty"`
	Shot     *shot     `json:"screenshotOptions,omitempty"`
	PDF      *printed  `json:"pdfOptions,omitempty"`
}

type gotoPage struct {
	WaitUntil string `json:"waitUntil"`
	Timeout   int    `json:"timeout"` // ms
}

type viewport struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

type shot struct {
	FullPage bool `json:"fullPage"`
}

type printed struct {
	PrintBackground bool `json:"printBackground"`
}

// Read implements tool.Renderer with /markdown.
func (r *Rendering) Read(ctx context.Context, address string) (string, error) {
	data, _, err := r.call(ctx, "markdown", request{URL: address}, maxText)
	if err != nil {
		return "", err
	}
	var answer struct {
		Success bool   `json:"success"`
		Result  string `json:"result"`
	}
	if json.Unmarshal(data, &answer) != nil || !answer.Success {
		return "", errors.New("the page could not be read")
	}
	return answer.Result, nil
}

// Screenshot implements tool.Renderer with /screenshot: a PNG of a window of 1280
// by 800, or of the whole page.
func (r *Rendering) Screenshot(ctx context.Context, address string, full bool) ([]byte, error) {
	return r.file(ctx, "screenshot", request{URL: address, Viewport: &viewport{1280, 800}, Shot: &shot{full}}, "image/")
}

// PDF implements tool.Renderer with /pdf.
func (r *Rendering) PDF(ctx context.Context, address string) ([]byte, error) {
	return r.file(ctx, "pdf", request{URL: address, PDF: &printed{true}}, "application/pdf")
}

func (r *Rendering) file(ctx context.Context, what string, in request, mediaType string) ([]byte, error) {
	data, is, err := r.call(ctx, what, in, maxFile)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(is, mediaType) || len(data) == 0 {
		return nil, fmt.Errorf("no %s of the page came back", what)
	}
	return data, nil
}

func (r *Rendering) call(ctx context.Context, what string, in request, most int64) (data []byte, mediaType string, err error) {
	in.Goto = gotoPage{WaitUntil: "networkidle2", Timeout: pageWait}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	base := strings.TrimRight(r.Base, "/")
	if base == "" {
		base = Base
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/accounts/"+url.PathEscape(r.Account)+"/browser-rendering/"+what, bytes.NewReader(body))
	if err != nil {
		return nil, "", errors.New("the browser's service could not be called: its address is wrong")
	}
	q.Header.Set("Authorization", "Bearer "+r.Token)
	q.Header.Set("Content-Type", "application/json")
	response, err := r.Do.Do(q)
	if err != nil {
		return nil, "", errors.New("the browser's service could not be reached; try again")
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return nil, "", refusal(response)
	}
	data, err = io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, "", errors.New("the browser's service broke off; try again")
	case int64(len(data)) > most:
		return nil, "", fmt.Errorf("the %s is larger than %d MB", what, most>>20)
	}
	return data, response.Header.Get("Content-Type"), nil
}

// refusal says what to do about an answer that is none. The service's own words
// may quote the page, so only its status counts.
func refusal(response *http.Response) error {
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return errors.New("the token of Browser Rendering is refused: the owner has to set CF_BROWSER_ACCOUNT_ID, and CF_BROWSER_TOKEN with the permission Browser Rendering - Edit")
	case http.StatusTooManyRequests:
		if wait := response.Header.Get("Retry-After"); wait != "" && len(wait) < 10 {
			return fmt.Errorf("too many calls of Browser Rendering; try again in %s s", wait)
		}
		return errors.New("too many calls of Browser Rendering; try again later")
	}
	return fmt.Errorf("the page could not be shown (status %d)", response.StatusCode)
}
