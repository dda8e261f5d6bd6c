// Package cloudflare knows how models are reached through Cloudflare, and what
// its own cost. It sends nothing itself.
//
// CLOUDFLARE_AI_GATEWAY_API_KEY is the token of an authenticated AI Gateway and
// is sent as cf-aig-authorization, beside the provider's own key where there
// is one; with keys stored in the gateway, or its billing, it is enough alone.
// Moltworker's guide has people put the provider's own key there. Such a key
// shows by its first letters (sk-, gsk_) and is then used as what it is.
//
// The provider "cloudflare" is Cloudflare's REST API, for which the same variable
// has to be a Cloudflare API token and no provider's key: the rest of the name is
// the model, "cloudflare/openai/gpt-5.5" or "cloudflare/@cf/...".
// CF_AI_GATEWAY_GATEWAY_ID names the gateway, and may be left out for the
// account's default one.
package cloudflare

import (
	"net/url"
	"slices"
	"strings"
)

// Providers of models: the REST API, and Workers AI behind AI Gateway.
const (
	Provider  = "cloudflare"
	WorkersAI = "workers-ai"
)

// The variables.
const (
	KeyVariable     = "CLOUDFLARE_AI_GATEWAY_API_KEY"
	AccountVariable = "CF_AI_GATEWAY_ACCOUNT_ID"
	IDVariable      = "CF_AI_GATEWAY_GATEWAY_ID"
	ModelVariable   = "CF_AI_GATEWAY_MODEL"
)

const (
	gatewayHost = "gateway.ai.cloudflare.com"
	restBase    = "https://api.cloudflare.com/client/v4/accounts/"
)

// Gateway is what is configured of AI Gateway. Each field is the value of the
// variable named beside it.
type Gateway struct {
	Key     string // KeyVariable
	Account string // AccountVariable
	ID      string // IDVariable
	Model   string // ModelVariable
}

// Read reads the variables with get, which returns "" for one that is not set.
func Read(get func(name string) string) Gateway {
	return Gateway{Key: get(KeyVariable), Account: get(AccountVariable), ID: get(IDVariable), Model: get(ModelVariable)}
}

// On reports whether a gateway is set up, or begun to be.
func (g Gateway) On() bool { return g.Account != "" || g.ID != "" }

// Route is how to send a request for a model.
type Route struct {
	Base     string
	Key      string            // "" where the headers are enough
	Headers  map[string]string // sent as they are
	Prefix   string            // of the model's name
	Messages bool              // by Anthropic's Messages API, else by chat completions
}

// Own is the route to a provider's own API through the gateway. key is what the
// provider's variable holds, and is preferred to a provider's key that was put
// into the gateway's
// (https://developers.cloudflare.com/ai-gateway/usage/providers/).
func (g Gateway) Own(provider, key string) Route {
	if fitting := g.KeyFor(provider); key == "" && isProviderKey(fitting) {
		key = fitting
	}
	return Route{Base: g.base(provider), Key: key, Headers: g.headers()}
}

// Route is the route to a model of any other provider: by AI Gateway's
// OpenAI-compatible endpoint, which takes "provider/model" as the model
// (https://developers.cloudflare.com/ai-gateway/usage/chat-completion/), and to
// Provider's by the REST API. Workers AI wants the Cloudflare token as its
// provider key too.
func (g Gateway) Route(provider, id string) Route {
	if provider == Provider {
		return g.rest(id)
	}
	route := g.Own(provider, "")
	route.Base, route.Prefix = g.base("compat"), provider+"/"
	if provider == WorkersAI {
		route.Key = g.Key
	}
	return route
}

// rest reaches "cloudflare/provider/model" through Cloudflare's own REST API,
// which needs no key but a Cloudflare API token and bills to that account
// (https://developers.cloudflare.com/ai-gateway/usage/rest-api/). id is
// "anthropic/claude-...", "openai/gpt-...", "@cf/...": anthropic's models are
// asked by the Messages API, the others by chat completions.
func (g Gateway) rest(id string) Route {
	base := restBase + url.PathEscape(g.Account) + "/ai"
	headers := map[string]string{}
	if g.ID != "" { // else the account's default gateway
		headers["cf-aig-gateway-id"] = g.ID
	}
	if strings.HasPrefix(id, "anthropic/") {
		headers["authorization"] = "Bearer " + g.Key
		return Route{Base: base, Headers: headers, Messages: true}
	}
	return Route{Base: base + "/v1", Key: g.Key, Headers: headers}
}

// base is AI Gateway's address of a provider's own API, or of "compat".
func (g Gateway) base(path string) string {
	return "https://" + gatewayHost + "/v1/" + url.PathEscape(g.Account) + "/" + url.PathEscape(g.ID) + "/" + path
}

// headers authenticates to the gateway itself.
func (g Gateway) headers() map[string]string {
	if g.Key == "" || isProviderKey(g.Key) {
		return nil
	}
	return map[string]string{"cf-aig-authorization": "Bearer " + g.Key}
}

// LeadsTo reports whether base is AI Gateway's address of a provider's own API.
func LeadsTo(provider, base string) bool {
	u, err := url.Parse(base)
	return err == nil && u.Hostname() == gatewayHost && strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/"+provider)
}

// isProviderKey tells a provider's key by how it begins. Cloudflare's tokens
// begin with none of these.
func isProviderKey(key string) bool {
	return strings.HasPrefix(key, "sk-") || strings.HasPrefix(key, "gsk_")
}

// KeyFor returns the gateway's key if it can serve for provider: a token serves
// for all, a provider's own key for that provider.
func (g Gateway) KeyFor(provider string) string {
	fits := true
	switch key := g.Key; {
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
	return g.Key
}

// Missing names the variables that the gateway itself still needs.
func (g Gateway) Missing() []string {
	return slices.Concat(unset(AccountVariable, g.Account), unset(IDVariable, g.ID))
}

// MissingFor names the variables that Route needs for a provider.
func (g Gateway) MissingFor(provider string) []string {
	if provider != Provider {
		return slices.Concat(g.Missing(), unset(KeyVariable, g.KeyFor(provider)))
	}
	token := g.Key
	if isProviderKey(token) {
		token = ""
	}
	return slices.Concat(unset(AccountVariable, g.Account), unset(KeyVariable, token))
}

// Needs says, for people, why Route needs those variables.
func Needs(provider string) string {
	if provider == Provider {
		return "cloudflare's REST API needs an account and a Cloudflare API token"
	}
	return provider + " is reached through Cloudflare's AI Gateway"
}

func unset(variable, value string) []string {
	if value != "" {
		return nil
	}
	return []string{variable}
}
