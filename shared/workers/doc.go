// Package workers runs Instar's functions on Cloudflare Workers: it turns the
// platform's events into plain Go calls and its bindings into the ports
// bucket, settings and queue. No type of the platform leaves this package.
//
// A program calls Run once and serves one event at a time; the JavaScript half
// (build/worker) starts it, feeds it, and decides whether it may serve another
// event. A handler must keep nothing between events, stop its timers, and end
// its goroutines (or leave them to Env.WaitUntil): an instance that is still
// busy two seconds after an event is thrown away.
package workers
