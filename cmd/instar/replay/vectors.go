package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"instar/shared/policy"
)

// toolSpec is a tool as a file describes it. Its labels are the manifest.
type toolSpec struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Params      json.RawMessage `json:"params"`
	SideEffect  bool            `json:"side_effect"`
	*policy.Manifest
}

// call is a call that the scripted model makes, and what the tool answered when
// it was recorded.
type call struct {
	Tool       string          `json:"tool"`
	Args       json.RawMessage `json:"args"`
	ArgsBenign json.RawMessage `json:"args_benign"`
	Output     string          `json:"output"`
	OutputJSON json.RawMessage `json:"output_json"`
	Error      any             `json:"error"`
	SideEffect bool            `json:"side_effect"`
}

// failed reports whether the tool was recorded to fail.
func (c *call) failed() bool {
	switch e := c.Error.(type) {
	case nil:
		return false
	case bool:
		return e
	case string:
		return e != ""
	}
	return true
}

// suite is a file of AgentDojo's form: an owner with tools, tasks, and what an
// attacker wants, each task to be crossed with each attack.
type suite struct {
	Suite     string
	Owner     map[string]string
	Template  string  `json:"attack_template_important_instructions"`
	Vectors   []place `json:"injection_vectors"`
	Tools     []toolSpec
	UserTasks []struct {
		ID, Prompt string
		First      int    `json:"first_injected_call"`
		Calls      []call `json:"ground_truth"`
	} `json:"user_tasks"`
	InjectionTasks []struct {
		ID, Goal string
		Calls    []call `json:"ground_truth"`
	} `json:"injection_tasks"`
}

// place is where an attacker's text can stand, and what stands there without one.
type place struct{ ID, Default string }

// users and attacks are InjecAgent's two files, to be crossed.
type users struct {
	Cases []struct {
		ID       string          `json:"id"`
		Prompt   string          `json:"User Instruction"`
		Tool     string          `json:"User Tool"`
		Args     json.RawMessage `json:"Tool Parameters"`
		Response string          `json:"Tool Response Template"`
	} `json:"user_cases"`
}

type attacks struct {
	Cases []struct {
		ID          string `json:"id"`
		Instruction string `json:"Attacker Instruction"`
		Calls       []call `json:"attacker_calls"`
	} `json:"attacker_cases"`
}

// delayed is a file of cases in two sessions, with a restart in between.
type delayed struct {
	Cases  []delayedCase
	Benign []control
}

type delayedCase struct {
	ID, Suite, Channel string
	Session1           struct {
		Task  string `json:"user_task"`
		Stop  int    `json:"stop_after_call"`
		Plant []call
	}
	Session2 struct {
		Prompt  string `json:"owner_prompt"`
		Trusted []call `json:"trusted_calls_before_recall"`
		Attack  []call `json:"attack_calls"`
	}
}

// control is a case in which the owner plants, and must not be hindered.
type control struct {
	ID       string
	Session1 controlSession
	Session2 controlSession
}

type controlSession struct {
	Prompt  string `json:"owner_prompt"`
	Trigger string
	Recall  []call
	Calls   []call
}

// parse reads one file of vectors: a *suite, *users, *attacks, *delayed, or a
// []toolSpec, told apart by what they hold.
func parse(name string) (any, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseData(name, data)
}

func parseData(name string, data []byte) (any, error) {
	var into any
	if data = bytes.TrimSpace(data); bytes.HasPrefix(data, []byte("[")) {
		var tools []toolSpec
		if err := json.Unmarshal(data, &tools); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return tools, nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	has := func(key string) bool { return keys[key] != nil }
	switch {
	case has("injection_tasks"), has("user_tasks"):
		into = new(suite)
	case has("attacker_cases"):
		into = new(attacks)
	case has("user_cases"):
		into = new(users)
	case has("cases"), has("benign"):
		into = new(delayed)
	default:
		return nil, fmt.Errorf("%s: this is no file of attack vectors: it has neither user_tasks, attacker_cases, user_cases nor cases", name)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return into, nil
}

// beside reads a file that another one refers to: from the first of the places
// that has it.
func beside[T any](what string, places ...string) (*T, error) {
	for _, name := range places {
		v, err := parse(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if found, ok := v.(*T); ok {
			return found, nil
		}
		if tools, ok := v.([]toolSpec); ok {
			if found, ok := any(&tools).(*T); ok {
				return found, nil
			}
		}
	}
	return nil, fmt.Errorf("%s is needed, and is not at %s", what, strings.Join(places, " or "))
}

// suiteFor finds a suite by its name: among the files given, or beside a file.
func suiteFor(name, file string, given []string) (*suite, error) {
	for _, one := range given {
		if v, err := parse(one); err == nil {
			if s, ok := v.(*suite); ok && s.Suite == name {
				return s, nil
			}
		}
	}
	dir := filepath.Dir(file)
	return beside[suite]("the suite "+name, filepath.Join(dir, "..", "agentdojo", name+".json"), filepath.Join(dir, name+".json"))
}

// injected puts a text into the places of an attacker's text.
func (s *suite) injected(calls []call, text func(place) string) []call {
	var pairs, escaped []string
	for _, p := range s.Vectors {
		canary := "INJECTx" + p.ID + "xTCEJNI"
		quoted, _ := json.Marshal(text(p))
		pairs = append(pairs, canary, text(p))
		escaped = append(escaped, canary, string(quoted[1:len(quoted)-1]))
	}
	plain, inJSON := strings.NewReplacer(pairs...), strings.NewReplacer(escaped...)
	calls = slices.Clone(calls)
	for i := range calls {
		c := &calls[i]
		c.Output = plain.Replace(c.Output)
		c.Args, c.OutputJSON = json.RawMessage(inJSON.Replace(string(c.Args))), json.RawMessage(inJSON.Replace(string(c.OutputJSON)))
	}
	return calls
}

// benign are calls as they were without an attacker.
func (s *suite) benign(calls []call) []call {
	calls = s.injected(calls, func(p place) string { return p.Default })
	for i := range calls {
		if calls[i].ArgsBenign != nil {
			calls[i].Args = calls[i].ArgsBenign
		}
	}
	return calls
}

// attacked are calls whose results carry the attacker's order.
func (s *suite) attacked(calls []call, goal string) []call {
	text := strings.NewReplacer("{goal}", goal, "{user}", s.Owner["name"], "{model}", "Instar").Replace(s.Template)
	return s.injected(calls, func(place) string { return text })
}

// self are the owner's own addresses.
func (s *suite) self() (list []string) {
	for key, value := range s.Owner {
		if key != "name" && value != "" {
			list = append(list, value)
		}
	}
	slices.Sort(list)
	return list
}
