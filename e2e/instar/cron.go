//go:build e2e

package instar

import (
	"fmt"
	"net/http"
	"time"
)

// Cron has the runtime fire the cron trigger as if it were that time.
func (w *World) Cron(at time.Time) {
	w.T.Helper()
	if w.lambda != nil {
		if err := w.lambda.cloud.Minute(at); err != nil {
			w.T.Errorf("cron: %v", err)
		}
		return
	}
	r, err := w.send(patient, http.MethodGet, fmt.Sprintf("/cdn-cgi/local/scheduled?time=%d", at.UnixMilli()), nil, nil)
	if err != nil {
		w.T.Errorf("cron: %v", err)
	} else if r.StatusCode != http.StatusOK {
		w.T.Errorf("cron: status %d", r.StatusCode)
	}
}

// What is written in functions/schedule: the age at which the sweep first looks
// at a message that is not settled, twice as much before each further look, how
// many messages it looks at in one run, and how many looks a message gets.
const (
	sweepAge  = 2 * time.Minute
	sweepMost = 200
	sweepLast = 8
)

// Sweep has cron come so much later than the last time, the one at the start
// included, that every message that is not settled is looked at again; most is
// how many there may be.
func (w *World) Sweep(most int) {
	w.T.Helper()
	w.ahead = 2*w.ahead + sweepAge + 10*time.Second
	for ; most > 0; most -= sweepMost {
		w.Cron(time.Now().Add(w.ahead))
	}
}

// Recover sweeps until done or until the time is up, and reports which. A turn
// whose holder was killed is taken over when its lease of 30 s has lapsed.
func (w *World) Recover(most int, within time.Duration, done func() bool) bool {
	w.T.Helper()
	deadline := time.Now().Add(within)
	for looks := 0; ; looks++ {
		if looks < sweepLast-2 {
			w.Sweep(most)
		}
		for next := time.Now().Add(10 * time.Second); time.Now().Before(next); time.Sleep(100 * time.Millisecond) {
			if done() {
				return true
			}
			if time.Now().After(deadline) {
				return false
			}
		}
	}
}

// Redeliver starts Instar and has every message that is not settled delivered
// again; most is how many there may be.
//
// The platform's queue keeps what was not acknowledged. Its local stand-in
// keeps it in memory, so a killed Instar has forgotten it, and what is left is
// the sweep, which comes to a message seldom and at last gives it up. So that a
// turn can be killed many times, its record is taken away.
func (w *World) Redeliver(most int) {
	w.T.Helper()
	w.forgetSweep()
	w.Launch() // which sweeps once
	for ; most > sweepMost; most -= sweepMost {
		w.Cron(time.Now().Add(3 * time.Minute))
	}
}
