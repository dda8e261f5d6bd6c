package policy

import "strings"

// occurrence is where the display name of a record stands in a message.
type occurrence struct {
	record *Record
	said   *words
	at     []span
}

func (w *Window) occur(r *Record, said *words) {
	if name := lower(fold(r.Name)); name != "" {
		if at := said.places(name, false); len(at) > 0 {
			w.occurs = append(w.occurs, occurrence{r, said, at})
		}
	}
}

// named returns where the owner wrote the record's display name, if it is
// that record's alone: bounded, no other record's of its kind, not a common
// word, and not overlapping with another record's name; the last two do not
// matter when it stands in quotation marks.
func (w *Window) named(r *Record, off rule) (*words, []span) {
	if (disguised(r.Name) || w.full) && off&ruleDisguise == 0 {
		return nil, nil
	}
	name := lower(fold(r.Name))
	if off&ruleUnique == 0 {
		for _, other := range w.byName[name] {
			if related(other.Kinds, r.Kinds) && !same(other, r) {
				return nil, nil
			}
		}
	}
	for _, o := range w.occurs {
		if o.record != r {
			continue
		}
		var at []span
		for _, p := range o.at {
			if o.said.quotedWhole(p) || !common(name) && (off&ruleUnique != 0 || !w.overlaps(o, p)) {
				at = append(at, p)
			}
		}
		if len(at) > 0 {
			return o.said, at
		}
	}
	return nil, nil
}

// overlaps reports whether the name of another thing of the kind stands at p,
// or at a part of it: then the owner may have meant either.
func (w *Window) overlaps(o occurrence, p span) bool {
	for _, other := range w.occurs {
		if other.said != o.said || !related(other.record.Kinds, o.record.Kinds) || same(other.record, o.record) {
			continue
		}
		for _, q := range other.at {
			if q.from < p.to && p.from < q.to {
				return true
			}
		}
	}
	return false
}

// same reports whether two records are of the same thing.
func same(a, b *Record) bool {
	if a == b || a.ID != "" && strings.EqualFold(a.ID, b.ID) {
		return true
	}
	return a.ID == "" && b.ID == "" && strings.EqualFold(a.Name, b.Name) && sameFields(a, b)
}

func sameFields(a, b *Record) bool {
	if len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i] != b.Fields[i] {
			return false
		}
	}
	return true
}

// quotedWhole reports whether p is all that stands between two quotation marks.
func (w *words) quotedWhole(p span) bool {
	for _, q := range w.quotes {
		if strings.TrimSpace(w.text[q.from:min(q.to, len(w.text))]) == w.text[p.from:p.to] {
			if q.from <= p.from && p.to <= q.to {
				return true
			}
		}
	}
	return false
}

// common reports whether a name is a word that stands in many messages without
// naming anything: one of the gate's own tables, or one that holds sentences
// together.
func common(name string) bool {
	if strings.ContainsAny(name, "0123456789") {
		return false
	}
	words := tokens(name)
	for _, t := range words {
		if t.kana {
			continue
		}
		if !t.east && (isVerb(t.text) || isDeterminer(t.text) || len(t.text) < 3 || commonWord(t.text)) {
			continue
		}
		known := false
		for _, row := range nouns() {
			for _, n := range row.en {
				known = known || n == t.text || n == singular(t.text)
			}
			for _, n := range row.ja {
				known = known || n == t.text
			}
		}
		if !known {
			return false
		}
	}
	return true
}

func commonWord(s string) bool {
	switch s {
	case "and", "are", "all", "also", "about", "can", "could", "day", "did", "does", "done", "everything", "get", "give", "good", "have", "hello", "here", "him",
		"how", "into", "just", "know", "like", "look", "me", "more", "name", "need", "not", "now", "one", "only", "or", "other", "out", "over", "please", "see",
		"show", "thanks", "that", "them", "then", "there", "they", "thing", "time", "to", "today", "tomorrow", "two", "under", "use", "was", "what", "when",
		"where", "who", "will", "with", "would", "yes", "you", "find", "check", "read", "want", "work", "week", "month", "year", "hour", "money", "subject",
		"title", "description", "content", "summary", "task", "data", "info", "information", "number", "date", "location", "people", "person", "friend", "client",
		"go", "accordingly", "following", "based", "else", "much", "many", "order", "set", "should", "take", "tell", "up", "way":
		return true
	}
	return false
}
