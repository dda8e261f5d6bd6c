package openai

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"instar/shared/model"
	"instar/shared/model/internal/wire"
	"instar/shared/model/sse"
)

type decoder struct {
	reply    wire.Reply
	byIndex  map[int64]*wire.Call
	open     *wire.Call // the call that a delta without index and id belongs to
	usage    model.Usage
	counted  bool
	finished bool // a finish_reason was seen
	refused  bool
	done     bool // [DONE] was seen
	stop     model.Stop
}

// decode reads the stream to [DONE]. Some servers end without it, which is
// fine once a finish_reason was seen; a stream that ends with neither is a
// temporary error. sent is the estimate of input tokens.
func (p *Provider) decode(ctx context.Context, body io.Reader, sent int, onText func(string)) (model.Reply, error) {
	d := decoder{byIndex: map[int64]*wire.Call{}, stop: model.StopEnd}
	d.reply.OnText = onText
	events := sse.NewReader(body)
	for !d.done {
		e, err := events.Next()
		if err != nil {
			// After a finish_reason only the usage can be missing.
			if d.finished && ctx.Err() == nil {
				break
			}
			return model.Reply{}, d.failed(sent, wire.Broken(ctx, p.name, "the answer broke off", err))
		}
		if err := d.event(e.Data); err != nil {
			return model.Reply{}, d.failed(sent, p.eventError(ctx, e.Data, err))
		}
	}
	d.estimate(sent)
	if d.refused {
		d.stop = model.StopRefusal
	}
	return d.reply.Done(d.stop, d.usage), nil
}

func (d *decoder) estimate(sent int) {
	if !d.counted {
		d.usage = model.Usage{Input: sent, Output: (d.reply.Size() + 2) / 3}
	}
}

// failed says what the call has used. Usage comes last in a stream, so mostly
// this is an estimate.
func (d *decoder) failed(sent int, e *model.Error) error {
	d.estimate(sent)
	e.Usage = d.usage
	return e
}

var (
	errNotJSON  = errors.New("event is not JSON")
	errInStream = errors.New("error in the stream")
)

func (p *Provider) eventError(ctx context.Context, data []byte, err error) *model.Error {
	if !errors.Is(err, errInStream) {
		return wire.Broken(ctx, p.name, "the answer broke off", err)
	}
	kind, message := wire.Describe(data)
	code := gjson.GetBytes(data, "error.code").String()
	return &model.Error{
		Provider:  p.name,
		Reason:    wire.Reason(kind, message, "error without words", p.header),
		Temporary: temporaryKind(kind) || temporaryKind(code),
		Err:       err,
	}
}

// temporaryKind judges an error inside a stream, which has no status of its
// own: OpenAI says server_error, OpenRouter puts the status in the code.
func temporaryKind(kind string) bool {
	if n, err := strconv.Atoi(kind); err == nil {
		return n == 408 || n == 409 || n == 429 || n >= 500
	}
	kind = strings.ToLower(kind)
	for _, word := range []string{"server_error", "overloaded", "rate_limit", "timeout", "unavailable"} {
		if strings.Contains(kind, word) {
			return true
		}
	}
	return false
}

func (d *decoder) event(data []byte) error {
	if strings.TrimSpace(string(data)) == "[DONE]" {
		// Nothing at all before it is no answer.
		if !d.finished && d.reply.Size() == 0 && len(d.reply.Calls) == 0 {
			return errors.New("an empty answer")
		}
		d.done = true
		return nil
	}
	if !gjson.ValidBytes(data) {
		return errNotJSON
	}
	chunk := gjson.ParseBytes(data)
	if e := chunk.Get("error"); e.Exists() && e.Type != gjson.Null {
		return errInStream
	}
	d.count(chunk)
	choice := chunk.Get("choices.0")
	if choice.Get("index").Int() != 0 {
		return nil
	}
	delta := choice.Get("delta")
	if !delta.IsObject() {
		delta = choice.Get("message")
	}
	if err := d.delta(delta); err != nil {
		return err
	}
	if reason := choice.Get("finish_reason").Str; reason != "" {
		d.finished, d.stop = true, stopOf(reason)
	}
	return nil
}

func (d *decoder) delta(delta gjson.Result) error {
	if err := d.reply.Text(text(delta.Get("content"))); err != nil {
		return err
	}
	if refusal := delta.Get("refusal").Str; refusal != "" {
		d.refused = true
		if err := d.reply.Text(refusal); err != nil {
			return err
		}
	}
	var err error
	delta.Get("tool_calls").ForEach(func(_, call gjson.Result) bool {
		err = d.toolCall(call)
		return err == nil
	})
	return err
}

// text reads content as a string, or as a list of parts (Mistral), of which
// the text parts count.
func text(content gjson.Result) string {
	if !content.IsArray() {
		return content.Str
	}
	var b strings.Builder
	content.ForEach(func(_, part gjson.Result) bool {
		if part.Get("type").Str == "text" {
			b.WriteString(part.Get("text").Str)
		}
		return true
	})
	return b.String()
}

// toolCall takes a piece of a tool call. Servers differ: OpenAI gives index
// always and id and name once; some give no index, or index 0 for every call;
// some give no id; some repeat id and name with every piece; some send
// arguments as an object.
func (d *decoder) toolCall(piece gjson.Result) error {
	id, name := piece.Get("id").Str, piece.Get("function.name").Str
	index := piece.Get("index")
	c := d.open
	if index.Type == gjson.Number {
		c = d.byIndex[index.Int()]
	}
	if c == nil || name != "" && (id != "" && id != c.ID || id == "" && index.Type != gjson.Number) {
		if name == "" && id == "" && c == nil && piece.Get("function.arguments").String() == "" {
			return nil
		}
		c = &wire.Call{ID: id, Name: name}
		if c.ID == "" {
			c.ID = "call_" + strconv.FormatUint(rand.Uint64(), 36)
		}
		d.reply.Calls = append(d.reply.Calls, c)
	}
	if c.Name == "" {
		c.Name = name
	}
	d.open = c
	if index.Type == gjson.Number {
		d.byIndex[index.Int()] = c
	}
	args := piece.Get("function.arguments")
	if args.IsObject() {
		return d.reply.Args(c, args.Raw)
	}
	return d.reply.Args(c, args.Str)
}

// count reads the usage, which stands in the last chunk, or in every chunk as
// a total so far. prompt_tokens includes what was read from and written to the
// cache. Groq puts a second copy under x_groq.
func (d *decoder) count(chunk gjson.Result) {
	u := chunk.Get("usage")
	if !u.IsObject() {
		u = chunk.Get("x_groq.usage")
	}
	if !u.IsObject() {
		return
	}
	in := nonNegative(u.Get("prompt_tokens"))
	read := min(nonNegative(u.Get("prompt_tokens_details.cached_tokens")), in)
	write := min(nonNegative(u.Get("prompt_tokens_details.cache_write_tokens")), in-read)
	d.usage = model.Usage{
		Input:      in - read - write,
		Output:     nonNegative(u.Get("completion_tokens")),
		CacheRead:  read,
		CacheWrite: write,
	}
	d.counted = true
}

func nonNegative(v gjson.Result) int { return max(int(v.Int()), 0) }

func stopOf(reason string) model.Stop {
	switch reason {
	case "tool_calls", "function_call":
		return model.StopTools
	case "length":
		return model.StopLength
	case "content_filter":
		return model.StopRefusal
	}
	return model.StopEnd
}
