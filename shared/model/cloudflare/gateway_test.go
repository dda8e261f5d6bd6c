package cloudflare_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"instar/shared/model"
	"instar/shared/model/catalog"
)

// These are the catalog's tests with a gateway.

// read reads variables written as "A=1 B=2".
func read(variables string) catalog.Config {
	return catalog.Read(func(name string) string {
		for _, v := range strings.Fields(variables) {
			if k, value, _ := strings.Cut(v, "="); k == name {
				return value
			}
		}
		return ""
	})
}

const gatewayIDs = "CF_AI_GATEWAY_ACCOUNT_ID=acc CF_AI_GATEWAY_GATEWAY_ID=gw "

func TestTheModelsAreChosenWithAGateway(t *testing.T) {
	for _, c := range []struct{ variables, want string }{
		{gatewayIDs + "CF_AI_GATEWAY_MODEL=workers-ai/@cf/x/y ANTHROPIC_API_KEY=k", "workers-ai/@cf/x/y"},
		{gatewayIDs + "CF_AI_GATEWAY_MODEL=workers-ai/@cf/x/y MODEL=offline", "offline"},
		{"CF_AI_GATEWAY_MODEL=workers-ai/@cf/x/y OPENAI_API_KEY=k", "openai/gpt-5.5"},
		{gatewayIDs + "ANTHROPIC_API_KEY=k", catalog.DefaultAnthropic},
		{gatewayIDs + "CLOUDFLARE_AI_GATEWAY_API_KEY=sk-ant-1", catalog.DefaultAnthropic},
		{gatewayIDs + "CLOUDFLARE_AI_GATEWAY_API_KEY=sk-proj-1", "openai/gpt-5.5"},
		{gatewayIDs + "CLOUDFLARE_AI_GATEWAY_API_KEY=token", "offline"},
	} {
		if got := strings.Join(read(c.variables).Models(), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.variables, got, c.want)
		}
	}
}

func TestMissingVariablesOfTheGatewayAreNamed(t *testing.T) {
	for _, c := range []struct{ variables, want string }{
		{"MODEL=groq/l", "CF_AI_GATEWAY_ACCOUNT_ID CF_AI_GATEWAY_GATEWAY_ID CLOUDFLARE_AI_GATEWAY_API_KEY"},
		{gatewayIDs + "MODEL=groq/l", "CLOUDFLARE_AI_GATEWAY_API_KEY"},
		{gatewayIDs + "MODEL=groq/l CLOUDFLARE_AI_GATEWAY_API_KEY=token", ""},
		{gatewayIDs + "MODEL=groq/l CLOUDFLARE_AI_GATEWAY_API_KEY=gsk_1", ""},
		{gatewayIDs + "MODEL=groq/l CLOUDFLARE_AI_GATEWAY_API_KEY=sk-ant-1", "CLOUDFLARE_AI_GATEWAY_API_KEY"},
		{gatewayIDs + "MODEL=anthropic/c", "ANTHROPIC_API_KEY"},
		{gatewayIDs + "MODEL=anthropic/c CLOUDFLARE_AI_GATEWAY_API_KEY=token", ""},
		{gatewayIDs + "MODEL=openai/g CLOUDFLARE_AI_GATEWAY_API_KEY=sk-ant-1", "OPENAI_API_KEY"},
		{"CF_AI_GATEWAY_ACCOUNT_ID=acc ANTHROPIC_API_KEY=k", "CF_AI_GATEWAY_GATEWAY_ID"},
		{"MODEL=cloudflare/openai/g", "CF_AI_GATEWAY_ACCOUNT_ID CLOUDFLARE_AI_GATEWAY_API_KEY"},
		{"MODEL=cloudflare/openai/g CF_AI_GATEWAY_ACCOUNT_ID=acc CLOUDFLARE_AI_GATEWAY_API_KEY=sk-1", "CLOUDFLARE_AI_GATEWAY_API_KEY"},
		{"MODEL=cloudflare/openai/g CF_AI_GATEWAY_ACCOUNT_ID=acc CLOUDFLARE_AI_GATEWAY_API_KEY=token", ""},
		{gatewayIDs + "CF_AI_GATEWAY_MODEL=llama", "CF_AI_GATEWAY_MODEL"},
		{"MODEL=openai/g OPENAI_BASE_URL=https://gateway.ai.cloudflare.com/v1/a/g/openai", "OPENAI_API_KEY"},
		{"MODEL=openai/g OPENAI_BASE_URL=https://gateway.ai.cloudflare.com/v1/a/g/openai/", "OPENAI_API_KEY"},
		{"MODEL=openai/g OPENAI_BASE_URL=https://gateway.ai.cloudflare.com/v1/a/g/openai OPENAI_API_KEY=k", ""},
		{"MODEL=openai/g OPENAI_BASE_URL=https://gateway.ai.cloudflare.com/v1/a/g/compat", ""},
		{"MODEL=openai/g OPENAI_BASE_URL=https://gateway.ai.cloudflare.com.evil.example/v1/a/g/openai", ""},
	} {
		config := read(c.variables)
		if got := strings.Join(config.Missing(), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.variables, got, c.want)
		}
		_, err := config.Open(config.Models()[0], nil)
		if config.Fallbacks == nil && (err != nil) != (c.want != "") {
			t.Errorf("%s: opening gives %v", c.variables, err)
		}
		if err != nil && !errors.Is(err, model.ErrConfig) {
			t.Errorf("%s: %v is not a configuration error", c.variables, err)
		}
		for _, name := range strings.Fields(c.want) {
			if config.Fallbacks == nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %q does not name %s", c.variables, err, name)
			}
		}
	}
}

// recorder keeps the request and refuses it.
type recorder struct {
	req  *http.Request
	body string
}

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	b, _ := io.ReadAll(req.Body)
	r.req, r.body = req, string(b)
	return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func TestProvidersAreReachedThroughTheGateway(t *testing.T) {
	const gw = "https://gateway.ai.cloudflare.com/v1/acc/gw/"
	const rest = "https://api.cloudflare.com/client/v4/accounts/acc/ai/"
	const token = "CLOUDFLARE_AI_GATEWAY_API_KEY=token "
	for _, c := range []struct {
		variables, url, model   string
		key, bearer, gatewayKey string
	}{
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=http://x " + gatewayIDs + token, "http://x/v1/messages", "c", "k", "", ""},
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k " + gatewayIDs + token, gw + "anthropic/v1/messages", "c", "k", "", "Bearer token"},
		{"MODEL=anthropic/c " + gatewayIDs + token, gw + "anthropic/v1/messages", "c", "", "", "Bearer token"},
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k " + gatewayIDs, gw + "anthropic/v1/messages", "c", "k", "", ""},
		{"MODEL=anthropic/c CLOUDFLARE_AI_GATEWAY_API_KEY=sk-ant-1 " + gatewayIDs, gw + "anthropic/v1/messages", "c", "sk-ant-1", "", ""},
		{"MODEL=openai/g OPENAI_API_KEY=k " + gatewayIDs + token, gw + "openai/chat/completions", "g", "", "Bearer k", "Bearer token"},
		{"MODEL=openai/g OPENAI_BASE_URL=http://x/v1 " + gatewayIDs + token, "http://x/v1/chat/completions", "g", "", "", ""},
		{"MODEL=workers-ai/@cf/m/l " + gatewayIDs + token, gw + "compat/chat/completions", "workers-ai/@cf/m/l", "", "Bearer token", "Bearer token"},
		{"MODEL=openrouter/meta/l " + gatewayIDs + token, gw + "compat/chat/completions", "openrouter/meta/l", "", "", "Bearer token"},
		{"MODEL=groq/l CLOUDFLARE_AI_GATEWAY_API_KEY=gsk_1 " + gatewayIDs, gw + "compat/chat/completions", "groq/l", "", "Bearer gsk_1", ""},
		{"MODEL=cloudflare/openai/gpt-5.5 CF_AI_GATEWAY_ACCOUNT_ID=acc " + token, rest + "v1/chat/completions", "openai/gpt-5.5", "", "Bearer token", ""},
		{"MODEL=cloudflare/@cf/m/l " + gatewayIDs + token, rest + "v1/chat/completions", "@cf/m/l", "", "Bearer token", ""},
		{"MODEL=cloudflare/anthropic/c " + gatewayIDs + token, rest + "v1/messages", "anthropic/c", "", "Bearer token", ""},
	} {
		r := &recorder{}
		_, err := read(c.variables).Router(r).Stream(context.Background(), model.Request{}, model.Sink{})
		if r.req == nil {
			t.Errorf("%s: %v", c.variables, err)
			continue
		}
		h := r.req.Header
		if u := r.req.URL.String(); u != c.url || gjson.Get(r.body, "model").Str != c.model {
			t.Errorf("%s: %s with model %s", c.variables, u, gjson.Get(r.body, "model"))
		}
		if h.Get("X-Api-Key") != c.key || h.Get("Authorization") != c.bearer || h.Get("Cf-Aig-Authorization") != c.gatewayKey {
			t.Errorf("%s: headers %v", c.variables, h)
		}
		named := strings.HasPrefix(c.url, rest) && strings.Contains(c.variables, "GATEWAY_ID=gw")
		if id := h.Get("Cf-Aig-Gateway-Id"); named != (id == "gw") {
			t.Errorf("%s: gateway id %q", c.variables, id)
		}
	}
}

// OpenAI's own servers know max_completion_tokens only; most others do not.
func TestTheGatewaysWayToOpenAIIsItsOwnServers(t *testing.T) {
	for variables, want := range map[string]string{
		gatewayIDs + "OPENAI_API_KEY=k": "max_completion_tokens",
		"OPENAI_API_KEY=k OPENAI_BASE_URL=https://gateway.ai.cloudflare.com/v1/a/g/openai": "max_completion_tokens",
		"OPENAI_API_KEY=k OPENAI_BASE_URL=https://gateway.ai.cloudflare.com/v1/a/g/compat": "max_tokens",
	} {
		r := &recorder{}
		_, err := read(variables+" MODEL=openai/gpt-4o").Router(r).Stream(context.Background(), model.Request{MaxTokens: 7}, model.Sink{})
		if gjson.Get(r.body, want).Int() != 7 || strings.Count(r.body, `_tokens":7`) != 1 {
			t.Errorf("%s: %s, %v", variables, r.body, err)
		}
	}
}

func TestAModelThatNeedsTheGatewaySaysSo(t *testing.T) {
	for name, want := range map[string]string{
		"groq/l":              "groq is reached through Cloudflare's AI Gateway: set CF_AI_GATEWAY_ACCOUNT_ID and CF_AI_GATEWAY_GATEWAY_ID and CLOUDFLARE_AI_GATEWAY_API_KEY",
		"cloudflare/openai/g": "cloudflare's REST API needs an account and a Cloudflare API token: set CF_AI_GATEWAY_ACCOUNT_ID and CLOUDFLARE_AI_GATEWAY_API_KEY",
	} {
		if _, err := read("MODEL="+name).Open(name, nil); err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
