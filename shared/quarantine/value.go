package quarantine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"instar/shared/web/visible"
)

// reading is the work of turning one answer into values.
type reading struct {
	text    string // as the second model was shown it
	folded  string // the same with full-width digits and marks in their usual form
	numbers map[string]bool
	dates   *calendar
	ids     words
	strings int // so far
}

func newReading(text string) *reading {
	return &reading{text: text, folded: strings.Map(func(r rune) rune {
		if r >= 0xff0c && r <= 0xff1a { // ，－．／０-９：
			return r - 0xfee0
		}
		return r
	}, text)}
}

// value is one value in its JSON form, or a string that stays hidden. Neither:
// null. The string is a function, because no verb of package fmt prints more of
// one than its address, also where it finds it in another's unexported field.
type value struct {
	json string
	text func() string
}

// answered is what became of a field. Note says in the program's own words why
// something is null, "" when nothing is.
type answered struct {
	field  field
	values []value // nil: null
	note   string
}

// Why a value is null, beside what idProblem says.
const (
	notSaid = "the text does not say"
	notIn   = "not in the text like that"
)

// field checks what was answered for one field; raw is nil when nothing was.
func (r *reading) field(f field, raw json.RawMessage) answered {
	out := answered{field: f}
	list := []json.RawMessage{raw}
	switch {
	case raw == nil || string(raw) == "null":
		out.note = notSaid
		return out
	case f.List && json.Unmarshal(raw, &list) != nil:
		out.note = "not a list"
		return out
	}
	all, nulls, first := len(list), 0, ""
	list = list[:min(all, MaxList)]
	out.values = make([]value, len(list))
	for i, one := range list {
		var why string
		if out.values[i], why = r.value(f, one); why != "" {
			if nulls++; first == "" {
				first = why
			}
		}
	}
	switch {
	case !f.List && first != "":
		out.values, out.note = nil, first
	case first != "":
		out.note = fmt.Sprintf("%d of %d null, the first: %s", nulls, len(list), first)
	case all > MaxList:
		out.note = fmt.Sprintf("only the first %d", MaxList)
	}
	return out
}

// value checks one value against its type and the text. Whatever it returns is
// made by this package or stands in the schema, but for the characters of ids,
// digits and dates. Why is a fixed text, "" when the value fits.
func (r *reading) value(f field, raw json.RawMessage) (v value, why string) {
	s, isText := text(raw)
	switch f.Kind {
	case Bool:
		if string(raw) == "true" || string(raw) == "false" {
			return value{json: string(raw)}, ""
		}
		return value{}, "not true or false"
	case Enum:
		// Byte for byte: "close enough" would be the attacker's spelling.
		if i := slices.Index(f.Values, s); i >= 0 {
			return value{json: quote(f.Values[i])}, ""
		}
		return value{}, "none of the values"
	case Number:
		return r.number(string(raw))
	case Date:
		return r.date(s)
	case ID:
		if !isText {
			return value{}, "not an id"
		}
		return r.id(s)
	case String:
		if !isText {
			return value{}, "not a string"
		}
		return r.string(s)
	}
	return value{}, "of no known type"
}

func (r *reading) number(raw string) (value, string) {
	n, ok := "", raw != "" && (raw[0] == '-' || isDigit(rune(raw[0])))
	if ok {
		n, ok = decimal(raw)
	}
	if !ok {
		return value{}, "not a number"
	}
	if r.numbers == nil {
		r.numbers = numbersIn(r.folded)
	}
	if !r.numbers[n] {
		return value{}, notIn
	}
	return value{json: n}, ""
}

// date accepts midnight as "no time" where the text has no such time.
func (r *reading) date(s string) (value, string) {
	m, ok := parseMoment(s)
	if !ok {
		return value{}, "not a date"
	}
	if r.dates == nil {
		r.dates = calendarOf(r.folded)
	}
	if !r.dates.has(m.at) {
		return value{}, notIn
	}
	if m.form != dayForm && !r.dates.clock(m.at) {
		if m.at.Hour()+m.at.Minute()+m.at.Second() > 0 {
			return value{}, notIn
		}
		m.form = dayForm
	}
	return value{json: quote(m.String())}, ""
}

func (r *reading) id(s string) (value, string) {
	if why := idProblem(s); why != "" {
		return value{}, why
	}
	if !stands(r.text, s) {
		return value{}, notIn
	}
	if !r.ids.afford(s) {
		return value{}, "too many different words for ids: ask for strings"
	}
	return value{json: quote(s)}, ""
}

// string cuts a long string; who uses it cannot see it anyway.
func (r *reading) string(s string) (value, string) {
	s = strings.TrimSpace(visible.Cut(visible.Text(s), MaxString))
	switch {
	case s == "":
		return value{}, notSaid
	case r.strings == MaxStrings:
		return value{}, "too many strings"
	}
	r.strings++
	return value{text: func() string { return s }}, ""
}
