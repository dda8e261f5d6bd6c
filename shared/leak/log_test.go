package leak_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"instar/shared/leak"
)

type account struct {
	Name string
	Key  []byte
}

type answer struct{ body string }

func (a answer) LogValue() slog.Value { return slog.StringValue(a.body) }

func TestLogsHoldNoSecret(t *testing.T) {
	g := guard()
	for name, format := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var out bytes.Buffer
		log := slog.New(leak.Handler(secrets, format(&out)))
		log.Info("sent with "+anthropic, "n", 7)
		log.Error("failed", "error", fmt.Errorf("get https://api.telegram.org/bot%s/getMe: EOF", telegram))
		log.With("header", token).WithGroup("g").Warn("x", "body", []byte(anthropic), "raw", answer{token})
		log.Info("x", slog.Group("request", "account", account{Name: "a", Key: []byte(anthropic)}, "own", &account{Name: token}))
		log.Info("x", "password", "never-Seen-b4-by-anybody", token, 1)
		if found := g.Check(out.String()); len(found) > 0 {
			t.Errorf("%s: %+v in %s", name, found, out.String())
		}
		if strings.Contains(out.String(), "never-Seen") || !strings.Contains(out.String(), "EOF") {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

func TestHarmlessLogsAreUnchanged(t *testing.T) {
	write := func(wrap func(slog.Handler) slog.Handler) string {
		var out bytes.Buffer
		plain := slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
		slog.New(wrap(plain)).With("a", 1).WithGroup("g").Info("turn", "account", account{Name: "x"}, "list", []int{1}, "none", nil)
		return out.String()
	}
	if got, want := write(func(h slog.Handler) slog.Handler { return leak.Handler(secrets, h) }), write(func(h slog.Handler) slog.Handler { return h }); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

func TestErrorHidesTheSecretAndKeepsItsKind(t *testing.T) {
	g := guard()
	cause := &refusal{"bad token " + telegram}
	err := g.Error(fmt.Errorf("send: %w: %w", cause, io.ErrUnexpectedEOF))
	for _, format := range []string{"%v", "%s", "%+v", "%#v", "%q"} {
		if text := fmt.Sprintf(format, err); len(g.Check(text)) > 0 || !strings.Contains(text, "send: bad token [redacted]") {
			t.Errorf("%s: %s", format, text)
		}
	}
	var r *refusal
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &r) || errors.Is(err, io.EOF) {
		t.Error("what it is cannot be told any more")
	}
	if errors.Unwrap(err) != nil {
		t.Error("Unwrap leads to the secret")
	}
	if g.Error(nil) != nil || g.Error(io.EOF) != io.EOF {
		t.Error("an error without a secret was changed")
	}
}
