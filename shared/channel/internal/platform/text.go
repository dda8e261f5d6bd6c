package platform

import (
	"unicode/utf16"
	"unicode/utf8"

	"instar/shared/markdown"
)

// Units is a text's length in UTF-16 units, which platforms count in.
func Units(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

const maxQuote = 1000 // characters; chat.Reply says so

// Quote cuts the text of a message that is answered to what chat.Reply holds.
func Quote(text string) string {
	if utf8.RuneCountInString(text) <= maxQuote {
		return text
	}
	return string([]rune(text)[:maxQuote])
}

// Cut is a Markdown text or, where it does not fit, its beginning and an
// ellipsis.
func Cut(text string, fits func(text string) bool) string {
	const more = "\n\n…"
	if fits(text) {
		return text
	}
	parts := markdown.Split(text, func(part string) bool { return fits(part + more) })
	if len(parts) == 0 {
		return ""
	}
	return parts[0] + more
}
