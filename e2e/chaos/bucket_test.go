//go:build e2e

package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/e2e/instar"
)

// TestTheBucketFails runs the agent function built with the tag "chaos", whose
// bucket fails, is slow and conflicts (functions/agent/workers/bucket_chaos.go).
// Its dice are its own: no seed repeats them.
func TestTheBucketFails(t *testing.T) {
	instar.Only(t, instar.Workerd, "the agent with a failing bucket is built for it alone")
	t.Parallel()
	d := roll(t)
	began := time.Now()
	dist := filepath.Join(instar.Root(t), "build/dist/chaos")
	if _, err := os.Stat(filepath.Join(dist, "agent.wasm")); err != nil {
		t.Fatal("the agent with a failing bucket is not built: run `make chaos` or `make test-e2e`")
	}
	w := instar.Start(t, "DIST="+dist, "TELEGRAM_DM_POLICY=open")
	w.Anthropic.Script(answering(d))
	sent := send(w, sized(10, 200), 70_000, time.Duration(sized(5, 60))*time.Second)
	look := func() (tally, []string) { return count(sent, w.Telegram.Chat) }
	until(5*time.Minute, func() bool { got, _ := look(); return got.lost == 0 })
	quiet(w)
	got, details := look()
	t.Logf("bucket faults: %v, model calls %d, failed deliveries %d, %.0f s", got, len(w.Anthropic.Calls()),
		strings.Count(w.Log(), "injected"), time.Since(began).Seconds())
	if !got.kept() {
		t.Errorf("%s", strings.Join(details, "\n"))
	}
}
