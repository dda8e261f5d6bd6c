package policy

import "instar/shared/label"

// What is kept beyond a turn keeps the label of the window it was made in. No
// repetition, summary or restart raises it.

// Write is how a text that the model wrote is stored.
type Write struct {
	Label label.Label
	// Quarantine: the entry that is there is more trusted than the text, so
	// the text goes beside it as a version of its own and replaces nothing.
	Quarantine bool
}

// Remember labels a write to memory, to a file or to a note of the owner's.
// Old is the label of the entry that is there, nil when there is none.
func Remember(window label.Label, old *label.Label) Write {
	if old == nil {
		return Write{Label: window}
	}
	if window.Integrity < old.Integrity {
		return Write{Label: window, Quarantine: true}
	}
	return Write{Label: label.Join(window, *old)}
}

// Loads reports whether an entry is shown to the model without being asked
// for. Others are listed by count, and taint the turn when they are read.
func Loads(l label.Label) bool { return l.Integrity >= label.Owner }

// JobLabel is the label of a job: of the window it was made in, joined with
// what it was before when it is a change. A job's text counts as the owner's
// words when it fires only if the label is not tainted.
func JobLabel(window label.Label, old *label.Label) label.Label {
	if old == nil {
		return window
	}
	return label.Join(window, *old)
}

// Compacted is the label of a summary that stands for texts of these labels.
// The owner's own messages are kept word for word beside it, so that they can
// go on grounding.
func Compacted(labels ...label.Label) label.Label { return label.Join(labels...) }

// Delegated is the label of a sub-agent's prose: at most untrusted, since a
// window wrote it that this one does not see.
func Delegated(window, sub label.Label) label.Label {
	return label.Join(window, sub).AtMost(label.Untrusted)
}
