//go:build e2e

package chaos

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"
)

var (
	long     = flag.Bool("long", false, "the long form")
	messages = flag.Int("messages", 0, "how many messages TestRandomKills sends; 0 is 40, and 500 in the long form")
	seed     = flag.Uint64("seed", 0, "chooses what happens; 0 is a new one")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	flag.Set("test.parallel", "10") // the tests mostly wait, for leases of 30 s
	os.Exit(m.Run())
}

// dice is a source of choices that many goroutines may use.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

// roll makes the test's dice from the seed and its name.
func roll(t *testing.T) *dice {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	t.Logf("repeat with: go test -tags e2e ./e2e/chaos -run '^%s$' -seed %d", t.Name(), *seed)
	return &dice{r: rand.New(rand.NewPCG(*seed, h.Sum64()))}
}

// below is a number from 0 to n-1.
func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// between is a duration from low to high.
func (d *dice) between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.below(int(high-low)+1))
}

// sized is the short form's number or the long form's.
func sized(inShort, inLong int) int {
	if *long {
		return inLong
	}
	return inShort
}

// until waits for a condition, at most for d.
func until(d time.Duration, condition func() bool) bool {
	for deadline := time.Now().Add(d); ; time.Sleep(100 * time.Millisecond) {
		if condition() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}
