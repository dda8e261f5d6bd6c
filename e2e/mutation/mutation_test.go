//go:build e2e

// Package mutation shows that the tests would notice. Each rule about labels,
// and each step that keeps a label, a question or an answer, is switched off in
// turn, and then a test has to fail. What decides about a tool call, in
// shared/policy, has such a test of its own there (TestEachRuleIsNeeded); here
// is everything around it.
//
// A mutant is a text that stands exactly once in a file, and what stands there
// instead. Nothing in the tree is changed: the package is compiled with
// go test -overlay. It needs neither the runtime nor a browser:
//
//	go test -tags e2e -count=1 ./e2e/mutation
package mutation

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mutant is the program with one rule switched off.
type mutant struct {
	off    string // which one, in words
	edits  []edit // more than one where two layers keep the rule
	in     string // the package whose tests notice, below the module's root
	notice string // those tests, separated by |: at least one of them fails
}

// edit is one change of a file, which is named from the module's root.
type edit struct{ file, old, new string }

func change(file, old, new string, more ...edit) []edit {
	return append([]edit{{file, old, new}}, more...)
}

// atOnce is how many mutants are compiled and run at a time.
const atOnce = 2

func TestEachRuleIsNeeded(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	names := map[string]bool{}
	for _, m := range mutants {
		if names[m.off] || m.off == "" || m.notice == "" || len(m.edits) == 0 {
			t.Errorf("%q: there are two of this name, or something is missing", m.off)
		}
		names[m.off] = true
		for _, e := range m.edits {
			if _, read := texts[e.file]; !read {
				data, err := os.ReadFile(filepath.Join(root, e.file))
				if err != nil {
					t.Fatal(err)
				}
				texts[e.file] = string(data)
			}
			if n := strings.Count(texts[e.file], e.old); n != 1 || e.old == e.new {
				t.Errorf("%s: %q stands %d times in %s, and has to once; move the mutant along with the rule", m.off, e.old, n, e.file)
			}
		}
	}
	if t.Failed() {
		return
	}
	unmutated(t, root)
	if t.Failed() {
		return
	}
	free := make(chan struct{}, atOnce)
	for _, m := range mutants {
		t.Run(m.off, func(t *testing.T) {
			t.Parallel()
			free <- struct{}{}
			defer func() { <-free }()
			m.try(t, root, texts)
		})
	}
}

// quick has the module compiled without optimization, a third faster: most of
// the time goes into compiling.
const quick = "-gcflags=instar/...=-N -l -dwarf=false"

// only is the pattern of exactly these tests.
func only(tests []string) string { return "^(" + strings.Join(tests, "|") + ")$" }

// unmutated runs the tests that are to notice something on the program as it
// is: each is there and passes.
func unmutated(t *testing.T, root string) {
	t.Helper()
	wanted := map[string]bool{} // "package test": whether it passed
	var tests []string
	args := []string{"test", "-json", "-short", "-count=1", "-vet=off", quick, "-p", "2"}
	for _, m := range mutants {
		for name := range strings.SplitSeq(m.notice, "|") {
			wanted["instar/"+m.in+" "+name] = false
			tests = append(tests, name)
		}
	}
	slices.Sort(tests)
	args = append(args, "-run", only(slices.Compact(tests)))
	var packages []string
	for _, m := range mutants {
		packages = append(packages, "./"+m.in)
	}
	slices.Sort(packages)
	out, err := goCommand(root, append(args, slices.Compact(packages)...)...)
	said := map[string]string{} // by each test, or package
	for line := range bytes.Lines(out) {
		var event struct{ Action, Package, ImportPath, Test, Output string }
		if json.Unmarshal(line, &event) != nil {
			t.Log(string(line)) // what go itself says
			continue
		}
		name := strings.TrimSpace(event.Package + event.ImportPath + " " + event.Test)
		said[name] += event.Output
		switch event.Action {
		case "pass":
			wanted[name] = true
		case "fail", "build-fail":
			t.Log(tail([]byte(said[name]), 4000))
		}
	}
	if err != nil {
		t.Errorf("the tests fail without a mutant: %v", err)
	}
	for name, passed := range wanted {
		if !passed {
			t.Errorf("%s: there is no such test, or it does not pass", name)
		}
	}
}

func goCommand(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// failing are the lines of tests, not of their parts, that have failed.
var failing = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// try compiles the mutant, which has to work, and runs the tests, one of which
// has to fail: not a panic, and not a test that hangs.
func (m mutant) try(t *testing.T, root string, texts map[string]string) {
	dir := t.TempDir()
	mutated := map[string]string{}
	for _, e := range m.edits {
		text, ok := mutated[e.file]
		if !ok {
			text = texts[e.file]
		}
		mutated[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for file, text := range mutated {
		as := filepath.Join(dir, strings.ReplaceAll(file, "/", "."))
		if err := os.WriteFile(as, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, file)] = as
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tests")
	if err := os.WriteFile(list, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := goCommand(root, "test", "-c", "-vet=off", quick, "-ldflags=-s -w", "-overlay="+list, "-o", binary, "./"+m.in); err != nil {
		t.Fatalf("the mutant does not compile, so it shows nothing: %v\n%s", err, out)
	}
	tests := strings.Split(m.notice, "|")
	run := exec.Command(binary, "-test.short", "-test.count=1", "-test.failfast", "-test.timeout=60s", "-test.run="+only(tests))
	run.Dir = filepath.Join(root, m.in)
	out, err := run.CombinedOutput()
	failed := failing.FindSubmatch(out)
	switch {
	case err == nil:
		t.Errorf("nobody notices: with this switched off, %s of %s still pass", m.notice, m.in)
	case failed == nil || !slices.Contains(tests, string(failed[1])) || bytes.Contains(out, []byte("\npanic: ")) || bytes.HasPrefix(out, []byte("panic: ")):
		t.Errorf("no test has failed, but it ended with %v:\n%s", err, tail(out, 4000))
	default:
		t.Logf("%s notices: %s", failed[1], tail(out, 400))
	}
}

func tail(out []byte, most int) string {
	return string(out[max(0, len(out)-most):])
}
