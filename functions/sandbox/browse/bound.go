//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"instar/shared/sandbox"
	"instar/shared/web/visible"
)

// Bounds of a page's parts, in bytes. Of the text so much stays before elements
// are left out: the rest of a text can be read with an offset, what is not listed
// cannot be used.
const (
	maxError  = 1000
	maxTitle  = 300
	maxName   = 80
	maxValue  = 400
	maxHost   = 260
	leastText = 6 << 10
)

// bound is the page as JSON of at most MaxPage bytes. All that it says is cut to
// what can be seen and to its bound; when that is not enough the text is cut
// further, then elements are left out, the last first.
func bound(p sandbox.Page) []byte {
	p.Error, p.Title = visible.Line(p.Error, maxError), visible.Line(p.Title, maxTitle)
	p.URL = visible.Line(p.URL, maxURL)
	p.Text = visible.Cut(visible.Text(p.Text), sandbox.MaxPageText)
	elements := make([]sandbox.Element, len(p.Elements))
	for i, e := range p.Elements {
		e.Name, e.Value, e.Address = visible.Line(e.Name, maxName), visible.Line(e.Value, maxValue), visible.Line(e.Address, maxHost)
		elements[i] = e
	}
	p.Elements = elements
	data := encode(p)
	for over := len(data) - sandbox.MaxPage; over > 0 && len(p.Text) > leastText; over = len(data) - sandbox.MaxPage {
		p.Text = visible.Cut(p.Text, max(leastText, len(p.Text)-max(over/2, 256)))
		data = encode(p)
	}
	for len(data) > sandbox.MaxPage && len(p.Elements) > 0 {
		p.Elements = p.Elements[:len(p.Elements)-1]
		data = encode(p)
	}
	return data
}

// encode is a page as JSON without an end of line. A page's text is no HTML, so
// nothing of it is escaped as if.
func encode(p sandbox.Page) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(p) // a page has nothing that cannot be
	return bytes.TrimRight(b.Bytes(), "\n")
}

// from is a text without its first offset bytes, from the next character on.
func from(text string, offset int) string {
	for offset < len(text) && !utf8.RuneStart(text[offset]) {
		offset++
	}
	return text[min(offset, len(text)):]
}
