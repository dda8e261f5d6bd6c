// Package catalog turns the configuration into models: which one answers,
// which ones stand by, and how each is reached.
//
// How a provider is reached:
//
//   - anthropic and openai go to ANTHROPIC_BASE_URL or OPENAI_BASE_URL when it
//     is set; else through the gateway, to the provider's own API, when the
//     gateway's account or id is set (one without the other is an error: nobody
//     wants to bypass a gateway by a slip); else to the provider directly.
//   - ollama goes to OPENAI_BASE_URL, and costs nothing.
//   - offline goes nowhere.
//   - every other provider (groq, openrouter, google-ai-studio ...) goes through
//     the gateway, whose package says how and with which key.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"instar/shared/model"
	"instar/shared/model/anthropic"
	"instar/shared/model/cloudflare"
	"instar/shared/model/offline"
	"instar/shared/model/openai"
)

// Models that are used when MODEL does not name one.
const (
	DefaultAnthropic = "anthropic/claude-sonnet-5-5"
	DefaultOpenAI    = "openai/gpt-5.5"
	Offline          = "offline"
)

// Config is the part of the configuration that is about models. Each field is
// the variable named beside it.
type Config struct {
	AnthropicKey  string // ANTHROPIC_API_KEY
	AnthropicBase string // ANTHROPIC_BASE_URL, replaces https://api.anthropic.com
	OpenAIKey     string // OPENAI_API_KEY
	OpenAIBase    string // OPENAI_BASE_URL, replaces https://api.openai.com/v1

	Gateway cloudflare.Gateway

	Model     string   // MODEL
	Fallbacks []string // MODEL_FALLBACKS, separated by commas
}

// Read reads the variables with get, which returns "" for one that is not set.
func Read(get func(name string) string) Config {
	read := func(name string) string { return strings.TrimSpace(get(name)) }
	c := Config{
		AnthropicKey:  read("ANTHROPIC_API_KEY"),
		AnthropicBase: read("ANTHROPIC_BASE_URL"),
		OpenAIKey:     read("OPENAI_API_KEY"),
		OpenAIBase:    read("OPENAI_BASE_URL"),
		Gateway:       cloudflare.Read(read),
		Model:         read("MODEL"),
	}
	for name := range strings.SplitSeq(get("MODEL_FALLBACKS"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			c.Fallbacks = append(c.Fallbacks, name)
		}
	}
	return c
}

// Models returns the model in use and its fallbacks, in order, each once.
func (c Config) Models() []string {
	models := []string{c.primary()}
	for _, name := range c.Fallbacks {
		if !slices.Contains(models, name) {
			models = append(models, name)
		}
	}
	return models
}

func (c Config) primary() string {
	switch {
	case c.Model != "":
		return c.Model
	case c.Gateway.Model != "" && c.Gateway.On():
		return c.Gateway.Model
	case c.AnthropicKey != "":
		return DefaultAnthropic
	case c.OpenAIKey != "":
		return DefaultOpenAI
	case c.Gateway.On() && strings.HasPrefix(c.Gateway.Key, "sk-"):
		if c.Gateway.KeyFor("anthropic") != "" {
			return DefaultAnthropic
		}
		return DefaultOpenAI
	}
	return Offline
}

// Missing names the variables without which the chosen models cannot work,
// sorted, each once; none when all is well.
func (c Config) Missing() []string {
	var out []string
	for _, name := range c.Models() {
		out = append(out, c.missing(name)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// missing says what one model needs. MODEL stands for a name that is not
// "provider/model".
func (c Config) missing(name string) []string {
	provider, id := model.ParseName(name)
	switch {
	case provider == Offline:
		return nil
	case provider == "" || id == "":
		return []string{c.variableOf(name)}
	case provider == "anthropic":
		if c.AnthropicBase != "" {
			return unset("ANTHROPIC_API_KEY", c.AnthropicKey)
		}
		return c.missingKey(provider, "ANTHROPIC_API_KEY", c.AnthropicKey)
	case provider == "openai":
		switch {
		case openai.IsOwn(c.OpenAIBase), cloudflare.LeadsTo("openai", c.OpenAIBase):
			return unset("OPENAI_API_KEY", c.OpenAIKey)
		case c.OpenAIBase != "":
			return nil // another server may need no key
		}
		return c.missingKey(provider, "OPENAI_API_KEY", c.OpenAIKey)
	case provider == "ollama":
		return unset("OPENAI_BASE_URL", c.OpenAIBase)
	}
	return c.Gateway.MissingFor(provider)
}

// missingKey: the gateway's key may stand in for the provider's.
func (c Config) missingKey(provider, variable, key string) []string {
	if !c.Gateway.On() {
		return unset(variable, key)
	}
	return slices.Concat(c.Gateway.Missing(), unset(variable, key+c.Gateway.KeyFor(provider)))
}

func unset(variable, value string) []string {
	if value != "" {
		return nil
	}
	return []string{variable}
}

func (c Config) variableOf(name string) string {
	switch {
	case name == c.Model:
		return "MODEL"
	case name == c.Gateway.Model:
		return cloudflare.ModelVariable
	}
	return "MODEL_FALLBACKS"
}

// Router returns a router over Models. Calls go through do, which is given
// model.IdleTimeout; a model that is not fully configured fails when it is
// asked, with an error that wraps model.ErrConfig and names what to set.
func (c Config) Router(do model.Doer) *model.Router {
	do = model.WithIdle(do, 0)
	return &model.Router{
		Models: c.Models(),
		Open:   func(name string) (model.Provider, error) { return c.Open(name, do) },
	}
}

// Open returns the provider for "provider/model".
func (c Config) Open(name string, do model.Doer) (model.Provider, error) {
	provider, id := model.ParseName(name)
	if provider == Offline {
		return offline.New(), nil
	}
	if provider == "" || id == "" {
		return nil, model.ConfigError(fmt.Sprintf("%s is not of the form provider/model, like %s", c.variableOf(name), DefaultAnthropic))
	}
	if missing := c.missing(name); len(missing) > 0 {
		return nil, unusable(provider, missing)
	}
	switch provider {
	case "anthropic":
		return anthropic.New(c.anthropic(do))
	case "openai":
		return openai.New(c.openai(do))
	case "ollama":
		return openai.New(openai.Options{Name: provider, APIKey: c.OpenAIKey, BaseURL: c.OpenAIBase, Do: do})
	}
	route := c.Gateway.Route(provider, id)
	if route.Messages {
		return anthropic.New(anthropic.Options{APIKey: route.Key, BaseURL: route.Base, Headers: route.Headers, Do: do})
	}
	return openai.New(openai.Options{Name: provider, APIKey: route.Key, BaseURL: route.Base, ModelPrefix: route.Prefix, Headers: route.Headers, Do: do})
}

func (c Config) anthropic(do model.Doer) anthropic.Options {
	o := anthropic.Options{APIKey: c.AnthropicKey, BaseURL: c.AnthropicBase, Do: do}
	if o.BaseURL == "" && c.Gateway.On() {
		route := c.Gateway.Own("anthropic", c.AnthropicKey)
		o.APIKey, o.BaseURL, o.Headers = route.Key, route.Base, route.Headers
	}
	return o
}

func (c Config) openai(do model.Doer) openai.Options {
	o := openai.Options{Name: "openai", APIKey: c.OpenAIKey, BaseURL: c.OpenAIBase, Do: do}
	if o.BaseURL == "" && c.Gateway.On() {
		route := c.Gateway.Own("openai", c.OpenAIKey)
		o.APIKey, o.BaseURL, o.Headers = route.Key, route.Base, route.Headers
	}
	o.Own = cloudflare.LeadsTo("openai", o.BaseURL)
	return o
}

func unusable(provider string, missing []string) error {
	names := strings.Join(missing, " and ")
	switch provider {
	case "anthropic", "openai", "ollama":
		return model.ConfigError(fmt.Sprintf("set %s to use %s", names, provider))
	}
	return model.ConfigError(cloudflare.Needs(provider) + ": set " + names)
}
