//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"instar/e2e/fake"
	"instar/functions/schedule"
	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/job"
)

// longHistory measures the time from a message to the model's call in a
// conversation of a few messages and in one of thousands, in turns.
func (b *bench) longHistory() error {
	s, err := b.startInMemory()
	if err != nil {
		return err
	}
	defer s.stop()
	heard := make(chan time.Time, 100)
	serial := 0
	s.anthropic.Script(func(c fake.Call) fake.Answer {
		text := c.LastUser()
		_, n, ok := strings.Cut(text, "Message ")
		if strings.HasPrefix(c.System, "You keep the notes") || !ok {
			return fake.Answer{Text: "They exchanged many messages, and nothing was decided."}
		}
		heard <- time.Now()
		n, _, _ = strings.Cut(n, ":")
		return fake.Answer{Text: "Answer " + n}
	})
	say := func(chat int64) (time.Duration, error) {
		serial++
		request := update(chat, chat, fmt.Sprintf("Message %d: what do you make of this, and of that?", serial))
		began := time.Now()
		if _, err := s.hook(b.ctx, 1, request); err != nil {
			return 0, err
		}
		var took time.Duration
		select {
		case at := <-heard:
			took = at.Sub(began)
		case <-time.After(replyWait):
			return 0, fmt.Errorf("the model was not asked about message %d; log: %s", serial, tail(s.process.output.String()))
		}
		ctx, cancel := context.WithTimeout(b.ctx, replyWait)
		defer cancel()
		want := fmt.Sprintf("Answer %d", serial)
		if _, err := s.telegram.WaitReply(ctx, chat, func(m fake.Message) bool { return m.Text == want }); err != nil {
			return 0, fmt.Errorf("no reply to message %d: %w", serial, err)
		}
		return took, nil
	}
	few, many := newChat(), newChat()
	long := pick(b, 600, 10_000)
	for chat, n := range map[int64]int{few: 10, many: long} {
		for range n / 2 { // each message has an answer
			if _, err := say(chat); err != nil {
				return err
			}
		}
	}
	var short, grown []time.Duration
	for range pick(b, 20, 60) {
		for chat, list := range map[int64]*[]time.Duration{few: &short, many: &grown} {
			took, err := say(chat)
			if err != nil {
				return err
			}
			*list = append(*list, took)
			s.pause(b.ctx)
		}
	}
	b.report.add("i", fmt.Sprintf("time to first model call, %d messages of history against 10", long), float64(median(grown))/float64(median(short)), "x", below(1.3),
		fmt.Sprintf("medians %.1f and %.1f ms, in turns; bucket and queue in memory", ms(median(grown)), ms(median(short))))
	return errors.Join(violations(s.telegram), violations(s.anthropic))
}

// waitingJobs counts the bucket's calls of a minute in which 10 jobs are due.
func (b *bench) waitingJobs() error {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	minute := func(waiting int) (bucket.Counts, error) {
		now := time.Now()
		memory := bucket.NewMemory()
		store := &job.Store{Bucket: memory, Agent: "main", Now: func() time.Time { return now }}
		for i := range 10 + waiting {
			due := now.Add(time.Duration(i+1) * time.Second)
			if i >= 10 {
				due = due.Add(time.Hour)
			}
			if _, err := store.Create(b.ctx, &job.Job{Kind: job.Reminder, Text: "x", By: fmt.Sprint(i), To: chat.Address{Channel: "telegram", Chat: "1"},
				Schedule: job.Schedule{At: due, Zone: "UTC"}}); err != nil {
				return bucket.Counts{}, err
			}
		}
		meter := bucket.NewMetered(memory)
		queued := 0
		c := &schedule.Clock{Agent: "main", Bucket: meter, Queue: counter{&queued}, Zone: time.UTC, Now: func() time.Time { return now }}
		err := c.Minute(b.ctx, now)
		if err == nil && queued != 10 {
			err = fmt.Errorf("%d jobs were set off, not 10", queued)
		}
		return meter.Counts(), err
	}
	few, err := minute(10)
	if err != nil {
		return err
	}
	many, err := minute(10_000)
	if err != nil {
		return err
	}
	sum := func(c bucket.Counts) float64 { return float64(c.Reads + c.Writes + c.Lists + c.Deletes) }
	b.report.add("i", "bucket calls of a minute with 10 jobs due, 10,000 waiting", sum(many), "", exactly(sum(few)),
		fmt.Sprintf("with 10 waiting %.0f: %d lists, %d reads, %d writes, %d deletes", sum(few), few.Lists, few.Reads, few.Writes, few.Deletes))
	return nil
}

// counter is a queue that counts.
type counter struct{ n *int }

func (c counter) Send(context.Context, []byte, time.Duration) error { *c.n++; return nil }
