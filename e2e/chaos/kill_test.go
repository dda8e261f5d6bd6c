//go:build e2e

package chaos

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// TestRandomKills: webhooks come several times and out of order, and all of
// Instar is killed every few seconds.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	d := roll(t)
	began := time.Now()
	n := *messages
	if n == 0 {
		n = sized(40, 500)
	}
	w := instar.Start(t, "TELEGRAM_DM_POLICY=open")
	script := answering(d)
	w.Anthropic.Script(script)
	w.OpenAI.Script(script)

	sent := map[int64][]int{}
	var bodies [][]byte
	window := max(20*time.Second, time.Duration(n)*400*time.Millisecond)
	var deliveries sync.WaitGroup
	var refused, accepted atomic.Int64
	for i := range n {
		chat := int64(10_000 + d.below(max(1, n*2/3)))
		sent[chat] = append(sent[chat], i)
		body := instar.Update(chat, chat, question(i))
		bodies = append(bodies, body)
		for range 1 + d.below(5) {
			at := d.between(0, window)
			deliveries.Go(func() {
				time.Sleep(at)
				for { // the platform sends again what got no 2xx
					if status, err := w.Deliver(body); err == nil && status/100 == 2 {
						accepted.Add(1)
						return
					}
					refused.Add(1)
					time.Sleep(d.between(2*time.Second, 6*time.Second))
				}
			})
		}
	}
	delivered := make(chan struct{})
	go func() { deliveries.Wait(); close(delivered) }()
	kills := 0
	for running := true; running; {
		select {
		case <-delivered:
			running = false
		case <-time.After(d.between(time.Second, 4*time.Second)):
		}
		w.Kill()
		kills++
		time.Sleep(d.between(0, 500*time.Millisecond))
		if !running || d.below(3) == 0 {
			w.Redeliver(n)
		} else {
			w.Launch()
		}
	}
	look := func() (tally, []string) { return count(sent, w.Telegram.Chat) }
	w.Recover(n, 3*time.Minute, func() bool { got, _ := look(); return got.lost == 0 })
	quiet(w)

	// Everything once more, from the platform and from the queue: no answer may
	// come of it.
	if *long {
		w.Kill()
		kills++
		w.Redeliver(n)
	}
	for _, body := range bodies {
		w.Hook(body)
	}
	quiet(w)
	got, details := look()
	t.Logf("random kills: %v, kills %d, model calls %d, webhooks accepted %d, refused %d, %.0f s",
		got, kills, len(w.Anthropic.Calls())+len(w.OpenAI.Calls()), accepted.Load(), refused.Load(), time.Since(began).Seconds())
	if !got.kept() {
		t.Errorf("%s", strings.Join(details, "\n"))
	}
}

// answering answers what was asked, after up to 0.8 s, sometimes in pieces.
func answering(d *dice) func(fake.Call) fake.Answer {
	return func(c fake.Call) fake.Answer {
		a := fake.Answer{Text: answerTo(asked(c)), Hang: d.between(0, 800*time.Millisecond)}
		if d.below(3) == 0 {
			a.ChunkSize, a.Delay, a.Hang = 12, 150*time.Millisecond, a.Hang/4
		}
		return a
	}
}

// quiet waits until nothing has been sent to the chats for three seconds.
func quiet(w *instar.World) {
	seen, since := -1, time.Now()
	until(time.Minute, func() bool {
		if n := len(w.Telegram.Calls("")); n != seen {
			seen, since = n, time.Now()
		}
		return time.Since(since) > 3*time.Second
	})
}
