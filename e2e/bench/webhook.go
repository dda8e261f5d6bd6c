//go:build !js

package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"instar/e2e/fake"
)

const (
	botToken     = "4242000:telegram-bot-token-AbCdEf"
	hookSecret   = "telegram-webhook-secret"
	anthropicKey = "sk-ant-bench-key"
	consoleToken = "console-token-for-benchmarks"
	owner        = 4242
)

// updates numbers the updates of a run, as Telegram does.
var updates atomic.Int64

// update is the raw webhook request of a fresh message; it can be sent again.
func update(chat, from int64, text string, options ...fake.UpdateOption) []byte {
	body := fake.TelegramUpdate(1000+updates.Add(1), chat, from, text, options...)
	return post("/hooks/telegram", body, "X-Telegram-Bot-Api-Secret-Token: "+hookSecret)
}

// webhookAlone measures the webhook function on a bucket and a queue that do
// nothing: the local ones are in the same process and cost more than it does.
func (b *bench) webhookAlone() error {
	alone, p50, err := b.cpuOf("e2e/bench/worker/webhook.mjs")
	if err != nil {
		return err
	}
	empty, emptyP50, err := b.cpuOf("e2e/bench/worker/empty.mjs")
	if err != nil {
		return err
	}
	b.report.add("c", "a warm webhook without storage, CPU", alone, "ms", below(1),
		fmt.Sprintf("p50 %.2f ms; of that an empty Worker takes %.2f ms of CPU, p50 %.2f ms", p50, empty, emptyP50))
	return nil
}

// cpuOf is the CPU a request and the median time, in milliseconds, of warm
// webhooks on one connection.
func (b *bench) cpuOf(entry string) (cpu, p50 float64, err error) {
	modules, err := b.modules(entry)
	if err != nil {
		return 0, 0, err
	}
	p, address, err := b.serveWorker(modules, map[string]string{
		"TELEGRAM_BOT_TOKEN": botToken, "TELEGRAM_WEBHOOK_SECRET": hookSecret, "SEAL_KEY": sealKey,
	})
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	l := load{
		Address: address, Connections: 1, Status: 200, For: pick(b, 700*time.Millisecond, 2*time.Second),
		Request: func(i int) []byte { return update(int64(5000+i), int64(5000+i), "What is on my list for tomorrow?") },
	}
	var cpus, medians []float64
	for i := range pick(b, 3, 6) {
		before := p.cpu()
		t, err := l.send(b.ctx)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			continue // warm now
		}
		cpus = append(cpus, ms(p.cpu()-before)/float64(len(t.each)))
		medians = append(medians, ms(median(t.each)))
	}
	return median(cpus), median(medians), nil
}
