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

func TestTheModelsAreChosen(t *testing.T) {
	for _, c := range []struct{ variables, want string }{
		{"", "offline"},
		{"ANTHROPIC_API_KEY=k", DefaultAnthropic},
		{"OPENAI_API_KEY=k", "openai/gpt-5.5"},
		{"ANTHROPIC_API_KEY=k OPENAI_API_KEY=k", DefaultAnthropic},
		{"ANTHROPIC_API_KEY=k MODEL=openai/gpt-5-mini", "openai/gpt-5-mini"},
		{"ANTHROPIC_API_KEY=k MODEL=offline", "offline"},
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
		{"MODEL=claude", "MODEL"},
		{"MODEL=offline MODEL_FALLBACKS=gpt,openai/g", "MODEL_FALLBACKS OPENAI_API_KEY"},
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
	for _, c := range []struct {
		variables, url, model string
		key, bearer           string
	}{
		{"MODEL=anthropic/c ANTHROPIC_API_KEY=k", "https://api.anthropic.com/v1/messages", "c", "k", ""},
		{"MODEL=openai/g OPENAI_API_KEY=k", "https://api.openai.com/v1/chat/completions", "g", "", "Bearer k"},
		{"MODEL=ollama/l:8b OPENAI_BASE_URL=http://x/v1", "http://x/v1/chat/completions", "l:8b", "", ""},
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
		if h.Get("X-Api-Key") != c.key || h.Get("Authorization") != c.bearer {
			t.Errorf("%s: headers %v", c.variables, h)
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
