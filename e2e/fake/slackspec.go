//go:build !js

package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// slackSpec is what the fake reads of Slack's Swagger 2.0 file.
type slackSpec struct {
	Paths map[string]map[string]slackOperation `json:"paths"`
}

// slackOperation is one method under one HTTP verb ("get" or "post").
type slackOperation struct {
	Consumes   []string `json:"consumes"`
	Parameters []struct {
		Name     string `json:"name"`
		In       string `json:"in"` // "header", "query", "formData"
		Type     string `json:"type"`
		Required bool   `json:"required"`
	} `json:"parameters"`
}

// slackParams are the parameters of one call.
type slackParams struct {
	values map[string]any
	typed  bool // came as JSON
}

// readSlackParams reads the parameters from the query and the body
// (https://docs.slack.dev/apis/web-api/#basics).
func readSlackParams(r *http.Request) (slackParams, *slackError) {
	p := slackParams{values: map[string]any{}}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method == http.MethodPost && kind == "application/json":
		body, _ := io.ReadAll(r.Body)
		v, err := decodeJSON(body)
		if err != nil {
			return p, &slackError{code: "invalid_json", detail: err.Error()}
		}
		object, ok := v.(map[string]any)
		if !ok {
			return p, &slackError{code: "json_not_object", detail: "the body is not an object"}
		}
		p.values, p.typed = object, true
		return p, nil
	case r.Method == http.MethodPost && kind == "multipart/form-data":
		if err := r.ParseMultipartForm(maxBody); err != nil {
			return p, &slackError{code: "invalid_form_data", detail: err.Error()}
		}
	case r.Method == http.MethodPost && kind != "application/x-www-form-urlencoded" && r.ContentLength != 0:
		return p, &slackError{code: "invalid_post_type", detail: fmt.Sprintf("content type %q", kind)}
	default:
		if err := r.ParseForm(); err != nil {
			return p, &slackError{code: "invalid_form_data", detail: err.Error()}
		}
	}
	for name, v := range r.Form {
		if len(v) > 1 {
			return p, &slackError{code: "invalid_array_arg", detail: name + " is given more than once"}
		}
		p.values[name] = v[0]
	}
	return p, nil
}

// check validates the call by the description: the verb, whether JSON is taken,
// names, types and required parameters.
func (s *slackSpec) check(r *http.Request, method string, p slackParams) *slackError {
	verbs, ok := s.Paths["/"+method]
	if !ok {
		return &slackError{code: "unknown_method", detail: "not in the description"}
	}
	op, isGet := verbs["get"]
	if !isGet {
		op = verbs["post"]
	}
	// Slack takes POST for what it describes as GET; a write by GET is a slip.
	if r.Method != http.MethodPost && !(isGet && r.Method == http.MethodGet) {
		return invalidArguments("method %s is not for %s", method, r.Method)
	}
	if p.typed && !slices.Contains(op.Consumes, "application/json") {
		return invalidArguments("%s takes no JSON body", method)
	}
	if p.typed && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		return &slackError{code: "not_authed", detail: "a JSON body needs the token in the Authorization header"}
	}
	known := map[string]bool{}
	for _, parameter := range op.Parameters {
		if parameter.Name == "token" {
			continue
		}
		known[parameter.Name] = true
		v, given := p.values[parameter.Name]
		if !given {
			if parameter.Required {
				return invalidArguments("missing required field: %s", parameter.Name)
			}
			continue
		}
		if err := p.checkType(parameter.Name, parameter.Type, v); err != nil {
			return invalidArguments("%v", err)
		}
	}
	for _, name := range sortedKeys(p.values) {
		if !known[name] {
			return invalidArguments("unknown argument: %s", name)
		}
	}
	return nil
}

func invalidArguments(format string, args ...any) *slackError {
	return &slackError{code: "invalid_arguments", detail: fmt.Sprintf(format, args...)}
}

// checkType validates one value. The description has only the types of forms;
// in a JSON body, what a form carries as JSON text is a real array or object.
func (p slackParams) checkType(name, typ string, v any) error {
	if structure := structured(name); structure != "" {
		if text, ok := v.(string); ok {
			decoded, err := decodeJSON([]byte(text))
			if err != nil {
				return fmt.Errorf("%s is not JSON", name)
			}
			v = decoded
		}
		return checkStructure(name, structure, v)
	}
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	_, isBool := v.(bool)
	ok := false
	switch typ {
	case "string":
		ok = isText
	case "boolean":
		ok = isBool || !p.typed && slices.Contains([]string{"true", "false", "1", "0"}, text)
	case "integer":
		// A timestamp or count in a JSON body may be a number or its text.
		_, err := strconv.ParseInt(text+string(number), 10, 64)
		ok = (isNumber || isText && !p.typed) && err == nil
	case "number":
		_, err := strconv.ParseFloat(text+string(number), 64)
		ok = (isNumber || isText) && err == nil
	}
	if !ok {
		return fmt.Errorf("%s must be a %s", name, typ)
	}
	return nil
}

// structured says which parameters hold JSON.
func structured(name string) string {
	switch name {
	case "blocks", "attachments", "files":
		return "array"
	case "view", "unfurls":
		return "object"
	}
	return ""
}

func checkStructure(name, structure string, v any) error {
	if structure == "object" {
		if _, ok := v.(map[string]any); !ok {
			return fmt.Errorf("%s must be an object", name)
		}
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s must be an array", name)
	}
	for i, e := range list {
		object, ok := e.(map[string]any)
		if !ok {
			return fmt.Errorf("%s[%d] must be an object", name, i)
		}
		if _, typed := object["type"].(string); name == "blocks" && !typed {
			return fmt.Errorf("%s[%d] needs a type", name, i)
		}
	}
	if name == "blocks" && len(list) > 50 {
		return fmt.Errorf("%s has more than 50 items", name)
	}
	return nil
}
