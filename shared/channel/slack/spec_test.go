package slack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"instar/shared/channel/channeltest"
)

// spec is the published description of the Web API (Swagger 2).
type spec struct {
	Paths map[string]map[string]operation
}

type operation struct {
	Parameters []parameter
	Responses  map[string]struct {
		Schema struct {
			Required   []string
			Properties map[string]any
		}
	}
}

type parameter struct {
	Name, Type string
	Required   bool
}

// newer are the methods that the description is too old for, by their pages
// under https://docs.slack.dev/reference/methods/.
func newer() map[string]operation {
	return map[string]operation{
		"files.getUploadURLExternal":   {Parameters: []parameter{{"filename", "string", true}, {"length", "integer", true}, {"alt_txt", "string", false}, {"snippet_type", "string", false}}},
		"files.completeUploadExternal": {Parameters: []parameter{{"files", "array", true}, {"channel_id", "string", false}, {"channels", "string", false}, {"thread_ts", "string", false}, {"initial_comment", "string", false}, {"blocks", "string", false}}},
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
	if strings.Contains(call.URL, "/upload/") {
		checkUpload(t, call)
		return
	}
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
	if newer, found := newer()[call.Method()]; found {
		operation, ok = newer, call.Verb == http.MethodPost
	}
	if !ok {
		t.Errorf("%s %s is not described", call.Verb, call.Method())
		return
	}
	got := map[string]any{}
	if call.Method() == "files.getUploadURLExternal" { // refuses JSON
		got = sentForm(t, call)
	} else if call.Verb == http.MethodPost {
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
			ok = ok && (p.Name == "blocks" || p.Name == "files") // JSON in a form, and so an array in JSON
		case int:
			ok = ok && p.Type == "integer"
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

// checkUpload judges the upload of a file's bytes, which is no method's call.
func checkUpload(t *testing.T, call channeltest.Call) {
	t.Helper()
	if call.Verb != http.MethodPost || call.Header.Get("Content-Type") != "application/octet-stream" || len(call.Header) != 1 || strings.Contains(call.URL+call.Body, testToken) {
		t.Errorf("%s with %d headers, or the token", call.Verb, len(call.Header))
	}
}

func sentForm(t *testing.T, call channeltest.Call) map[string]any {
	t.Helper()
	values, err := url.ParseQuery(call.Body)
	if err != nil || call.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s: body is not a form: %v", call.Method(), err)
	}
	got := map[string]any{}
	for name := range values {
		got[name] = values.Get(name)
		if n, err := strconv.Atoi(values.Get(name)); err == nil && name == "length" {
			got[name] = n
		}
	}
	return got
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
