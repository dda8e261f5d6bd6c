package leak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// Handler passes log records on to next without secrets (see New): messages,
// names of attributes, and their values, whatever their type. The guard is made
// with the first record.
func Handler(secrets map[string]string, next slog.Handler) slog.Handler {
	return &handler{sync.OnceValue(func() *Guard { return New(secrets) }), next}
}

type handler struct {
	guard func() *Guard
	next  slog.Handler
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.guard().Redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.guard().attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.guard, h.next.WithAttrs(h.guard().attrs(attrs))}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.guard, h.next.WithGroup(h.guard().Redact(name))}
}

func (g *Guard) attrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = g.attr(a)
	}
	return clean
}

// attr redacts one attribute. A value given to a secret's name is looked at
// together with it.
func (g *Guard) attr(a slog.Attr) slog.Attr {
	name := g.Redact(a.Key)
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		return slog.String(name, g.value(name, value.String()))
	case slog.KindGroup:
		return slog.Attr{Key: name, Value: slog.GroupValue(g.attrs(value.Group())...)}
	case slog.KindAny:
		return slog.Attr{Key: name, Value: g.anyValue(name, value)}
	}
	return slog.Attr{Key: name, Value: value}
}

// value redacts the value of a name.
func (g *Guard) value(name, value string) string {
	clean := g.Redact(value)
	if _, secret := nameBefore(name, len(name)); secret && assignable(clean) {
		return g.mark()
	}
	return clean
}

// anyValue leaves a value of any type as it is when neither the way it prints
// nor its JSON holds a secret.
func (g *Guard) anyValue(name string, value slog.Value) slog.Value {
	var printed string
	switch v := value.Any().(type) {
	case error:
		printed = v.Error()
		return slog.StringValue(g.value(name, printed))
	case []byte:
		printed = string(v)
	case json.RawMessage:
		printed = string(v)
	default:
		printed = fmt.Sprintf("%+v", v)
	}
	clean := g.value(name, printed)
	if clean != printed {
		return slog.StringValue(clean)
	}
	if encoded, err := json.Marshal(value.Any()); err == nil {
		if clean := g.Redact(string(encoded)); clean != string(encoded) {
			return slog.StringValue(clean)
		}
	}
	return value
}

// Error returns err when its text holds no secret, else an error with the text
// redacted that errors.Is and errors.As still see through; Unwrap does not lead
// to the original, whose text holds the secret. nil stays nil.
func (g *Guard) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := g.Redact(text); clean != text {
		return &redacted{clean, err}
	}
	return err
}

type redacted struct {
	text  string
	cause error
}

func (r *redacted) Error() string        { return r.text }
func (r *redacted) Is(target error) bool { return errors.Is(r.cause, target) }
func (r *redacted) As(target any) bool   { return errors.As(r.cause, target) }

// Format keeps %+v and %#v from printing the cause.
func (r *redacted) Format(s fmt.State, _ rune) { fmt.Fprint(s, r.text) }
