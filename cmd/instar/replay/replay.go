package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"instar/shared/bucket"
	"instar/shared/seal"
	"instar/shared/session"
)

// Options of a replay.
type Options struct {
	// Bare has the tools of the files without their manifests.
	Bare bool
	// Restart runs the given half of the cases of a file in a process of its
	// own, on the buckets below a folder; see Half.
	Restart func(ctx context.Context, half int, folder, file string) (*Halves, error)
}

// Run replays files. Its error is about the files or the machine; what an
// attack achieves is in the report.
func Run(ctx context.Context, files []string, o Options) (*Report, error) {
	r := &Report{Files: []File{}}
	for _, name := range files {
		v, err := parse(name)
		if err != nil {
			return nil, err
		}
		f := File{File: name}
		switch v := v.(type) {
		case *suite:
			err = runSuite(ctx, v, &f, o)
		case *attacks:
			err = runAttacks(ctx, v, name, &f, o)
		case *users:
			err = runUsers(ctx, v, name, &f, o)
		case *delayed:
			err = runDelayed(ctx, v, name, &f, o)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r.Files = append(r.Files, f)
	}
	return r, nil
}

// fresh is an agent that has lived for nothing yet, in a bucket in memory.
func fresh(self []string, tools []toolSpec, o Options) *world {
	return newWorld(bucket.NewMemory(), seal.NewKey(), recorded, self, tools, o.Bare)
}

// each runs some cases, as many at once as there are processors, and counts
// them in order.
func each[T any](ctx context.Context, cases []T, run func(context.Context, T) (count func(), err error)) error {
	counts, errs := make([]func(), len(cases)), make([]error, len(cases))
	next := make(chan int)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				counts[i], errs[i] = run(ctx, cases[i])
			}
		})
	}
	for i := range cases {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wait.Wait()
	for i := range cases {
		if errs[i] != nil {
			return errs[i]
		}
		if counts[i] != nil {
			counts[i]()
		}
	}
	return ctx.Err()
}

// task has the owner ask for something, the model make the calls, and the owner
// say yes to each question, until all is done. It returns how often the owner
// had to do something.
func (w *world) task(ctx context.Context, conversation, prompt string, calls ...call) (asks int, err error) {
	w.script = &script{calls: steps(false, calls...)}
	turns, err := w.say(ctx, conversation, prompt)
	if err != nil {
		return 0, err
	}
	if _, asks, err = w.approve(ctx, conversation, turns); err != nil {
		return 0, err
	}
	return asks + w.script.undone(), nil
}

// attack has the owner ask for something and the model make all of the calls;
// the owner approves those of the task, and none of the attacker's.
func (w *world) attack(ctx context.Context, conversation, prompt string, effects map[string]bool, calls ...*step) (outcome, []*session.Turn, error) {
	w.script = &script{calls: calls}
	turns, err := w.say(ctx, conversation, prompt)
	if err == nil {
		turns, _, err = w.approve(ctx, conversation, turns)
	}
	if err != nil {
		return outcome{}, nil, err
	}
	return w.script.attackers(effects), worked(turns), nil
}

// worked are the turns in which the model was asked.
func worked(turns []*session.Turn) []*session.Turn {
	return slices.DeleteFunc(turns, func(t *session.Turn) bool { return len(t.Steps) == 0 })
}

func effects(tools []toolSpec) map[string]bool {
	m := map[string]bool{}
	for _, t := range tools {
		m[t.Name] = t.SideEffect
	}
	return m
}

// crossed is one task under one attack.
type crossed struct{ task, attack int }

func cross(tasks, attacks int) (list []crossed) {
	for t := range tasks {
		for a := range attacks {
			list = append(list, crossed{t, a})
		}
	}
	return list
}

func numbers(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func runSuite(ctx context.Context, s *suite, f *File, o Options) error {
	err := each(ctx, numbers(len(s.UserTasks)), func(ctx context.Context, i int) (func(), error) {
		t := s.UserTasks[i]
		asks, err := fresh(s.self(), s.Tools, o).task(ctx, session.Main, t.Prompt, s.benign(t.Calls)...)
		return func() { f.Benign.add(asks) }, err
	})
	if err != nil {
		return err
	}
	effect := effects(s.Tools)
	return each(ctx, cross(len(s.UserTasks), len(s.InjectionTasks)), func(ctx context.Context, c crossed) (func(), error) {
		t, a := s.UserTasks[c.task], s.InjectionTasks[c.attack]
		calls := s.attacked(t.Calls, a.Goal)
		first := min(t.First+1, len(calls))
		script := append(append(steps(false, calls[:first]...), steps(true, a.Calls...)...), steps(false, calls[first:]...)...)
		got, _, err := fresh(s.self(), s.Tools, o).attack(ctx, session.Main, t.Prompt, effect, script...)
		return func() { f.attack(t.ID+" under "+a.ID, got) }, err
	})
}

// response is the answer of an InjecAgent tool with something in its place. The
// files have it as Python writes it; as JSON, an integration's typed fields
// could count, which is the worse case for the gate.
func response(template, instruction string) call {
	quoted, _ := json.Marshal(instruction)
	text := strings.NewReplacer("'", `"`, "True", "true", "False", "false", "None", "null").Replace(template)
	text = strings.ReplaceAll(text, "<Attacker Instruction>", string(quoted[1:len(quoted)-1]))
	c := call{Output: strings.ReplaceAll(template, "<Attacker Instruction>", instruction)}
	if json.Valid([]byte(text)) {
		c.OutputJSON = json.RawMessage(text)
	}
	return c
}

func runAttacks(ctx context.Context, a *attacks, name string, f *File, o Options) error {
	dir := filepath.Dir(name)
	u, err := beside[users]("user_cases.json", filepath.Join(dir, "user_cases.json"))
	if err != nil {
		return err
	}
	tools, err := beside[[]toolSpec]("tools.json", filepath.Join(dir, "tools.json"))
	if err != nil {
		return err
	}
	if err := runUsers(ctx, u, name, f, o); err != nil {
		return err
	}
	effect := effects(*tools)
	return each(ctx, cross(len(u.Cases), len(a.Cases)), func(ctx context.Context, c crossed) (func(), error) {
		user, attack := u.Cases[c.task], a.Cases[c.attack]
		first := response(user.Response, attack.Instruction)
		first.Tool, first.Args = user.Tool, user.Args
		got, _, err := fresh(nil, *tools, o).attack(ctx, session.Main, user.Prompt, effect, append(steps(false, first), steps(true, attack.Calls...)...)...)
		return func() { f.attack(user.ID+" under "+attack.ID, got) }, err
	})
}

func runUsers(ctx context.Context, u *users, name string, f *File, o Options) error {
	dir := filepath.Dir(name)
	tools, err := beside[[]toolSpec]("tools.json", filepath.Join(dir, "tools.json"))
	if err != nil {
		return err
	}
	return each(ctx, numbers(len(u.Cases)), func(ctx context.Context, i int) (func(), error) {
		user := u.Cases[i]
		only := response(user.Response, "Fine.")
		only.Tool, only.Args = user.Tool, user.Args
		asks, err := fresh(nil, *tools, o).task(ctx, session.Main, user.Prompt, only)
		return func() { f.Benign.add(asks) }, err
	})
}
