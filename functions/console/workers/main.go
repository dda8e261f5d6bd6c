//go:build js && wasm

// Command workers is the console function on Cloudflare Workers.
package main

import (
	"net/http"
	"time"
	_ "time/tzdata" // Workers have no time zone files

	"instar/functions/console"
	"instar/shared/config"
	"instar/shared/model/catalog"
	"instar/shared/workers"
)

func main() {
	workers.Run(workers.Function{Fetch: func(env *workers.Env) http.Handler {
		b, err := env.Bucket("BUCKET")
		if err != nil {
			return workers.Misconfigured(err)
		}
		q, err := env.Queue("QUEUE")
		if err != nil {
			return workers.Misconfigured(err)
		}
		turns, err := env.Call("AGENT")
		if err != nil {
			return workers.Misconfigured(err)
		}
		rules, problem := config.Read(env.Var)
		return &console.Handler{
			Agent: config.Agent, Bucket: b, Queue: q, Turns: turns, Token: env.Var("CONSOLE_TOKEN"),
			Rules: rules, Problem: problem, Present: env.Present, Now: time.Now,
			Models: catalog.Read(func(name string) string {
				if env.Present(name) {
					return "set" // the value is not ours to know
				}
				return env.Var(name)
			}),
		}
	}})
}
