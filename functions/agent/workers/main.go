//go:build js && wasm

// Command workers is the agent function on Cloudflare Workers.
package main

import (
	"instar/functions/agent"
	"instar/shared/bucket"
	"instar/shared/workers"
)

// wrap is where the chaos build (bucket_chaos.go) puts its faults.
var wrap func(bucket.Bucket) bucket.Bucket

func main() { workers.Serve(agent.Function(wrap)) }
