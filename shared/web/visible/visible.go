// Package visible keeps of a text what a person would see of it. Characters
// that draw nothing can carry words to a model that its owner never saw
// (Unicode tags, variation selectors, zero-width runs), and those that turn
// the direction of writing make a text read otherwise than it is stored
// (Unicode Technical Report 36, section 2.5; UTS 39).
package visible

import (
	"strings"
	"unicode/utf8"
)

// Text is s as valid UTF-8 without control characters (tab and newline stay),
// bidirectional controls, zero-width and other invisible characters, variation
// selectors and tags. Line ends become "\n". An emoji or a script that joins
// with an invisible character loses that, not its letters. Never longer than
// three times s.
func Text(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if plain(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(seen, s)
}

// Line is Text on one line, its spaces collapsed, cut to at most most bytes
// between two characters.
func Line(s string, most int) string {
	s = strings.Join(strings.Fields(Text(Cut(s, 8*most))), " ")
	return Cut(s, most)
}

// Cut is the beginning of s in at most most bytes that ends between two
// characters.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// plain reports whether Text changes nothing: printable ASCII only.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// seen maps a character to what is kept of it, or to -1.
func seen(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r == '\r', r == 0x85, r == 0x2028, r == 0x2029: // other ends of a line
		return '\n'
	case r < ' ', r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return -1
	case r < 0xad:
		return r
	}
	for _, span := range invisible {
		if r < span[0] {
			return r
		}
		if r <= span[1] {
			return -1
		}
	}
	return r
}

// invisible is the ranges that draw nothing of their own, in ascending order:
// Default_Ignorable_Code_Point of the Unicode Character Database, and the
// interlinear annotation characters.
var invisible = [...][2]rune{
	{0xad, 0xad}, // soft hyphen
	{0x34f, 0x34f},
	{0x61c, 0x61c}, // Arabic letter mark
	{0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
	{0x200b, 0x200f}, // zero width, left-to-right and right-to-left marks
	{0x202a, 0x202e}, // bidirectional embedding and override
	{0x2060, 0x206f}, // word joiner, invisible operators, isolates
	{0x3164, 0x3164},
	{0xfe00, 0xfe0f}, // variation selectors
	{0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
	{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe0fff}, // tags, more variation selectors
}
