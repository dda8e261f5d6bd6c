package openai

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
)

// The fields stand in the order in which they are sent; what comes before
// messages, and the system message, are the same bytes from turn to turn.
type request struct {
	Model               string        `json:"model"`
	MaxTokens           int           `json:"max_tokens,omitempty"`
	MaxCompletionTokens int           `json:"max_completion_tokens,omitempty"`
	ReasoningEffort     string        `json:"reasoning_effort,omitempty"`
	Stream              bool          `json:"stream"`
	StreamOptions       streamOptions `json:"stream_options"`
	Tools               []tool        `json:"tools,omitempty"`
	Messages            []message     `json:"messages"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

// message is a message of any role. Content is a string, a list of parts, or
// null for an assistant that only called tools.
type message struct {
	Role       string     `json:"role"`
	Content    any        `json:"content"`
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type toolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type part struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	ImageURL *imageURL `json:"image_url,omitempty"`
}

type imageURL struct {
	URL string `json:"url"`
}

func (p *Provider) encode(r model.Request, effort string) ([]byte, error) {
	name := p.prefix + r.Model
	out := request{Model: name, ReasoningEffort: effort, Stream: true, StreamOptions: streamOptions{true}}
	if p.own || reasons(name) {
		out.MaxCompletionTokens = wire.MaxTokens(r.MaxTokens)
	} else {
		out.MaxTokens = wire.MaxTokens(r.MaxTokens)
	}
	for _, t := range r.Tools {
		schema := t.Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object"}`)
		}
		out.Tools = append(out.Tools, tool{"function", function{t.Name, t.Description, schema}})
	}
	if strings.TrimSpace(r.System) != "" {
		out.Messages = append(out.Messages, message{Role: "system", Content: r.System})
	}
	out.Messages = append(out.Messages, messages(r)...)
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("a tool's schema is not JSON: %w", err)
	}
	return body, nil
}

// reasons tells the models that reject max_tokens and want
// max_completion_tokens, which most compatible servers do not know. The rule:
// OpenAI's own servers always get max_completion_tokens; everyone else gets
// max_tokens, except for a model with the name of an OpenAI reasoning model.
func reasons(name string) bool {
	name = name[strings.LastIndexByte(name, '/')+1:]
	for _, prefix := range []string{"gpt-5", "gpt-6", "o1", "o3", "o4"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

const noReasoning = "none"

// toolsNeedNoReasoning tells the models that refuse function tools on this API
// unless reasoning is switched off in so many words: "Function tools with
// reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. To
// use function tools, use /v1/responses or set reasoning_effort to 'none'."
// Earlier ones work when the field is absent (BerriAI/litellm#34569,
// livekit/agents#7169).
func toolsNeedNoReasoning(name string) bool {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.HasPrefix(name, "gpt-5.6") || strings.HasPrefix(name, "gpt-6")
}

// messages writes the conversation. Tool results become messages of their own
// role, so the last user message is the last turn in which the user said
// something; Context goes there, and into a new one where there is none.
func messages(r model.Request) []message {
	turns := wire.Turns(r.Messages)
	context := wire.Context(r.Context)
	said := -1
	for i, t := range turns {
		if t.Role == model.User && len(t.Texts)+len(t.Images) > 0 {
			said = i
		}
	}
	var out []message
	for i, t := range turns {
		if t.Role == model.Assistant {
			out = append(out, assistantMessage(t))
			continue
		}
		for _, res := range t.Results {
			out = append(out, message{Role: "tool", Content: resultText(res), ToolCallID: res.ID})
		}
		if i == said && context != "" {
			t.Texts = append([]string{context}, t.Texts...)
		}
		if len(t.Texts)+len(t.Images) > 0 {
			out = append(out, message{Role: "user", Content: userContent(t)})
		}
	}
	if said < 0 && context != "" {
		out = append(out, message{Role: "user", Content: context})
	}
	return out
}

// resultText marks an error in words; the API has no field for it.
func resultText(r model.ToolResult) string {
	if r.Error && !strings.HasPrefix(strings.ToLower(r.Text), "error") {
		return "Error: " + r.Text
	}
	return r.Text
}

func assistantMessage(t wire.Turn) message {
	m := message{Role: "assistant"}
	if len(t.Texts) > 0 {
		m.Content = strings.Join(t.Texts, "\n\n")
	}
	for _, c := range t.Calls {
		m.ToolCalls = append(m.ToolCalls, toolCall{c.ID, "function", functionCall{c.Name, string(wire.Input(c))}})
	}
	return m
}

// userContent is a plain string unless there are pictures: several compatible
// servers know no other form.
func userContent(t wire.Turn) any {
	text := strings.Join(t.Texts, "\n\n")
	if len(t.Images) == 0 {
		return text
	}
	var parts []part
	if text != "" {
		parts = append(parts, part{Type: "text", Text: text})
	}
	for _, img := range t.Images {
		switch img.Type {
		case "image/png", "image/jpeg", "image/gif", "image/webp":
			data := base64.StdEncoding.EncodeToString(img.Data)
			parts = append(parts, part{Type: "image_url", ImageURL: &imageURL{"data:" + img.Type + ";base64," + data}})
		default:
			parts = append(parts, part{Type: "text", Text: wire.UnknownImage})
		}
	}
	return parts
}
