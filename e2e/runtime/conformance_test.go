//go:build e2e

package runtime

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"instar/e2e/workerd"
)

// The ports' own conformance suites, compiled for the Workers runtime and run
// inside it: over R2 and KV through the real bridge.
func TestPortsConformInsideTheRuntime(t *testing.T) {
	build(t, "build/wasm.sh", "./e2e/runtime/probe", "build/dist/test/probe.wasm") // for go.mjs
	c := exec.Command("go", "test", "-c", "-trimpath", "-o", "build/dist/test/conformance.wasm", "./shared/workers")
	c.Dir = workerd.Root(t)
	c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("compile the suites: %v\n%s", err, out)
	}
	w := worker{workerd.Start(t, workerd.Options{Config: "e2e/runtime/conformance.toml"})}
	a, err := w.try(w.request(t, http.MethodGet, "/?arg=-test.v", nil))
	if err != nil {
		t.Fatalf("%v\n%s", err, w.Log())
	}
	var result struct {
		Code   int
		Output string
	}
	if err := json.Unmarshal([]byte(a.body), &result); err != nil {
		t.Fatalf("status %d, %s\n%s", a.status, a.body, w.Log())
	}
	t.Logf("%s\nexit code %d", result.Output, result.Code)
	if result.Code != 0 {
		t.Errorf("the suites ended with code %d", result.Code)
	}
	for _, name := range []string{
		"TestR2Conformance/one_of_many_creators_wins", "TestR2Conformance/pages_join_to_the_whole_listing", "TestR2FullPages",
		"TestKVConformance/odd_keys_are_different_settings", "TestSettingsAreInTheBucketWhereNoNamespaceIsBound/any_text_reads_back",
		"TestMissingBindingsAreErrorsThatNameThem", "TestNoKeyIsStoredUnderTheHashOfAnother",
	} {
		if !strings.Contains(result.Output, "--- PASS: "+name+" ") {
			t.Errorf("%s did not pass", name)
		}
	}
}
