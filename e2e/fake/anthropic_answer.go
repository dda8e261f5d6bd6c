//go:build !js

package fake

import (
	"fmt"
	"strings"
)

// anthropicReply is an answer in the Messages API's form.
type anthropicReply struct {
	id, model string
	answer    Answer
	usage     Usage
	content   []anthropicBlock
	stop      string
}

// anthropicBlock is a text block, or a tool_use when use is set.
type anthropicBlock struct {
	text string
	use  *ToolUse
}

func (a *Anthropic) reply(c Call, answer Answer, usage Usage) *anthropicReply {
	r := &anthropicReply{id: fmt.Sprintf("msg_%020d", a.next()), model: c.Model, answer: answer, usage: usage, stop: answer.StopReason}
	if answer.Text != "" {
		r.content = append(r.content, anthropicBlock{text: answer.Text})
	}
	for _, use := range answer.ToolUses {
		if use.ID == "" {
			use.ID = fmt.Sprintf("toolu_%020d", a.next())
		}
		if use.Input == "" {
			use.Input = "{}"
		}
		r.content = append(r.content, anthropicBlock{use: &use})
	}
	if r.stop == "" {
		r.stop = "end_turn"
		if len(answer.ToolUses) > 0 {
			r.stop = "tool_use"
		}
	}
	return r
}

// block is a content block; at the start of a stream it is still empty.
func (b anthropicBlock) block(empty bool) map[string]any {
	if b.use == nil {
		text := b.text
		if empty {
			text = ""
		}
		return map[string]any{"type": "text", "text": text}
	}
	input := any(map[string]any{})
	if !empty {
		input, _ = decodeJSON([]byte(b.use.Input))
	}
	return map[string]any{"type": "tool_use", "id": b.use.ID, "name": b.use.Name, "input": input}
}

func (r *anthropicReply) usageBody(output int) map[string]any {
	return map[string]any{
		"input_tokens": r.usage.Input, "output_tokens": output,
		"cache_read_input_tokens": r.usage.CacheRead, "cache_creation_input_tokens": r.usage.CacheWrite,
		"cache_creation": map[string]any{"ephemeral_5m_input_tokens": r.usage.CacheWrite, "ephemeral_1h_input_tokens": 0},
		"service_tier":   "standard",
	}
}

func (r *anthropicReply) message(content []any, stop any, output int) map[string]any {
	return map[string]any{
		"id": r.id, "type": "message", "role": "assistant", "model": r.model, "content": content,
		"stop_reason": stop, "stop_sequence": nil, "usage": r.usageBody(output),
	}
}

// body is the whole answer of a call without streaming.
func (r *anthropicReply) body() map[string]any {
	content := []any{}
	for _, b := range r.content {
		content = append(content, b.block(false))
	}
	return r.message(content, r.stop, r.usage.Output)
}

// stream sends the events of
// https://docs.claude.com/en/docs/build-with-claude/streaming.
func (r *anthropicReply) stream(o *wire) {
	o.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	o.w.Header().Set("Cache-Control", "no-cache")
	send := func(event string, body map[string]any) {
		body["type"] = event
		o.write("event: " + event + "\ndata: " + string(mustJSON(body)) + "\n\n")
	}
	send("message_start", map[string]any{"message": r.message([]any{}, nil, 1)})
	for i, b := range r.content {
		send("content_block_start", map[string]any{"index": i, "content_block": b.block(true)})
		if i == 0 {
			send("ping", map[string]any{})
		}
		deltas := b.deltas(r.answer.ChunkSize)
		for j, delta := range deltas {
			o.pause()
			if r.answer.Garbage && j == len(deltas)/2 {
				o.write("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\n\n")
				return
			}
			send("content_block_delta", map[string]any{"index": i, "delta": delta})
		}
		if r.answer.ErrorEvent != "" {
			break
		}
		send("content_block_stop", map[string]any{"index": i})
	}
	if kind := r.answer.ErrorEvent; kind != "" {
		message := r.answer.ErrorText
		if message == "" {
			message = strings.TrimSuffix(kind, "_error")
		}
		send("error", map[string]any{"error": map[string]any{"type": kind, "message": message}})
		return
	}
	usage := r.usageBody(r.usage.Output)
	delete(usage, "cache_creation")
	delete(usage, "service_tier")
	send("message_delta", map[string]any{"delta": map[string]any{"stop_reason": r.stop, "stop_sequence": nil}, "usage": usage})
	send("message_stop", map[string]any{})
}

func (b anthropicBlock) deltas(size int) []map[string]any {
	var list []map[string]any
	if b.use == nil {
		for _, part := range chunks(b.text, size) {
			list = append(list, map[string]any{"type": "text_delta", "text": part})
		}
		return list
	}
	// The API starts a tool's input with an empty delta.
	list = append(list, map[string]any{"type": "input_json_delta", "partial_json": ""})
	for _, part := range chunks(b.use.Input, size) {
		list = append(list, map[string]any{"type": "input_json_delta", "partial_json": part})
	}
	return list
}
