//go:build js && wasm

// Command stock serves the benchmark's handler on syumai/workers as it comes:
// a new instance for every request.
package main

import (
	"github.com/syumai/workers"

	"instar/e2e/bench/handler"
)

func main() { workers.Serve(handler.New()) }
