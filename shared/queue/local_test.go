package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/queue"
	"instar/shared/queue/queuetest"
)

func TestLocalIsAQueue(t *testing.T) {
	queuetest.Run(t, func(t *testing.T, handler queue.Handler) queue.Sender {
		l := queue.NewLocal(handler, queue.LocalOptions{})
		t.Cleanup(func() {
			if err := l.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return l
	})
}

func TestRoundDelay(t *testing.T) {
	for in, want := range map[time.Duration]time.Duration{
		-time.Hour: 0, 0: 0, 1: time.Second, time.Second: time.Second, time.Second + 1: 2 * time.Second,
		queue.MaxDelay - 1: queue.MaxDelay, queue.MaxDelay + 1: queue.MaxDelay, 1<<63 - 1: queue.MaxDelay, -1 << 63: 0,
	} {
		if got := queue.RoundDelay(in); got != want {
			t.Errorf("RoundDelay(%v) = %v, want %v", in, got, want)
		}
	}
}

// failures is a handler that fails with each error in turn, then succeeds, and
// records when it was called.
type failures struct {
	start time.Time
	errs  []error
	at    []time.Duration
}

func (f *failures) handle(context.Context, queue.Message) error {
	f.at = append(f.at, time.Since(f.start))
	if n := len(f.at); n <= len(f.errs) {
		return f.errs[n-1]
	}
	return nil
}

// deliver sends one message and returns when its deliveries came.
func deliver(t *testing.T, o queue.LocalOptions, delay time.Duration, errs ...error) []time.Duration {
	t.Helper()
	f := &failures{start: time.Now(), errs: errs}
	l := queue.NewLocal(f.handle, o)
	if err := l.Send(t.Context(), []byte("x"), delay); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f.at
}

func TestLocalDeliversWhenItIsDue(t *testing.T) {
	failed := errors.New("failed")
	const s = time.Second
	for _, c := range []struct {
		name  string
		delay time.Duration
		errs  []error
		want  []time.Duration
	}{
		{"at once", 0, nil, []time.Duration{0}},
		{"rounded up", 1500 * time.Millisecond, nil, []time.Duration{2 * s}},
		{"capped", 100 * time.Hour, nil, []time.Duration{queue.MaxDelay}},
		{"default retry", s, []error{failed, failed}, []time.Duration{s, 4 * s, 7 * s}},
		{"the handler's own retry, wrapped", 0,
			[]error{fmt.Errorf("busy: %w", &queue.Retry{After: 60 * s, Err: failed}), &queue.Retry{}, failed},
			[]time.Duration{0, 60 * s, 60 * s, 63 * s}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := deliver(t, queue.LocalOptions{DefaultRetry: 3 * s}, c.delay, c.errs...); !slices.Equal(got, c.want) {
					t.Errorf("delivered at %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestLocalGivesUpAfterTheLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead []string
		o := queue.LocalOptions{MaxAttempts: 3, Dead: func(m queue.Message, err error) {
			dead = append(dead, fmt.Sprint(string(m.Body), " ", m.Attempts, " ", err))
		}}
		at := deliver(t, o, 0, errors.New("one"), errors.New("two"), errors.New("three"))
		if len(at) != 3 || !slices.Equal(dead, []string{"x 3 three"}) {
			t.Errorf("%d deliveries, dead: %q", len(at), dead)
		}
	})
}

func TestLocalRetriesAHandlerThatPanicsOrExits(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(m queue.Message)
		want  string
	}{
		"runtime panic": {func(m queue.Message) { _ = m.Body[m.Attempts+100] }, "index out of range"},
		"own panic":     {func(m queue.Message) { panic("cannot handle " + string(m.Body)) }, "panicked with a string"},
		"exit":          {func(queue.Message) { runtime.Goexit() }, "did not return"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				var dead error
				l := queue.NewLocal(func(_ context.Context, m queue.Message) error {
					calls++
					c.leave(m)
					return nil
				}, queue.LocalOptions{MaxAttempts: 2, Workers: 1, Dead: func(_ queue.Message, err error) { dead = err }})
				l.Send(t.Context(), []byte("private words"), 0)
				if err := l.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				if calls != 2 || dead == nil || !strings.Contains(dead.Error(), c.want) || strings.Contains(dead.Error(), "private") {
					t.Errorf("%d deliveries, dead with %v", calls, dead)
				}
			})
		})
	}
}

func TestLocalRunsNoMoreThanItsWorkersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, total atomic.Int32
		l := queue.NewLocal(func(context.Context, queue.Message) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			total.Add(1)
			return nil
		}, queue.LocalOptions{Workers: 3})
		start := time.Now()
		for range 10 {
			l.Send(t.Context(), nil, 0)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 3 || total.Load() != 10 || time.Since(start) != 4*time.Second {
			t.Errorf("%d at once, %d in all, took %v; want 3, 10, 4s", most.Load(), total.Load(), time.Since(start))
		}
	})
}

func TestARedeliveryHasTheBodyThatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		l := queue.NewLocal(func(_ context.Context, m queue.Message) error {
			bodies = append(bodies, string(m.Body))
			m.Body[0] = 'J'
			return errors.New("again")
		}, queue.LocalOptions{MaxAttempts: 2})
		l.Send(t.Context(), []byte("hello"), 0)
		l.Close(t.Context())
		if !slices.Equal(bodies, []string{"hello", "hello"}) {
			t.Errorf("delivered %q", bodies)
		}
	})
}

func TestCloseWaitsForWhatHandlersSendAndThenRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *queue.Local
		var handled []string
		l = queue.NewLocal(func(ctx context.Context, m queue.Message) error {
			handled = append(handled, string(m.Body))
			if len(m.Body) < 3 {
				return l.Send(ctx, append(m.Body, '+'), time.Hour)
			}
			return nil
		}, queue.LocalOptions{})
		l.Send(t.Context(), []byte("+"), time.Hour)
		for range 2 {
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(handled, []string{"+", "++", "+++"}) {
			t.Errorf("handled %q", handled)
		}
		if err := l.Send(t.Context(), nil, 0); err == nil {
			t.Error("a closed queue accepted a message")
		}
	})
}

func TestCloseDropsTheRestWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := 0
		stopped := make(chan error, 1)
		l := queue.NewLocal(func(ctx context.Context, m queue.Message) error {
			started++
			<-ctx.Done()
			stopped <- ctx.Err()
			return ctx.Err()
		}, queue.LocalOptions{Workers: 1})
		for _, delay := range []time.Duration{0, 0, time.Hour} {
			l.Send(t.Context(), nil, delay)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := l.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 messages") {
			t.Errorf("error %v, want 3 messages lost to the deadline", err)
		}
		if err := l.Close(context.Background()); err == nil {
			t.Error("closing again hides the loss")
		}
		if err := <-stopped; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
		if err := l.Send(t.Context(), nil, 0); err == nil {
			t.Error("a closed queue accepted a message")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if started != 1 {
			t.Errorf("%d deliveries, want 1", started)
		}
	})
}
