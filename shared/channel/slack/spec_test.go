package slack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"instar/shared/channel/channeltest"
)

// spec is the published description of the Web API (Swagger 2).
type spec struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			In, Name, Type string
			Required       bool
		}
		Responses map[string]struct {
			Schema struct {
				Required   []string
				Properties map[string]any
			}
		}
	}
}

var webAPI = channeltest.Description[spec]("slack-web.openapi.json")

func TestTheDescriptionIsThere(t *testing.T) {
	if _, err := webAPI(); err != nil {
		t.Skipf("SKIPPED: the Web API's description is absent, calls are not checked: %v", err)
	}
}

// checkCall judges a call by the description: the path and verb exist,
// required parameters are there, and every one is known and of its type. The
// token is the Authorization header.
func checkCall(t *testing.T, call channeltest.Call) {
	t.Helper()
	if call.Header.Get("Authorization") != "Bearer "+testToken || strings.Contains(call.URL+call.Body, testToken) {
		t.Errorf("%s: the token is not, or not only, in the header", call.Method())
	}
	if strings.Contains(call.URL, "/files-pri/") {
		return
	}
	api, err := webAPI()
	if err != nil {
		t.Logf("NOT CHECKED against the Web API's description, which is absent: %v", err)
		return
	}
	operation, ok := api.Paths["/"+call.Method()][strings.ToLower(call.Verb)]
	if !ok {
		t.Errorf("%s %s is not described", call.Verb, call.Method())
		return
	}
	got := map[string]any{}
	if call.Verb == http.MethodPost {
		if err := json.Unmarshal([]byte(call.Body), &got); err != nil || call.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: body is not JSON: %v", call.Method(), err)
		}
	}
	if u, err := url.Parse(call.URL); err == nil {
		for name := range u.Query() {
			got[name] = u.Query().Get(name)
		}
	}
	for _, p := range operation.Parameters {
		value, ok := got[p.Name]
		delete(got, p.Name)
		switch value.(type) {
		case string:
			ok = ok && p.Type == "string"
		case bool:
			ok = ok && p.Type == "boolean"
		case []any:
			ok = ok && p.Name == "blocks" // JSON in a form, and so an array in JSON
		case nil:
			ok = !p.Required || p.Name == "token"
		default:
			ok = false
		}
		if !ok {
			t.Errorf("%s: %s = %v, required %v, type %s", call.Method(), p.Name, value, p.Required, p.Type)
		}
	}
	for name := range got {
		t.Errorf("%s: no parameter %s", call.Method(), name)
	}
}

// checkAnswer judges a scripted success, so that the sender is not tested
// against answers that Slack does not give.
func checkAnswer(t *testing.T, path, verb, body string) {
	t.Helper()
	api, err := webAPI()
	if err != nil {
		t.Logf("NOT CHECKED against the Web API's description, which is absent: %v", err)
		return
	}
	schema := api.Paths[path][verb].Responses["200"].Schema
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range schema.Required {
		if _, ok := got[name]; !ok {
			t.Errorf("%s: the answer has no %s", path, name)
		}
	}
	for name := range got {
		if _, ok := schema.Properties[name]; !ok {
			t.Errorf("%s: no answer holds %s", path, name)
		}
	}
}
