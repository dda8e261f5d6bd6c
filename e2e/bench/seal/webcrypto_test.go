//go:build js && wasm

package main

import (
	"errors"
	"syscall/js"
	"testing"
)

// WebCrypto's AES-256-GCM as a Go program in Wasm can use it: bytes are copied
// out and back, and a goroutine waits for a promise each time.
func BenchmarkWebCrypto(b *testing.B) {
	array, subtle := js.Global().Get("Uint8Array"), js.Global().Get("crypto").Get("subtle")
	out := func(data []byte) js.Value {
		a := array.New(len(data))
		js.CopyBytesToJS(a, data)
		return a
	}
	key, err := wait(subtle.Call("importKey", "raw", out(make([]byte, 32)), "AES-GCM", false, []any{"encrypt", "decrypt"}))
	if err != nil {
		b.Fatal(err)
	}
	// run has WebCrypto encrypt or decrypt and copies the result in.
	run := func(method string, nonce, data []byte) ([]byte, error) {
		buffer, err := wait(subtle.Call(method, map[string]any{"name": "AES-GCM", "iv": out(nonce), "additionalData": out(associated)}, key, out(data)))
		if err != nil {
			return nil, err
		}
		a := array.New(buffer)
		result := make([]byte, a.Get("byteLength").Int())
		js.CopyBytesToGo(result, a)
		return result, nil
	}
	each(b, "AES-256-GCM of WebCrypto", func(content []byte) error {
		nonce := make([]byte, 12)
		sealed, err := run("encrypt", nonce, content)
		if err == nil {
			_, err = run("decrypt", nonce, sealed)
		}
		return err
	})
}

func wait(promise js.Value) (value js.Value, err error) {
	done := make(chan struct{})
	fulfilled := js.FuncOf(func(_ js.Value, args []js.Value) any { value = args[0]; close(done); return nil })
	rejected := js.FuncOf(func(js.Value, []js.Value) any { err = errors.New("rejected"); close(done); return nil })
	defer fulfilled.Release()
	defer rejected.Release()
	promise.Call("then", fulfilled, rejected)
	<-done
	return value, err
}
