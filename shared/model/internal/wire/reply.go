package wire

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/tidwall/gjson"

	"instar/shared/model"
)

// MaxReply bounds the text and the tool inputs of one reply, in bytes. It is
// far above what any model writes.
const MaxReply = 8 << 20

// ErrTooLong is returned for a reply larger than MaxReply.
var ErrTooLong = errors.New("the reply is larger than 8 MiB")

// Reply collects a streamed reply.
type Reply struct {
	OnText func(delta string)
	Calls  []*Call

	text strings.Builder
	size int
}

// Call is a tool call whose input is still arriving.
type Call struct {
	ID, Name string
	Args     strings.Builder
}

// Text takes the next piece of the answer.
func (r *Reply) Text(delta string) error {
	if delta == "" {
		return nil
	}
	if err := r.grow(len(delta)); err != nil {
		return err
	}
	r.text.WriteString(delta)
	if r.OnText != nil {
		r.OnText(delta)
	}
	return nil
}

// Args takes the next piece of a call's input.
func (r *Reply) Args(c *Call, delta string) error {
	if err := r.grow(len(delta)); err != nil {
		return err
	}
	c.Args.WriteString(delta)
	return nil
}

func (r *Reply) grow(n int) error {
	if r.size += n; r.size > MaxReply {
		return ErrTooLong
	}
	return nil
}

// Size is the number of bytes collected so far.
func (r *Reply) Size() int { return r.size }

// Done returns the whole reply. A model that stopped by itself and asked for
// tools waits for their results, whatever its server called the reason.
func (r *Reply) Done(stop model.Stop, usage model.Usage) model.Reply {
	out := model.Reply{Text: r.text.String(), Usage: usage, Stop: stop}
	for _, c := range r.Calls {
		out.Calls = append(out.Calls, c.toolCall())
	}
	switch {
	case stop == model.StopEnd && len(out.Calls) > 0:
		out.Stop = model.StopTools
	case stop == model.StopTools && len(out.Calls) == 0:
		out.Stop = model.StopEnd
	}
	return out
}

func (c *Call) toolCall() model.ToolCall {
	args := strings.TrimSpace(c.Args.String())
	call := model.ToolCall{ID: c.ID, Name: c.Name}
	switch {
	case args == "":
		call.Input = json.RawMessage("{}")
	case args[0] == '{' && gjson.Valid(args):
		call.Input = json.RawMessage(args)
	default:
		call.Garbled = args
	}
	return call
}
