package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"instar/shared/chat"
	"instar/shared/job"
	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/policy"
)

// Schedule is what the tools for jobs work with.
type Schedule struct {
	Jobs *job.Store
	To   chat.Address   // where outcomes go
	Zone *time.Location // of whoever says a time without one
	Now  func() time.Time
	// Soon is told of a job that is due before the clock's next look.
	Soon func(ctx context.Context, d job.Due) error
	// URL and File report why something may not be looked at before a run.
	URL, File func(string) error
}

// soon is how early a job is set off by whoever made it, in place of the clock.
const soon = 90 * time.Second

// maxGrace is the longest grace in minutes: a year.
const maxGrace = 366 * 24 * 60

// Create is schedule_create: it makes a job.
func (s *Schedule) Create() Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "schedule_create",
			Description: "Do something later or regularly: at a local time, every interval, or by cron. kind reminder sends text as it is at that time, without you; kind task wakes you then with text as your instructions, and your answer is sent. Only the owner's own chat gets the outcome.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"},"kind":{"type":"string","enum":["reminder","task"]},"at":{"type":"string","description":"2026-11-26T09:00"},"every":{"type":"string","description":"30m, 2h, 1d"},"cron":{"type":"string","description":"minute hour day month weekday"},"timezone":{"type":"string","description":"IANA; default the person's"},"name":{"type":"string"},"grace_minutes":{"type":"integer","minimum":1,"description":"skip a run that is later than this"},"unless_unchanged":{"type":"object","properties":{"url":{"type":"string"},"file":{"type":"string"}},"additionalProperties":false,"description":"skip a run when this has not changed"}},"required":["text","kind"],"additionalProperties":false}`),
		},
		Manifest: own(policy.MakeJob, map[string]policy.ArgRole{"text": policy.Content, "kind": policy.Flag, "at": policy.When, "every": policy.When,
			"cron": policy.When, "timezone": policy.Flag, "name": policy.Content, "unless_unchanged": policy.Selector}),
		Idempotent: true,
		Run:        s.create,
	}
}

func (s *Schedule) create(ctx context.Context, c Call) (string, error) {
	var in struct {
		Text, Kind, At, Every, Cron, Timezone, Name string
		Grace                                       int        `json:"grace_minutes"`
		Unless                                      *job.Check `json:"unless_unchanged"`
	}
	if err := decode(c.Input, &in); err != nil {
		return "", err
	}
	if there, err := s.Jobs.Get(ctx, job.ID(c.ID)); err == nil && there.By == c.ID {
		return s.made(ctx, there) // by this call, before a crash
	}
	if in.Grace < 0 || in.Grace > maxGrace {
		return "", fmt.Errorf("grace_minutes must be 1 to %d", maxGrace)
	}
	if in.Unless != nil && *in.Unless == (job.Check{}) {
		in.Unless = nil
	}
	if in.Unless != nil {
		var err error
		if in.Unless.URL != "" {
			err = s.URL(in.Unless.URL)
		} else {
			err = s.File(in.Unless.File)
		}
		if err != nil {
			return "", err
		}
	}
	zone := strings.TrimSpace(in.Timezone)
	if zone == "" {
		zone = s.Zone.String()
	}
	when, err := job.Parse(in.At, in.Every, in.Cron, zone, s.Now())
	if err != nil {
		return "", err
	}
	j, err := s.Jobs.Create(ctx, &job.Job{
		Name: strings.TrimSpace(in.Name), Kind: job.Kind(in.Kind), Text: in.Text, Schedule: when,
		Grace: time.Duration(in.Grace) * time.Minute, Unless: in.Unless, To: s.To, By: c.ID, Label: c.Label.Mark(),
	})
	if err != nil {
		return "", err
	}
	return s.made(ctx, j)
}

// made tells of a job, and sets it off when it is due very soon.
func (s *Schedule) made(ctx context.Context, j *job.Job) (string, error) {
	now := s.Now()
	next, ok := j.Schedule.Next(now.Add(-time.Minute)) // one that is due this minute counts
	if !ok {
		return fmt.Sprintf("Job %s is made: %s.", j.ID, j.Schedule), nil
	}
	if next.Before(now.Add(soon)) {
		if err := s.Soon(ctx, job.Due{ID: j.ID, At: next}); err != nil {
			return "", errors.New("the job is made, but could not be set off; it will be within a minute or two")
		}
	}
	return fmt.Sprintf("Job %s is made: %s. First run: %s.", j.ID, j.Schedule, next.In(s.Zone).Format("Monday, 2 January 2006, 15:04:05 MST")), nil
}

// List is schedule_list.
func (s *Schedule) List() Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "schedule_list",
			Description: "List the jobs there are, with their ids and next times.",
			Schema:      json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`),
		},
		Manifest:   own(policy.ReadOwn, nil),
		Idempotent: true,
		Run: func(ctx context.Context, c Call) (string, error) {
			jobs, err := s.Jobs.List(ctx)
			if err != nil {
				return "", errors.New("the jobs could not be read; try again")
			}
			if len(jobs) == 0 {
				return "There are no jobs.", nil
			}
			var b strings.Builder
			for _, j := range jobs {
				next := "no more runs"
				if at, ok := j.Schedule.Next(s.Now()); ok {
					next = "next " + at.In(s.Zone).Format("Mon 2 Jan 2006 15:04")
				}
				made := label.ParseMark(j.Label)
				c.taint(label.New(min(made.Integrity, label.Owner), made.Confidentiality, []string{"job:" + j.ID}, nil))
				fmt.Fprintf(&b, "- %s %s %q: %s, %s\n", j.ID, j.Kind, cutText(j.Name+" "+j.Text, 200), j.Schedule, next)
			}
			return b.String(), nil
		},
	}
}

func cutText(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// Cancel is schedule_cancel.
func (s *Schedule) Cancel() Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "schedule_cancel",
			Description: "Cancel a job by its id (schedule_list shows them).",
			Schema:      json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"}},"required":["id"],"additionalProperties":false}`),
		},
		Manifest:   own(policy.MakeJob, map[string]policy.ArgRole{"id": policy.Object}),
		Idempotent: true,
		Run: func(ctx context.Context, c Call) (string, error) {
			var in struct {
				ID string `json:"id"`
			}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			err := s.Jobs.Cancel(ctx, strings.ToLower(strings.TrimSpace(in.ID)))
			if errors.Is(err, job.ErrNotFound) {
				return "There is no such job (any more).", nil
			}
			if err != nil {
				return "", errors.New("the job could not be cancelled; try again")
			}
			return "Cancelled.", nil
		},
	}
}
