package policy

import (
	"slices"
	"strings"
	"unicode"
)

// asked is whether the owner asked for what a call does.
type asked uint8

const (
	notAsked asked = iota
	unclear        // the gate cannot tell: an unknown language, yes and no, or only half of it
	wasAsked
)

// asking finds out whether the owner's words of this turn ask for a call.
func (c *check) asking() (asked, string) { return c.askingFor(c.intent()) }

func (c *check) askingFor(groups [][]string) (asked, string) {
	if len(groups) == 0 || len(groups[0]) == 0 {
		return unclear, "it is not known what asking for this would sound like"
	}
	best, why, verbs := notAsked, "", synonyms(groups[0])
	for _, w := range c.in.Window.said {
		if w.earlier {
			continue
		}
		a, reason := c.askedIn(w, verbs, groups[1:])
		if a == unclear && best != unclear || best == notAsked && a == wasAsked {
			why = reason
		}
		if reason == contradicts && !c.off(ruleNegation) {
			return unclear, reason
		}
		best = max(best, a)
	}
	return best, why
}

const (
	contradicts = "you asked for it and also said not to"
	cannotRead  = "this is in a language in which I cannot tell what you asked for"
)

func (c *check) askedIn(w *words, verbs []string, nouns [][]string) (asked, string) {
	yes, no := w.verb(verbs)
	if c.off(ruleNegation) {
		yes = yes || no
		no = false
	}
	switch {
	case yes && no:
		return unclear, contradicts
	case no:
		return notAsked, ""
	case w.lang == unknown && len(w.tokens) > 0:
		return unclear, cannotRead
	case !yes:
		return notAsked, ""
	}
	for _, g := range nouns {
		if w.speaksOf(g) || c.off(ruleNouns) {
			continue
		}
		if !c.touches() {
			return notAsked, ""
		}
		return unclear, "you did not speak of " + strings.Join(g[:min(2, len(g))], " or ")
	}
	return wasAsked, ""
}

// touches reports whether the call is for somebody, or about something, that
// the owner named: then it is likely meant, though other words were used.
func (c *check) touches() bool {
	for _, i := range c.of(Dest, Object) {
		if c.found[i].ok {
			return true
		}
	}
	return false
}

// intent are the groups of words of which one each must have been said: the
// manifest's, or the verbs of the effect and of the tool's name.
func (c *check) intent() [][]string {
	if c.m != nil && len(c.m.Intent) > 0 {
		return c.m.Intent
	}
	var group []string
	for _, row := range verbs() {
		if slices.Contains(row.effects, c.effect) {
			group = append(group, row.en...)
		}
	}
	if c.effect == MakeJob {
		group = append(group, "every", "each", "daily", "weekly", "hourly")
	}
	for _, word := range nameWords(c.in.Call.Tool) {
		if isVerb(word) {
			group = append(group, word)
		}
	}
	verbal := len(group) > 0
	for _, word := range nameWords(c.in.Call.Tool) {
		if !verbal && !common(word) && !isNoun(word) {
			group = append(group, word)
		}
	}
	return [][]string{group}
}

func isVerb(word string) bool {
	return slices.ContainsFunc(verbs(), func(r verbRow) bool { return slices.Contains(r.en, word) })
}

func isNoun(word string) bool {
	return slices.ContainsFunc(nouns(), func(r nounRow) bool { return slices.Contains(r.en, singular(word)) })
}

// synonyms are the verbs of a group with all of their rows.
func synonyms(group []string) (list []string) {
	for _, g := range group {
		g = strings.ReplaceAll(g, " ", "_")
		list = append(list, g)
		for _, row := range verbs() {
			if slices.Contains(row.en, g) {
				list = append(append(list, row.en...), row.ja...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// verb reports whether the message asks for one of the verbs, and whether it
// asks that one be not done.
func (w *words) verb(verbs []string) (yes, no bool) {
	for _, v := range verbs {
		first, _, _ := strings.Cut(v, "_")
		for _, m := range w.asks[first] {
			switch {
			case m.token >= 0 && !w.same(m, v):
			case m.negated:
				no = true
			default:
				yes = true
			}
		}
	}
	return yes, no
}

// same compares a mention with a verb, which may have a second part that
// stands up to four words later: "set ... up".
func (w *words) same(m mention, verb string) bool {
	first, rest, two := strings.Cut(verb, "_")
	if m.verb != first {
		return false
	}
	switch first {
	case "tell", "ask", "inform", "notify", "text", "message": // "tell me" asks for an answer
		if next := w.tok(m.token + 1); next == "me" || next == "us" {
			return false
		}
	}
	i := m.token
	for two {
		var part string
		part, rest, two = strings.Cut(rest, "_")
		found := false
		for j := i + 1; j <= i+4 && j < len(w.tokens); j++ {
			if w.tok(j) == part {
				i, found = j, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// speaksOf reports whether one of the words, or of those for the same thing,
// stands anywhere in the message.
func (w *words) speaksOf(group []string) bool {
	for _, g := range group {
		if w.says(g) || Type(g) == Email && slices.ContainsFunc(w.typed, func(t typed) bool { return t.kind == Email }) {
			return true
		}
		for _, row := range nouns() {
			if !slices.Contains(row.en, g) && !slices.Contains(row.en, singular(g)) {
				continue
			}
			if slices.ContainsFunc(row.en, w.says) || slices.ContainsFunc(row.ja, func(s string) bool { return strings.Contains(w.lower, s) }) {
				return true
			}
		}
	}
	yes, _ := w.verb(synonyms(group))
	return yes
}

// says reports whether a word or a phrase stands in the message, in singular
// or plural.
func (w *words) says(phrase string) bool {
	if strings.ContainsAny(phrase, " -") {
		return len(w.places(phrase, false)) > 0
	}
	return w.said[singular(phrase)]
}

func singular(s string) string {
	switch {
	case len(s) > 4 && strings.HasSuffix(s, "ies"):
		return s[:len(s)-3] + "y"
	case len(s) > 3 && strings.HasSuffix(s, "s") && !strings.HasSuffix(s, "ss") && !strings.HasSuffix(s, "us"):
		return s[:len(s)-1]
	}
	return s
}

// nameWords cuts a tool's name into words in lower case: "mcp__mail__sendEmail"
// is mcp, mail, send, email.
func nameWords(name string) (list []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			list = append(list, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	var last rune
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r):
			end()
		case unicode.IsUpper(r) && unicode.IsLower(last):
			end()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		last = r
	}
	end()
	return list
}
