//go:build !js

package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// native measures the same messages as served, on the program of `make run-local`.
func (b *bench) native() error {
	program := filepath.Join(b.scratch, "local")
	build := exec.Command("go", "build", "-trimpath", "-o", program, "./functions/local")
	build.Dir = b.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build functions/local: %w\n%s", err, out)
	}
	var first, whole []time.Duration
	for i, n := 0, pick(b, 1, 3); ; i++ {
		s, err := b.startProgram(program)
		if err != nil {
			return err
		}
		_, answer, err := s.exchange(b.ctx, newChat())
		if err != nil {
			s.stop()
			return err
		}
		first, whole = append(first, answer), append(whole, s.ready.Sub(s.launched)+answer)
		if i < n-1 {
			s.stop()
			continue
		}
		defer s.stop()
		b.report.add("l", "local: message to reply, the first of a fresh process", ms(median(first)), "ms", nil,
			fmt.Sprintf("median of %d; with the start of the program %.0f ms", n, ms(median(whole))))
		return b.nativeMessages(s)
	}
}

func (b *bench) nativeMessages(s *instar) error {
	n := pick(b, 30, 100)
	e, err := b.exchange(s, 20, n)
	if err != nil {
		return err
	}
	b.report.add("l", "local: message to reply, warm, median", ms(median(e.answers)), "ms", nil, fmt.Sprintf("%d messages, as in d; a folder as the bucket", n))
	b.report.add("l", "local: message to reply, warm, p99", ms(quantile(e.answers, 0.99)), "ms", nil, "")
	b.report.add("l", "local: message to reply, warm, CPU", e.cpu, "ms", nil, "")
	b.report.add("l", "local: acknowledgement, warm, p50", ms(median(e.acks)), "ms", nil, "")
	b.report.add("l", "local: most memory of the process", float64(s.process.memory())/1e6, "MB", nil, fmt.Sprintf("after %d messages", n+21))
	return errors.Join(violations(s.telegram), violations(s.anthropic))
}
