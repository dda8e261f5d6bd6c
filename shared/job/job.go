// Package job is what is to be done at a time: a text sent to the owner, or a
// turn with the model that nobody asked for just now. A job is an object of its
// own, each run of it a message whose id is made from the job and the due time,
// and each run leaves a record.
//
// # When an expression is due
//
// Local clocks skip an hour in spring and show one twice in autumn (in Lord
// Howe half an hour, in Cairo the one at midnight). What a cron expression
// means then depends on what it names, as in Debian's cron:
//
//   - One that names a time of the day (neither its minute nor its hour field
//     begins with "*") runs once for each time it names: at a local time that is
//     skipped, at the first moment after the gap; at one that comes twice, in
//     the first pass only. Times that fall on one moment are one run.
//   - One whose minute or hour field begins with "*" is about intervals and
//     follows elapsed time: what is skipped is not there, what comes twice
//     counts twice.
//
// "at" follows the first rule. "every" knows no clock: it is a start plus a
// whole number of intervals, so that it does not drift, and "1d" is 24 hours.
//
// The library reads expressions and finds matches in a calendar without time
// zones; the rules above are code here, since no library has all of them. It is
// netresearch/go-cron, the kept-up fork of robfig/cron (whose last release is of
// 2020 and which refuses 7 for Sunday). Compiled to Wasm it is 173 KB in a
// program that logs with slog, 272 KB in one that does not (v0.9.1, Go 1.26).
package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"instar/shared/chat"
)

// Kind says what a run does.
type Kind string

const (
	Task     Kind = "task"     // a turn with the model, asked Text
	Reminder Kind = "reminder" // Text is sent as it is; no model is called
)

// MaxText is how long a job's text can be, in bytes.
const MaxText = 8000

// Check is looked at before a run: when what it names is unchanged since the
// last run, the run is skipped. Exactly one field is set.
type Check struct {
	URL  string `json:"url,omitempty"`
	File string `json:"file,omitempty"`
}

// Job is one thing to do, once or again and again.
type Job struct {
	V        int
	ID       string // lower-case letters and digits, made from By
	Name     string // for people; may be empty
	Kind     Kind
	Text     string
	Schedule Schedule
	Grace    time.Duration // a run later than this is skipped; 0 is no limit
	Unless   *Check
	To       chat.Address // where the outcome goes
	Created  time.Time
	By       string // the tool call or message that made it: the same one makes it once
	Label    string // of its text, a mark of package label; "" is the worst

	// Changed by runs.
	Failures int    // failed tries in a row
	Seen     string // what the check saw last
}

// record is a job as it is stored: durations as people write them.
type record struct {
	V        int          `json:"v"` // 1
	ID       string       `json:"id"`
	Name     string       `json:"name,omitempty"`
	Kind     Kind         `json:"kind"`
	Text     string       `json:"text"`
	Schedule Schedule     `json:"schedule"`
	Grace    string       `json:"grace,omitempty"`
	Unless   *Check       `json:"unless,omitempty"`
	To       chat.Address `json:"to"`
	Created  time.Time    `json:"created"`
	By       string       `json:"by"`
	Label    string       `json:"label,omitempty"`
	Failures int          `json:"failures,omitempty"`
	Seen     string       `json:"seen,omitempty"`
}

// MarshalJSON writes durations as "1h30m0s".
func (j Job) MarshalJSON() ([]byte, error) {
	return json.Marshal(record{j.V, j.ID, j.Name, j.Kind, j.Text, j.Schedule, duration(j.Grace), j.Unless,
		j.To, j.Created, j.By, j.Label, j.Failures, j.Seen})
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (j *Job) UnmarshalJSON(data []byte) error {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	grace, err := parseDuration(r.Grace)
	if err != nil {
		return err
	}
	*j = Job{r.V, r.ID, r.Name, r.Kind, r.Text, r.Schedule, grace, r.Unless,
		r.To, r.Created, r.By, r.Label, r.Failures, r.Seen}
	return nil
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func parseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	return time.ParseDuration(s)
}

// check reports what is wrong with a job, in words for whoever wrote it.
func (j *Job) check() error {
	switch {
	case j.By == "":
		return errors.New("by: say which call or message makes the job")
	case j.Kind != Task && j.Kind != Reminder:
		return fmt.Errorf("kind %.20q: write %q or %q", j.Kind, Task, Reminder)
	case strings.TrimSpace(j.Text) == "":
		return errors.New("text: write what is to be done or said")
	case len(j.Text) > MaxText || !utf8.ValidString(j.Text):
		return fmt.Errorf("text: write at most %d bytes of plain text", MaxText)
	case len(j.Name) > 200 || !utf8.ValidString(j.Name):
		return errors.New("name: write at most 200 bytes of plain text")
	case j.To.Channel == "" || j.To.Chat == "":
		return errors.New("to: say on which channel and in which chat the outcome is wanted")
	case j.Grace < 0:
		return errors.New("grace: write a length of time, or 0 for no limit")
	case j.Unless != nil && (j.Unless.URL == "") == (j.Unless.File == ""):
		return errors.New("unless_unchanged: write either a url or a file")
	}
	return j.Schedule.check()
}

// Message is what one try of the run that is due makes happen: its id is the
// same whoever makes it and however often, so a run is one turn. Its time is
// when the run was due; for a try after the first the caller sets the time.
func Message(j *Job, due time.Time, attempt int) *chat.Message {
	id := "job:" + j.ID + ":" + strconv.FormatInt(due.Unix(), 10)
	if attempt > 0 {
		id += ":" + strconv.Itoa(attempt)
	}
	return &chat.Message{
		V: 1, ID: id, PlatformID: id, Time: due.UTC(), Address: j.To, Kind: chat.Private,
		Sender: chat.Sender{ID: "owner"}, Text: j.Text, Session: "job." + j.ID,
		Job: &chat.Job{ID: j.ID, Due: due.UTC(), Attempt: attempt, Label: j.Label},
	}
}

// Retry is how long to wait after try number attempt (0 is the first) has
// failed; false means that it was the last.
func Retry(attempt int) (time.Duration, bool) {
	waits := [...]time.Duration{30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
	if attempt < 0 || attempt >= len(waits) {
		return 0, false
	}
	return waits[attempt], true
}

// Late reports whether a run that begins now is so late that people should be
// told: more than two minutes.
func Late(due, now time.Time) bool { return now.Sub(due) > 2*time.Minute }
