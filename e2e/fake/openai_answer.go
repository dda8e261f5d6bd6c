//go:build !js

package fake

import (
	"fmt"
	"time"
)

// openAIReply is an answer in the Chat Completions form.
type openAIReply struct {
	id, model string
	created   int64
	answer    Answer
	uses      []ToolUse
	usage     Usage
	finish    string
}

func (o *OpenAI) reply(c Call, answer Answer, usage Usage) *openAIReply {
	r := &openAIReply{
		id: fmt.Sprintf("chatcmpl-%020d", o.next()), model: c.Model, created: time.Now().Unix(),
		answer: answer, usage: usage, finish: answer.StopReason,
	}
	for _, use := range answer.ToolUses {
		if use.ID == "" {
			use.ID = fmt.Sprintf("call_%020d", o.next())
		}
		if use.Input == "" {
			use.Input = "{}"
		}
		r.uses = append(r.uses, use)
	}
	if r.finish == "" {
		r.finish = "stop"
		if len(r.uses) > 0 {
			r.finish = "tool_calls"
		}
	}
	return r
}

func (r *openAIReply) usageBody() map[string]any {
	prompt := r.usage.Input + r.usage.CacheRead
	return map[string]any{
		"prompt_tokens": prompt, "completion_tokens": r.usage.Output, "total_tokens": prompt + r.usage.Output,
		"prompt_tokens_details":     map[string]any{"cached_tokens": r.usage.CacheRead, "audio_tokens": 0},
		"completion_tokens_details": map[string]any{"reasoning_tokens": 0, "audio_tokens": 0},
	}
}

// body is the whole answer of a call without streaming.
func (r *openAIReply) body() map[string]any {
	message := map[string]any{"role": "assistant", "content": nil, "refusal": nil}
	if r.answer.Text != "" || len(r.uses) == 0 {
		message["content"] = r.answer.Text
	}
	var calls []any
	for _, use := range r.uses {
		calls = append(calls, map[string]any{"id": use.ID, "type": "function", "function": map[string]any{"name": use.Name, "arguments": use.Input}})
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	return map[string]any{
		"id": r.id, "object": "chat.completion", "created": r.created, "model": r.model, "usage": r.usageBody(),
		"choices": []any{map[string]any{"index": 0, "message": message, "logprobs": nil, "finish_reason": r.finish}},
	}
}

// deltas are the contents of the stream's chunks, without the last.
func (r *openAIReply) deltas() []map[string]any {
	list := []map[string]any{{"role": "assistant", "content": "", "refusal": nil}}
	if len(r.uses) > 0 && r.answer.Text == "" {
		list[0]["content"] = nil
	}
	if r.answer.Text != "" {
		for _, part := range chunks(r.answer.Text, r.answer.ChunkSize) {
			list = append(list, map[string]any{"content": part})
		}
	}
	for i, use := range r.uses {
		call := func(body map[string]any) {
			body["index"] = i
			list = append(list, map[string]any{"tool_calls": []any{body}})
		}
		call(map[string]any{"id": use.ID, "type": "function", "function": map[string]any{"name": use.Name, "arguments": ""}})
		for _, part := range chunks(use.Input, r.answer.ChunkSize) {
			call(map[string]any{"function": map[string]any{"arguments": part}})
		}
	}
	return list
}

// stream sends chat.completion.chunk events; the usage comes in a last chunk
// without choices when it was asked for.
func (r *openAIReply) stream(o *wire, includeUsage bool) {
	o.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	send := func(choices []any, usage any) {
		chunk := map[string]any{"id": r.id, "object": "chat.completion.chunk", "created": r.created, "model": r.model, "choices": choices}
		if includeUsage {
			chunk["usage"] = usage
		}
		o.write("data: " + string(mustJSON(chunk)) + "\n\n")
	}
	choice := func(delta map[string]any, finish any) []any {
		return []any{map[string]any{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}}
	}
	deltas := r.deltas()
	for i, delta := range deltas {
		if i > 0 {
			o.pause()
		}
		if r.answer.Garbage && i == len(deltas)/2 {
			o.write(`data: {"id":"` + r.id + `","choices":[{"delta":{"content` + "\n\n")
			return
		}
		send(choice(delta, nil), nil)
	}
	if kind := r.answer.ErrorEvent; kind != "" {
		message := r.answer.ErrorText
		if message == "" {
			message = "The server had an error while processing your request."
		}
		o.write("data: " + string(mustJSON(map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": nil}})) + "\n\n")
		return
	}
	send(choice(map[string]any{}, r.finish), nil)
	if includeUsage {
		send([]any{}, r.usageBody())
	}
	o.write("data: [DONE]\n\n")
}
