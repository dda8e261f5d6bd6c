//go:build !js

package fake

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// maxCacheMarks is how many cache_control marks a request may have.
const maxCacheMarks = 4

// checkAnthropic validates a Messages request.
func checkAnthropic(req gjson.Result) *apiError {
	for _, check := range []func(gjson.Result) *apiError{checkTop, checkSystem, checkTools, checkMessages, checkPairs, checkMarks} {
		if e := check(req); e != nil {
			return e
		}
	}
	return nil
}

// onlyKeys refuses fields that are not in the list, like the API does.
func onlyKeys(path string, object gjson.Result, known ...string) *apiError {
	var e *apiError
	object.ForEach(func(key, _ gjson.Result) bool {
		if !slices.Contains(known, key.String()) {
			e = invalid("%s%s: Extra inputs are not permitted", path, key.String())
		}
		return e == nil
	})
	return e
}

func checkTop(req gjson.Result) *apiError {
	e := onlyKeys("", req, "model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "temperature",
		"top_p", "top_k", "stop_sequences", "metadata", "thinking", "service_tier", "container", "context_management",
		"mcp_servers", "output_config", "cache_control", "inference_geo", "speed", "diagnostics")
	if e != nil {
		return e
	}
	model := req.Get("model")
	switch {
	case model.Type != gjson.String || model.String() == "":
		return invalid("model: Field required")
	case !strings.HasPrefix(model.String(), "claude-"):
		return &apiError{404, "not_found_error", "model: " + model.String()}
	case !isWhole(req.Get("max_tokens")):
		return invalid("max_tokens: Field required, a whole number")
	case req.Get("max_tokens").Int() < 1:
		return invalid("max_tokens: must be greater than or equal to 1")
	case req.Get("stream").Exists() && !req.Get("stream").IsBool():
		return invalid("stream: Input should be a valid boolean")
	}
	for _, name := range []string{"temperature", "top_p"} {
		if v := req.Get(name); v.Exists() && (v.Type != gjson.Number || v.Float() < 0 || v.Float() > 1) {
			return invalid("%s: range: 0..1", name)
		}
	}
	for i, s := range req.Get("stop_sequences").Array() {
		if s.Type != gjson.String || strings.TrimSpace(s.String()) == "" {
			return invalid("stop_sequences.%d: each stop sequence must contain non-whitespace", i)
		}
	}
	if t := req.Get("thinking"); t.Get("type").String() == "enabled" {
		budget := t.Get("budget_tokens")
		if !isWhole(budget) || budget.Int() < 1024 || budget.Int() >= req.Get("max_tokens").Int() {
			return invalid("thinking.enabled.budget_tokens: must be at least 1024 and less than max_tokens")
		}
	}
	return nil
}

func isWhole(v gjson.Result) bool {
	return v.Type == gjson.Number && !strings.ContainsAny(v.Raw, ".eE")
}

func checkSystem(req gjson.Result) *apiError {
	system := req.Get("system")
	if !system.Exists() || system.Type == gjson.String {
		return nil
	}
	if !system.IsArray() {
		return invalid("system: Input should be a string or a list of text blocks")
	}
	for i, b := range system.Array() {
		if b.Get("type").String() != "text" {
			return invalid("system.%d.type: Input should be 'text'", i)
		}
		if e := checkText(fmt.Sprintf("system.%d.", i), b); e != nil {
			return e
		}
	}
	return nil
}

func checkTools(req gjson.Result) *apiError {
	seen := map[string]bool{}
	if tools := req.Get("tools"); tools.Exists() && !tools.IsArray() {
		return invalid("tools: Input should be a valid list")
	}
	for i, t := range req.Get("tools").Array() {
		path := fmt.Sprintf("tools.%d.custom.", i)
		name := t.Get("name").String()
		if !isName(name) {
			return invalid("%sname: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'", path)
		}
		if seen[name] {
			return invalid("tools: Tool names must be unique.")
		}
		seen[name] = true
		if kind := t.Get("type"); kind.Exists() && kind.String() != "custom" {
			continue // a tool of Anthropic's own, with fields of its own
		}
		if e := onlyKeys(path, t, "type", "name", "description", "input_schema", "cache_control", "strict", "eager_input_streaming",
			"defer_loading", "allowed_callers", "input_examples"); e != nil {
			return e
		}
		if d := t.Get("description"); d.Exists() && d.Type != gjson.String {
			return invalid("%sdescription: Input should be a valid string", path)
		}
		if t.Get("input_schema.type").String() != "object" {
			return invalid("%sinput_schema.type: Input should be 'object'", path)
		}
	}
	return checkToolChoice(req, seen)
}

func checkToolChoice(req gjson.Result, tools map[string]bool) *apiError {
	choice := req.Get("tool_choice")
	if !choice.Exists() {
		return nil
	}
	if len(tools) == 0 {
		return invalid("tool_choice may only be specified while providing tools.")
	}
	switch choice.Get("type").String() {
	case "auto", "any", "none":
		return onlyKeys("tool_choice.", choice, "type", "disable_parallel_tool_use")
	case "tool":
		if !tools[choice.Get("name").String()] {
			return invalid("Tool '%s' not found in provided tools", choice.Get("name").String())
		}
		return onlyKeys("tool_choice.", choice, "type", "name", "disable_parallel_tool_use")
	}
	return invalid("tool_choice: Input tag does not match any of the expected tags: 'auto', 'any', 'tool', 'none'")
}

// isName reports whether s is 1 to 64 letters, digits, underscores and hyphens.
func isName(s string) bool { return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, notTokenRune) }

func checkMessages(req gjson.Result) *apiError {
	messages := req.Get("messages")
	list := messages.Array()
	if !messages.IsArray() || len(list) == 0 {
		return invalid("messages: at least one message is required")
	}
	for i, m := range list {
		path := fmt.Sprintf("messages.%d.", i)
		if e := onlyKeys(path, m, "role", "content"); e != nil {
			return e
		}
		role := m.Get("role").String()
		if role != "user" && role != "assistant" {
			return invalid("messages: Unexpected role %q. Allowed roles are \"user\" or \"assistant\".", role)
		}
		if i == 0 && role != "user" {
			return invalid("messages: first message must use the \"user\" role")
		}
		content := m.Get("content")
		if content.Type != gjson.String && !content.IsArray() {
			return invalid("%scontent: Field required", path)
		}
		lastAssistant := i == len(list)-1 && role == "assistant"
		if parts := blocks(content); len(parts) == 0 || content.Type == gjson.String && content.String() == "" {
			if !lastAssistant {
				return invalid("%s: all messages must have non-empty content except for the optional final assistant message", strings.TrimSuffix(path, "."))
			}
			continue
		}
		for j, b := range blocks(content) {
			if e := checkBlock(fmt.Sprintf("%scontent.%d.", path, j), role, b); e != nil {
				return e
			}
		}
		if parts := blocks(content); lastAssistant {
			text := parts[len(parts)-1].Get("text").String()
			if text != strings.TrimRight(text, " \t\r\n") {
				return invalid("messages: final assistant content cannot end with trailing whitespace")
			}
		}
	}
	return nil
}

func checkBlock(path, role string, b gjson.Result) *apiError {
	switch kind := b.Get("type").String(); kind {
	case "text":
		return checkText(path, b)
	case "image":
		return checkImage(path, b)
	case "tool_use":
		if role != "assistant" {
			return invalid("%stype: `tool_use` blocks can only be in `assistant` messages", path)
		}
		if e := onlyKeys(path, b, "type", "id", "name", "input", "cache_control", "caller", "toolset_name"); e != nil {
			return e
		}
		if id := b.Get("id").String(); id == "" || strings.ContainsFunc(id, notTokenRune) {
			return invalid("%sid: String should match pattern '^[a-zA-Z0-9_-]+$'", path)
		}
		if !isName(b.Get("name").String()) {
			return invalid("%sname: String should have 1 to 64 characters", path)
		}
		if !b.Get("input").IsObject() {
			return invalid("%sinput: Input should be a valid dictionary", path)
		}
	case "tool_result":
		return checkResult(path, role, b)
	case "thinking":
		if b.Get("signature").Type != gjson.String || b.Get("thinking").Type != gjson.String {
			return invalid("%ssignature: Field required", path)
		}
		return onlyKeys(path, b, "type", "thinking", "signature")
	case "redacted_thinking":
		return onlyKeys(path, b, "type", "data")
	case "document", "search_result":
		return nil
	default:
		return invalid("%stype: Input tag '%s' found using 'type' does not match any of the expected tags", path, kind)
	}
	return nil
}

func checkText(path string, b gjson.Result) *apiError {
	text := b.Get("text")
	switch {
	case text.Type != gjson.String:
		return invalid("%stext: Field required", path)
	case text.String() == "":
		return invalid("%stext: text content blocks must be non-empty", path)
	case strings.TrimSpace(text.String()) == "":
		return invalid("%stext: text content blocks must contain non-whitespace text", path)
	}
	return onlyKeys(path, b, "type", "text", "cache_control", "citations")
}

func checkImage(path string, b gjson.Result) *apiError {
	source := b.Get("source")
	switch source.Get("type").String() {
	case "base64":
		switch source.Get("media_type").String() {
		case "image/jpeg", "image/png", "image/gif", "image/webp":
		default:
			return invalid("%ssource.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'", path)
		}
		data, err := base64.StdEncoding.DecodeString(source.Get("data").String())
		if err != nil || len(data) == 0 {
			return invalid("%ssource.base64.data: must be base64", path)
		}
		if len(source.Get("data").String()) > 5<<20 {
			return invalid("%ssource.base64: image exceeds 5 MB maximum", path)
		}
	case "url":
		if !strings.HasPrefix(source.Get("url").String(), "https://") {
			return invalid("%ssource.url.url: Only HTTPS URLs are supported.", path)
		}
	default:
		return invalid("%ssource: Input tag does not match any of the expected tags: 'base64', 'url'", path)
	}
	if e := onlyKeys(path+"source.", source, "type", "media_type", "data", "url"); e != nil {
		return e
	}
	return onlyKeys(path, b, "type", "source", "cache_control", "transformations")
}

func checkResult(path, role string, b gjson.Result) *apiError {
	if role != "user" {
		return invalid("%stype: `tool_result` blocks can only be in `user` messages", path)
	}
	if e := onlyKeys(path, b, "type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"); e != nil {
		return e
	}
	if b.Get("tool_use_id").Type != gjson.String {
		return invalid("%stool_use_id: Field required", path)
	}
	if v := b.Get("is_error"); v.Exists() && !v.IsBool() {
		return invalid("%sis_error: Input should be a valid boolean", path)
	}
	content := b.Get("content")
	if !content.Exists() || content.Type == gjson.String {
		return nil // an empty result is allowed
	}
	for i, part := range content.Array() {
		at := fmt.Sprintf("%scontent.%d.", path, i)
		switch part.Get("type").String() {
		case "text":
			if e := checkText(at, part); e != nil {
				return e
			}
		case "image":
			if e := checkImage(at, part); e != nil {
				return e
			}
		case "document", "search_result", "tool_reference":
		default:
			return invalid("%stype: Input tag does not match any of the expected tags", at)
		}
	}
	return nil
}
