package anthropic

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
)

// The fields stand in the order in which they are sent. Anthropic's caches
// match tools, then system, then messages, so everything before messages is
// the same bytes from turn to turn.
type request struct {
	Model     string    `json:"model"`
	MaxTokens int       `json:"max_tokens"`
	Stream    bool      `json:"stream"`
	Tools     []tool    `json:"tools,omitempty"`
	System    []block   `json:"system,omitempty"`
	Messages  []message `json:"messages"`
}

type tool struct {
	Name         string          `json:"name"`
	Description  string          `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"input_schema"`
	CacheControl *cacheControl   `json:"cache_control,omitempty"`
}

type message struct {
	Role    model.Role `json:"role"`
	Content []block    `json:"content"`
}

// block is a content block of any type that is sent.
type block struct {
	Type         string          `json:"type"`
	Text         string          `json:"text,omitempty"`
	Source       *source         `json:"source,omitempty"`
	ID           string          `json:"id,omitempty"`
	Name         string          `json:"name,omitempty"`
	Input        json.RawMessage `json:"input,omitempty"`
	ToolUseID    string          `json:"tool_use_id,omitempty"`
	Content      string          `json:"content,omitempty"`
	IsError      bool            `json:"is_error,omitempty"`
	CacheControl *cacheControl   `json:"cache_control,omitempty"`
}

type source struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type"`
	Data      string `json:"data"`
}

// cacheControl marks a cache point: everything up to it is kept for 5 minutes.
type cacheControl struct {
	Type string `json:"type"`
}

func cachePoint() *cacheControl { return &cacheControl{Type: "ephemeral"} }

// encode writes the request. There are two cache points: the end of the
// system text (tools come before it), and the end of the message before the
// last user message. Context goes into that last message, after both: were it
// in the system text, a new minute would make every cached message worthless.
func encode(r model.Request) ([]byte, error) {
	out := request{Model: r.Model, MaxTokens: wire.MaxTokens(r.MaxTokens), Stream: true}
	for _, t := range r.Tools {
		schema := t.Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object"}`)
		}
		out.Tools = append(out.Tools, tool{Name: t.Name, Description: t.Description, InputSchema: schema})
	}
	switch {
	case strings.TrimSpace(r.System) != "":
		out.System = []block{{Type: "text", Text: r.System, CacheControl: cachePoint()}}
	case len(out.Tools) > 0:
		out.Tools[len(out.Tools)-1].CacheControl = cachePoint()
	}
	turns := wire.Turns(r.Messages)
	for i, t := range turns {
		if t.Role == model.Assistant {
			out.Messages = append(out.Messages, message{model.Assistant, assistantBlocks(t)})
			continue
		}
		context := ""
		if i == len(turns)-1 {
			context = wire.Context(r.Context)
		}
		out.Messages = append(out.Messages, message{model.User, userBlocks(t, context)})
	}
	if n := len(out.Messages); n > 1 {
		history := out.Messages[n-2].Content
		history[len(history)-1].CacheControl = cachePoint()
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("a tool's schema is not JSON: %w", err)
	}
	return body, nil
}

// userBlocks puts tool results first: the API demands that they open the
// message that follows their calls.
func userBlocks(t wire.Turn, context string) []block {
	var out []block
	for _, r := range t.Results {
		out = append(out, block{Type: "tool_result", ToolUseID: toolID(r.ID), Content: r.Text, IsError: r.Error})
	}
	if context != "" {
		out = append(out, block{Type: "text", Text: context})
	}
	for _, img := range t.Images {
		out = append(out, imageBlock(img))
	}
	for _, text := range t.Texts {
		out = append(out, block{Type: "text", Text: text})
	}
	return out
}

func assistantBlocks(t wire.Turn) []block {
	var out []block
	for _, text := range t.Texts {
		out = append(out, block{Type: "text", Text: text})
	}
	for _, c := range t.Calls {
		out = append(out, block{Type: "tool_use", ID: toolID(c.ID), Name: c.Name, Input: wire.Input(c)})
	}
	return out
}

// imageBlock falls back to words for a type that the API would answer with 400,
// which would end the conversation for good.
func imageBlock(img model.Image) block {
	switch img.Type {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		data := base64.StdEncoding.EncodeToString(img.Data)
		return block{Type: "image", Source: &source{"base64", img.Type, data}}
	}
	return block{Type: "text", Text: wire.UnknownImage}
}

// toolID makes an id that the API accepts (^[a-zA-Z0-9_-]+$): a conversation
// may hold calls that another provider's model made.
func toolID(id string) string {
	safe := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			return c
		}
		return '_'
	}, id)
	if safe == "" {
		return "call"
	}
	return safe
}
