// Package label says where a text came from and who may see it. Every text
// that a model is shown or that is kept has a Label; joining labels can only
// make them worse. There is no function that raises one: what an owner's own
// words vouch for is decided value by value in package policy.
package label

import (
	"slices"
	"strings"
)

// Integrity is whose words a text is, the least trusted first.
type Integrity uint8

const (
	Untrusted Integrity = iota // free text that somebody else can author, and what a model wrote with such text in its window
	Attested                   // a typed field that a configured integration vouches for
	Owner                      // the authenticated owner's own words
	System                     // text that is part of this program
)

// Confidentiality is who a text may reach, the least private first. Its zero
// value is Secret, so that a forgotten field is the safe one.
type Confidentiality int8

const (
	Public  Confidentiality = iota - 2 // anybody may see it
	Private                            // the owner's own affairs
	Secret                             // passwords, keys, codes, health: must not leave the owner
)

// Bounds of a label's lists. A list that would be longer is widened to what is
// safe: the origins to Many, the readers to nobody.
const (
	MaxOrigins = 16
	MaxReaders = 16
	MaxName    = 200 // bytes of one origin or reader
)

// Many stands for more origins than are kept apart, Everyone for all readers.
const (
	Many     = "many"
	Everyone = "*"
)

// Label is a text's provenance. The zero Label is the worst: untrusted and
// secret, readable by nobody but the owner.
type Label struct {
	Integrity       Integrity
	Confidentiality Confidentiality
	// Origins name what the text is made of, such as "telegram:4242" or
	// "tool:web_fetch"; sorted, each once. Empty: unknown.
	Origins []string
	// Readers are the people it may be shown to beside the owner; sorted, each
	// once, or Everyone alone. Empty: nobody.
	Readers []string
}

// Worst is what a missing or broken label reads as.
func Worst() Label { return Label{} }

// Program is the label of this program's own text, and neutral in Join.
func Program() Label {
	return Label{Integrity: System, Confidentiality: Public, Readers: []string{Everyone}}
}

// New makes a label whose lists are put in order and kept within their bounds.
func New(i Integrity, c Confidentiality, origins, readers []string) Label {
	if i > System || c < Public || c > Secret {
		return Label{Origins: boundOrigins(origins)}
	}
	return Label{Integrity: i, Confidentiality: c, Origins: boundOrigins(origins), Readers: boundReaders(readers)}
}

// Join is the label of a text made of several: the lowest integrity, the
// highest confidentiality, all origins, only the readers common to all. The
// join of nothing is Program.
func Join(labels ...Label) Label {
	joined := Program()
	for _, l := range labels {
		joined = joined.join(l)
	}
	return joined
}

func (l Label) join(m Label) Label {
	return New(min(l.Integrity, m.Integrity), max(l.Confidentiality, m.Confidentiality),
		slices.Concat(l.Origins, m.Origins), intersect(boundReaders(l.Readers), boundReaders(m.Readers)))
}

// Tainted reports whether a text of this label can carry somebody else's
// instructions or values: whether it is below Owner.
func (l Label) Tainted() bool { return l.Integrity < Owner }

// AtMost lowers the label's integrity to i, if it is higher, and leaves the
// rest as it is.
func (l Label) AtMost(i Integrity) Label {
	l.Integrity = min(l.Integrity, i)
	return l
}

// Equal reports whether two labels say the same.
func (l Label) Equal(m Label) bool {
	return l.Integrity == m.Integrity && l.Confidentiality == m.Confidentiality &&
		slices.Equal(l.Origins, m.Origins) && slices.Equal(l.Readers, m.Readers)
}

// clean makes a sorted copy without repeats; ok is false when a name is empty,
// too long or has control characters in it.
func clean(names []string) (list []string, ok bool) {
	for _, n := range names {
		if n == "" || len(n) > MaxName || strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
			return nil, false
		}
	}
	if len(names) == 0 {
		return nil, true
	}
	list = slices.Clone(names)
	slices.Sort(list)
	return slices.Compact(list), true
}

func boundOrigins(names []string) []string {
	list, ok := clean(names)
	if !ok || len(list) > MaxOrigins || slices.Contains(list, Many) {
		return []string{Many}
	}
	return list
}

func boundReaders(names []string) []string {
	list, ok := clean(names)
	if !ok {
		return nil
	}
	if slices.Contains(list, Everyone) {
		return []string{Everyone}
	}
	if len(list) > MaxReaders {
		return nil
	}
	return list
}

func intersect(a, b []string) []string {
	if slices.Equal(a, []string{Everyone}) {
		return b
	}
	if slices.Equal(b, []string{Everyone}) {
		return a
	}
	var both []string
	for _, name := range a {
		if slices.Contains(b, name) {
			both = append(both, name)
		}
	}
	return both
}
