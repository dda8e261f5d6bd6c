//go:build !js

// Package lambda runs Instar's functions on AWS Lambda, on the runtime
// provided.al2023: one program a function, one event at a time. An event is an
// HTTP request (of a Function URL, of an HTTP API with payload 2.0, or of another
// of our functions), a batch of the queue, or the clock's.
//
// What a function is configured with (template.yaml):
//
//	BUCKET      s3://NAME
//	QUEUE       the FIFO queue's URL
//	AGENT       the agent function's name, for those that call it
//	SANDBOX     the sandbox function's name, where there is one, for those that use
//	            it or ask for it
//	PARAMETERS  the prefix of its variables in the Parameter Store, such as
//	            /instar/; a variable of the environment itself comes first
//	INVOKE_MODE BUFFERED behind an HTTP API; otherwise answers stream, for which a
//	            Function URL must have InvokeMode RESPONSE_STREAM
package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	runtime "github.com/aws/aws-lambda-go/lambda"

	"instar/shared/platform"
)

// spare is how long before its deadline an event's context ends, so that there
// is time to say that it failed.
const spare = time.Second

// Serve serves one of Instar's functions; it does not return.
func Serve(f platform.Function, l platform.Listing) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	runtime.Start((&host{function: f, listing: l, getenv: os.Getenv}).handle)
}

// event is any event that a function is invoked with.
type event struct {
	events.APIGatewayV2HTTPRequest                     // Version is 2.0; a Function URL's has the same form
	Records                        []events.SQSMessage `json:"Records"`
	Scheduled                      time.Time           `json:"scheduled"` // the clock's
}

var errUnknown = errors.New("this function does not serve such an event")

// handle serves one event. Its answer is an io.Reader that streams, or is made
// JSON of.
func (h *host) handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, errUnknown
	}
	h.thaw()
	deadline, _ := ctx.Deadline() // the runtime's client always sets one
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-spare))
	env := &env{host: h, ctx: ctx}
	err := h.load(ctx)
	if e.Version == "2.0" && h.function.Fetch != nil {
		return h.http(ctx, cancel, env, &e.APIGatewayV2HTTPRequest, err), nil
	}
	defer cancel()
	switch {
	case err != nil:
		slog.Error("function not ready", "error", err.Error())
		return nil, err
	case len(e.Records) > 0 && h.function.Queue != nil:
		defer env.rest.Wait()
		return h.batch(ctx, env, e.Records), nil
	case !e.Scheduled.IsZero() && h.function.Scheduled != nil:
		defer env.rest.Wait()
		err := platform.Guard(func() error { return h.function.Scheduled(ctx, env, e.Scheduled) })
		if err != nil {
			slog.Error("event failed", "kind", "scheduled", "error", err.Error())
			return nil, errors.New("the schedule function reported a failure; its log says which")
		}
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", h.listing.Name, errUnknown)
}
