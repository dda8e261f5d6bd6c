package policy

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/label"
)

// vectors is the folder of the attack vectors; see the README there.
const vectors = "../../../shared/security"

type vectorTool struct {
	Name       string `json:"name"`
	SideEffect bool   `json:"side_effect"`
	*Manifest
}

type vectorCall struct {
	Tool       string          `json:"tool"`
	Args       json.RawMessage `json:"args"`
	Output     string          `json:"output"`
	OutputJSON json.RawMessage `json:"output_json"`
	SideEffect bool            `json:"side_effect"`
}

type vectorSuite struct {
	Suite     string
	Owner     map[string]string
	Tools     []vectorTool
	UserTasks []struct {
		ID, Prompt  string
		First       int          `json:"first_injected_call"`
		GroundTruth []vectorCall `json:"ground_truth"`
	} `json:"user_tasks"`
	InjectionTasks []struct {
		ID          string
		GroundTruth []vectorCall `json:"ground_truth"`
	} `json:"injection_tasks"`
}

func loadVector(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("NOT TESTED: the attack vectors are not at %s", vectors)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// frozen is the time at which the benchmark's environments were recorded.
var frozen = time.Date(2024, 5, 15, 12, 0, 0, 0, time.UTC)

// turn is one turn as an engine would track it.
type turn struct {
	tools  map[string]vectorTool
	window *Window
	nobody bool
	off    rule
	bare   bool // no manifests
}

func newTurn(tools map[string]vectorTool, prompt string, owner map[string]string, bare bool, off rule) *turn {
	said := []Said{{Text: prompt, At: frozen}}
	own := label.New(label.Owner, label.Private, []string{"owner"}, nil)
	return &turn{tools: tools, bare: bare, off: off, window: NewWindow(label.Join(label.Program(), own), said, owner["email"], owner["iban"])}
}

func (t *turn) manifest(tool string) *Manifest {
	if t.bare {
		return nil
	}
	return t.tools[tool].Manifest
}

func (t *turn) judge(c vectorCall) Verdict {
	return Judge(Request{Window: t.window, Call: Invocation{c.Tool, c.Args, t.manifest(c.Tool)}, Role: Owner, Kind: chat.Private, Nobody: t.nobody, off: t.off})
}

// see puts the answer of a call into the window. Strings of JSON are free
// text, so the recorded text is used for what the model reads and the JSON for
// what the integration vouches for.
func (t *turn) see(c vectorCall) {
	t.window.Saw(t.manifest(c.Tool), c.Tool, c.OutputJSON, t.window.Label())
}

func index(list []vectorTool) map[string]vectorTool {
	tools := map[string]vectorTool{}
	for _, t := range list {
		tools[t.Name] = t
	}
	return tools
}
