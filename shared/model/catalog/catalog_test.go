package catalog

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"instar/shared/model"
)

// read reads variables written as "A=1 B=2".
func read(variables string) Config {
	return Read(func(name string) string {
		for _, v := range strings.Fields(variables) {
			if k, value, _ := strings.Cut(v, "="); k == name {
				return value
			}
		}
		return ""
	})
}

const gatewayIDs = "CF_AI_GATEWAY_ACCOUNT_ID=acc CF_AI_GATEWAY_GATEWAY_ID=gw "

func TestTheModelsAreChosen(t *testing.T) {
	for _, c := range []struct{ variables, want string }{
		{"", "offline"},
		{"ANTHROPIC_API_KEY=k", DefaultAnthropic},
		{"OPENAI_API_KEY=k", "openai/gpt-5.5"},
		{"ANTHROPIC_API_KEY=k OPENAI_API_KEY=k", DefaultAnthropic},
		{"ANTHROPIC_API_KEY=k MODEL=openai/gpt-5-mini", "openai/gpt-5-mini"},
		{"ANTHROPIC_API_KEY=k MODEL=offline", "offline"},
		{gatewayIDs + "CF_AI_GATEWAY_MODEL=workers-ai/@cf/x/y ANTHROPIC_API_KEY=k", "workers-ai/@cf/x/y"},
		{gatewayIDs + "CF_AI_GATEWAY_MODEL=workers-ai/@cf/x/y MODEL=offline", "offline"},
		{"CF_AI_GATEWAY_MODEL=workers-ai/@cf/x/y OPENAI_API_KEY=k", "openai/gpt-5.5"},
		{gatewayIDs + "ANTHROPIC_API_KEY=k", DefaultAnthropic},
		{gatewayIDs + "CLOUDFLARE_AI_GATEWAY_API_KEY=sk-ant-1", DefaultAnthropic},
		{gatewayIDs + "CLOUDFLARE_AI_GATEWAY_API_KEY=sk-proj-1", "openai/gpt-5.5"},
		{gatewayIDs + "CLOUDFLARE_AI_GATEWAY_API_KEY=token", "offline"},
		{"MODEL=a/b MODEL_FALLBACKS=c/d,a/b,,offline,c/d", "a/b c/d offline"},
	} {
		if got := strings.Join(read(c.variables).Models(), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.variables, got, c.want)
		}
	}
}

func TestMissingVariablesAreNamed(t *testing.T) {
	for _, c := range []struct{ variables, want string }{
		{"", ""},
		{"MODEL=offline", ""},
		{"MODEL=anthropic/c", "ANTHROPIC_API_KEY"},
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k", ""},
		{"MODEL=anthropic/c ANTHROPIC_BASE_URL=http://x", "ANTHROPIC_API_KEY"},
		{"MODEL=openai/g", "OPENAI_API_KEY"},
		{"MODEL=openai/g OPENAI_BASE_URL=http://localhost/v1", ""},
		{"MODEL=openai/g OPENAI_BASE_URL=https://api.openai.com/v1", "OPENAI_API_KEY"},
		{"MODEL=ollama/l", "OPENAI_BASE_URL"},
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
		{"MODEL=claude", "MODEL"},
		{"MODEL=offline MODEL_FALLBACKS=gpt,openai/g", "MODEL_FALLBACKS OPENAI_API_KEY"},
		{gatewayIDs + "CF_AI_GATEWAY_MODEL=llama", "CF_AI_GATEWAY_MODEL"},
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

func TestProvidersAreReached(t *testing.T) {
	const gw = "https://gateway.ai.cloudflare.com/v1/acc/gw/"
	const rest = "https://api.cloudflare.com/client/v4/accounts/acc/ai/"
	const token = "CLOUDFLARE_AI_GATEWAY_API_KEY=token "
	for _, c := range []struct {
		variables, url, model   string
		key, bearer, gatewayKey string
	}{
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k", "https://api.anthropic.com/v1/messages", "c", "k", "", ""},
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=http://x " + gatewayIDs + token, "http://x/v1/messages", "c", "k", "", ""},
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k " + gatewayIDs + token, gw + "anthropic/v1/messages", "c", "k", "", "Bearer token"},
		{"MODEL=anthropic/c " + gatewayIDs + token, gw + "anthropic/v1/messages", "c", "", "", "Bearer token"},
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k " + gatewayIDs, gw + "anthropic/v1/messages", "c", "k", "", ""},
		{"MODEL=anthropic/c CLOUDFLARE_AI_GATEWAY_API_KEY=sk-ant-1 " + gatewayIDs, gw + "anthropic/v1/messages", "c", "sk-ant-1", "", ""},
		{"MODEL=openai/g OPENAI_API_KEY=k", "https://api.openai.com/v1/chat/completions", "g", "", "Bearer k", ""},
		{"MODEL=openai/g OPENAI_API_KEY=k " + gatewayIDs + token, gw + "openai/chat/completions", "g", "", "Bearer k", "Bearer token"},
		{"MODEL=openai/g OPENAI_BASE_URL=http://x/v1 " + gatewayIDs + token, "http://x/v1/chat/completions", "g", "", "", ""},
		{"MODEL=ollama/l:8b OPENAI_BASE_URL=http://x/v1", "http://x/v1/chat/completions", "l:8b", "", "", ""},
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

func TestTheOfflineModelNeedsNothing(t *testing.T) {
	reply, err := read("").Router(nil).Stream(context.Background(), model.Request{Messages: []model.Message{{Role: model.User, Text: "hi"}}}, model.Sink{})
	if err != nil || reply.Model != "offline" || reply.Text == "" || reply.Usage != (model.Usage{}) {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestAFallbackThatIsNotConfiguredDoesNotStopTheOthers(t *testing.T) {
	reply, err := read("MODEL=anthropic/c MODEL_FALLBACKS=groq/l,offline").Router(nil).Stream(context.Background(), model.Request{}, model.Sink{})
	if err != nil || reply.Model != "offline" {
		t.Errorf("%+v, %v", reply, err)
	}
}
