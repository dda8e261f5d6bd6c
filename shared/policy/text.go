package policy

import "strings"

// text grounds what is written or sent: word for word in one of the owner's
// messages, as a whole or line by line.
func (c *check) text(l leaf) grounding {
	if g := c.phrase(l, 0); g.ok {
		return g
	}
	lines := strings.Split(l.folded, "\n")
	if l.number || l.flag || len(lines) < 2 || len(lines) > 40 {
		return grounding{}
	}
	whole := grounding{ok: true, why: "stands in your words, line by line"}
	for _, line := range lines {
		line = strings.Trim(line, " -*•")
		if line == "" || courtesy(line) {
			continue
		}
		g := c.stand(line, 3)
		if !g.ok {
			return grounding{why: "is not all in your words"}
		}
		whole.in, whole.at = g.in, append(whole.at, g.at...)
	}
	if whole.in == nil {
		return grounding{}
	}
	return whole
}

// phrase grounds a value that stands as a whole in a message.
func (c *check) phrase(l leaf, least int) grounding { return c.stand(l.folded, least) }

// stand looks for a folded text of at least so many words. A text that stands
// after a negation, which it leaves out, says the opposite.
func (c *check) stand(value string, least int) grounding {
	value = strings.TrimSpace(value)
	if len(tokens(lower(value))) < least {
		return grounding{}
	}
	for _, w := range c.in.Window.said {
		places := w.places(value, false)
		if trimmed := strings.TrimRight(value, ".。!"); len(places) == 0 && trimmed != value {
			places = w.places(trimmed, false)
		}
		var at []span
		for _, p := range places {
			if w.quotedWhole(p) || !w.afterNot(p.from) {
				at = append(at, p)
			}
		}
		if len(at) > 0 {
			return grounding{ok: true, why: yours, in: w, at: at}
		}
	}
	return grounding{}
}

func (w *words) afterNot(from int) bool {
	before := strings.TrimRight(w.lower[:from], " ")
	word := before[strings.LastIndexAny(before, " \n")+1:]
	switch word {
	case "not", "no", "never", "don't", "dont", "cannot", "can't", "won't", "isn't", "without", "doesn't", "didn't":
		return true
	}
	return false
}

// courtesy are lines that say nothing.
func courtesy(line string) bool {
	switch strings.Trim(lower(line), " ,.!") {
	case "hi", "hello", "dear", "thanks", "thank you", "best", "best regards", "kind regards", "regards", "cheers", "sincerely", "よろしくお願いします", "よろしくお願いいたします":
		return true
	}
	return false
}
