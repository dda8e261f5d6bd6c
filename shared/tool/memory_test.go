package tool_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/tool"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// desk is the memory tools over a bucket in memory.
type desk struct {
	t     *testing.T
	b     bucket.Bucket
	store *memory.Store
	set   *tool.Set
	calls int
}

func newDesk(t *testing.T) *desk {
	b := bucket.NewMemory()
	d := &desk{t: t, b: b}
	d.open(b)
	return d
}

func (d *desk) open(b bucket.Bucket) {
	d.store = memory.Open(b, "main/files/")
	d.set = &tool.Set{Tools: []tool.Tool{tool.Recall(d.store, nil, nil), tool.MemoryWrite(d.store, noon)}, Role: policy.Owner, Kind: chat.Private, Window: ownWords()}
}

// use runs a tool as a call of its own.
func (d *desk) use(name, input string) tool.Outcome {
	d.calls++
	return d.useAs(fmt.Sprintf("main.1.%d.aa", d.calls), name, input)
}

func (d *desk) useAs(id, name, input string) tool.Outcome {
	return d.set.Run(d.t.Context(), model.ToolCall{ID: "1", Name: name, Input: json.RawMessage(input)}, tool.Call{
		ID: id, Message: &chat.Message{Address: chat.Address{Channel: "telegram"}, Sender: chat.Sender{ID: "42"}}})
}

func (d *desk) file(name string) string {
	o, err := d.b.Get(d.t.Context(), "main/files/"+name)
	if err != nil {
		return ""
	}
	return string(o.Data)
}

func TestWhatIsWrittenIsFoundAgain(t *testing.T) {
	d := newDesk(t)
	for _, input := range []string{
		`{"text":"Anna likes oolong tea."}`, `{"text":"Anna is a vet.","file":"USER.md"}`, `{"text":"The tea was cold.","file":"daily"}`,
	} {
		if out := d.use("memory_write", input); out.State != "done" {
			t.Fatalf("%s: %+v", input, out)
		}
	}
	if !strings.Contains(d.file("USER.md"), "vet") || !strings.Contains(d.file("MEMORY.md"), "oolong") || !strings.Contains(d.file("memory/2026-11-23.md"), "cold") {
		t.Error("an entry is not in its file")
	}
	out := d.use("memory_search", `{"query":"tea"}`)
	for _, want := range []string{"Anna likes oolong tea. (MEMORY.md", "The tea was cold. (memory/2026-11-23.md, 2026-11-23)"} {
		if !strings.Contains(out.Text, want) {
			t.Errorf("%q is not in %q", want, out.Text)
		}
	}
	if strings.Contains(out.Text, "<!--") || strings.Contains(out.Text, "main.1") {
		t.Errorf("the result shows the file's own notes: %q", out.Text)
	}
	if out := d.use("memory_search", `{"query":"tea","limit":1}`); strings.Count(out.Text, "\n- ")+1 != 1 {
		t.Errorf("with limit 1: %q", out.Text)
	}
	if out := d.use("memory_search", `{"query":"zebra"}`); out.Text != "Nothing found." || out.Error {
		t.Errorf("nothing: %+v", out)
	}
}

func TestTheSameCallWritesOnce(t *testing.T) {
	d := newDesk(t)
	for _, input := range []string{`{"text":"Anna likes oolong."}`, `{"text":"A note.","file":"daily"}`, `{"text":"A vet.","file":"USER.md"}`} {
		for range 3 {
			if out := d.useAs("main.7.1."+input[9:11], "memory_write", input); out.State != "done" {
				t.Fatalf("%+v", out)
			}
		}
	}
	if strings.Count(d.file("MEMORY.md"), "oolong") != 1 || strings.Count(d.file("memory/2026-11-23.md"), "A note") != 1 {
		t.Errorf("files:\n%s\n%s", d.file("MEMORY.md"), d.file("memory/2026-11-23.md"))
	}
}

func TestMemoryIsCorrectedAndForgotten(t *testing.T) {
	d := newDesk(t)
	d.use("memory_write", `{"text":"Anna likes oolong."}`)
	d.use("memory_write", `{"text":"It rained.","file":"daily"}`)
	for range 2 { // the second is the same call once more
		if out := d.useAs("main.9.1.x", "memory_write", `{"text":"Anna likes sencha.","replaces":"Anna likes oolong."}`); out.State != "done" {
			t.Errorf("%+v", out)
		}
	}
	if out := d.use("memory_write", `{"text":"It poured.","replaces":"It rained.","file":"daily"}`); out.State != "done" {
		t.Errorf("%+v", out)
	}
	if !strings.Contains(d.file("MEMORY.md"), "sencha") || !strings.Contains(d.file("memory/2026-11-23.md"), "poured") {
		t.Errorf("files:\n%s\n%s", d.file("MEMORY.md"), d.file("memory/2026-11-23.md"))
	}
	if out := d.use("memory_write", `{"text":"","replaces":"Anna likes sencha."}`); out.State != "done" || strings.Contains(d.file("MEMORY.md"), "sencha") {
		t.Errorf("%+v, file:\n%s", out, d.file("MEMORY.md"))
	}
}

func TestAWrongInputIsExplained(t *testing.T) {
	d := newDesk(t)
	for input, want := range map[string]string{
		`{"text":" "}`:                       "text is empty",
		`{"text":"x","file":"SOUL.md"}`:      "SOUL.md is the owner's",
		`{"text":"x","file":"../../secret"}`: "no such memory file",
		`{"text":["x"]}`:                     "does not fit the schema",
		`{"text":"x","replaces":"nothing"}`:  "not in the file",
	} {
		if out := d.use("memory_write", input); out.State != "failed" || !strings.Contains(out.Text, want) {
			t.Errorf("%s: %+v, want %q", input, out, want)
		}
	}
}

func TestMemoryThatCannotBeReadIsNotTakenForEmpty(t *testing.T) {
	d := newDesk(t)
	d.use("memory_write", `{"text":"Anna likes oolong tea."}`)
	d.use("memory_write", `{"text":"The tea was cold.","file":"daily"}`)
	broken := func(key string) bucket.Bucket {
		return &bucket.Faulty{Bucket: d.b, Before: func(op bucket.Op, k string) error {
			if strings.HasPrefix(k, key) {
				return fmt.Errorf("no access to %s with key hunter2", k)
			}
			return nil
		}}
	}
	d.open(broken("main/files/MEMORY.md"))
	if out := d.use("memory_search", `{"query":"tea"}`); !strings.Contains(out.Text, "may not be all") || !strings.Contains(out.Text, "cold") || strings.Contains(out.Text, "hunter2") {
		t.Errorf("%+v", out)
	}
	if out := d.use("memory_search", `{"query":"zebra"}`); !strings.Contains(out.Text, "may not be all") {
		t.Errorf("%+v", out)
	}
	d.open(broken("main/files/"))
	if out := d.use("memory_search", `{"query":"tea"}`); strings.Contains(out.Text, "Nothing found") || strings.Contains(out.Text, "hunter2") {
		t.Errorf("%+v", out)
	}
	if out := d.use("memory_write", `{"text":"x"}`); out.State != "failed" || strings.Contains(out.Text, "hunter2") {
		t.Errorf("%+v", out)
	}
}
