//go:build js

package web

import "syscall/js"

// recode has the platform decode text (WHATWG Encoding): it knows every
// encoding of the web, which in Go takes 0.9 MB of tables.
func recode(data []byte, label string) (text string, err error) {
	defer func() {
		if recover() != nil { // RangeError: no encoding has that label
			text, err = "", errCharset
		}
	}()
	decoder := js.Global().Get("TextDecoder").New(label)
	in := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(in, data)
	return decoder.Call("decode", in).String(), nil
}
