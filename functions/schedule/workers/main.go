//go:build js && wasm

// Command workers is the schedule function on Cloudflare Workers.
package main

import (
	"instar/functions/schedule"
	"instar/shared/workers"
)

func main() { workers.Serve(schedule.Function()) }
