//go:build !js

// Command lambda is the webhook function on AWS Lambda.
package main

import (
	"instar/functions"
	"instar/functions/webhook"
	"instar/shared/aws/lambda"
)

func main() { lambda.Serve(webhook.Function(), functions.Webhook) }
