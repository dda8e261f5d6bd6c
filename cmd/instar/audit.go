package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	auditlog "instar/shared/audit"
	"instar/shared/config"
	"instar/shared/seal"
)

const auditUsage = `instar audit verify -bucket BUCKET [-head SEQ:MAC]   check every entry of the audit log
instar audit list   -bucket BUCKET [-kind KIND] [-text TEXT] [-from TIME] [-to TIME] [-n N]   show entries, the newest first`

// audit checks or shows the audit log in a bucket. Its error, for which the
// program's exit status is to be 1, is a log that is broken or not there, a
// wrong argument, or a bucket that cannot be read.
func audit(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("audit: say what to do:\n" + auditUsage)
	}
	flags := flag.NewFlagSet("audit "+args[0], flag.ContinueOnError)
	flags.SetOutput(out)
	state := flags.String("bucket", "", "the bucket: a folder or s3://NAME")
	agent := flags.String("agent", config.Agent, "whose log")
	switch args[0] {
	case "verify":
		head := flags.String("head", "", "a head that an earlier verify printed: it must still be part of the log")
		return onLog(flags, args[1:], state, agent, func(l *auditlog.Log) error { return verifyLog(l, *head, out) })
	case "list":
		q := auditlog.Query{}
		kind := flags.String("kind", "", "decision, asked, answered, login, send or secret")
		flags.StringVar(&q.Text, "text", "", "part of a tool, outcome, session or detail")
		flags.StringVar(&q.Session, "session", "", "of this conversation")
		flags.IntVar(&q.Limit, "n", 50, "at most this many")
		flags.Int64Var(&q.Before, "before", 0, "only entries with a lower number")
		flags.Func("from", "not before this day or RFC 3339 time (UTC)", timeFlag(&q.From))
		flags.Func("to", "before this day or RFC 3339 time (UTC)", timeFlag(&q.To))
		return onLog(flags, args[1:], state, agent, func(l *auditlog.Log) error {
			q.Kind = auditlog.Kind(*kind)
			return listLog(l, q, out)
		})
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		fmt.Fprintf(out, "%s\n\n%s\n", auditUsage, bucketUsage)
		return flag.ErrHelp
	}
	return fmt.Errorf("audit: %q is not known:\n%s", args[0], auditUsage)
}

// onLog opens the log that the flags name, sealed when SEAL_KEY is set, and
// closes its bucket again.
func onLog(flags *flag.FlagSet, args []string, state, agent *string, do func(*auditlog.Log) error) (err error) {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: %q is too much", flags.Name(), flags.Arg(0))
	}
	if *state == "" {
		return fmt.Errorf("%s: say with -bucket which one", flags.Name())
	}
	b, closeBucket, err := openBucket(*state, os.Getenv)
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Name(), err)
	}
	defer func() { err = errors.Join(err, closeBucket()) }()
	l := &auditlog.Log{Bucket: b, Agent: *agent, Now: time.Now}
	if os.Getenv("SEAL_KEY") == "" {
		var broken *auditlog.Broken
		if err = do(l); errors.As(err, &broken) {
			err = fmt.Errorf("%w\nIf the bucket is sealed, set SEAL_KEY", err)
		}
		return err
	}
	sealed, err := seal.Open(b, os.Getenv, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Name(), err)
	}
	root, err := sealed.Root(context.Background())
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Name(), err)
	}
	l.Bucket, l.Key = sealed, root.Derive(seal.ForAudit).Bytes()
	return do(l)
}

func verifyLog(l *auditlog.Log, head string, out io.Writer) error {
	var known []auditlog.Head
	if head != "" {
		h, err := auditlog.ParseHead(head)
		if err != nil {
			return err
		}
		known = append(known, h)
	}
	report, err := l.Verify(context.Background(), known...)
	if err != nil {
		fmt.Fprintf(out, "BROKEN. %d entries before that place are whole.\n", report.Entries)
		return err
	}
	if report.Entries == 0 {
		return errors.New("there is no audit log: nothing was recorded yet, or all of it was removed")
	}
	fmt.Fprintf(out, "whole: %d entries in %d segments, %s to %s\nhead: %s\n",
		report.Entries, report.Segments, report.First.Format(time.RFC3339), report.Last.Format(time.RFC3339), report.Head)
	if report.Unmarked > 0 {
		fmt.Fprintf(out, "the newest %d are not counted by the checkpoint yet\n", report.Unmarked)
	}
	if len(l.Key) == 0 {
		fmt.Fprintln(out, "without a key: who can write to the bucket can recompute the whole log")
	}
	return nil
}

func listLog(l *auditlog.Log, q auditlog.Query, out io.Writer) error {
	found, err := l.Search(context.Background(), q)
	if err != nil {
		return err
	}
	forged := 0
	for _, r := range found.Records {
		fmt.Fprintf(out, "%7d  %s  %-8s  %-8s  %s", r.Seq, r.At.Format("2006-01-02 15:04:05"), visible(string(r.Kind)), visible(cmp.Or(r.Outcome, "-")), visible(cmp.Or(r.Tool, "-")))
		if r.Session != "" {
			fmt.Fprintf(out, "  %s/%d", visible(r.Session), r.Turn)
		}
		for _, name := range slices.Sorted(maps.Keys(r.Detail)) {
			fmt.Fprintf(out, "  %s=%s", visible(name), visible(r.Detail[name]))
		}
		if r.Forged {
			forged++
			fmt.Fprint(out, "  FORGED")
		}
		fmt.Fprintln(out)
	}
	if found.Next > 0 {
		fmt.Fprintf(out, "more with -before %d\n", found.Next)
	}
	if forged > 0 {
		return fmt.Errorf("%d of these entries were changed, or made with another key: run instar audit verify", forged)
	}
	return nil
}

// visible keeps what a forged entry holds from steering the terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, text)
}

func timeFlag(at *time.Time) func(string) error {
	return func(text string) (err error) {
		if *at, err = time.Parse(time.DateOnly, text); err != nil {
			*at, err = time.Parse(time.RFC3339, text)
		}
		return err
	}
}
