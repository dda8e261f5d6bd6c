// Package model is the port to language models: one streaming call, the same
// for every provider. Providers are packages beside this one, named after the
// wire protocol they speak.
package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Role is who a message of the conversation is from.
type Role string

const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Image is a picture shown to the model.
type Image struct {
	Type string // media type: image/png, image/jpeg, image/gif, image/webp
	Data []byte
}

// ToolCall is the model asking for a tool. Input is the JSON object it wrote;
// when it wrote something else, Input is nil and Garbled holds that text, so
// the model can be told.
type ToolCall struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Input   json.RawMessage `json:"input,omitempty"`
	Garbled string          `json:"garbled,omitempty"`
}

// ToolResult answers one ToolCall.
type ToolResult struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Error bool   `json:"error,omitempty"`
}

// Message is one entry of the conversation. Roles need not alternate: a
// provider that insists joins neighbours. A user message holds Text, Images
// and Results; an assistant message Text and Calls.
type Message struct {
	Role    Role         `json:"role"`
	Text    string       `json:"text,omitempty"`
	Images  []Image      `json:"-"`
	Calls   []ToolCall   `json:"calls,omitempty"`
	Results []ToolResult `json:"results,omitempty"`
}

// Tool is what the model may ask for. Schema is a JSON Schema object.
type Tool struct {
	Name        string
	Description string
	Schema      json.RawMessage
}

// Request is one call. System and Tools are the stable prefix: the same bytes
// from turn to turn, so that provider caches hit; providers that mark cache
// points put one at its end, and one at the end of Messages. Context is what
// changes (time, ids, memory); it is sent after the stable prefix.
type Request struct {
	Model     string // without the provider: "claude-sonnet-4-5"
	System    string
	Tools     []Tool
	Context   string
	Messages  []Message
	MaxTokens int // of output; 0 means 4,096
}

// Usage counts tokens. Input excludes what was read from or written to a
// cache, so the four never overlap.
type Usage struct {
	Input      int `json:"input"`
	Output     int `json:"output"`
	CacheRead  int `json:"cache_read,omitempty"`
	CacheWrite int `json:"cache_write,omitempty"`
}

// Add returns the sum.
func (u Usage) Add(o Usage) Usage {
	return Usage{u.Input + o.Input, u.Output + o.Output, u.CacheRead + o.CacheRead, u.CacheWrite + o.CacheWrite}
}

// Stop says why the model stopped.
type Stop string

const (
	StopEnd     Stop = "end"        // it had finished
	StopTools   Stop = "tools"      // it waits for tool results
	StopLength  Stop = "max_tokens" // the answer was cut at MaxTokens
	StopRefusal Stop = "refusal"    // the provider's safety system ended it
)

// Reply is a finished answer.
type Reply struct {
	Text  string
	Calls []ToolCall
	Usage Usage
	Stop  Stop
	// Model is "provider/model" of who answered, filled in by the Router.
	Model string
}

// Provider streams one answer.
type Provider interface {
	// Stream sends the request and calls onText with each piece of answer
	// text as it arrives, in order, from the calling goroutine. It returns the
	// whole reply, or an *Error. A stream that ends before the provider's own
	// end marker is an error, never a short reply.
	Stream(ctx context.Context, r Request, onText func(delta string)) (Reply, error)
}

// Doer sends one HTTP request, like *http.Client: non-2xx is not an error.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// ErrConfig is wrapped by errors that a change of configuration fixes.
var ErrConfig = errors.New("model configuration")

// Error is a failed call. It carries the provider's own words about the
// error, cut to 300 characters, never the request, a key or a URL.
type Error struct {
	Provider  string
	Status    int           // HTTP status; 0 when the connection or the stream broke
	Reason    string        // "overloaded_error: Overloaded"
	Temporary bool          // worth retrying: 408, 409, 429, 5xx, 529, broken stream
	Retry     time.Duration // the provider's Retry-After; 0 when it gave none
	Usage     Usage         // what the call had used when its stream broke: it is billed
	Err       error
}

func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s: %s", e.Provider, e.Reason)
	}
	return fmt.Sprintf("%s: status %d: %s", e.Provider, e.Status, e.Reason)
}

func (e *Error) Unwrap() error { return e.Err }
