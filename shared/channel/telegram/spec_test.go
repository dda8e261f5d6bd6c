package telegram

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"instar/shared/channel/channeltest"
)

// spec is the published description of the Bot API.
type spec struct {
	Methods map[string]described
	Types   map[string]described
}

type described struct {
	Fields map[string]struct {
		Required bool
		Types    []string
	}
}

var botAPI = channeltest.Description[spec]("telegram-bot-api.json")

// checkCall judges a call by the description: the method exists, required
// parameters are there, and every parameter has a name and a type it knows.
func checkCall(t *testing.T, call channeltest.Call) {
	t.Helper()
	if strings.Contains(call.URL, "/file/bot") {
		if call.Verb != "GET" {
			t.Errorf("download with %s", call.Verb)
		}
		return
	}
	api, err := botAPI()
	if err != nil {
		t.Logf("NOT CHECKED against the Bot API's description, which is absent: %v", err)
		return
	}
	method, ok := api.Methods[call.Method()]
	if !ok || !strings.Contains(call.URL, "/bot"+testToken+"/"+call.Method()) || call.Verb != "POST" {
		t.Errorf("%s %s is no method", call.Verb, call.Method())
		return
	}
	if strings.HasPrefix(call.Header.Get("Content-Type"), "multipart/form-data;") {
		api.form(t, call, method)
		return
	}
	var params map[string]any
	if err := json.Unmarshal([]byte(call.Body), &params); err != nil || call.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: body is not JSON: %v", call.Method(), err)
	}
	api.fields(t, call.Method(), method, params)
}

// form judges the parameters of a multipart call, which are all text, and that
// the token is none of them.
func (s *spec) form(t *testing.T, call channeltest.Call, want described) {
	t.Helper()
	values, file := readForm(t, call)
	got := map[string]any{file.field: file.Data}
	for name, text := range values {
		got[name] = text
		if n, err := strconv.ParseFloat(text, 64); err == nil && slices.Contains(want.Fields[name].Types, "Integer") {
			got[name] = n
		}
	}
	if types := want.Fields[file.field].Types; !slices.Contains(types, "InputFile") || strings.Contains(call.Body, testToken) {
		t.Errorf("%s: %s takes no file, or the token is in the form", call.Method(), file.field)
	}
	s.fields(t, call.Method(), want, got)
}

func (s *spec) fields(t *testing.T, where string, want described, got map[string]any) {
	t.Helper()
	for name, field := range want.Fields {
		if _, ok := got[name]; field.Required && !ok {
			t.Errorf("%s: %s is required", where, name)
		}
	}
	for name, value := range got {
		field, ok := want.Fields[name]
		if !ok {
			t.Errorf("%s: no field %s", where, name)
			continue
		}
		known := false
		for _, typ := range field.Types {
			known = known || s.is(t, where+"."+name, typ, value)
		}
		if !known {
			t.Errorf("%s: %s = %v is none of %v", where, name, value, field.Types)
		}
	}
}

func (s *spec) is(t *testing.T, where, typ string, value any) bool {
	switch v := value.(type) {
	case string:
		return typ == "String"
	case bool:
		return typ == "Boolean"
	case float64:
		return typ == "Float" || typ == "Integer" && v == math.Trunc(v)
	case []any:
		element, ok := strings.CutPrefix(typ, "Array of ")
		for _, e := range v {
			ok = ok && s.is(t, where, element, e)
		}
		return ok
	case map[string]any:
		if object, ok := s.Types[typ]; ok {
			s.fields(t, where, object, v)
			return true
		}
	}
	return false
}

func TestTheDescriptionIsThere(t *testing.T) {
	if _, err := botAPI(); err != nil {
		t.Skipf("SKIPPED: the Bot API's description is absent, calls are not checked: %v", err)
	}
}
