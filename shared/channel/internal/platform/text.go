package platform

import (
	"unicode/utf16"
	"unicode/utf8"
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
