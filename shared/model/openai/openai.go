// Package openai speaks OpenAI's Chat Completions API, streaming only, to
// OpenAI and to the many servers that speak it too: Groq, OpenRouter, Ollama,
// gateways to several of them.
package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
)

const baseURL = "https://api.openai.com/v1"

// Options says how to reach a server.
type Options struct {
	Name    string // of the provider, in errors; "" is "openai"
	APIKey  string // sent as Authorization: Bearer; may be empty elsewhere than at OpenAI
	BaseURL string // "" is https://api.openai.com/v1; /chat/completions is appended
	// Own says that BaseURL leads to OpenAI's own servers though IsOwn does not
	// know it: a gateway's.
	Own bool
	// ModelPrefix is put before every model name: "groq/" for a gateway that
	// leads to many providers.
	ModelPrefix string
	Headers     map[string]string // sent as they are; they may replace the key
	Do          model.Doer
}

// Provider implements model.Provider.
type Provider struct {
	name   string
	url    string
	prefix string
	own    bool // OpenAI's own servers, directly or through a gateway
	header http.Header
	do     model.Doer
}

// New returns a provider, or an error that wraps model.ErrConfig when OpenAI's
// own servers would be called without a key.
func New(o Options) (*Provider, error) {
	if o.Name == "" {
		o.Name = "openai"
	}
	if o.BaseURL == "" {
		o.BaseURL = baseURL
	}
	base := strings.TrimRight(o.BaseURL, "/")
	own := o.Own || IsOwn(base)
	p := &Provider{
		name:   o.Name,
		url:    base + "/chat/completions",
		prefix: o.ModelPrefix,
		own:    own || o.ModelPrefix == "openai/",
		header: http.Header{},
		do:     o.Do,
	}
	if own && o.APIKey == "" && len(o.Headers) == 0 {
		return nil, fmt.Errorf("%s: OPENAI_API_KEY is not set: %w", o.Name, model.ErrConfig)
	}
	if o.APIKey != "" {
		p.header.Set("Authorization", "Bearer "+o.APIKey)
	}
	for k, v := range o.Headers {
		p.header.Set(k, v)
	}
	return p, nil
}

// IsOwn recognises OpenAI's own servers, which want a key: api.openai.com, with
// its regional hosts, such as eu.api.openai.com.
func IsOwn(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "api.openai.com" || strings.HasSuffix(host, ".api.openai.com")
}

// Stream implements model.Provider. When the server reports no usage it is
// estimated, high rather than low, at one token per 3 bytes of text sent and
// received, so that a budget still binds.
func (p *Provider) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	effort := ""
	if len(r.Tools) > 0 && toolsNeedNoReasoning(p.prefix+r.Model) {
		effort = noReasoning
	}
	resp, err := p.send(ctx, r, effort)
	// A model that is not known here may have the same need; it says so.
	if effort == "" && len(r.Tools) > 0 && wantsNoReasoning(err) {
		resp, err = p.send(ctx, r, noReasoning)
	}
	if err != nil {
		return model.Reply{}, err
	}
	defer resp.Body.Close()
	return p.decode(ctx, resp.Body, textBytes(r)/3, onText)
}

func (p *Provider) send(ctx context.Context, r model.Request, effort string) (*http.Response, error) {
	body, err := p.encode(r, effort)
	if err != nil {
		return nil, &model.Error{Provider: p.name, Reason: err.Error(), Err: err}
	}
	return wire.Send(ctx, p.name, p.do, p.url, p.header, body)
}

func wantsNoReasoning(err error) bool {
	var e *model.Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest && strings.Contains(e.Reason, "reasoning_effort")
}

// textBytes is the size of what is sent, without pictures.
func textBytes(r model.Request) int {
	n := len(r.System) + len(r.Context)
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	for _, m := range r.Messages {
		n += len(m.Text)
		for _, c := range m.Calls {
			n += len(c.Name) + len(c.Input)
		}
		for _, res := range m.Results {
			n += len(res.Text)
		}
	}
	return n
}
