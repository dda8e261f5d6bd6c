package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"instar/shared/memory"
	"instar/shared/seal"
	"instar/shared/session"
)

// runControls runs one half of the controls, in which the owner plants and
// nobody else does. They are one agent's: what one has kept, another may use.
func runControls(ctx context.Context, list []control, folder string, key seal.Key, half int, suites map[string]*suite, got *Halves, o Options) error {
	all := &suite{Owner: map[string]string{}} // the tools of every suite
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		all.Tools = append(all.Tools, missing(all.Tools, suites[name].Tools)...)
		maps.Copy(all.Owner, suites[name].Owner)
	}
	w, shut, err := reopen(folder, "controls", key, half, all, o)
	if err != nil {
		return err
	}
	defer shut()
	for _, c := range list {
		asks, err := w.control(ctx, c, half)
		if err != nil {
			return fmt.Errorf("%s: %w", c.ID, err)
		}
		got.Controls[c.ID] = asks
	}
	return nil
}

// missing are the tools of more that have no namesake in list.
func missing(list, more []toolSpec) (rest []toolSpec) {
	there := effects(list)
	for _, t := range more {
		if _, ok := there[t.Name]; !ok {
			rest = append(rest, t)
		}
	}
	return rest
}

func (w *world) control(ctx context.Context, c control, half int) (asks int, err error) {
	s := c.Session1
	if half == 2 {
		s = c.Session2
	}
	var calls []call
	for _, one := range append(s.Recall, s.Calls...) {
		own, err := w.own(ctx, one)
		if err != nil {
			return 0, err
		}
		if own.Tool != "" {
			calls = append(calls, own)
		}
	}
	if s.Trigger != "cron" {
		return w.task(ctx, "control-"+c.ID, s.Prompt, calls...)
	}
	w.script = &script{calls: steps(false, calls...)}
	turns, err := w.fireDue(ctx)
	if err != nil {
		return 0, err
	}
	if _, asks, err = w.approve(ctx, session.Main, turns); err != nil {
		return 0, err
	}
	return asks + w.script.undone(), nil
}

// own is the agent's own call that a placeholder of the vectors stands for; one
// without a tool is something that happens by itself.
func (w *world) own(ctx context.Context, c call) (call, error) {
	var in struct{ Key, Text, Schedule, Prompt, URL string }
	json.Unmarshal(c.Args, &in)
	switch c.Tool {
	case "memory_auto_load":
		return call{}, nil
	case "memory_write":
		return call{Tool: "memory_write", Args: encode(map[string]string{"text": in.Text + " (" + in.Key + ")"})}, nil
	case "memory_read":
		return call{Tool: "memory_search", Args: encode(map[string]string{"query": in.Key})}, nil
	case "memory_endorse":
		return w.trust(ctx, in.Key)
	case "cron_create":
		return call{Tool: "schedule_create", Args: encode(map[string]string{"kind": "task", "cron": in.Schedule, "text": in.Prompt})}, nil
	case "notify_owner":
		return call{Tool: "message_send", Args: encode(map[string]string{"channel": "telegram", "text": in.Text})}, nil
	case "get_webpage":
		return call{Tool: "web_fetch", Args: encode(map[string]string{"url": "https://" + in.URL})}, nil
	}
	return c, nil
}

// trust asks for the note of a key to be trusted.
func (w *world) trust(ctx context.Context, key string) (call, error) {
	found, err := memory.Open(w.engine.Bucket, w.engine.Agent+"/files/").Items(ctx)
	if err != nil {
		return call{}, err
	}
	for _, item := range found.Items {
		if strings.HasSuffix(item.Text, " ("+key+")") {
			return call{Tool: "memory_trust", Args: encode(map[string]string{"text": item.Text})}, nil
		}
	}
	return call{}, fmt.Errorf("there is no note of %s to trust", key)
}
