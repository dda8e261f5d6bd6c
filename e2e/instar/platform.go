//go:build e2e

package instar

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// The platforms that Instar runs on here: the variable INSTAR chooses, workerd
// where it is not set.
const (
	Workerd = "workerd" // build/run.mjs, as `make run` does
	Local   = "local"   // functions/local, as `make run-local` does
	Lambda  = "lambda"  // the bootstraps of `make lambda`, on a stand-in of AWS (lambda.go)
)

// Platform is the one that was chosen.
func Platform(t testing.TB) string {
	t.Helper()
	switch name := os.Getenv("INSTAR"); name {
	case "", Workerd:
		return Workerd
	case Local, Lambda:
		return name
	default:
		t.Fatalf("INSTAR=%s: there are %s, %s and %s", name, Workerd, Local, Lambda)
		return ""
	}
}

// Only skips the test on every platform but one.
func Only(t testing.TB, platform, why string) {
	t.Helper()
	if Platform(t) != platform {
		t.Skipf("only on %s: %s", platform, why)
	}
}

// command is what serves Instar.
func command(t testing.TB) *exec.Cmd {
	t.Helper()
	top := Root(t)
	if Platform(t) == Local {
		program, err := buildLocal(top)
		if err != nil {
			t.Fatal(err)
		}
		return exec.Command(program)
	}
	if _, err := os.Stat(filepath.Join(top, "build/dist/agent.wasm")); err != nil {
		t.Fatal("nothing is built: run `make build` first, or `make test-e2e`")
	}
	return exec.Command(filepath.Join(top, "node_modules/.bin/node"), filepath.Join(top, "build/run.mjs"))
}

var built sync.Once

// buildLocal builds functions/local with the clock that tests can turn.
func buildLocal(top string) (program string, err error) {
	program = filepath.Join(top, "build/dist/test/local")
	built.Do(func() {
		build := exec.Command("go", "build", "-tags", "e2e", "-o", program, "./functions/local")
		build.Dir, build.Stderr = top, os.Stderr
		err = build.Run()
	})
	return program, err
}

// forgetSweep takes away what the sweep knows of the messages that are stuck.
func (w *World) forgetSweep() {
	w.T.Helper()
	switch Platform(w.T) {
	case Lambda:
		w.lambda.forgetSweep()
		return
	case Local:
		os.Remove(filepath.Join(w.state, "bucket/objects/main+/sweep"))
		return
	}
	const forget = `
		const { DatabaseSync } = require("node:sqlite"), fs = require("node:fs"), folder = process.argv[1] + "/r2/miniflare-R2BucketObject/";
		for (const name of fs.readdirSync(folder).filter((name) => name.endsWith(".sqlite") && !name.startsWith("metadata"))) {
			new DatabaseSync(folder + name).exec("DELETE FROM _mf_objects WHERE key = 'main/sweep'");
		}`
	node := filepath.Join(Root(w.T), "node_modules/.bin/node")
	if out, err := exec.Command(node, "-e", forget, w.state).CombinedOutput(); err != nil {
		w.T.Fatalf("forget the sweep: %v\n%s", err, out)
	}
}
