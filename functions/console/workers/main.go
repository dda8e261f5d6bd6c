//go:build js && wasm

// Command workers is the console function on Cloudflare Workers.
package main

import (
	"instar/functions/console"
	"instar/shared/workers"
)

func main() { workers.Serve(console.Function()) }
