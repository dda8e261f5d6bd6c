//go:build linux

// Command browse is the browser in the sandbox's container: package
// shared/sandbox, browser.go, says what it promises. It runs as jobs of the
// daemon, as an ordinary user, and holds no secret.
//
//	browse serve [-idle 2m]    holds one headless Chromium
//	browse [-wait 20s]         has it do one action
//
// The two meet at a socket in a folder of TMPDIR that is the user's alone. What
// else the user runs can use it too: in this container nothing is kept from the
// jobs that the agent starts, and pages do not reach a socket.
//
// Pages are hostile. They run in Chromium without its own sandbox, which needs
// rights that no job has: what holds them is the container. What they say is cut
// to bounds, and nothing of it decides where a file is written.
//
// BROWSE_CHROMIUM names another Chromium. SSL_CERT_FILE, where it names a few
// certificates, names what Chromium trusts beside its own list (trust.go).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"instar/shared/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		flags := flag.NewFlagSet("browse serve", flag.ExitOnError)
		idle := flags.Duration("idle", sandbox.BrowserIdle, "end after this long without an action")
		flags.Parse(os.Args[2:])
		err = serve(ctx, *idle)
	} else {
		flags := flag.NewFlagSet("browse", flag.ExitOnError)
		wait := flags.Duration("wait", sandbox.BrowserStart, "wait this long for a browser to be there")
		flags.Parse(os.Args[1:])
		err = once(ctx, os.Stdin, os.Stdout, ask{wait: *wait})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "browse:", err)
		stop()
		os.Exit(1)
	}
}

// maxAction bounds an Action's JSON in bytes.
const maxAction = 256 << 10

// once reads an action, has it done and prints the page. Its error is that it
// could not print; all else is Page.Error.
func once(ctx context.Context, in io.Reader, out io.Writer, a ask) error {
	page, err := a.do(ctx, in)
	if err != nil {
		page.Error = err.Error()
	}
	_, err = out.Write(bound(page))
	return err
}

// decode reads exactly one action.
func decode(in io.Reader) (a sandbox.Action, err error) {
	data, err := io.ReadAll(io.LimitReader(in, maxAction+1))
	if err != nil {
		return a, errors.New("the action could not be read")
	}
	if len(data) > maxAction {
		return a, fmt.Errorf("the action is longer than %d bytes", maxAction)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("the action is no JSON as expected: %w", err)
	}
	return a, check(a)
}
