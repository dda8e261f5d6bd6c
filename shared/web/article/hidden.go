package article

import (
	"strconv"
	"strings"

	"instar/shared/web/markup"
)

// hidden reports whether an element hides itself from sight: by an attribute,
// by its own style, or by a class that is known for it. Those who hide an
// instruction for a machine in a page do it so.
func hidden(t *markup.Token) bool {
	for _, a := range t.Attr {
		switch a.Name {
		case "hidden":
			return true
		case "aria-hidden":
			if strings.EqualFold(strings.TrimSpace(a.Value), "true") {
				return true
			}
		case "style":
			if unseen(a.Value) {
				return true
			}
		case "class":
			for word := range strings.FieldsSeq(a.Value) {
				switch strings.ToLower(word) {
				case "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only", "element-invisible", "d-none", "is-hidden":
					return true
				}
			}
		}
	}
	if t.Name == "dialog" {
		_, open := t.Get("open")
		return !open
	}
	return false
}

// maxStyle is how much of a style is read; a longer one hides its element.
const maxStyle = 16 << 10

// unseen reports a style under which an element's text is not to be seen.
func unseen(style string) bool {
	if len(style) > maxStyle {
		return true
	}
	var ink, ground string
	positioned, clipped, flat := false, false, false
	for part := range strings.SplitSeq(uncommented(strings.ToLower(style)), ";") {
		name, value, _ := strings.Cut(part, ":")
		name = strings.TrimSpace(name)
		value = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "!important"))
		size, measured := number(value)
		switch name {
		case "display":
			if value == "none" {
				return true
			}
		case "visibility", "content-visibility":
			if value == "hidden" || value == "collapse" {
				return true
			}
		case "opacity":
			if measured && size < 0.1 {
				return true
			}
		case "font-size":
			if measured && (size < 0.1 || size <= 2 && (strings.HasSuffix(value, "px") || strings.HasSuffix(value, "pt"))) {
				return true
			}
		case "font": // its size is somewhere in the middle
			for word := range strings.FieldsSeq(value) {
				word, _, _ = strings.Cut(word, "/")
				if n, ok := number(word); ok && n <= 2 && (n == 0 || strings.HasSuffix(word, "px") || strings.HasSuffix(word, "pt")) {
					return true
				}
			}
		case "text-indent":
			if measured && (size <= -200 || size >= 2000) {
				return true
			}
		case "left", "top", "right", "bottom", "margin-left", "margin-top", "inset-inline-start":
			if measured && (size <= -900 || size >= 9000) {
				return true
			}
		case "clip-path":
			if strings.HasPrefix(value, "inset(50%") || strings.HasPrefix(value, "inset(100%") || strings.HasPrefix(value, "circle(0") || strings.HasPrefix(value, "polygon(0 0, 0 0") {
				return true
			}
		case "clip":
			clipped = strings.HasPrefix(value, "rect(0") || strings.HasPrefix(value, "rect(1px")
		case "position":
			positioned = value == "absolute" || value == "fixed"
		case "transform", "scale":
			value = strings.ReplaceAll(value, " ", "")
			if strings.Contains(value, "scale(0)") || strings.Contains(value, "scale(0,") || name == "scale" && measured && size == 0 || strings.Contains(value, "translatex(-9") || strings.Contains(value, "translate(-9") {
				return true
			}
		case "width", "height", "max-width", "max-height":
			flat = flat || measured && size <= 1 && !strings.HasSuffix(value, "%") && !strings.HasSuffix(value, "em")
		case "overflow", "overflow-x", "overflow-y":
			clipped = clipped || value == "hidden" || value == "clip"
		case "color", "-webkit-text-fill-color":
			ink = colour(value)
		case "background", "background-color":
			ground = colour(value)
		}
	}
	return clipped && (flat || positioned && strings.Contains(style, "clip")) || ink == "transparent" || ink != "" && ink == ground
}

// uncommented is a style without its comments.
func uncommented(style string) string {
	if !strings.Contains(style, "/*") {
		return style
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(style, "/*")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, style, _ = strings.Cut(rest, "*/")
	}
}

// number is the number that a value begins with.
func number(value string) (float64, bool) {
	n := 0
	for n < len(value) && (value[n] >= '0' && value[n] <= '9' || value[n] == '.' || n == 0 && (value[n] == '-' || value[n] == '+')) {
		n++
	}
	f, err := strconv.ParseFloat(value[:n], 64)
	return f, err == nil
}

// colour is a colour in one way of writing it, as far as white, black and
// nothing are concerned.
func colour(value string) string {
	value = strings.ReplaceAll(value, " ", "")
	switch value {
	case "#fff", "#ffff", "#ffffff", "#ffffffff", "rgb(255,255,255)", "rgba(255,255,255,1)", "hsl(0,0%,100%)":
		return "white"
	case "#000", "#000f", "#000000", "rgb(0,0,0)", "rgba(0,0,0,1)":
		return "black"
	case "inherit", "initial", "unset", "currentcolor":
		return ""
	}
	if strings.HasPrefix(value, "rgba(") && (strings.HasSuffix(value, ",0)") || strings.HasSuffix(value, ",0.0)")) {
		return "transparent"
	}
	return value
}
