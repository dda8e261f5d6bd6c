//go:build !js

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// floor measures what a Worker in JavaScript takes to store and queue a body
// on the same local stand-ins, one at a time as acknowledgements are measured.
// No function can answer sooner on this machine.
func (b *bench) floor() error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	state, err := os.MkdirTemp(b.scratch, "floor-")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	node := filepath.Join(b.root, "node_modules/.bin/node")
	p, err := launch(b.root, os.Environ(), node, filepath.Join(b.root, "e2e/bench/worker/floor.mjs"), port, state)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.until(b.ctx, 60*time.Second, func() bool { return strings.Contains(p.output.String(), "serving") }); err != nil {
		return err
	}
	s := &instar{process: p, address: address}
	var acks []time.Duration
	warm, n := 20, pick(b, 30, 100)
	for i := range warm + n {
		t, err := s.hook(b.ctx, 1, update(1, 1, "hi"))
		if err != nil {
			return fmt.Errorf("store and queue: %w", err)
		}
		if i >= warm {
			acks = append(acks, t.each...)
		}
		s.pause(b.ctx)
	}
	b.report.add("c", "acknowledgement by a Worker without Go code, p50", ms(median(acks)), "ms", nil,
		"put and send on the same local stand-ins, one at a time: what they take alone")
	return nil
}
