//go:build !js

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"instar/functions/schedule"
	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/config"
	"instar/shared/job"
)

// Prices in US dollars, the cheapest region, November 2026, without tax. Sources:
// developers.cloudflare.com/workers/platform/pricing, /r2/pricing and
// /queues/platform/pricing; aws.amazon.com/lambda/pricing, /s3/pricing,
// /sqs/pricing and /eventbridge/pricing (us-east-1, arm64). Free amounts are those
// that do not lapse after a year.
const (
	million = 1e6

	paidBase     = 5.0            // Workers Paid a month, with the amounts below in it
	paidRequests = 0.30 / million // after 10 million
	paidCPU      = 0.02 / million // a CPU millisecond, after 30 million
	queueOp      = 0.40 / million // after 1 million
	r2Write      = 4.50 / million // class A, lists too, after 1 million
	r2Read       = 0.36 / million // class B, after 10 million

	lambdaRequest = 0.20 / million // after 1 million
	lambdaSecond  = 0.0000133334   // a GB-second, after 400,000
	s3Write       = 5.00 / million // PUT and LIST
	s3Read        = 0.40 / million
	sqsOp         = 0.50 / million // FIFO, after 1 million
	schedulerOp   = 1.00 / million // after 14 million

	moltworker = 34.50 // a month, its own estimate for its always-on container (its README)
)

// What is assumed, because it is not measured here.
const (
	daysAMonth = 30
	// lambdaGB is the agent's memory, as template.yaml has it; the others have half.
	lambdaGB = 0.5
	// modelSeconds is how long a model takes for its answer: Lambda counts the
	// time that a function waits, Workers only what it computes.
	modelSeconds = 6.0
	// callSeconds is one call to S3 or SQS within a region.
	callSeconds = 0.02
	// pollsAMonth are the receives with which Lambda watches a queue that is
	// empty: five long polls of 20 s at any time.
	pollsAMonth = 5 * 3 * 60 * 24 * daysAMonth
)

// use is what something takes.
type use struct {
	writes, reads, lists, deletes float64 // of the bucket
	requests                      float64 // events that a function serves
	queue                         float64 // operations: written, read, deleted
	cpu                           float64 // milliseconds
	calls                         float64 // to the bucket and the queue, one after the other
}

func (u use) times(n float64) use {
	return use{u.writes * n, u.reads * n, u.lists * n, u.deletes * n, u.requests * n, u.queue * n, u.cpu * n, u.calls * n}
}

// over is what is to be paid for an amount of which some is free.
func over(amount, free, price float64) float64 { return max(0, amount-free) * price }

// workersFree is what a day's use exceeds of Workers Free, "" when nothing: 100,000
// requests and 10,000 queue operations a day, and R2's free amounts a month.
func workersFree(messages, idle use) string {
	day, month := messages.times(1.0/daysAMonth), messages
	switch {
	case day.requests+idle.requests/daysAMonth > 100_000:
		return "more than 100,000 requests a day"
	case day.queue+idle.queue/daysAMonth > 10_000:
		return "more than 10,000 queue operations a day"
	case month.writes+month.lists+idle.writes+idle.lists > million:
		return "more than 1,000,000 writes and lists a month"
	}
	return ""
}

func workersPaid(m, idle use) float64 {
	return paidBase + over(m.requests+idle.requests, 10*million, paidRequests) + over(m.cpu+idle.cpu, 30*million, paidCPU) + over(m.queue+idle.queue, million, queueOp) +
		over(m.writes+m.lists+idle.writes+idle.lists, million, r2Write) + over(m.reads+idle.reads, 10*million, r2Read)
}

// lambda is a month on Lambda with S3. Turns wait for the model.
func lambda(m, idle use, turns float64, free bool) float64 {
	freeRequests, freeSeconds, freeQueue, freeSchedules := 0.0, 0.0, 0.0, 0.0
	if free {
		freeRequests, freeSeconds, freeQueue, freeSchedules = million, 400_000, million, 14*million
	}
	seconds := turns*modelSeconds + (m.calls+idle.calls)*callSeconds + (m.cpu+idle.cpu)/1000
	return over(m.requests+idle.requests, freeRequests, lambdaRequest) + over(seconds*lambdaGB, freeSeconds, lambdaSecond) +
		(m.writes+m.lists+idle.writes+idle.lists)*s3Write + (m.reads+idle.reads)*s3Read +
		over(m.queue+idle.queue+pollsAMonth, freeQueue, sqsOp) + over(idle.requests, freeSchedules, schedulerOp)
}

// costs counts what a message and an idle minute take, and works out months.
func (b *bench) costs() error {
	message, err := b.countMessages()
	if err != nil {
		return err
	}
	if message.cpu = b.report.value("message to reply, warm, bucket and queue in memory, workerd's CPU"); message.cpu == 0 {
		return fmt.Errorf("the CPU of a message is not known: run section d too")
	}
	minute, err := b.countMinutes()
	if err != nil {
		return err
	}
	idle := minute.times(daysAMonth * 24 * 60)
	b.report.add("m", "a message: bucket writes, lists in them", message.writes+message.lists, "", nil,
		fmt.Sprintf("reads %.1f, deletes %.1f; queue operations %.0f; events %.0f; CPU %.1f ms (Workers, measured in d)", message.reads, message.deletes, message.queue, message.requests, message.cpu))
	b.report.add("m", "an idle minute: bucket lists and writes", minute.writes+minute.lists, "", nil, fmt.Sprintf("reads %.1f", minute.reads))
	b.report.Costs = []string{
		fmt.Sprintf("%-22s %14s %14s %16s %16s", "dollars a month", "Workers Free", "Workers Paid", "Lambda and S3", "Moltworker"),
	}
	for _, n := range []float64{10, 100, 1000} {
		m := message.times(n * daysAMonth)
		onFree := "0.00"
		if why := workersFree(m, idle); why != "" {
			onFree = "not possible"
		}
		withFree, without := lambda(m, idle, n*daysAMonth, true), lambda(m, idle, n*daysAMonth, false)
		b.report.Costs = append(b.report.Costs, fmt.Sprintf("%5.0f messages a day   %14s %14.2f %16s %16.2f", n, onFree, workersPaid(m, idle),
			fmt.Sprintf("%.2f (%.2f)", withFree, without), moltworker))
		b.report.add("m", fmt.Sprintf("dollars a month, %.0f messages a day, Workers Paid", n), workersPaid(m, idle), "$", below(moltworker), "Workers Free: "+onFree)
		b.report.add("m", fmt.Sprintf("dollars a month, %.0f messages a day, Lambda and S3", n), withFree, "$", below(moltworker), fmt.Sprintf("%.2f once the free amounts are used by others", without))
	}
	b.report.Costs = append(b.report.Costs,
		fmt.Sprintf("Without models and tools. On Lambda a function has %.0f MB and waits %.0f s for its model; in brackets once others use up the free amounts.", lambdaGB*1024, modelSeconds),
		"On Workers Free an event has 10 ms of CPU: a turn that starts a new instance may need more, and is then tried again.")
	return nil
}

// value is a number that was measured before, 0 where it was not.
func (r *report) value(what string) float64 {
	for _, l := range r.Lines {
		if l.What == what {
			return l.Measured
		}
	}
	return 0
}

// countMessages averages over a conversation: the webhook, the turn, and what it
// leaves for later now and then.
func (b *bench) countMessages() (use, error) {
	w, err := newLocal()
	if err != nil {
		return use{}, err
	}
	defer w.close()
	const n = 48
	var all bucket.Counts
	for i := range n {
		c, err := w.say(fmt.Sprintf("Message %d: what do you make of this?", i))
		if err != nil {
			return use{}, err
		}
		all.Reads, all.Writes, all.Lists, all.Deletes = all.Reads+c.Reads, all.Writes+c.Writes, all.Lists+c.Lists, all.Deletes+c.Deletes
	}
	u := use{writes: float64(all.Writes), reads: float64(all.Reads), lists: float64(all.Lists), deletes: float64(all.Deletes)}.times(1.0 / n)
	u.requests, u.queue = 2, 3 // the webhook and the turn; the message on the queue is written, read and deleted
	u.calls = u.writes + u.reads + u.lists + u.deletes + 1
	return u, nil
}

// countMinutes averages over minutes in which nothing is due.
func (b *bench) countMinutes() (use, error) {
	store := bucket.NewMetered(bucket.NewMemory())
	w := &local{}
	c := &schedule.Clock{Agent: config.Agent, Bucket: store, Queue: w, Zone: time.UTC, Now: time.Now, Owner: chat.Address{Channel: "web", Chat: job.Beating}}
	const n = 30
	for i := range n {
		if err := c.Minute(b.ctx, time.Now().Add(time.Duration(i)*time.Minute)); err != nil {
			return use{}, err
		}
	}
	counts := store.Counts()
	u := use{writes: float64(counts.Writes), reads: float64(counts.Reads), lists: float64(counts.Lists)}.times(1.0 / n)
	u.requests, u.cpu = 1, 1
	u.calls = u.writes + u.reads + u.lists
	return u, nil
}

// printCosts writes the table of costs.
func (r *report) printCosts(w io.Writer) {
	if len(r.Costs) > 0 {
		fmt.Fprintln(w, "\n"+strings.Join(r.Costs, "\n"))
	}
}
