package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"instar/shared/bucket"
	"instar/shared/seal"
)

// lengths of what is sealed, in bytes.
var lengths = []int{1 << 10, 40 << 10, 256 << 10}

var associated = []byte("main/sessions/owner/head")

// Each operation seals once and opens once.
func BenchmarkCiphers(b *testing.B) {
	key := make([]byte, 32)
	rand.Read(key)
	for _, c := range []struct {
		name string
		make func() (cipher.AEAD, error)
	}{
		{"AES-256-GCM", func() (cipher.AEAD, error) {
			block, err := aes.NewCipher(key)
			if err != nil {
				return nil, err
			}
			return cipher.NewGCM(block)
		}},
		{"ChaCha20-Poly1305", func() (cipher.AEAD, error) { return chacha20poly1305.New(key) }},
		{"XChaCha20-Poly1305", func() (cipher.AEAD, error) { return chacha20poly1305.NewX(key) }},
	} {
		aead, err := c.make()
		if err != nil {
			b.Fatal(err)
		}
		each(b, c.name, func(content []byte) error {
			nonce := make([]byte, aead.NonceSize())
			rand.Read(nonce)
			_, err := aead.Open(nil, nonce, aead.Seal(nil, nonce, content, associated), associated)
			return err
		})
	}
}

// A put and a get through the wrapper, less those of the memory below.
func BenchmarkWrapper(b *testing.B) {
	key, cache := seal.NewKey(), new(seal.Cache)
	memory := bucket.NewMemory()
	for _, c := range []struct {
		name string
		open func() bucket.Bucket
	}{
		{"memory alone", func() bucket.Bucket { return memory }},
		{"seal.Bucket", func() bucket.Bucket { return seal.New(memory, key, seal.Options{Cache: cache}) }},
	} {
		each(b, c.name, func(content []byte) error {
			sealed := c.open() // as for an event
			if _, err := sealed.PutIfAbsent(b.Context(), "main/k", content); err != nil {
				return err
			}
			if _, err := sealed.Get(b.Context(), "main/k"); err != nil {
				return err
			}
			return sealed.Delete(b.Context(), "main/k")
		})
	}
}

func each(b *testing.B, name string, work func(content []byte) error) {
	for _, n := range lengths {
		content := make([]byte, n)
		b.Run(fmt.Sprintf("%s/%d KB", name, n>>10), func(b *testing.B) {
			for b.Loop() {
				if err := work(content); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
