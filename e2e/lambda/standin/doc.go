// Package standin is AWS for tests, as far as Instar needs it: Lambda (the Runtime
// API, execution environments that are frozen between two events, Function URLs,
// InvokeWithResponseStream), an SQS FIFO queue with its event source mapping, and
// the Parameter Store, around a real S3 server. It runs the real bootstraps, out
// of the zips of `make lambda`. It checks signatures and refuses what the services
// refuse, and what a function's role in template.yaml does not allow. The sandbox's
// function is the real daemon, in a process with as few rights (NewSandbox).
package standin

// What there is only one of.
const (
	Region   = "us-east-1"
	Account  = "123456789012"
	Prefix   = "/instar/" // of parameters
	Bucket   = "instar"
	QueueURL = "https://sqs." + Region + ".amazonaws.com/" + Account + "/instar.fifo"
	QueueARN = "arn:aws:sqs:" + Region + ":" + Account + ":instar.fifo"
)
