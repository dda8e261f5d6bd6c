package policy

import (
	"strings"

	"instar/shared/label"
)

// ArgRole is what an argument is for.
type ArgRole string

const (
	Dest     ArgRole = "dest"     // where or to whom something goes
	Object   ArgRole = "objref"   // which thing it is about
	Content  ArgRole = "content"  // text that is written or sent
	Sum      ArgRole = "amount"   // how much money
	When     ArgRole = "time"     // a date, a time, or both
	Flag     ArgRole = "flag"     // a choice among few
	Selector ArgRole = "selector" // what to look for
	Password ArgRole = "secret"   // a credential
	Profile  ArgRole = "profile"  // a value of the owner's own data
)

// Manifest declares what a tool does. The owner approves it with the tool; a
// tool cannot change its own. Its JSON names are those of the files in
// ../shared/security. No manifest (nil) is the worst one.
type Manifest struct {
	Effect Effect `json:"effect"`
	// EffectIf is the effect when an argument is given (not null, false, "" or
	// empty); the worst that applies counts.
	EffectIf map[string]Effect  `json:"effect_if,omitempty"`
	ArgRoles map[string]ArgRole `json:"arg_roles,omitempty"`
	// ArgTypes are the types of Type, or the kind of thing an Object names
	// ("event", "file").
	ArgTypes map[string]string `json:"arg_types,omitempty"`
	// Intent are groups of English words: the owner must have asked for one of
	// the first group, and spoken of one of each other. Without it the verbs
	// are those of the effect and of the tool's name.
	Intent [][]string `json:"intent,omitempty"`
	// NotifiesThirdParties: others hear of it, whatever the effect is.
	NotifiesThirdParties bool `json:"notifies_third_parties,omitempty"`
	// Setting decides in a turn that is not tainted; "" is Allow, but Ask where
	// the table says never.
	Setting Outcome `json:"setting,omitempty"`

	// What the result is: the label of every text in it that Fields does not
	// name, and the single fields. The zero values are the worst.
	OutputIntegrity       label.Integrity       `json:"output_integrity,omitempty"`
	OutputConfidentiality label.Confidentiality `json:"output_confidentiality,omitempty"`
	// Fields label the result field by field, by the key at any depth. When it
	// is nil, fields that are of a typed value by their common names (id,
	// email, start_time, amount ...) are attested.
	Fields map[string]Field `json:"output_fields,omitempty"`
	// Kind is what a record of the result is ("event"); "" takes the words of
	// the tool's name.
	Kind string `json:"output_kind,omitempty"`
}

// Field is the label of one key of a result.
type Field struct {
	// Type of a typed value: its text counts as attested only if it is of that
	// type as a whole. "id", "number" and "bool" are types too, and "name" is
	// the record's display name, which is looked up and never attested.
	Type            Type                   `json:"type,omitempty"`
	Integrity       *label.Integrity       `json:"integrity,omitempty"`       // nil: attested with a type, else as the result
	Confidentiality *label.Confidentiality `json:"confidentiality,omitempty"` // nil: as the result
}

// role of an argument, "" when none is declared. Names are compared without
// case, since a tool that decodes JSON in Go would take either.
func (m *Manifest) role(arg string) ArgRole {
	switch r := look(m.ArgRoles, arg); r {
	case "destination", "recipient", "payee":
		return Dest
	case "object", "id":
		return Object
	case "text", "body", "title":
		return Content
	case "date":
		return When
	case "enum", "choice":
		return Flag
	case "query":
		return Selector
	case "password", "credential":
		return Password
	default:
		return r
	}
}

func (m *Manifest) argType(arg string) string { return look(m.ArgTypes, arg) }

func look[V ~string](table map[string]V, name string) V {
	if v, ok := table[name]; ok {
		return v
	}
	for k, v := range table {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// effect is what a call with these arguments does.
func (m *Manifest) effect(args map[string][]leaf) Effect {
	if m == nil {
		return Worst
	}
	e := m.Effect.normal()
	for name, f := range m.EffectIf {
		for arg, leaves := range args {
			if strings.EqualFold(arg, name) && given(leaves) {
				e = worse(e, f.normal())
			}
		}
	}
	for arg, leaves := range args {
		role, t := m.role(arg), Type(m.argType(arg))
		for _, l := range leaves {
			kind, _, address := addressOf(l.folded)
			switch {
			case e == Read && (role == "" && kind == URL || t == URL || role == "url"):
				e = Fetch // reading with a network argument
			case role == "" && address && !e.reads() && e != ReadOwn:
				e = worse(e, Send) // an address nobody declared
			}
		}
	}
	return e
}

func given(leaves []leaf) bool {
	for _, l := range leaves {
		if !l.empty() {
			return true
		}
	}
	return false
}
