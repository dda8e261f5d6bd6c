//go:build !js

package fake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one request to a model that passed validation, in the same form for
// every provider.
type Call struct {
	At       time.Time // when it arrived
	Path     string
	Header   http.Header
	Body     []byte // as it came
	Model    string
	System   string // all system text, blocks joined by newlines
	Messages []Turn
	Tools    []Tool
	Stream   bool
	// MaxTokens is the limit on output; 0 where the request had none (OpenAI).
	MaxTokens int
}

// Turn is one message of the conversation. With Anthropic tool results stand in
// user messages, with OpenAI in messages of the role "tool".
type Turn struct {
	Role    string
	Text    []string // its text blocks
	Images  int
	Uses    []ToolUse
	Results []ToolResult
}

// Tool is a tool the model may ask for.
type Tool struct {
	Name, Description string
	Schema            json.RawMessage
}

// ToolUse is the model asking for a tool. Input is a JSON object; with OpenAI
// it is sent as is, so that it may also be something a model got wrong. An
// empty ID gets a fresh one.
type ToolUse struct {
	ID, Name string
	Input    string
}

// ToolResult is the answer to one ToolUse.
type ToolResult struct {
	ID, Text string
	Error    bool // Anthropic's is_error
}

// LastUser returns the last text block of the last user message with text.
func (c Call) LastUser() string {
	for _, t := range slices.Backward(c.Messages) {
		if t.Role == "user" && len(t.Text) > 0 {
			return t.Text[len(t.Text)-1]
		}
	}
	return ""
}

// LastResults returns the tool results that came after the last assistant
// message: none on a turn's first call.
func (c Call) LastResults() []ToolResult {
	var results []ToolResult
	for _, t := range slices.Backward(c.Messages) {
		if t.Role == "assistant" {
			break
		}
		results = append(slices.Clone(t.Results), results...)
	}
	return results
}

// Usage counts tokens. Input excludes the cached ones.
type Usage struct {
	Input, Output, CacheRead, CacheWrite int
}

// Answer is what a model fake does with a call. The zero value answers with
// an empty text.
type Answer struct {
	Text     string
	ToolUses []ToolUse
	// StopReason in the provider's own words; "" means the usual one for the
	// content (end_turn or tool_use; stop or tool_calls).
	StopReason string
	Usage      *Usage // nil computes it from the sizes

	Status     int    // 400 and up answers with an error and nothing else
	ErrorType  string // "overloaded_error", ...; "" means the usual one for Status
	ErrorText  string // the error's message; "" means a usual one
	RetryAfter time.Duration

	ChunkSize  int           // characters of text or tool input in one delta; 0 means all at once
	Delay      time.Duration // between deltas
	Hang       time.Duration // before the first byte
	CutAfter   int           // cut the connection after this many bytes of the body; 0 never
	Garbage    bool          // broken JSON in place of the second half
	ErrorEvent string        // streams only: an error event with this type in place of the end
}

// script decides the answers and records the calls.
type script struct {
	mu     sync.Mutex
	answer func(Call) Answer
	calls  []Call
	cache  prefixCache
	serial int
}

// Script sets what answers the calls from now on; it may be called by several
// goroutines at once. nil goes back to Echo.
func (s *script) Script(answer func(Call) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Calls returns the valid calls so far, in order of arrival.
func (s *script) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// heard records the call and asks the script.
func (s *script) heard(c Call) Answer {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		answer = Echo
	}
	return answer(c)
}

// next numbers what needs an id.
func (s *script) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	return s.serial
}

// Echo is the script of a new fake: it repeats the last user text.
func Echo(c Call) Answer { return Answer{Text: "You said: " + c.LastUser()} }

// Answers makes a script that gives these answers one after the other and
// repeats the last one for ever.
func Answers(list ...Answer) func(Call) Answer {
	var mu sync.Mutex
	return func(Call) Answer {
		mu.Lock()
		defer mu.Unlock()
		a := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		return a
	}
}

// outputTokens guesses what an answer costs: a token for four bytes.
func (a Answer) outputTokens() int {
	n := len(a.Text)
	for _, u := range a.ToolUses {
		n += len(u.Name) + len(u.Input)
	}
	return max(1, n/4)
}

// chunks cuts text into deltas of at most size characters; 0 is one delta.
func chunks(text string, size int) []string {
	runes := []rune(text)
	if size <= 0 || len(runes) <= size {
		return []string{text}
	}
	var list []string
	for part := range slices.Chunk(runes, size) {
		list = append(list, string(part))
	}
	return list
}

// state is what both model fakes show of themselves.
func (s *script) state(b *base) map[string]any {
	type line struct {
		At       time.Time
		Model    string
		Messages int
		LastUser string
		Bytes    int
	}
	var lines []line
	for _, c := range s.Calls() {
		lines = append(lines, line{c.At, c.Model, len(c.Messages), c.LastUser(), len(c.Body)})
	}
	return map[string]any{"calls": lines, "violations": b.Violations(), "unchecked": b.unchecked}
}

// wire writes an answer's body with the faults the answer asks for.
type wire struct {
	w     http.ResponseWriter
	r     *http.Request
	b     *base
	a     Answer
	sent  int
	delta int
}

// write sends bytes at once, up to where the connection is to be cut.
func (o *wire) write(data string) {
	if limit := o.a.CutAfter; limit > 0 && o.sent+len(data) >= limit {
		o.w.Write([]byte(data[:limit-o.sent]))
		o.flush()
		cut()
	}
	o.sent += len(data)
	o.w.Write([]byte(data))
	o.flush()
}

func (o *wire) flush() { http.NewResponseController(o.w).Flush() }

// pause waits between deltas, but not before the first. When the caller is
// gone the call ends.
func (o *wire) pause() {
	if o.delta++; o.delta > 1 && !o.b.wait(o.r.Context(), o.a.Delay) {
		cut()
	}
}

// plain sends a whole JSON body.
func (o *wire) plain(v any) {
	body := string(mustJSON(v))
	if o.a.Garbage {
		body = body[:len(body)/2] + "\x00<html>"
	}
	o.w.Header().Set("Content-Type", "application/json")
	o.write(strings.TrimSpace(body))
}
