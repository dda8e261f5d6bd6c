package policy

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"instar/shared/label"
)

// Saw adds the result of a call to the window: its label is joined, and its
// attested values ground from now on. Args is the label of the call's
// arguments, which is the window's at the time of the call. It returns the
// label that the result is to be stored with.
func (w *Window) Saw(m *Manifest, tool string, result []byte, args label.Label) label.Label {
	l := ResultLabel(m, tool, result, args)
	w.Join(l)
	w.Add(Attest(m, tool, result, args)...)
	return l
}

// ResultLabel is the label of a tool's result: field by field as the manifest
// says, at least as confidential as what it was called with. Without a
// manifest, and for text that is no JSON where the manifest speaks of fields
// only, it is the worst.
func ResultLabel(m *Manifest, tool string, result []byte, args label.Label) label.Label {
	origin := []string{"tool:" + tool}
	if m == nil {
		return label.New(label.Untrusted, label.Secret, origin, nil)
	}
	whole := label.New(m.OutputIntegrity, max(m.OutputConfidentiality, args.Confidentiality), slices.Concat(origin, args.Origins), args.Readers)
	if !m.Effect.normal().reads() && m.Effect.normal() != ReadOwn {
		// What a tool that changes something answers repeats its arguments.
		whole = label.Join(whole, args)
	}
	if m.Fields == nil {
		return whole
	}
	v, err := decodeJSON(result)
	if err != nil {
		return whole
	}
	joined, seen := label.Program(), false
	walk(v, "", func(key string, value any) {
		seen = true
		joined = label.Join(joined, m.fieldLabel(key, value, whole))
	})
	if !seen {
		return whole
	}
	return joined
}

func (m *Manifest) fieldLabel(key string, value any, whole label.Label) label.Label {
	f, ok := m.Fields[key]
	if !ok {
		return whole
	}
	l := whole
	if f.Confidentiality != nil {
		l.Confidentiality = *f.Confidentiality
	}
	l.Integrity = min(l.Integrity, label.Untrusted)
	switch {
	case f.Type == Name:
	case f.Type != "" && !f.Type.fits(value):
	case f.Integrity != nil:
		l.Integrity = *f.Integrity
	case f.Type != "":
		l.Integrity = label.Attested
	default:
		l.Integrity = whole.Integrity
	}
	return l
}

// fits reports whether a decoded value is of the type as a whole.
func (t Type) fits(v any) bool {
	switch v := v.(type) {
	case nil, bool, json.Number:
		return true
	case string:
		_, ok := t.attest(v)
		return ok
	}
	return false
}

// Attest takes the records with their typed values out of a result that is
// JSON. Another result, and a tool without a manifest, has none.
func Attest(m *Manifest, tool string, result []byte, args label.Label) []Record {
	if m == nil {
		return nil
	}
	v, err := decodeJSON(result)
	if err != nil {
		return nil
	}
	a := attester{m: m, kinds: m.kinds(tool)}
	a.walk(v, "")
	for i := range a.records {
		r := &a.records[i]
		r.Source = tool
		r.Label = label.New(m.OutputIntegrity, max(m.OutputConfidentiality, args.Confidentiality), []string{"tool:" + tool}, nil)
		r.Written = !m.Effect.normal().reads() && args.Tainted()
		r.Person = r.Person && m.OutputIntegrity >= label.Attested
	}
	return a.records
}

func (m *Manifest) kinds(tool string) []string {
	if m.Kind != "" {
		return []string{singular(strings.ToLower(m.Kind))}
	}
	return kindWords(nameWords(tool))
}

func decodeJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// walk calls f for every value without parts, with the key it stands under.
func walk(v any, key string, f func(key string, value any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(v[k], k, f)
		}
	case []any:
		for _, e := range v {
			walk(e, key, f)
		}
	default:
		f(key, v)
	}
}

type attester struct {
	m       *Manifest
	kinds   []string
	records []Record
}

// walk makes a record of every object with an id or a name.
func (a *attester) walk(v any, key string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			a.walk(e, key)
		}
	case map[string]any:
		if r, ok := a.record(v); ok && len(a.records) < MaxRecords {
			a.records = append(a.records, r)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			switch v[k].(type) {
			case map[string]any, []any:
				a.walk(v[k], k)
			}
		}
	}
}

func (a *attester) record(object map[string]any) (Record, bool) {
	r := Record{Kinds: a.kinds}
	best := len(nameKeys)
	for _, k := range slices.Sorted(maps.Keys(object)) {
		v := object[k]
		if id, ok := scalar(v); ok && a.isID(k) && (r.ID == "" || len(k) < 4) {
			if id, ok = Type("id").attest(id); ok {
				r.ID = id
			}
		}
		if n := a.nameRank(k); n < best {
			if s, ok := v.(string); ok && s != "" {
				r.Name, r.Person, best = s, n < personKeys, n
			}
		}
		a.fields(&r, k, v, 0)
	}
	return r, r.ID != "" || r.Name != "" && len(r.Fields) > 0
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
