//go:build !js

package fake

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/tidwall/gjson"
)

// compiled keeps schemas by folder and name: compiling takes longer than most tests.
var compiled sync.Map

// openAISchema compiles one component of the description, or returns nil
// where the file is absent.
func openAISchema(dir, name string) *jsonschema.Schema {
	if s, ok := compiled.Load(dir + "\x00" + name); ok {
		return s.(*jsonschema.Schema)
	}
	var doc any
	if !loadSpec(dir, "openai.openapi.json", &doc) {
		return nil
	}
	tighten(doc, composed(doc, map[string]bool{}), "#")
	lookup(doc, "components", "schemas", "CreateChatCompletionRequest")["unevaluatedProperties"] = false
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openai.json", doc); err != nil {
		panic("fake: openai.openapi.json: " + err.Error())
	}
	s := c.MustCompile("openai.json#/components/schemas/" + name)
	compiled.Store(dir+"\x00"+name, s)
	return s
}

func lookup(doc any, path ...string) map[string]any {
	for _, name := range path {
		doc = doc.(map[string]any)[name]
	}
	return doc.(map[string]any)
}

// composed collects the references that stand in an allOf: those objects are
// parts of others and may not be closed.
func composed(v any, refs map[string]bool) map[string]bool {
	switch v := v.(type) {
	case map[string]any:
		all, _ := v["allOf"].([]any)
		for _, part := range all {
			if ref, ok := part.(map[string]any)["$ref"].(string); ok {
				refs[ref] = true
			}
		}
		for _, child := range v {
			composed(child, refs)
		}
	case []any:
		for _, child := range v {
			composed(child, refs)
		}
	}
	return refs
}

// tighten turns the description into JSON Schema as the service applies it:
// "nullable" becomes a type, and an object with listed properties takes no
// others unless it says so.
func tighten(v any, open map[string]bool, at string) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			tighten(child, open, at+"/"+name)
		}
		_, listed := v["properties"].(map[string]any)
		_, said := v["additionalProperties"]
		if listed && !said && !open[at] && !strings.HasSuffix(at, "/allOf[]") && v["allOf"] == nil && v["anyOf"] == nil && v["oneOf"] == nil {
			v["additionalProperties"] = false
		}
		if v["nullable"] == true {
			makeNullable(v)
		}
	case []any:
		for _, child := range v {
			tighten(child, open, at+"[]")
		}
	}
}

func makeNullable(v map[string]any) {
	inner := map[string]any{}
	for name, value := range v {
		if name != "nullable" {
			inner[name] = value
		}
		delete(v, name)
	}
	v["anyOf"] = []any{inner, map[string]any{"type": "null"}}
}

// schemaReason says why a request does not fit, in one line.
func schemaReason(err error) string {
	ve, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return err.Error()
	}
	leaf := decisive(ve)
	at := "/" + strings.Join(leaf.InstanceLocation, "/")
	if _, unknown := leaf.ErrorKind.(*kind.FalseSchema); unknown {
		return "Unknown parameter: '" + at + "'."
	}
	reason := leaf.Error()
	if i := strings.LastIndex(reason, "- at "); i >= 0 {
		reason = reason[i+2:]
	}
	return "Invalid request: " + strings.TrimSpace(reason)
}

// decisive follows the reasons down to one: in a choice of schemas into the one
// that was meant, elsewhere to the first that is more than an unknown field.
func decisive(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return e
	}
	passOver := func(cause *jsonschema.ValidationError) bool {
		_, unknown := cause.ErrorKind.(*kind.FalseSchema)
		return unknown
	}
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		passOver = func(branch *jsonschema.ValidationError) bool { return notMeant(e, branch) }
	}
	for _, cause := range e.Causes {
		if !passOver(cause) {
			return decisive(cause)
		}
	}
	return decisive(e.Causes[0])
}

// notMeant reports that a branch of a choice is for another type, role or kind
// of value.
func notMeant(choice, branch *jsonschema.ValidationError) bool {
	depth := len(branch.InstanceLocation) - len(choice.InstanceLocation)
	switch branch.ErrorKind.(type) {
	case *kind.Type:
		return depth == 0
	case *kind.Enum:
		if depth != 1 {
			return false
		}
		last := branch.InstanceLocation[len(branch.InstanceLocation)-1]
		return last == "role" || last == "type"
	}
	return slices.ContainsFunc(branch.Causes, func(cause *jsonschema.ValidationError) bool { return notMeant(choice, cause) })
}

// checkOpenAI enforces what the description does not say.
func checkOpenAI(req gjson.Result, compat bool) *openAIError {
	model := req.Get("model").String()
	if strings.Contains(model, "/") != compat {
		return &openAIError{404, "invalid_request_error", "The model `" + model + "` does not exist or you do not have access to it.", nil, "model_not_found"}
	}
	if req.Get("stream_options").IsObject() && !req.Get("stream").Bool() {
		return openAIInvalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	if req.Get("max_tokens").Exists() && isReasoningModel(model) {
		return openAIInvalid("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	}
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		if v := req.Get(name); v.Type == gjson.Number && v.Int() < 1 {
			return openAIInvalid(name, "Invalid '%s': integer below minimum value.", name)
		}
	}
	if e := checkFunctions(req); e != nil {
		return e
	}
	return checkToolMessages(req.Get("messages").Array())
}

// isReasoningModel reports the families that only know max_completion_tokens.
func isReasoningModel(model string) bool {
	_, name, found := strings.Cut(model, "/")
	if !found {
		name = model
	}
	for _, family := range []string{"gpt-5", "o1", "o3", "o4"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}

func checkFunctions(req gjson.Result) *openAIError {
	tools := req.Get("tools")
	list := tools.Array()
	if tools.IsArray() && len(list) == 0 {
		return openAIInvalid("tools", "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	if len(list) > 128 {
		return openAIInvalid("tools", "Invalid 'tools': array too long. Expected an array with maximum length 128.")
	}
	for _, name := range []string{"tool_choice", "parallel_tool_calls"} {
		if len(list) == 0 && req.Get(name).Exists() {
			return openAIInvalid(name, "'%s' is only allowed when 'tools' are specified.", name)
		}
	}
	var names []string
	for i, t := range list {
		f := t.Get("function")
		if !f.Exists() {
			continue // a custom tool
		}
		name := f.Get("name").String()
		if !isName(name) {
			return openAIInvalid(fmt.Sprintf("tools[%d].function.name", i), "Invalid 'tools[%d].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", i)
		}
		if slices.Contains(names, name) {
			return openAIInvalid("tools", "Function names must be unique.")
		}
		names = append(names, name)
		if p := f.Get("parameters"); p.Exists() && p.Get("type").String() != "object" {
			return openAIInvalid(fmt.Sprintf("tools[%d].function.parameters", i), "Invalid schema for function '%s': schema must be a JSON Schema of 'type: \"object\"'.", name)
		}
	}
	return nil
}

// checkToolMessages enforces that every tool call of an assistant message is
// answered by one tool message right after it, and that no other tool message
// stands anywhere.
func checkToolMessages(messages []gjson.Result) *openAIError {
	var open []string
	for i, m := range append(messages, gjson.Result{}) {
		role := m.Get("role").String()
		if role == "tool" {
			at := slices.Index(open, m.Get("tool_call_id").String())
			if at < 0 {
				return openAIInvalid(fmt.Sprintf("messages.[%d].role", i), "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
			}
			open = slices.Delete(open, at, at+1)
			continue
		}
		if len(open) > 0 {
			return openAIInvalid(fmt.Sprintf("messages.[%d].role", i), "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", strings.Join(open, ", "))
		}
		if role != "assistant" {
			continue
		}
		calls := m.Get("tool_calls")
		if calls.IsArray() && len(calls.Array()) == 0 {
			return openAIInvalid(fmt.Sprintf("messages[%d].tool_calls", i), "Invalid 'messages[%d].tool_calls': empty array.", i)
		}
		if !calls.Exists() && (!m.Get("content").Exists() || m.Get("content").Type == gjson.Null) && !m.Get("refusal").Exists() {
			return openAIInvalid(fmt.Sprintf("messages.[%d].content", i), "Invalid value for 'content': expected a string, got null.")
		}
		for _, call := range calls.Array() {
			open = append(open, call.Get("id").String())
		}
	}
	return nil
}
