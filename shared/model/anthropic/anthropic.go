// Package anthropic speaks Anthropic's Messages API
// (https://platform.claude.com/docs/en/api/messages), streaming only.
package anthropic

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
)

const (
	name    = "anthropic"
	baseURL = "https://api.anthropic.com"
	version = "2023-06-01" // the API version every request must name
)

// Options says how to reach the API. Headers are sent as they are, for a
// gateway in front of it; they may replace the key.
type Options struct {
	APIKey  string
	BaseURL string // "" is https://api.anthropic.com; /v1/messages is appended
	Headers map[string]string
	Do      model.Doer
}

// Provider implements model.Provider.
type Provider struct {
	url    string
	header http.Header
	do     model.Doer
}

// New returns a provider, or an error that wraps model.ErrConfig when there is
// neither a key nor a header that could stand for one.
func New(o Options) (*Provider, error) {
	if o.APIKey == "" && len(o.Headers) == 0 {
		return nil, fmt.Errorf("anthropic: ANTHROPIC_API_KEY is not set: %w", model.ErrConfig)
	}
	if o.BaseURL == "" {
		o.BaseURL = baseURL
	}
	h := http.Header{}
	h.Set("anthropic-version", version)
	if o.APIKey != "" {
		h.Set("x-api-key", o.APIKey)
	}
	for k, v := range o.Headers {
		h.Set(k, v)
	}
	return &Provider{strings.TrimRight(o.BaseURL, "/") + "/v1/messages", h, o.Do}, nil
}

// Stream implements model.Provider.
func (p *Provider) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	body, err := encode(r)
	if err != nil {
		return model.Reply{}, &model.Error{Provider: name, Reason: err.Error(), Err: err}
	}
	resp, err := wire.Send(ctx, name, p.do, p.url, p.header, body)
	if err != nil {
		return model.Reply{}, err
	}
	defer resp.Body.Close()
	return decode(ctx, resp.Body, p.header, onText)
}
