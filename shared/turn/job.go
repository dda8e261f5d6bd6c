package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"instar/shared/chat"
	"instar/shared/job"
	"instar/shared/session"
)

// sentAgain begins a job's message that may have been sent before. Unlike a reply
// it is sent whole and not as a placeholder, so that what a telephone shows is
// the message; so where a crash hides whether it was sent, it is sent once
// more, and says so: a doubled reminder is better than a missing one.
const sentAgain = "(Sent again, because I can't tell whether it arrived the first time.)\n\n"

func (e *Engine) jobs() *job.Store {
	return &job.Store{Bucket: e.Bucket, Agent: e.Agent, Now: e.Now}
}

// work on a run that is due. The ending's reply "" says nothing to anybody.
// done is false when the model is to be asked.
func (p *progress) job(ctx context.Context) (end ending, done bool) {
	ref := p.held.Turn.Message.Job
	if ref.ID == job.Beating {
		return p.beat(ctx)
	}
	j, err := p.engine.jobs().Get(ctx, ref.ID)
	if errors.Is(err, job.ErrNotFound) {
		return ending{state: session.Done, run: job.Skipped}, true // cancelled meanwhile
	}
	if err != nil {
		return ending{err: err}, true
	}
	p.due = j
	if j.Unless != nil {
		seen, changed, err := p.engine.check(ctx, j)
		switch {
		case err != nil:
			return ending{state: session.Failed, reply: "What this job looks at could not be checked: " + err.Error() + "."}, true
		case !changed:
			return ending{state: session.Done, run: job.Unchanged}, true
		}
		p.seen = seen
	}
	if j.Kind == job.Reminder {
		return ending{state: session.Done, reply: "⏰ " + j.Text}, true
	}
	return ending{}, false
}

// beat is a run of the heartbeat.
func (p *progress) beat(ctx context.Context) (end ending, done bool) {
	quiet := ending{state: session.Done, run: job.Skipped}
	h, err := job.ReadHeartbeat(ctx, p.engine.Bucket, p.engine.Agent)
	if err != nil {
		slog.Error("heartbeat not read", "error", err.Error())
		return quiet, true
	}
	grant := p.spent().grant
	if !h.On() || grant.Day == p.engine.Budget.Today() && grant.Spent >= h.Budget {
		return quiet, true
	}
	return ending{}, false
}

// announce makes a run's reply what its person is sent: nothing where there is
// nothing to say, and nothing about a failure that is tried again, unless it
// is the second one in a row.
func (p *progress) announce(end *ending) {
	m := p.held.Turn.Message
	if end.run == "" && end.state == session.Done && m.Job.ID == job.Beating && job.Silent(end.reply) {
		end.run = job.Skipped
	}
	switch {
	case end.run != "":
		end.quiet = true
		return
	case end.state == session.Stopped:
		return
	case end.state == session.Failed:
		wait, more := job.Retry(m.Job.Attempt)
		if m.Job.ID == job.Beating {
			end.quiet = true // the next beat comes anyway
			return
		}
		if end.failure = end.reply; more && m.Job.Attempt != 1 {
			end.quiet = true
			return
		}
		next := "I do not try again."
		if more {
			next = "I try again in " + span(wait) + "."
		}
		end.reply = fmt.Sprintf("The job %s has failed %d times in a row. %s\n\n%s", p.title(), m.Job.Attempt+1, next, end.reply)
		return
	}
	if job.Late(m.Job.Due, p.held.Turn.Started) {
		end.reply = fmt.Sprintf("%s\n\n(This was due at %s.)", end.reply, m.Job.Due.In(p.engine.Zone).Format("15:04 on Monday, 2 January 2006"))
	}
}

// title is what a job is called towards people.
func (p *progress) title() string {
	if p.due == nil {
		return p.held.Turn.Message.Job.ID
	}
	return Title(p.due)
}

// Title is a job's name, or the beginning of what it does.
func Title(j *job.Job) string {
	name := j.Name
	if name == "" {
		name = oneLine(j.Text, 40)
	}
	return fmt.Sprintf("“%s” (%s)", name, j.ID)
}

// span says a length of time in words.
func span(d time.Duration) string {
	unit, n := "second", int(d/time.Second)
	switch {
	case d >= 2*time.Hour:
		unit, n = "hour", int(d/time.Hour)
	case d >= 2*time.Minute || d == time.Minute:
		unit, n = "minute", int(d/time.Minute)
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// ran records what became of a run, and has one that failed tried again later.
// All of it can be repeated.
func (e *Engine) ran(ctx context.Context, t *session.Turn) error {
	ref := t.Message.Job
	r := job.Run{
		Job: ref.ID, Due: ref.Due, Started: t.Started, Finished: t.Ended, Cost: t.Cost,
		State: t.Run, Error: t.Failure, Attempts: ref.Attempt + 1,
	}
	switch {
	case r.State != "":
	case t.State == session.Done:
		r.State = job.Done
	default:
		r.State = job.Failed
		if r.Error == "" {
			r.Error = oneLine(t.Reply, 300)
		}
	}
	for _, part := range t.Out {
		if part.ID != "" {
			r.Delivered = append(r.Delivered, part.ID)
		}
	}
	if err := e.jobs().Record(ctx, r); err != nil {
		return err
	}
	if ref.ID == job.Beating {
		return nil
	}
	j, err := e.jobs().Get(ctx, ref.ID)
	if errors.Is(err, job.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if wait, more := job.Retry(ref.Attempt); r.State == job.Failed && t.State != session.Stopped && more {
		m := job.Message(j, ref.Due, ref.Attempt+1)
		m.Time = t.Ended.Add(wait)
		return e.accept(ctx, m, m.Time.Sub(e.Now()))
	}
	if t.Seen != "" && t.Seen != j.Seen {
		if err := e.jobs().Update(ctx, j.ID, func(j *job.Job) { j.Seen = t.Seen }); err != nil && !errors.Is(err, job.ErrNotFound) {
			return err
		}
	}
	return e.jobs().End(ctx, j)
}

// jobsCommand lists the jobs, shows one's last runs, or cancels one.
func (p *progress) jobsCommand(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	e := p.engine
	if !p.who.owner || p.held.Turn.Message.Kind != chat.Private {
		return say("Only the owner has jobs, in a private chat with me.")
	}
	words := strings.Fields(p.who.rest)
	switch {
	case len(words) == 2 && strings.EqualFold(words[0], "cancel"):
		err := e.jobs().Cancel(ctx, strings.ToLower(words[1]))
		if errors.Is(err, job.ErrNotFound) {
			return say("There is no job " + oneLine(words[1], 20) + ". /jobs shows them.")
		}
		if err != nil {
			return ending{err: err}
		}
		return say("Cancelled.")
	case len(words) == 1:
		runs, err := e.jobs().Runs(ctx, strings.ToLower(words[0]), 10)
		if err != nil {
			return ending{err: err}
		}
		if len(runs) == 0 {
			return say("There are no runs of " + oneLine(words[0], 20) + " yet. /jobs shows the jobs.")
		}
		var b strings.Builder
		for _, r := range runs {
			b.WriteString("- " + describeRun(r, e.Zone) + "\n")
		}
		return say(b.String())
	case len(words) > 0:
		return say("/jobs, /jobs ID, or /jobs cancel ID.")
	}
	jobs, err := e.jobs().List(ctx)
	if err != nil {
		return ending{err: err}
	}
	if len(jobs) == 0 {
		return say("There are no jobs. Tell me what to do when, such as “every Monday at 9 remind me of the bins”.")
	}
	var b strings.Builder
	for _, j := range jobs {
		next := "no more runs"
		if at, ok := j.Schedule.Next(e.Now()); ok {
			next = "next " + at.In(e.Zone).Format("Mon 2 Jan 15:04")
		}
		fmt.Fprintf(&b, "- %s: %s, %s\n", Title(j), j.Schedule, next)
	}
	return say(b.String() + "\n/jobs ID shows the last runs, /jobs cancel ID ends one.")
}

func describeRun(r job.Run, zone *time.Location) string {
	text := fmt.Sprintf("due %s: %s", r.Due.In(zone).Format("Mon 2 Jan 15:04"), r.State)
	if r.Attempts > 1 {
		text += fmt.Sprintf(" at try %d", r.Attempts)
	}
	if !r.Started.IsZero() {
		text += fmt.Sprintf(", ran %s for %.1f s, $%.4f", r.Started.In(zone).Format("15:04:05"), r.Finished.Sub(r.Started).Seconds(), r.Cost)
	}
	if len(r.Delivered) > 0 {
		text += ", delivered as message " + strings.Join(r.Delivered, ", ")
	} else if r.State == job.Done {
		text += ", not sent to a chat"
	}
	if r.Error != "" {
		text += ": " + r.Error
	}
	return text
}
