// Command instar is the owner's command line. It works on the owner's own
// bucket; it is not part of what runs in the cloud.
//
// A command is an entry of commands, or of a group of them such as
// sealCommands, and a function beside it that takes a shell. Secrets come from
// the environment and never from arguments, which every process of the machine
// can see.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command says on standard error what to do
	exitUsage  = 2 // there is no such command or flag
)

func commands() []command {
	return []command{
		{name: "replay", summary: "play recorded attacks against the agent", run: replayVectors},
		{name: "audit", summary: "check and show the audit log", run: func(sh *shell) error { return audit(sh.args, sh.stdout) }},
		{name: "seal", summary: "keys of the sealed bucket", sub: sealCommands()},
	}
}

// command is one word of the command line: it runs, or has commands below it.
type command struct {
	name, summary string
	run           func(sh *shell) error
	sub           []command
}

// shell is what a command is run with.
type shell struct {
	ctx    context.Context // ends with the first interrupt
	words  string          // the command's own words, "instar seal rotate"
	args   []string        // what follows them
	env    func(name string) string
	stdout io.Writer // the result, and nothing else
	stderr io.Writer // what is said to a person
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	sh := &shell{ctx: ctx, words: "instar", args: os.Args[1:], env: os.Getenv, stdout: os.Stdout, stderr: os.Stderr}
	code := sh.dispatch(commands())
	stop()
	os.Exit(code)
}

// errUsage is returned by a command that has already said what is wrong with
// its arguments.
var errUsage = errors.New("usage")

// dispatch runs the command that the arguments name and returns the exit code.
func (sh *shell) dispatch(list []command) int {
	var word string
	if len(sh.args) > 0 {
		word = sh.args[0]
	}
	for _, c := range list {
		if c.name != word {
			continue
		}
		sh.words, sh.args = sh.words+" "+word, sh.args[1:]
		if c.sub != nil {
			return sh.dispatch(c.sub)
		}
		switch err := c.run(sh); {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return exitOK
		case errors.Is(err, errUsage):
			return exitUsage
		default:
			fmt.Fprintf(sh.stderr, "%s: %v\n", sh.words, err)
			return exitFailed
		}
	}
	switch word {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(sh.stdout, usage(sh.words, list))
		return exitOK
	case "":
		fmt.Fprint(sh.stderr, usage(sh.words, list))
	default:
		fmt.Fprintf(sh.stderr, "%s: there is no command %q\n\n%s", sh.words, word, usage(sh.words, list))
	}
	return exitUsage
}

// usage lists the commands below some words.
func usage(words string, list []command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s COMMAND\n\n", words)
	for _, c := range list {
		fmt.Fprintf(&b, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprintf(&b, "\n%s COMMAND -h tells more.\n", words)
	return b.String()
}

// flags makes the flag set of a command whose usage is the given text and then
// the flags. parse reads it.
func (sh *shell) flags(text string) *flag.FlagSet {
	f := flag.NewFlagSet(sh.words, flag.ContinueOnError)
	f.SetOutput(sh.stderr)
	f.Usage = func() {
		fmt.Fprint(sh.stderr, text)
		f.PrintDefaults()
	}
	return f
}

// parse reads the arguments, of which none may be left. Its error is
// flag.ErrHelp or errUsage, and a person has been told.
func (sh *shell) parse(f *flag.FlagSet) error {
	rest, err := sh.parseAny(f)
	if err == nil && len(rest) > 0 {
		return sh.misused(f, fmt.Sprintf("there is no argument %q", rest[0]))
	}
	return err
}

// parseAny is parse where arguments may be left, which it returns. Flags may
// stand among them; after "--" there are none.
func (sh *shell) parseAny(f *flag.FlagSet) (rest []string, err error) {
	for args := sh.args; ; {
		switch err := f.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, errUsage
		case f.NArg() == 0:
			return rest, nil
		}
		if n := len(args) - f.NArg(); n > 0 && args[n-1] == "--" {
			return append(rest, f.Args()...), nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// misused says what is wrong with the arguments.
func (sh *shell) misused(f *flag.FlagSet, problem string) error {
	fmt.Fprintf(sh.stderr, "%s: %s\n\n", sh.words, problem)
	f.Usage()
	return errUsage
}
