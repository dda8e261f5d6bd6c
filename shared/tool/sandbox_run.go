package tool

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
	"instar/shared/task"
)

// most is how many minutes a command may take, and how many it gets unless more are
// asked for.
func (s *Sandbox) most() (minutes, otherwise int) {
	longest := cmp.Or(s.Longest, sandbox.MaxTime)
	return int(longest / time.Minute), int(min(longest, defaultTime) / time.Minute)
}

func (s *Sandbox) run() Tool {
	most, otherwise := s.most()
	m := own(policy.WriteOwn, map[string]policy.ArgRole{"command": policy.Content, "wait_s": policy.Flag, "minutes": policy.Flag})
	m.Intent = [][]string{{"run", "execute", "build", "test", "compile", "compute", "calculate", "convert", "analyze", "analyse", "process", "install", "check", "try", "code", "program", "script"}}
	if s.Network {
		m.Effect, m.Intent = policy.RunCode, nil
	}
	return Tool{
		Tool: model.Tool{
			Name:        "sandbox_run",
			Description: "Run a shell command on a Linux computer of this conversation's own (git, python3, node, jq, ripgrep). Files stay in its workspace. What does not end within wait_s goes on as a task: then say that you work on it, and end; you are woken with the result.",
			Schema: json.RawMessage(fmt.Sprintf(`{"type":"object","properties":{"command":{"type":"string"},"wait_s":{"type":"integer","minimum":0,"maximum":120,"description":"default 30"},"minutes":{"type":"integer","minimum":1,"maximum":%d,"description":"how long it may take at most; default %d"}},"required":["command"],"additionalProperties":false}`,
				most, otherwise)),
		},
		Manifest: m,
		// The same call is the same job, but for a container that is a new one;
		// what only changes the workspace may be done again there.
		Idempotent: !s.Network,
		Run: func(ctx context.Context, c Call) (string, error) {
			in := struct {
				Command string `json:"command"`
				Wait    *int   `json:"wait_s"`
				Minutes int    `json:"minutes"`
			}{Minutes: otherwise}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			if strings.TrimSpace(in.Command) == "" || in.Minutes < 1 {
				return "", fmt.Errorf("give a command, and minutes from 1 to %d", most)
			}
			if in.Minutes > most {
				return "", fmt.Errorf("on this platform a command may take at most %d minutes: give it less, or split the work into commands that each take less", most)
			}
			wait := defaultWait
			if in.Wait != nil {
				wait = min(max(time.Duration(*in.Wait)*time.Second, 0), maxWait)
			}
			return s.command(ctx, c, in.Command, wait, time.Duration(in.Minutes)*time.Minute)
		},
	}
}

func (s *Sandbox) command(ctx context.Context, c Call, command string, wait, limit time.Duration) (string, error) {
	if err := s.taint(ctx, c, s.Network); err != nil {
		return "", err
	}
	id := task.ID(c.ID)
	callback, err := s.Callback(ctx, id)
	if err != nil {
		return "", unreachable(err)
	}
	var box *client.Client
	var j sandbox.Job
	run, until := sandbox.Run{ID: id, Command: command, TimeS: int(limit / time.Second), Callback: callback}, time.Now().Add(wait)
	for {
		if box, err = s.Open(ctx); err == nil {
			j, err = box.Start(ctx, run, min(wait, slice))
		}
		// What it is busy with may be this very command, started by a turn that broke off.
		if !errors.Is(err, client.ErrBusy) || time.Now().After(until) || pause(ctx, busyPause) != nil {
			break
		}
	}
	for err == nil && j.State != sandbox.Ended {
		left := time.Until(until)
		if left < time.Second {
			break
		}
		var now sandbox.Job
		if now, err = box.Job(ctx, id, min(left, slice)); errors.Is(err, client.ErrBusy) {
			err = pause(ctx, busyPause) // with this command
		} else {
			j = now
		}
	}
	if ctx.Err() != nil && box != nil { // stopped: the command with it
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		box.Stop(stop, id)
		return "", ctx.Err()
	}
	if err != nil {
		return "", unreachable(err)
	}
	if j.State == sandbox.Ended {
		return task.Outcome(j) + s.keep(ctx), nil
	}
	if err := s.Leave(ctx, c, id, command); err != nil {
		return "", errors.New("the command is running, but it could not be kept track of; try again")
	}
	return fmt.Sprintf("It goes on as the task %s. Say that you are working on it, and end your turn; you are woken with the result.", id), nil
}

// keep saves what was done to the workspace, and is what the model is told when that
// fails.
func (s *Sandbox) keep(ctx context.Context) string {
	if s.Keep == nil {
		return ""
	}
	err := s.Keep(ctx)
	if err == nil {
		return ""
	}
	slog.Warn("workspace not saved", "error", err.Error())
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("\n[The workspace could not be saved, and is gone when the sandbox is: %s.]", refused.Text)
	case errors.Is(err, client.ErrLarge):
		return "\n[The workspace could not be saved, and is gone when the sandbox is: it has too many files.]"
	}
	return ""
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
