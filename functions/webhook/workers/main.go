//go:build js && wasm

// Command workers is the webhook function on Cloudflare Workers.
package main

import (
	"instar/functions/webhook"
	"instar/shared/workers"
)

func main() { workers.Serve(webhook.Function()) }
