package task

import (
	"fmt"
	"strings"
	"time"

	"instar/shared/chat"
	"instar/shared/label"
	"instar/shared/sandbox"
)

// maxShown is how many bytes of output a report holds.
const maxShown = 12 << 10

// Outcome is how a job ended, in words, with the ends of its output.
func Outcome(j sandbox.Job) string {
	var b strings.Builder
	switch {
	case j.State != sandbox.Ended:
		b.WriteString("It is still running")
	case j.Why == sandbox.WhyExit && j.ExitCode != nil:
		fmt.Fprintf(&b, "Exit code %d", *j.ExitCode)
	case j.Why == sandbox.WhyStart:
		b.WriteString("It could not be started: " + oneLine(j.Error, 300))
	case j.Why == sandbox.WhySignal:
		b.WriteString("It died of the signal " + oneLine(j.Signal, 20))
	default:
		b.WriteString("It was ended: " + map[string]string{
			sandbox.WhyAsked: "somebody asked for it", sandbox.WhyTime: "it took longer than it may", sandbox.WhyMemory: "it took more memory than it may",
			sandbox.WhyProcesses: "it started more processes than it may", sandbox.WhyOutput: "it wrote more than it may", sandbox.WhyShutdown: "the container went away",
		}[j.Why])
	}
	if !j.Started.IsZero() && j.Ended != nil {
		fmt.Fprintf(&b, ", after %s", j.Ended.Sub(j.Started).Round(100*time.Millisecond))
	}
	fmt.Fprintf(&b, ". Output: %d bytes.", j.OutputBytes)
	head, tail := clip(j.Head, maxShown/2, false), clip(j.Tail, maxShown/2, true)
	if head != "" {
		b.WriteString("\n" + head)
	}
	if left := j.OutputBytes - int64(len(head)+len(tail)); tail != "" && left > 0 {
		fmt.Fprintf(&b, "\n[about %d bytes left out]\n%s", left, tail)
	} else if tail != "" {
		b.WriteString(tail)
	}
	return b.String()
}

// clip keeps the beginning or the end of a text.
func clip(text string, most int, end bool) string {
	if len(text) <= most {
		return text
	}
	if end {
		text = text[len(text)-most:]
	} else {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "")
}

func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// Title is how a command is called towards people.
func Title(command string) string { return oneLine(command, 80) }

// Message is what the agent goes on with when a task has ended: the same
// whoever makes it. conversation is the session's name.
func (t *Task) Message(conversation string, j sandbox.Job, now time.Time) *chat.Message {
	id := "task:" + t.ID
	// Whatever a command writes, somebody else may have written.
	made := label.ParseMark(t.Label)
	made.Integrity = min(made.Integrity, label.Untrusted)
	return &chat.Message{
		V: 1, ID: id, PlatformID: id, Time: now, Address: t.To, Kind: chat.Private, Sender: t.Sender, Session: conversation,
		Text: fmt.Sprintf("[The task %s (%s) has ended. Go on with it.]\n%s", t.ID, t.Title, Outcome(j)),
		Task: &chat.Task{ID: t.ID, Turn: t.Turn, Label: made.Mark()},
	}
}
