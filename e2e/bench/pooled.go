//go:build !js

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// contender is one build of the handler under load.
type contender struct {
	name    string
	process *process
	address string
	rates   map[int][]float64 // by connections, one a round
	cpu     map[int][]float64 // milliseconds a request
	times   map[int][]time.Duration
}

// pooledAgainstStock runs one handler on the instance pool and on stock
// syumai/workers, in turns, so that both see the same machine.
func (b *bench) pooledAgainstStock() error {
	pooled, stock, err := b.contenders()
	if err != nil {
		return err
	}
	defer pooled.process.stop()
	defer stock.process.stop()
	both := []*contender{pooled, stock}
	for _, c := range both { // the runtime compiles hot code better after a while
		if err := c.round(b, 4, pick(b, time.Second, 3*time.Second), false); err != nil {
			return err
		}
	}
	for range pick(b, 2, 5) {
		for _, connections := range []int{1, 8} {
			for _, c := range both {
				if err := c.round(b, connections, pick(b, 600*time.Millisecond, 2*time.Second), true); err != nil {
					return err
				}
			}
		}
	}
	for _, connections := range []int{1, 8} {
		on := fmt.Sprintf("%d connections", connections)
		if connections == 1 {
			on = "1 connection"
		}
		p, s := median(pooled.rates[connections]), median(stock.rates[connections])
		b.report.add("a", "pooled over stock, requests a second on "+on, p/s, "x", atLeast(20), "")
		for _, c := range both {
			b.report.add("a", c.name+", "+on, median(c.rates[connections]), "requests/s", nil, "")
			b.report.add("a", c.name+", "+on+", p50", ms(quantile(c.times[connections], 0.5)), "ms", nil, "")
			b.report.add("a", c.name+", "+on+", p99", ms(quantile(c.times[connections], 0.99)), "ms", nil, "")
			b.report.add("a", c.name+", "+on+", CPU a request", median(c.cpu[connections]), "ms", nil, "")
		}
	}
	return nil
}

// contenders builds both and starts them.
func (b *bench) contenders() (pooled, stock *contender, err error) {
	for _, name := range []string{"pooled", "stock"} {
		if err := b.compile("./e2e/bench/"+name, "build/dist/bench/"+name+".wasm"); err != nil {
			return nil, nil, err
		}
	}
	modules, err := b.modules("e2e/bench/worker/pooled.mjs")
	if err != nil {
		return nil, nil, err
	}
	if pooled, err = b.contender("pooled", modules); err != nil {
		return nil, nil, err
	}
	if modules, err = b.stockModules(); err == nil {
		stock, err = b.contender("stock", modules)
	}
	if err != nil {
		pooled.process.stop()
	}
	return pooled, stock, err
}

func (b *bench) contender(name string, modules []module) (*contender, error) {
	p, address, err := b.serveWorker(modules, nil)
	return &contender{
		name: name, process: p, address: address,
		rates: map[int][]float64{}, cpu: map[int][]float64{}, times: map[int][]time.Duration{},
	}, err
}

// stockModules is what `workers-assets-gen -mode=go` puts beside a program.
func (b *bench) stockModules() ([]module, error) {
	folder := filepath.Join(b.scratch, "stock")
	command := exec.Command("go", "run", "github.com/syumai/workers/cmd/workers-assets-gen", "-mode=go", "-o", folder)
	command.Dir = b.root
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("workers-assets-gen: %w: %s", err, out)
	}
	list := []module{{"worker.mjs", filepath.Join(folder, "worker.mjs")}}
	for _, name := range []string{"wasm_exec.js", "runtime.mjs"} {
		list = append(list, module{name, filepath.Join(folder, name)})
	}
	return append(list, module{"app.wasm", filepath.Join(b.root, "build/dist/bench/stock.wasm")}), nil
}

func (b *bench) compile(program, output string) error {
	command := exec.Command(filepath.Join(b.root, "build/wasm.sh"), program, output)
	command.Dir, command.Env = b.root, os.Environ()
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w: %s", program, err, out)
	}
	return nil
}

// round puts one load on and keeps what it gave.
func (c *contender) round(b *bench, connections int, d time.Duration, keep bool) error {
	request := post("/hello", []byte(`{"name":"Ada","text":"What is on my list for tomorrow, and when do I have to leave?"}`))
	before := c.process.cpu()
	t, err := load{
		Address: c.address, Connections: connections, For: d, Status: 200,
		Request: func(int) []byte { return request },
	}.send(b.ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if keep {
		c.rates[connections] = append(c.rates[connections], t.rate())
		c.cpu[connections] = append(c.cpu[connections], ms(c.process.cpu()-before)/float64(len(t.each)))
		c.times[connections] = append(c.times[connections], t.each...)
	}
	return nil
}
