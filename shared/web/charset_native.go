//go:build !js

package web

import (
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// recode decodes text of an encoding of the web by any of its labels.
func recode(data []byte, label string) (string, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return "", errCharset
	}
	text, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return "", errCharset
	}
	return strings.ToValidUTF8(string(text), "\ufffd"), nil
}
