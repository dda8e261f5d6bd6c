package platform

import (
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxNesting is above what any platform's JSON needs. Validation recurses, and
// a Wasm stack is small.
const maxNesting = 100

// Object reads a JSON object; not ok when the text is no such thing, or nests
// more than 100 deep.
func Object(text string) (object gjson.Result, ok bool) {
	if !utf8.ValidString(text) || !shallow(text) || !gjson.Valid(text) {
		return gjson.Result{}, false
	}
	if object = gjson.Parse(text); !object.IsObject() {
		return gjson.Result{}, false
	}
	return object, true
}

// shallow reports whether JSON nests at most maxNesting deep. It may take
// invalid JSON for shallow, never deep JSON.
func shallow(text string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}
