package markdown

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slack writes mrkdwn (https://docs.slack.dev/messaging/formatting-message-text).
// Slack sees a mark only at a word's edge and within one line, so a mark
// inside a word gets a zero-width space outside, and a style that crosses a
// line is closed and opened again.
type slack struct {
	out    strings.Builder
	opened []style
	marked int // how many of opened have their mark written
	ends   bool
	last   rune
}

const zeroWidth = "\u200b"

func (s *slack) String() string { return s.out.String() }

func (s *slack) raw(text string) {
	if text == "" {
		return
	}
	s.out.WriteString(text)
	s.last, _ = utf8.DecodeLastRuneInString(text)
	s.ends = false
}

func (s *slack) text(text string) {
	words := strings.TrimLeft(text, " \t\u00a0")
	if s.marked < len(s.opened) {
		s.raw(text[:len(text)-len(words)])
		text = words
	}
	if text == "" {
		return
	}
	s.edge(text)
	s.mark()
	s.raw(escapeSlack(text))
}

// edge separates a mark that was just closed from the word after it.
func (s *slack) edge(next string) {
	if r, _ := utf8.DecodeRuneInString(next); s.ends && isWord(r) {
		s.raw(zeroWidth)
	}
}

// mark writes the marks of styles that have been opened.
func (s *slack) mark() {
	if s.marked == len(s.opened) {
		return
	}
	if isWord(s.last) {
		s.raw(zeroWidth)
	}
	for ; s.marked < len(s.opened); s.marked++ {
		s.raw(slackMark(s.opened[s.marked]))
	}
}

func (s *slack) open(st style) { s.opened = append(s.opened, st) }

func (s *slack) close(st style) {
	at := len(s.opened) - 1
	s.opened = s.opened[:at]
	if s.marked > at {
		s.raw(slackMark(st))
		s.marked, s.ends = at, true
	}
}

func slackMark(st style) string {
	switch st {
	case bold:
		return "*"
	case italic:
		return "_"
	}
	return "~"
}

func (s *slack) newline(prefix string) {
	for _, st := range slices.Backward(s.opened[:s.marked]) {
		s.raw(slackMark(st))
	}
	s.marked = 0
	s.raw("\n" + prefix)
}

func (s *slack) code(code string) {
	code = strings.TrimSpace(strings.ReplaceAll(code, "`", "ˋ")) // mrkdwn cannot hold a backtick in code
	if code == "" {
		return
	}
	s.edge("a")
	s.mark()
	if isWord(s.last) {
		s.raw(zeroWidth)
	}
	s.raw("`" + escapeSlack(code) + "`")
	s.ends = true
}

func (s *slack) link(label, url string) {
	s.mark()
	url = slackURL(url)
	if label = strings.ReplaceAll(label, "|", "¦"); label == "" || escapeSlack(label) == url {
		s.raw("<" + url + ">")
		return
	}
	s.raw("<" + url + "|" + escapeSlack(label) + ">")
}

func slackURL(url string) string {
	return strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(url)
}

func (s *slack) pre(code, _ string) {
	code = strings.ReplaceAll(code, "```", "`"+zeroWidth+"`"+zeroWidth+"`")
	s.raw("```\n" + escapeSlack(code) + "\n```")
}

func (s *slack) quote() string {
	if s.out.Len() > 0 && s.last != '\n' {
		s.raw("\n") // Slack knows a quote only at a line's start
	}
	s.raw("> ")
	return "> "
}

func (s *slack) endQuote() {}

func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
