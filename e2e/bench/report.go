//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// target is what was promised of a number.
type target struct {
	Words string // "< 5"
	met   func(float64) bool
}

func below(limit float64) *target {
	return &target{fmt.Sprintf("< %g", limit), func(v float64) bool { return v < limit }}
}

func atMost(limit float64) *target {
	return &target{fmt.Sprintf("<= %g", limit), func(v float64) bool { return v <= limit }}
}

func atLeast(limit float64) *target {
	return &target{fmt.Sprintf(">= %g", limit), func(v float64) bool { return v >= limit }}
}

func exactly(want float64) *target {
	return &target{fmt.Sprintf("%g", want), func(v float64) bool { return v == want }}
}

// line is one measured number. Without a target it is there to be known.
type line struct {
	Section  string  `json:"section"`
	What     string  `json:"what"`
	Target   string  `json:"target,omitempty"`
	Measured float64 `json:"measured"`
	Unit     string  `json:"unit"`
	Verdict  string  `json:"verdict,omitempty"` // "ok", "missed", "did not run"
	Note     string  `json:"note,omitempty"`
}

// report is the outcome of a run.
type report struct {
	At      time.Time `json:"at"`
	Quick   bool      `json:"quick"`
	Seconds float64   `json:"seconds"`
	CPUs    int       `json:"cpus"`
	Go      string    `json:"go"`
	Workerd string    `json:"workerd"`
	// Load is the machine's load average over one minute, before and after.
	// Well above 1 before the run, others were using the machine.
	LoadBefore float64 `json:"load_before"`
	LoadAfter  float64 `json:"load_after"`
	Lines      []line  `json:"lines"`
	// Costs is the table of costs, line by line.
	Costs []string `json:"costs,omitempty"`
}

func (r *report) describe(root string, quick bool) {
	r.At, r.Quick, r.CPUs, r.Go = time.Now().UTC(), quick, runtime.NumCPU(), runtime.Version()
	out, _ := exec.Command(filepath.Join(root, workerdPath), "--version").Output()
	r.Workerd = strings.TrimSpace(string(out))
	r.LoadBefore = loadAverage()
}

func (r *report) end(took time.Duration) {
	slices.SortStableFunc(r.Lines, func(a, b line) int { return strings.Compare(a.Section, b.Section) })
	r.Seconds, r.LoadAfter = took.Seconds(), loadAverage()
}

func loadAverage() (load float64) {
	data, _ := os.ReadFile("/proc/loadavg")
	fmt.Sscan(string(data), &load)
	return load
}

// add records a number; t may be nil.
func (r *report) add(section, what string, value float64, unit string, t *target, note string) {
	l := line{Section: section, What: what, Measured: value, Unit: unit, Note: note}
	if t != nil {
		l.Target, l.Verdict = t.Words, "missed"
		if t.met(value) {
			l.Verdict = "ok"
		}
	}
	r.Lines = append(r.Lines, l)
}

func (r *report) failed(s section, err error) {
	r.Lines = append(r.Lines, line{Section: s.letter, What: s.title, Verdict: "did not run", Note: err.Error()})
}

// print writes the table. Notes stand below their line.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\nInstar benchmarks, %s, %d CPUs, %s, %s, load %.1f before and %.1f after, %.0f s\n\n",
		r.At.Format("2006-01-02 15:04 MST"), r.CPUs, r.Go, r.Workerd, r.LoadBefore, r.LoadAfter, r.Seconds)
	width := len("what")
	for _, l := range r.Lines {
		width = max(width, len(l.What))
	}
	fmt.Fprintf(w, "   %-*s  %10s  %16s\n", width, "what", "target", "measured")
	last := ""
	for _, l := range r.Lines {
		if l.Section != last && last != "" {
			fmt.Fprintln(w)
		}
		letter := l.Section
		if l.Section == last {
			letter = ""
		}
		last = l.Section
		verdict := l.Verdict
		if verdict == "missed" {
			verdict = "MISSED"
		}
		measured := ""
		if l.Verdict != "did not run" {
			measured = number(l.Measured) + " " + l.Unit
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-2.2s %-*s  %10s  %16s  %s", letter, width, l.What, l.Target, measured, verdict), " "))
		if l.Note != "" {
			fmt.Fprintln(w, "     "+l.Note)
		}
	}
	r.printCosts(w)
	missed := 0
	for _, l := range r.Lines {
		if l.Verdict == "missed" {
			missed++
		}
	}
	fmt.Fprintf(w, "\n%d targets missed\n", missed)
}

// number shows three or more digits.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (r *report) write(file string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
