//go:build !js

package main

import (
	"math"
	"testing"
)

func TestAMonthCostsWhatThePricesSay(t *testing.T) {
	idle := use{lists: 86_400, reads: 43_200, requests: 43_200, cpu: 43_200}
	none := use{}
	if got := workersPaid(none, idle); got != 5 {
		t.Errorf("an idle month on Workers Paid is %v", got)
	}
	// Of S3 nothing is free: 86,400 lists at $5 and 43,200 reads at $0.40 a million.
	if got, want := lambda(none, idle, 0, true), 0.432+0.01728; math.Abs(got-want) > 1e-9 {
		t.Errorf("an idle month on Lambda is %v, want %v", got, want)
	}
	// 12 million requests with 60 million ms, 4 million queue operations and 3
	// million writes are 2, 30, 3 and 2 million more than are in the price.
	much := use{requests: 12 * million, cpu: 60 * million, queue: 4 * million, writes: 3 * million}
	if got, want := workersPaid(much, none), 5+0.6+0.6+1.2+9.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("a busy month on Workers Paid is %v, want %v", got, want)
	}
	// A turn waits for its model: 1,000 of 6 s with half a GB.
	if got, want := lambda(none, none, 1000, false), 1000*6*0.5*0.0000133334+648_000*0.5/million; math.Abs(got-want) > 1e-9 {
		t.Errorf("1,000 turns are %v, want %v", got, want)
	}
	if workersFree(use{requests: 30 * 99_000}, none) != "" || workersFree(use{queue: 30 * 10_001}, none) == "" || workersFree(none, use{lists: million + 1}) == "" {
		t.Error("what Workers Free allows is judged wrongly")
	}
}
