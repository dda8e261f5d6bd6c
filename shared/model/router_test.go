package model_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/model"
)

// fake answers its calls in turn: with text, then an error or an end.
type fake struct {
	answers []answer
	calls   int
	models  []string
}

type answer struct {
	text  string
	err   error
	usage model.Usage
}

func (f *fake) Stream(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
	a := f.answers[min(f.calls, len(f.answers)-1)]
	f.calls++
	f.models = append(f.models, r.Model)
	if a.text != "" {
		onText(a.text)
	}
	if a.err != nil {
		return model.Reply{}, a.err
	}
	return model.Reply{Text: a.text, Usage: a.usage, Stop: model.StopEnd}, nil
}

func temporary(retry time.Duration) error {
	return &model.Error{Provider: "a", Status: 529, Reason: "overloaded_error: Overloaded", Temporary: true, Retry: retry}
}

var refused = &model.Error{Provider: "a", Status: 401, Reason: "authentication_error: invalid x-api-key"}

// bench is a router over fakes whose sleeps are written down.
type bench struct {
	model.Router
	slept []time.Duration
	shown []string
}

func newBench(providers map[string]*fake, models ...string) *bench {
	b := &bench{}
	b.Models = models
	b.Open = func(name string) (model.Provider, error) {
		provider, _ := model.ParseName(name)
		if p, ok := providers[provider]; ok {
			return p, nil
		}
		return nil, model.ConfigError("set X_API_KEY to use " + provider)
	}
	b.Sleep = func(ctx context.Context, d time.Duration) error {
		b.slept = append(b.slept, d)
		return ctx.Err()
	}
	return b
}

func (b *bench) stream(ctx context.Context) (model.Reply, error) {
	return b.Stream(ctx, model.Request{}, model.Sink{
		OnText:  func(s string) { b.shown = append(b.shown, s) },
		OnReset: func() { b.shown = append(b.shown, "RESET") },
	})
}

func TestTheReplySaysWhoAnswered(t *testing.T) {
	a := &fake{answers: []answer{{text: "hi"}}}
	b := newBench(map[string]*fake{"a": a}, "a/m/with/slashes")
	reply, err := b.stream(context.Background())
	if err != nil || reply.Model != "a/m/with/slashes" || a.models[0] != "m/with/slashes" || reply.Text != "hi" {
		t.Errorf("%+v, %v, asked for %q", reply, err, a.models)
	}
}

func TestTemporaryErrorsAreRetriedTwiceWithGrowingDelays(t *testing.T) {
	a := &fake{answers: []answer{{err: temporary(0)}}}
	other := &fake{answers: []answer{{text: "ok"}}}
	b := newBench(map[string]*fake{"a": a, "b": other}, "a/1", "b/2")
	reply, err := b.stream(context.Background())
	if err != nil || reply.Model != "b/2" || a.calls != 3 {
		t.Fatalf("%+v, %v after %d calls", reply, err, a.calls)
	}
	if len(b.slept) != 2 || b.slept[0] < 250*time.Millisecond || b.slept[0] > 501*time.Millisecond || b.slept[1] < 500*time.Millisecond || b.slept[1] > 1001*time.Millisecond {
		t.Errorf("slept %v", b.slept)
	}
}

func TestTheProvidersOwnWaitIsHonouredUpTo20Seconds(t *testing.T) {
	a := &fake{answers: []answer{{err: temporary(20 * time.Second)}, {text: "ok"}}}
	b := newBench(map[string]*fake{"a": a}, "a/1")
	if _, err := b.stream(context.Background()); err != nil || len(b.slept) != 1 || b.slept[0] != 20*time.Second {
		t.Errorf("%v, slept %v", err, b.slept)
	}
	a = &fake{answers: []answer{{err: temporary(21 * time.Second)}}}
	b = newBench(map[string]*fake{"a": a}, "a/1")
	if _, err := b.stream(context.Background()); err == nil || len(b.slept) != 0 || !strings.Contains(err.Error(), "Try again in 21s.") {
		t.Errorf("%v, slept %v", err, b.slept)
	}
}

func TestOtherErrorsMoveOnAtOnce(t *testing.T) {
	for _, failure := range []error{refused, &model.Error{Status: 400}, errors.New("no *Error at all")} {
		a := &fake{answers: []answer{{err: failure}}}
		other := &fake{answers: []answer{{text: "ok"}}}
		b := newBench(map[string]*fake{"a": a, "b": other}, "a/1", "missing/x", "b/2")
		reply, err := b.stream(context.Background())
		if err != nil || reply.Model != "b/2" || a.calls != 1 || len(b.slept) != 0 {
			t.Errorf("%v: %+v, %v after %d calls", failure, reply, err, a.calls)
		}
	}
}

func TestShownTextIsTakenBackBeforeTheNextTry(t *testing.T) {
	a := &fake{answers: []answer{{text: "Hel", err: temporary(0)}, {err: temporary(0)}, {text: "Hallo", err: refused}}}
	other := &fake{answers: []answer{{text: "Bonjour"}}}
	b := newBench(map[string]*fake{"a": a, "b": other}, "a/1", "b/2")
	if _, err := b.stream(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.shown, " "); got != "Hel RESET Hallo RESET Bonjour" {
		t.Errorf("shown %s", got)
	}
}

func TestASinkMayBeEmpty(t *testing.T) {
	a := &fake{answers: []answer{{text: "Hel", err: temporary(0)}, {text: "Hello"}}}
	b := newBench(map[string]*fake{"a": a}, "a/1")
	if reply, err := b.Stream(context.Background(), model.Request{}, model.Sink{}); err != nil || reply.Text != "Hello" {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestAnErrorOfBeforeEndsEverything(t *testing.T) {
	spent := errors.New("the budget is spent")
	a := &fake{answers: []answer{{err: temporary(0)}}}
	other := &fake{answers: []answer{{text: "ok"}}}
	b := newBench(map[string]*fake{"a": a, "b": other}, "a/1", "b/2")
	var asked []string
	b.Before = func(_ context.Context, m string) error {
		if asked = append(asked, m); len(asked) == 2 {
			return spent
		}
		return nil
	}
	if _, err := b.stream(context.Background()); err != spent || a.calls != 1 || other.calls != 0 {
		t.Errorf("%v after %d and %d calls", err, a.calls, other.calls)
	}
	if fmt.Sprint(asked) != "[a/1 a/1]" {
		t.Errorf("asked for %v", asked)
	}
}

func TestAfterBooksEveryCallAlsoTheFailed(t *testing.T) {
	broke := &model.Error{Temporary: true, Reason: "broke", Usage: model.Usage{Input: 5}}
	a := &fake{answers: []answer{{err: broke}, {text: "ok", usage: model.Usage{Input: 6, Output: 1}}}}
	b := newBench(map[string]*fake{"a": a}, "a/1")
	var booked []string
	b.After = func(_ context.Context, m string, u model.Usage, err error) {
		booked = append(booked, fmt.Sprintf("%s %d %v", m, u.Input, err != nil))
	}
	if _, err := b.stream(context.Background()); err != nil || fmt.Sprint(booked) != "[a/1 5 true a/1 6 false]" {
		t.Errorf("%v, booked %v", err, booked)
	}
}

func TestCancellationEndsEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	other := &fake{answers: []answer{{text: "ok"}}}
	b := newBench(map[string]*fake{"a": {answers: []answer{{err: temporary(0)}}}, "b": other}, "a/1", "b/2")
	b.Before = func(context.Context, string) error { cancel(); return nil }
	if _, err := b.stream(ctx); err == nil || other.calls != 0 {
		t.Errorf("%v after %d calls of the fallback", err, other.calls)
	}
	b.Before = nil
	if _, err := b.stream(ctx); !errors.Is(err, context.Canceled) || other.calls != 0 {
		t.Errorf("%v", err)
	}
}

func TestNobodyWaitsPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		other := &fake{answers: []answer{{text: "ok"}}}
		b := newBench(map[string]*fake{"a": {answers: []answer{{err: temporary(15 * time.Second)}}}, "b": other}, "a/1", "b/2")
		b.Sleep = nil
		start := time.Now()
		if reply, err := b.stream(ctx); err != nil || reply.Model != "b/2" || time.Since(start) != 0 {
			t.Errorf("%+v, %v after %v", reply, err, time.Since(start))
		}
		b = newBench(map[string]*fake{"a": {answers: []answer{{err: temporary(3 * time.Second)}}}}, "a/1")
		b.Sleep = nil
		if _, err := b.stream(ctx); err == nil || time.Since(start) != 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestWhenAllFailThePersonLearnsWhatToDo(t *testing.T) {
	at := func(status int, reason string, temporary bool) *fake {
		return &fake{answers: []answer{{err: &model.Error{Status: status, Reason: reason, Temporary: temporary}}}}
	}
	b := newBench(map[string]*fake{
		"anthropic": at(401, "authentication_error: invalid x-api-key", false),
		"openai":    at(404, "model_not_found: no such model.", false),
		"groq":      at(0, "the connection failed", true),
		"credit":    at(429, "insufficient_quota: You exceeded your quota", false),
		"bad":       at(400, "invalid_request_error: too long", false),
	}, "anthropic/c", "openai/g", "groq/l", "credit/x", "bad/y", "other/z")
	_, err := b.stream(context.Background())
	want := "no model answered." +
		" anthropic/c: it refused the key (status 401: authentication_error: invalid x-api-key). Check ANTHROPIC_API_KEY." +
		" openai/g: it does not know this model (status 404: model_not_found: no such model). Check MODEL and MODEL_FALLBACKS." +
		" groq/l: the connection failed. Try again in a few minutes." +
		" credit/x: the account has no credit left (status 429: insufficient_quota: You exceeded your quota). Add credit with the provider." +
		" bad/y: it rejected the request (status 400: invalid_request_error: too long)." +
		" other/z: set X_API_KEY to use other."
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var e *model.Error
	if !errors.As(err, &e) || e.Status != 401 || !errors.Is(err, model.ErrConfig) {
		t.Error("the single errors cannot be found")
	}
}

func TestNoModelIsAConfigurationError(t *testing.T) {
	if _, err := newBench(nil).stream(context.Background()); !errors.Is(err, model.ErrConfig) {
		t.Error(err)
	}
}

func TestNamesAreSplitAtTheFirstSlash(t *testing.T) {
	for name, want := range map[string][2]string{
		"anthropic/claude-sonnet-4-5":         {"anthropic", "claude-sonnet-4-5"},
		"workers-ai/@cf/meta/llama-3.3":       {"workers-ai", "@cf/meta/llama-3.3"},
		" openrouter / meta-llama/llama-3:x ": {"openrouter", "meta-llama/llama-3:x"},
		"offline":                             {"offline", ""},
		"":                                    {"", ""},
	} {
		if p, m := model.ParseName(name); p != want[0] || m != want[1] {
			t.Errorf("%q: %q %q", name, p, m)
		}
	}
}
