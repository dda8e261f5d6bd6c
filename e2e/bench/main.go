//go:build !js

// Command bench measures what Instar promises about speed and cost, on this
// machine and on the real Workers runtime, and prints each promise beside what
// was measured. Run it with `make bench`, which builds first.
//
// It prints a table and writes build/dist/bench.json. A target that is missed
// is printed as missed and does not fail the run, because the machine may be
// busy; a measurement that could not be made does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	ctx     context.Context
	root    string // of the module
	scratch string // a folder that goes away with the run
	quick   bool
	report  report
	began   time.Time
}

// section is one group of measurements. A section that returns an error did
// not run to its end.
type section struct {
	letter, title string
	run           func(*bench) error
}

// The order is that of the memory they take: the last one runs everything.
var sections = []section{
	{"f", "the bucket's calls in a turn", (*bench).bucketCalls},
	{"a", "a reused instance against a new one for every request", (*bench).pooledAgainstStock},
	{"b", "starting an instance", (*bench).starts},
	{"c", "a webhook without storage", (*bench).webhookAlone},
	{"d", "a turn without storage", (*bench).inMemory},
	{"i", "10,000 jobs that wait", (*bench).waitingJobs},
	{"i", "a conversation of thousands of messages", (*bench).longHistory},
	{"c", "the local bucket and queue alone", (*bench).floor},
	{"l", "everything as `make run-local` serves it", (*bench).native},
	{"cdegh", "everything as `make run` serves it", (*bench).served},
	{"n", "everything on the stand-in of AWS Lambda", (*bench).onLambda},
	{"m", "what it costs", (*bench).costs},
}

func main() {
	quick := flag.Bool("quick", false, "under a minute, with fewer rounds")
	only := flag.String("only", "", "run the sections with one of these letters")
	flag.Parse()
	os.Exit(run(*quick, *only))
}

func run(quick bool, only string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root, err := moduleRoot()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	scratch, err := os.MkdirTemp("", "instar-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	b := &bench{ctx: ctx, root: root, scratch: scratch, quick: quick, began: time.Now()}
	b.report.describe(root, quick)
	failed := 0
	for _, s := range sections {
		if only != "" && !strings.ContainsAny(s.letter, only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%5.0f s  %s\n", time.Since(b.began).Seconds(), s.title)
		if err := s.run(b); err != nil {
			failed++
			b.report.failed(s, err)
		}
		if ctx.Err() != nil {
			fmt.Fprintln(os.Stderr, "interrupted")
			return 1
		}
	}
	b.report.end(time.Since(b.began))
	b.report.print(os.Stdout)
	// A part of the sections must not pass for a whole run.
	if only == "" {
		if err := b.report.write(filepath.Join(root, "build/dist/bench.json")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if failed > 0 {
		return 1
	}
	return 0
}

// pick is the first value in a quick run, else the second.
func pick[T any](b *bench, quick, full T) T {
	if b.quick {
		return quick
	}
	return full
}

func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := folder; ; {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		up := filepath.Dir(folder)
		if up == folder {
			return "", fmt.Errorf("no go.mod in %s or above", start)
		}
		folder = up
	}
}

// quantile of a list that it sorts; 0 of an empty one.
func quantile[T ~int64 | ~float64](list []T, q float64) T {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(int(q*float64(len(list))), len(list)-1)]
}

func median[T ~int64 | ~float64](list []T) T { return quantile(list, 0.5) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
