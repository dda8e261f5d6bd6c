package anthropic

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/tidwall/gjson"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
	"instar/shared/model/sse"
)

// decoder follows the events of "Streaming messages" in Anthropic's reference.
// Event and block types it does not know, thinking among them, are skipped, as
// the reference asks.
type decoder struct {
	reply wire.Reply
	calls map[int64]*wire.Call // open tool_use blocks by content block index
	start map[int64]string     // the input a block began with
	usage model.Usage
	stop  model.Stop
	done  bool
}

// decode reads the stream to message_stop. A stream that ends before it is a
// temporary error.
func decode(ctx context.Context, body io.Reader, secrets http.Header, onText func(string)) (model.Reply, error) {
	d := decoder{calls: map[int64]*wire.Call{}, start: map[int64]string{}, stop: model.StopEnd}
	d.reply.OnText = onText
	events := sse.NewReader(body)
	for !d.done {
		e, err := events.Next()
		if err == nil {
			err = d.event(e.Data, secrets)
		}
		if err != nil {
			return model.Reply{}, d.failed(ctx, err)
		}
	}
	return d.reply.Done(d.stop, d.usage), nil
}

func (d *decoder) failed(ctx context.Context, err error) error {
	var e *model.Error
	if !errors.As(err, &e) {
		e = wire.Broken(ctx, name, "the answer broke off", err)
	}
	e.Usage = d.usage
	return e
}

var errNotJSON = errors.New("event is not JSON")

func (d *decoder) event(data []byte, secrets http.Header) error {
	if !gjson.ValidBytes(data) {
		return errNotJSON
	}
	e := gjson.ParseBytes(data)
	switch e.Get("type").Str {
	case "message_start":
		d.count(e.Get("message.usage"))
	case "content_block_start":
		return d.blockStart(e.Get("index").Int(), e.Get("content_block"))
	case "content_block_delta":
		return d.blockDelta(e.Get("index").Int(), e.Get("delta"))
	case "content_block_stop":
		return d.blockStop(e.Get("index").Int())
	case "message_delta":
		d.count(e.Get("usage"))
		d.stop = stopOf(e.Get("delta.stop_reason").Str)
	case "message_stop":
		d.done = true
	case "error":
		return streamError(data, secrets)
	}
	return nil
}

// count takes the usage fields an event has. They are totals so far, not
// differences.
func (d *decoder) count(u gjson.Result) {
	u.ForEach(func(key, value gjson.Result) bool {
		if value.Type != gjson.Number {
			return true
		}
		n := max(int(value.Int()), 0)
		switch key.Str {
		case "input_tokens":
			d.usage.Input = n
		case "output_tokens":
			d.usage.Output = n
		case "cache_read_input_tokens":
			d.usage.CacheRead = n
		case "cache_creation_input_tokens":
			d.usage.CacheWrite = n
		}
		return true
	})
}

func (d *decoder) blockStart(index int64, b gjson.Result) error {
	switch b.Get("type").Str {
	case "text":
		return d.reply.Text(b.Get("text").Str)
	case "tool_use":
		c := &wire.Call{ID: b.Get("id").Str, Name: b.Get("name").Str}
		d.reply.Calls = append(d.reply.Calls, c)
		d.calls[index], d.start[index] = c, b.Get("input").Raw
	}
	return nil
}

func (d *decoder) blockDelta(index int64, delta gjson.Result) error {
	switch delta.Get("type").Str {
	case "text_delta":
		return d.reply.Text(delta.Get("text").Str)
	case "input_json_delta":
		if c := d.calls[index]; c != nil {
			return d.reply.Args(c, delta.Get("partial_json").Str)
		}
	}
	return nil
}

// blockStop falls back to the input the block began with, where a gateway
// sends it whole instead of in deltas.
func (d *decoder) blockStop(index int64) error {
	c := d.calls[index]
	if c == nil || c.Args.Len() > 0 {
		return nil
	}
	return d.reply.Args(c, d.start[index])
}

func stopOf(reason string) model.Stop {
	switch reason {
	case "tool_use":
		return model.StopTools
	case "max_tokens", "model_context_window_exceeded":
		return model.StopLength
	case "refusal":
		return model.StopRefusal
	}
	return model.StopEnd
}

func streamError(data []byte, secrets http.Header) error {
	kind, message := wire.Describe(data)
	e := &model.Error{Provider: name, Reason: wire.Reason(kind, message, "error without words", secrets)}
	switch kind {
	case "overloaded_error", "rate_limit_error", "api_error", "timeout_error":
		e.Temporary = true
	}
	return e
}
