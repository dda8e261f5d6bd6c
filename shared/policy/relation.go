package policy

import (
	"slices"
	"strings"
)

// onePerson reports whether a directory's record has one address of the type:
// then it is the named person's.
func onePerson(r *Record, t Type) bool {
	n := 0
	for _, f := range r.Fields {
		if f.Type == t {
			n++
		}
	}
	return n == 1
}

// relation reports whether the owner spoke of just this field of the record
// named at one of the places: "the participants of 'X'", "'X' attendees",
// "reply to 'X'". The name must be in quotation marks: titles and subjects are
// anybody's, and one that says "Bob" shall not be who "reply to Bob" means.
func (c *check) relation(w *words, at []span, field string) bool {
	if c.off(ruleRelation) {
		return true
	}
	var names []string
	switch singular(strings.Trim(field, "_")) {
	case "participant", "attendee", "guest", "invitee", "member":
		names = []string{"participant", "attendee", "guest", "invitee", "member", "people", "person", "参加者", "出席者", "メンバー"}
	case "sender", "from", "reply_to":
		names = []string{"sender", "reply", "respond", "answer", "author", "差出人", "送信者", "返信", "返事"}
	case "recipient", "to", "cc":
		names = []string{"recipient", "受取人", "宛先"}
	case "organizer", "organiser", "owner":
		names = []string{"organizer", "organiser", "owner", "host", "主催者", "所有者"}
	case "shared_with":
		return false
	default:
		names = []string{singular(strings.Trim(field, "_"))}
	}
	is := func(i int) bool { return slices.Contains(names, singular(w.tok(i))) }
	for _, p := range at {
		if !w.quotedWhole(p) {
			continue
		}
		first, last := -1, -1
		for i, t := range w.tokens {
			if t.from >= p.from && t.to <= p.to {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		if first < 0 {
			continue
		}
		for i := first - 1; i >= 0 && i >= first-7; i-- {
			if is(i) {
				return true
			}
			if !linking(w.tok(i)) {
				break
			}
		}
		for i := last + 1; i <= last+4 && i < len(w.tokens); i++ {
			if is(i) {
				return true
			}
			if t := w.tok(i); t != "s" && !linking(t) && t != "の" && t != "と" {
				break
			}
		}
	}
	return false
}

func linking(s string) bool {
	switch s {
	case "of", "as", "in", "from", "to", "for", "on", "the", "my", "that", "is", "are", "at", "event", "meeting", "with", "same", "those", "email", "e-mail", "mail", "message", "file", "list", "a", "an", "が", "に", "の", "会議", "予定", "メール":
		return true
	}
	return false
}
