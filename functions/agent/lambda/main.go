//go:build !js

// Command lambda is the agent function on AWS Lambda.
package main

import (
	"instar/functions"
	"instar/functions/agent"
	"instar/shared/aws/lambda"
)

func main() { lambda.Serve(agent.Function(nil), functions.Agent) }
