//go:build linux && e2e

package main_test

import (
	"slices"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// BenchmarkTrue is what a command costs on a warm daemon: POST a job that runs
// "true", and wait for its end, in one request.
func BenchmarkTrue(b *testing.B) {
	d := start(b)
	d.healthy()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		var j sandbox.Job
		d.want(201, "POST", "/v1/jobs?wait=10", sandbox.Run{ID: newID(), Command: "true"}, &j)
		if j.State != sandbox.Ended || *j.ExitCode != 0 {
			b.Fatalf("%+v", j)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

func TestACommandCostsUnderTwentyMilliseconds(t *testing.T) {
	d := start(t)
	d.healthy()
	var took []time.Duration
	for range 30 {
		began := time.Now()
		d.want(201, "POST", "/v1/jobs?wait=10", sandbox.Run{ID: newID(), Command: "true"}, nil)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("median %v, worst %v", took[len(took)/2], took[len(took)-1])
	// The faster ones, since the machine may have more to do.
	if took[len(took)/5] > 20*time.Millisecond {
		t.Errorf("four of five take longer than %v", took[len(took)/5])
	}
}
