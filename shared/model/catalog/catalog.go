// Package catalog turns the configuration into models: which one answers,
// which ones stand by, and how each is reached.
//
// How a provider is reached:
//
//   - anthropic and openai go to ANTHROPIC_BASE_URL or OPENAI_BASE_URL when it
//     is set; else through Cloudflare's AI Gateway, to the provider's own API,
//     when CF_AI_GATEWAY_ACCOUNT_ID or CF_AI_GATEWAY_GATEWAY_ID is set (one
//     without the other is an error: nobody wants to bypass a gateway by a
//     slip); else to the provider directly.
//   - ollama goes to OPENAI_BASE_URL, and costs nothing.
//   - offline goes nowhere.
//   - cloudflare goes to Cloudflare's REST API with CLOUDFLARE_AI_GATEWAY_API_KEY,
//     which has to be a Cloudflare API token then, and no provider's key: the
//     rest of the name is the model, "cloudflare/openai/gpt-5.5" or
//     "cloudflare/@cf/...". CF_AI_GATEWAY_GATEWAY_ID names the gateway, and may
//     be left out for the account's default one.
//   - every other provider (workers-ai, groq, openrouter, google-ai-studio ...)
//     goes through AI Gateway's OpenAI-compatible endpoint, which takes
//     "provider/model" as the model.
//
// CLOUDFLARE_AI_GATEWAY_API_KEY is the token of an authenticated gateway and
// is sent as cf-aig-authorization, beside the provider's own key where there
// is one; with keys stored in the gateway, or its billing, it is enough alone.
// Moltworker's guide has people put the provider's own key there. Such a key
// shows by its first letters (sk-, gsk_) and is then used as what it is.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"instar/shared/model"
	"instar/shared/model/anthropic"
	"instar/shared/model/offline"
	"instar/shared/model/openai"
)

// Models that are used when MODEL does not name one.
const (
	DefaultAnthropic = "anthropic/claude-sonnet-5-5"
	DefaultOpenAI    = "openai/gpt-5.5"
	Offline          = "offline"
)

const gateway = "https://gateway.ai.cloudflare.com/v1/"

// Config is the part of the configuration that is about models. Each field is
// the variable named beside it.
type Config struct {
	AnthropicKey  string // ANTHROPIC_API_KEY
	AnthropicBase string // ANTHROPIC_BASE_URL, replaces https://api.anthropic.com
	OpenAIKey     string // OPENAI_API_KEY
	OpenAIBase    string // OPENAI_BASE_URL, replaces https://api.openai.com/v1

	GatewayKey     string // CLOUDFLARE_AI_GATEWAY_API_KEY
	GatewayAccount string // CF_AI_GATEWAY_ACCOUNT_ID
	GatewayID      string // CF_AI_GATEWAY_GATEWAY_ID
	GatewayModel   string // CF_AI_GATEWAY_MODEL

	Model     string   // MODEL
	Fallbacks []string // MODEL_FALLBACKS, separated by commas
}

// Read reads the variables with get, which returns "" for one that is not set.
func Read(get func(name string) string) Config {
	read := func(name string) string { return strings.TrimSpace(get(name)) }
	c := Config{
		AnthropicKey:   read("ANTHROPIC_API_KEY"),
		AnthropicBase:  read("ANTHROPIC_BASE_URL"),
		OpenAIKey:      read("OPENAI_API_KEY"),
		OpenAIBase:     read("OPENAI_BASE_URL"),
		GatewayKey:     read("CLOUDFLARE_AI_GATEWAY_API_KEY"),
		GatewayAccount: read("CF_AI_GATEWAY_ACCOUNT_ID"),
		GatewayID:      read("CF_AI_GATEWAY_GATEWAY_ID"),
		GatewayModel:   read("CF_AI_GATEWAY_MODEL"),
		Model:          read("MODEL"),
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
	case c.GatewayModel != "" && c.throughGateway():
		return c.GatewayModel
	case c.AnthropicKey != "":
		return DefaultAnthropic
	case c.OpenAIKey != "":
		return DefaultOpenAI
	case c.throughGateway() && strings.HasPrefix(c.GatewayKey, "sk-"):
		if c.fittingKey("anthropic") != "" {
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
		case openai.IsOwn(c.OpenAIBase):
			return unset("OPENAI_API_KEY", c.OpenAIKey)
		case c.OpenAIBase != "":
			return nil // another server may need no key
		}
		return c.missingKey(provider, "OPENAI_API_KEY", c.OpenAIKey)
	case provider == "ollama":
		return unset("OPENAI_BASE_URL", c.OpenAIBase)
	case provider == "cloudflare":
		token := c.GatewayKey
		if isProviderKey(token) {
			token = ""
		}
		return slices.Concat(unset("CF_AI_GATEWAY_ACCOUNT_ID", c.GatewayAccount), unset("CLOUDFLARE_AI_GATEWAY_API_KEY", token))
	}
	return slices.Concat(c.missingGateway(), unset("CLOUDFLARE_AI_GATEWAY_API_KEY", c.fittingKey(provider)))
}

// missingKey: the gateway's key may stand in for the provider's.
func (c Config) missingKey(provider, variable, key string) []string {
	if !c.throughGateway() {
		return unset(variable, key)
	}
	return slices.Concat(c.missingGateway(), unset(variable, key+c.fittingKey(provider)))
}

func (c Config) missingGateway() []string {
	return slices.Concat(
		unset("CF_AI_GATEWAY_ACCOUNT_ID", c.GatewayAccount),
		unset("CF_AI_GATEWAY_GATEWAY_ID", c.GatewayID))
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
	case name == c.GatewayModel:
		return "CF_AI_GATEWAY_MODEL"
	}
	return "MODEL_FALLBACKS"
}

func (c Config) throughGateway() bool { return c.GatewayAccount != "" || c.GatewayID != "" }

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
	case "cloudflare":
		return c.cloudflare(id, do)
	case "ollama":
		return openai.New(openai.Options{Name: provider, APIKey: c.OpenAIKey, BaseURL: c.OpenAIBase, Do: do})
	}
	return openai.New(c.compat(provider, do))
}

func unusable(provider string, missing []string) error {
	names := strings.Join(missing, " and ")
	switch provider {
	case "cloudflare":
		return model.ConfigError(fmt.Sprintf("cloudflare's REST API needs an account and a Cloudflare API token: set %s", names))
	case "anthropic", "openai", "ollama":
		return model.ConfigError(fmt.Sprintf("set %s to use %s", names, provider))
	}
	return model.ConfigError(fmt.Sprintf("%s is reached through Cloudflare's AI Gateway: set %s", provider, names))
}
