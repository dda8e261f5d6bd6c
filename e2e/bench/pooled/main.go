//go:build js && wasm

// Command pooled serves the benchmark's handler on Instar's instance pool.
package main

import (
	"net/http"

	"instar/e2e/bench/handler"
	"instar/shared/workers"
)

func main() {
	h := handler.New()
	workers.Run(workers.Function{Fetch: func(*workers.Env) http.Handler { return h }})
}
