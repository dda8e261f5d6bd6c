package leak

import (
	"strings"
	"unicode/utf8"
)

// lookBack is how many bytes that were shown already are looked at again with
// what follows: enough for a name before its value.
const lookBack = 192

// Stream redacts a text that is shown while it is being written. It holds back
// what may be the beginning of a secret: usually the last word.
type Stream struct {
	guard *Guard
	text  string // with secrets already replaced
	shown int    // text[:shown] was returned by Write
}

// Stream begins a text.
func (g *Guard) Stream() *Stream { return &Stream{guard: g} }

// Write adds to the text and returns what can be shown now, "" for nothing.
func (s *Stream) Write(delta string) string {
	s.text += delta
	if len(s.text)-s.shown < maxJWT && wordStart(delta, len(delta)) == 0 {
		return "" // the last word only goes on
	}
	return s.release(false)
}

// Close returns the rest of the text. What all calls returned has no finding
// when put together.
func (s *Stream) Close() string { return s.release(true) }

func (s *Stream) release(all bool) string {
	cut := 0
	for n := 0; ; n++ {
		found := s.unseen(s.guard.Check(s.text))
		if cut = len(s.text); !all {
			cut = max(s.shown, wordStart(s.text, s.guard.hold(s.text, found)))
		}
		var closed []Finding
		for _, f := range found {
			if f.End <= cut {
				closed = append(closed, f)
			} else {
				cut = min(cut, f.Start)
			}
		}
		if !all {
			cut = max(s.shown, wordStart(s.text, cut))
		}
		if len(closed) == 0 {
			break
		}
		if n == rounds { // as in Redact: leave it out
			s.text, cut = s.text[:s.shown]+s.text[cut:], s.shown
			break
		}
		s.text = s.text[:s.shown] + s.guard.replace(s.text[s.shown:], shifted(closed, s.shown))
	}
	out := s.text[s.shown:cut]
	drop := max(0, cut-lookBack)
	s.text, s.shown = s.text[drop:], cut-drop
	return out
}

// unseen leaves out of findings what was shown already.
func (s *Stream) unseen(found []Finding) (left []Finding) {
	for _, f := range found {
		if f.Start = max(f.Start, s.shown); f.Start < f.End {
			left = append(left, f)
		}
	}
	return left
}

func shifted(found []Finding, by int) []Finding {
	for i := range found {
		found[i].Start -= by
		found[i].End -= by
	}
	return found
}

// hold returns from where on text may still become a secret, or a longer one.
func (g *Guard) hold(text string, found []Finding) int {
	hold := len(text)
	if g != nil {
		hold = g.known.begun(text)
	}
	if len(found) > 0 {
		last := found[len(found)-1]
		if _, gap := lastFolded(text[last.End:], 1); len(gap) == 0 && len(text)-last.End <= maxGap {
			hold = min(hold, last.Start)
		}
	}
	if i := strings.LastIndex(text, "-----BEGIN "); i >= 0 && len(text)-i < maxPEM {
		_, closed, ok := pem(text, i)
		label, body, whole := strings.Cut(text[i+len("-----BEGIN "):], "-----")
		open := !whole && len(label) <= 40
		open = open || whole && strings.Contains(label, "PRIVATE KEY") && len(body) < 256
		if ok && !closed || !ok && open {
			hold = min(hold, i)
		}
	}
	// A character is shown whole.
	for n := 1; n <= min(3, len(text)); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				hold = min(hold, len(text)-n)
			}
			break
		}
	}
	return hold
}

// wordStart returns where the unbroken run of ASCII begins that reaches to
// text[:end]. Every shape but that of a private key is such a run, or part of
// one, and what is taken out behind it can make one of it. A run of more than
// maxJWT bytes is given up.
func wordStart(text string, end int) int {
	start := end
	for start > 0 && text[start-1] > ' ' && text[start-1] < 0x7f {
		if start--; end-start > maxJWT {
			return end
		}
	}
	return start
}
