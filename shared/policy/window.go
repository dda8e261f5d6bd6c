package policy

import (
	"slices"
	"strings"
	"time"

	"instar/shared/label"
)

// MaxRecords is how many records of one window ground values. Those that come
// after them ground nothing, and their names count as not unique.
const MaxRecords = 10000

// Window is what the gate knows of a model's context: the join of all labels
// in it, what the owner said, and the attested values that were seen. An
// engine makes one a turn, adds to it as things enter the context, and makes
// it again from the steps when a turn is resumed. It is not for use by several
// goroutines at once.
type Window struct {
	label   label.Label
	said    []*words
	self    []string // the owner's own addresses, in their normal form
	records []*Record
	byID    map[string][]*Record // by the folded id
	byName  map[string][]*Record // by the folded name in lower case
	byValue map[string][]*Record // by each attested value, and by the amount
	occurs  []occurrence
	full    bool
}

// NewWindow begins the window of a turn with what the owner said. The label is
// the join of the labels of everything that the model is shown at the start:
// the program's own text, the owner's messages, memory, history, a job's text.
// Self are the owner's own addresses and accounts, where configured.
func NewWindow(l label.Label, said []Said, self ...string) *Window {
	w := &Window{label: l, byID: map[string][]*Record{}, byName: map[string][]*Record{}, byValue: map[string][]*Record{}}
	for _, s := range said {
		if s.At.IsZero() {
			s.At = time.Unix(0, 0).UTC()
		}
		w.said = append(w.said, read(s))
	}
	for _, s := range self {
		if _, v, ok := addressOf(fold(s)); ok {
			w.self = append(w.self, v)
		} else {
			w.self = append(w.self, strings.ToLower(fold(s)))
		}
	}
	return w
}

// Label is the label of everything in the window, and so of everything that
// the model writes.
func (w *Window) Label() label.Label { return w.label }

// Join adds the label of a text that entered the window. A window's label only
// falls.
func (w *Window) Join(l label.Label) { w.label = label.Join(w.label, l) }

// With is the window as it would be with one more text in it, which it is not
// changed by. It serves for Judge.
func (w *Window) With(l label.Label) *Window {
	more := *w
	more.Join(l)
	return &more
}

// Say adds what the owner said meanwhile.
func (w *Window) Say(s Said) {
	said := read(s)
	w.said = append(w.said, said)
	for _, r := range w.records {
		w.occur(r, said)
	}
}

// Record is one thing that a configured integration answered with.
type Record struct {
	Kinds []string // what it is, in lower case and singular: "event"
	ID    string   // "" when it has none
	// Name is the display name. Anybody may have chosen it: it is only looked
	// up in the owner's words, and grounds nothing when another record has it.
	Name   string
	Person bool // a person or an organisation of a directory: its addresses are the named one's
	Fields []Attested
	Source string // the tool
	// Label of the record as a whole. Written: made or changed by a call whose
	// arguments were tainted, so its content may be anybody's.
	Label   label.Label
	Written bool
}

// Attested is one typed value that an integration vouches for.
type Attested struct {
	Name  string // the field's key
	Type  Type
	Value string // in its normal form
}

// Add lets records ground values from now on.
func (w *Window) Add(records ...Record) {
	for _, record := range records {
		r := &record
		if len(w.records) >= MaxRecords {
			w.full = true
			return
		}
		id, name := strings.ToLower(fold(r.ID)), lower(fold(r.Name))
		if id != "" {
			for _, old := range w.byID[id] {
				if related(old.Kinds, r.Kinds) {
					r.Written = r.Written || old.Written
					old.Written = r.Written
				}
			}
			w.byID[id] = append(w.byID[id], r)
		}
		if name != "" {
			w.byName[name] = append(w.byName[name], r)
		}
		for i, f := range r.Fields {
			if !slices.ContainsFunc(r.Fields[:i], func(g Attested) bool { return g.Value == f.Value }) {
				w.byValue[f.Value] = append(w.byValue[f.Value], r)
			}
		}
		w.records = append(w.records, r)
		for _, said := range w.said {
			w.occur(r, said)
		}
	}
}

// related reports whether two lists of kinds have one in common.
func related(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
