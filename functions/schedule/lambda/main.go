//go:build !js

// Command lambda is the schedule function on AWS Lambda.
package main

import (
	"instar/functions"
	"instar/functions/schedule"
	"instar/shared/aws/lambda"
)

func main() { lambda.Serve(schedule.Function(), functions.Schedule) }
