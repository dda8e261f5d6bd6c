//go:build !js

package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/tidwall/gjson"

	"instar/e2e/fake"
)

// served measures Instar as a person on Telegram meets it.
func (b *bench) served() error {
	s, err := b.firstMessages()
	if err != nil {
		return err
	}
	defer s.stop()
	for _, part := range []func(*bench, *instar) error{
		(*bench).conversation, (*bench).acknowledgements, (*bench).prompt, (*bench).burst, (*bench).repeated,
	} {
		if err := part(b, s); err != nil {
			return err
		}
	}
	return errors.Join(violations(s.telegram), violations(s.anthropic))
}

// chats numbers the chats: each measured message has one of its own.
var chats int64 = 10_000

func newChat() int64 { chats++; return chats }

// firstMessages measures the first message of fresh processes and leaves the
// last one running.
func (b *bench) firstMessages() (*instar, error) {
	var served, whole []time.Duration
	for i, n := 0, pick(b, 1, 3); ; i++ {
		s, err := b.start()
		if err != nil {
			return nil, err
		}
		_, answer, err := s.exchange(b.ctx, newChat())
		if err != nil {
			s.stop()
			return nil, err
		}
		served = append(served, answer)
		whole = append(whole, s.ready.Sub(s.launched)+answer)
		if i == n-1 {
			b.report.add("d", "message to reply, the first of a fresh process", ms(median(served)), "ms", below(1000),
				fmt.Sprintf("median of %d; from the moment it says it serves; with the start of the local runtime %.1f s", n, median(whole).Seconds()))
			return s, nil
		}
		s.stop()
	}
}

// exchanges are messages one after the other, each in a chat of its own.
type exchanges struct {
	acks, answers []time.Duration
	cpu           float64 // of workerd, milliseconds a message
}

func (b *bench) exchange(s *instar, warm, n int) (e exchanges, err error) {
	for i := range warm + n {
		var before time.Duration
		if i >= warm {
			before = s.process.cpu()
		}
		ack, answer, err := s.exchange(b.ctx, newChat())
		if err != nil {
			return e, err
		}
		s.pause(b.ctx)
		if i >= warm {
			e.acks, e.answers = append(e.acks, ack), append(e.answers, answer)
			e.cpu += ms(s.process.cpu()-before) / float64(n)
		}
	}
	return e, nil
}

// conversation measures warm messages, with the local storage and without.
func (b *bench) conversation(s *instar) error {
	n := pick(b, 30, 100)
	e, err := b.exchange(s, 20, n)
	if err != nil {
		return err
	}
	b.report.add("d", "message to reply, warm, median", ms(median(e.answers)), "ms", below(60),
		fmt.Sprintf("%d messages one after the other, each in a chat of its own; the model answers at once", n))
	b.report.add("d", "message to reply, warm, p99", ms(quantile(e.answers, 0.99)), "ms", nil, "")
	b.report.add("d", "message to reply, warm, workerd's CPU", e.cpu, "ms", nil, "webhook, agent, and the local stand-ins for R2, KV and Queues")
	b.report.add("c", "acknowledgement, warm, p50", ms(median(e.acks)), "ms", below(5), "one message at a time")
	b.report.add("c", "acknowledgement, warm, p99", ms(quantile(e.acks, 0.99)), "ms", nil, "")
	return nil
}

// inMemory measures warm messages without the local storage.
func (b *bench) inMemory() error {
	s, err := b.startInMemory()
	if err != nil {
		return err
	}
	defer s.stop()
	e, err := b.exchange(s, 20, pick(b, 30, 100))
	if err != nil {
		return err
	}
	b.report.add("d", "message to reply, warm, bucket and queue in memory, median", ms(median(e.answers)), "ms", nil, "")
	b.report.add("d", "message to reply, warm, bucket and queue in memory, workerd's CPU", e.cpu, "ms", nil, "what the functions themselves cost, and the runtime's HTTP")
	return errors.Join(violations(s.telegram), violations(s.anthropic))
}

// acknowledgements measures webhooks back to back. They are group messages to
// somebody else, which are stored and queued as any other and which the agent
// then takes off the inbox again: turns would compete with the webhooks for
// this machine.
func (b *bench) acknowledgements(s *instar) error {
	n := pick(b, 100, 500)
	for _, connections := range []int{1, 8} {
		requests := make([][]byte, n)
		for i := range requests {
			requests[i] = update(-7000, int64(7000+i), "hi", fake.Mentioning("somebody_else_bot"))
		}
		before := s.process.cpu()
		t, err := s.hook(b.ctx, connections, requests...)
		if err != nil {
			return err
		}
		if err := s.idle(b.ctx); err != nil {
			return err
		}
		cpu := ms(s.process.cpu()-before) / float64(n)
		on := "1 connection"
		var goal *target
		if connections == 1 {
			goal = below(5)
		} else {
			on = fmt.Sprintf("%d connections", connections)
		}
		b.report.add("c", "acknowledgement, back to back on "+on+", p50", ms(quantile(t.each, 0.5)), "ms", goal,
			fmt.Sprintf("%.0f a second; workerd's CPU %.2f ms each with the local R2 and queues and the agent's look at it", t.rate(), cpu))
		b.report.add("c", "acknowledgement, back to back on "+on+", p99", ms(quantile(t.each, 0.99)), "ms", nil, "")
	}
	return nil
}

// prompt measures what the model is sent for a plain greeting of the owner.
func (b *bench) prompt(s *instar) error {
	var calls []fake.Call
	for range 2 {
		before := len(s.anthropic.Calls())
		request := update(owner, owner, "hi")
		if _, err := s.hook(b.ctx, 1, request); err != nil {
			return err
		}
		for began := time.Now(); len(s.anthropic.Calls()) == before; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > replyWait || b.ctx.Err() != nil {
				return errors.New("the model was not asked")
			}
		}
		if err := s.idle(b.ctx); err != nil {
			return err
		}
		all := s.anthropic.Calls()
		calls = append(calls, all[len(all)-1])
	}
	first, second := fixedPart(calls[0]), fixedPart(calls[1])
	b.report.add("e", "system text and tools for “hi”", float64(len(first)), "bytes", below(10_000), "")
	b.report.add("e", "the whole request for “hi”", float64(len(calls[0].Body)), "bytes", nil, "")
	same := 0.0
	if bytes.Equal(first, second) {
		same = 1
	}
	b.report.add("e", "turns of 1 whose fixed part is the same bytes", same, "", exactly(1), "two turns of one person compared")
	return nil
}

func fixedPart(c fake.Call) []byte {
	r := gjson.ParseBytes(c.Body)
	return []byte(r.Get("system").Raw + r.Get("tools").Raw)
}

// burst sends many messages at once.
func (b *bench) burst(s *instar) error {
	const n = 160
	first := chats + 1
	requests := make([][]byte, n)
	for i := range requests {
		chat := newChat()
		requests[i] = update(chat, chat, "hi")
	}
	began := time.Now()
	t, err := s.flood(b.ctx, requests)
	if err != nil {
		return err
	}
	b.report.add("g", "of 160 webhooks at once, acknowledged", float64(len(t.each)), "", exactly(n), fmt.Sprintf("within %.0f ms", ms(t.whole)))
	shown, last := 0, began
	for chat := first; chat < first+n && time.Since(began) < 2*replyWait; chat++ {
		if at, err := s.replied(b.ctx, chat); err == nil {
			shown++
			if at.After(last) {
				last = at
			}
		}
	}
	b.report.add("g", "of 160 messages at once, answered", float64(shown), "", exactly(n),
		fmt.Sprintf("the last reply %.1f s after the first webhook", last.Sub(began).Seconds()))
	return s.idle(b.ctx)
}

// repeated delivers each webhook five times at once, as a platform does that
// has not heard its acknowledgement.
func (b *bench) repeated(s *instar) error {
	const n, times = 40, 5
	first := chats + 1
	var requests [][]byte
	for range n {
		chat := newChat()
		request := update(chat, chat, "hi")
		for range times {
			requests = append(requests, request)
		}
	}
	t, err := s.flood(b.ctx, requests)
	if err != nil {
		return err
	}
	for chat := first; chat < first+n; chat++ {
		if _, err := s.replied(b.ctx, chat); err != nil {
			break // counted below
		}
	}
	if err := s.idle(b.ctx); err != nil {
		return err
	}
	// A delivery that was asked to come again comes within five seconds.
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(pick(b, 1*time.Second, 7*time.Second)):
	}
	lost, doubled := 0, 0
	for chat := first; chat < first+n; chat++ {
		shown := s.telegram.Chat(chat)
		if len(shown) == 0 || shown[0].Text != reply {
			lost++
		}
		doubled += max(0, len(shown)-1)
	}
	b.report.add("h", "lost replies, 40 webhooks delivered 5 times each", float64(lost), "", exactly(0),
		fmt.Sprintf("%d of the 200 deliveries were acknowledged at once", len(t.each)))
	b.report.add("h", "doubled replies, 40 webhooks delivered 5 times each", float64(doubled), "", exactly(0), "")
	return nil
}
