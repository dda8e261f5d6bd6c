//go:build js && wasm && chaos

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"instar/shared/bucket"
)

// errChaos is what a bucket that fails says.
var errChaos = errors.New("injected: the bucket failed")

func init() { wrap = faulty }

// faulty makes a bucket that fails, is slow and conflicts, for `make chaos`: of
// a hundred calls ten take 20 to 300 ms longer, four fail and change nothing,
// two puts find a conflict, and four succeed without the caller hearing of it.
func faulty(b bucket.Bucket) bucket.Bucket {
	return &bucket.Faulty{Bucket: b, Before: before, After: after}
}

func before(op bucket.Op, _ string) error {
	if rand.IntN(100) < 10 {
		time.Sleep(time.Duration(20+rand.IntN(280)) * time.Millisecond)
	}
	switch dice := rand.IntN(100); {
	case dice < 4:
		return errChaos
	case dice < 6 && (op == bucket.OpPutIfAbsent || op == bucket.OpPutIfMatch):
		return fmt.Errorf("injected: %w", bucket.ErrPrecondition)
	}
	return nil
}

func after(bucket.Op, string) error {
	if rand.IntN(100) < 4 {
		return errChaos
	}
	return nil
}
