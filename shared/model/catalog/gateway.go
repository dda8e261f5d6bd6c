package catalog

import (
	"net/url"
	"strings"

	"instar/shared/model"
	"instar/shared/model/anthropic"
	"instar/shared/model/openai"
)

// gatewayBase is AI Gateway's address of a provider's own API, or of "compat"
// (https://developers.cloudflare.com/ai-gateway/usage/providers/ and
// .../usage/chat-completion/).
func (c Config) gatewayBase(path string) string {
	return gateway + url.PathEscape(c.GatewayAccount) + "/" + url.PathEscape(c.GatewayID) + "/" + path
}

// gatewayHeaders authenticates to the gateway itself.
func (c Config) gatewayHeaders() map[string]string {
	if c.GatewayKey == "" || isProviderKey(c.GatewayKey) {
		return nil
	}
	return map[string]string{"cf-aig-authorization": "Bearer " + c.GatewayKey}
}

// isProviderKey tells a provider's key by how it begins. Cloudflare's tokens
// begin with none of these.
func isProviderKey(key string) bool {
	return strings.HasPrefix(key, "sk-") || strings.HasPrefix(key, "gsk_")
}

// fittingKey returns the gateway's key if it can serve for provider: a token
// serves for all, a provider's own key for that provider.
func (c Config) fittingKey(provider string) string {
	fits := true
	switch key := c.GatewayKey; {
	case strings.HasPrefix(key, "sk-ant-"):
		fits = provider == "anthropic"
	case strings.HasPrefix(key, "sk-or-"):
		fits = provider == "openrouter"
	case strings.HasPrefix(key, "gsk_"):
		fits = provider == "groq"
	case strings.HasPrefix(key, "sk-"): // OpenAI's, DeepSeek's and others'
		fits = provider != "anthropic" && provider != "openrouter" && provider != "groq"
	}
	if !fits {
		return ""
	}
	return c.GatewayKey
}

// ownKey prefers the provider's own variable to a provider's key that was put
// into the gateway's.
func (c Config) ownKey(provider, key string) string {
	if fitting := c.fittingKey(provider); key == "" && isProviderKey(fitting) {
		return fitting
	}
	return key
}

func (c Config) anthropic(do model.Doer) anthropic.Options {
	o := anthropic.Options{APIKey: c.AnthropicKey, BaseURL: c.AnthropicBase, Do: do}
	if o.BaseURL == "" && c.throughGateway() {
		o.APIKey = c.ownKey("anthropic", c.AnthropicKey)
		o.BaseURL = c.gatewayBase("anthropic")
		o.Headers = c.gatewayHeaders()
	}
	return o
}

func (c Config) openai(do model.Doer) openai.Options {
	o := openai.Options{Name: "openai", APIKey: c.OpenAIKey, BaseURL: c.OpenAIBase, Do: do}
	if o.BaseURL == "" && c.throughGateway() {
		o.APIKey = c.ownKey("openai", c.OpenAIKey)
		o.BaseURL = c.gatewayBase("openai")
		o.Headers = c.gatewayHeaders()
	}
	return o
}

// compat reaches any other provider. Workers AI wants the Cloudflare token as
// its provider key too.
func (c Config) compat(provider string, do model.Doer) openai.Options {
	o := openai.Options{
		Name:        provider,
		APIKey:      c.ownKey(provider, ""),
		BaseURL:     c.gatewayBase("compat"),
		ModelPrefix: provider + "/",
		Headers:     c.gatewayHeaders(),
		Do:          do,
	}
	if provider == "workers-ai" {
		o.APIKey = c.GatewayKey
	}
	return o
}

// cloudflare reaches "cloudflare/provider/model" through Cloudflare's own REST
// API, which needs no key but a Cloudflare API token and bills to that account
// (https://developers.cloudflare.com/ai-gateway/usage/rest-api/). id is
// "anthropic/claude-...", "openai/gpt-...", "@cf/...": anthropic's models are
// asked by the Messages API, the others by chat completions.
func (c Config) cloudflare(id string, do model.Doer) (model.Provider, error) {
	base := "https://api.cloudflare.com/client/v4/accounts/" + url.PathEscape(c.GatewayAccount) + "/ai"
	headers := map[string]string{}
	if c.GatewayID != "" { // else the account's default gateway
		headers["cf-aig-gateway-id"] = c.GatewayID
	}
	if strings.HasPrefix(id, "anthropic/") {
		headers["authorization"] = "Bearer " + c.GatewayKey
		return anthropic.New(anthropic.Options{BaseURL: base, Headers: headers, Do: do})
	}
	return openai.New(openai.Options{Name: "cloudflare", APIKey: c.GatewayKey, BaseURL: base + "/v1", Headers: headers, Do: do})
}
