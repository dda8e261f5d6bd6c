//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The functions of the Worker.
var names = []string{"webhook", "agent", "console", "schedule"}

// starts measures what a new instance of each function costs: a Worker starts
// some and drops them, and is timed from outside.
func (b *bench) starts() error {
	modules, err := b.modules("e2e/bench/worker/starts.mjs")
	if err != nil {
		return err
	}
	for _, name := range names {
		// A process for each function, so that none pays for another's garbage.
		if err := b.startsOf(name, modules); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) startsOf(name string, modules []module) error {
	p, address, err := b.serveWorker(modules, nil)
	if err != nil {
		return err
	}
	defer p.stop()
	// ask has n instances started, requests times, and returns wall clock and
	// CPU time together.
	ask := func(n, requests int) (wall, cpu time.Duration, err error) {
		before := p.cpu()
		t, err := load{
			Address: address, Connections: 1, Count: requests, Status: 200,
			Request: func(int) []byte { return get(fmt.Sprintf("/%s?n=%d", name, n)) },
		}.send(b.ctx)
		return t.whole, p.cpu() - before, err
	}
	if _, _, err := ask(0, 20); err != nil {
		return err
	}
	firstWall, firstCPU, err := ask(1, 1)
	if err != nil {
		return err
	}
	if _, _, err := ask(4, 8); err != nil { // the runtime compiles hot code better after a while
		return err
	}
	const each, requests = 2, 15 // instances in a request, requests in a round
	var walls, cpus []float64
	for range pick(b, 3, 10) {
		emptyWall, emptyCPU, err := ask(0, requests)
		if err != nil {
			return err
		}
		wall, cpu, err := ask(each, requests)
		if err != nil {
			return err
		}
		walls = append(walls, ms(wall-emptyWall)/(each*requests))
		cpus = append(cpus, ms(cpu-emptyCPU)/(each*requests))
	}
	raw, zipped, err := sizes(filepath.Join(b.root, "build/dist", name+".wasm"))
	if err != nil {
		return err
	}
	b.report.add("b", "a new instance of "+name+", CPU", median(cpus), "ms", below(15),
		fmt.Sprintf("least %.1f ms CPU; wall clock %.1f ms, least %.1f ms; the first in a fresh process %.0f ms CPU, %.0f ms wall clock",
			quantile(cpus, 0), median(walls), quantile(walls, 0), ms(firstCPU), ms(firstWall)))
	b.report.add("b", name+".wasm", float64(raw)/1e6, "MB", nil, fmt.Sprintf("%.2f MB gzipped", float64(zipped)/1e6))
	return nil
}

func sizes(file string) (raw, zipped int, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, fmt.Errorf("%w (run `make build` first)", err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return len(data), b.Len(), nil
}
